/* filters.c - the building blocks of the corruptions against values worked out by hand. */
#include "../datasets/filters.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void near(double found, double expected, double tolerance, const char *what)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s: %.17g, expected %.17g", what, found, expected);
}

static void exponential(void **state)
{
    (void)state;
    static const double at[] = {-700, -124.5, -10, -1, -0.5, -0.3466, -1e-9, 0, 1e-9, 0.3466, 1, 5.5, 300, 700};
    for (size_t i = 0; i < COUNT(at); i++)
        near(exact_exp(at[i]) / exp(at[i]), 1, 1e-15, "exp relative to libm's");
    near(exact_exp(-746), 0, 0, "far below");
}

static void borders(void **state)
{
    (void)state;
    /* abcd = 0123, seen from -9 to 12. */
    static const char expected[3][23] = {"0000000000123333333333", "0012332100123321001233",
                                         "3210123210123210123210"};
    for (int b = 0; b < 3; b++)
        for (int i = -9; i <= 12; i++)
            assert_int_equal(border_at((enum border)b, i, 4), expected[b][i + 9] - '0');
    for (int b = 0; b < 3; b++)
        for (int i = -5; i <= 5; i++)
            assert_int_equal(border_at((enum border)b, i, 1), 0);
}

/* 1 : e^-1/2 : e^-2 for sigma 1. */
static void weights(void **state)
{
    (void)state;
    double w[3], sum = 1 + 2 * exp(-0.5) + 2 * exp(-2);
    gaussian_weights(w, 2, 1);
    near(w[0], 1 / sum, 1e-15, "centre");
    near(w[1], exp(-0.5) / sum, 1e-15, "next");
    near(w[2], exp(-2) / sum, 1e-15, "last");
}

/* An impulse in the middle comes out as the product of two kernels, and only
 * as far as the kernel reaches; other channels keep their zeros. */
static void gaussian_impulse(void **state)
{
    (void)state;
    enum { H = 9, W = 11 };
    double x[H][W][2] = {0}, w[5];
    x[4][5][1] = 1;
    gaussian_weights(w, 3, 0.7); /* floor(4 * 0.7 + 0.5) = 3 */
    w[4] = 0;
    gaussian_filter(&x[0][0][0], H, W, 2, 0.7, 4, BORDER_REPLICATE);
    for (int i = 0; i < H; i++)
        for (int j = 0; j < W; j++) {
            int dx = abs(j - 5) > 4 ? 4 : abs(j - 5);
            near(x[i][j][1], w[abs(i - 4)] * w[dx], 1e-16, "impulse");
            near(x[i][j][0], 0, 0, "the other channel");
        }
    gaussian_filter(&x[0][0][0], H, W, 2, 0, 4, BORDER_REPLICATE);
    near(x[4][5][1], w[0] * w[0], 1e-16, "sigma 0");
}

/* One row, so that the result is a sum over border_at() by definition. */
static void gaussian_border(void **state)
{
    (void)state;
    static const double row[5] = {0.9, 0.1, 0.4, 0.7, 0.2};
    double w[13];
    gaussian_weights(w, 12, 4); /* reaches beyond the row twice: floor(3 * 4 + 0.5) = 12 */
    for (int b = 0; b < 3; b++) {
        double x[5];
        memcpy(x, row, sizeof x);
        gaussian_filter(x, 1, 5, 1, 4, 3, (enum border)b);
        for (int i = 0; i < 5; i++) {
            double sum = 0;
            for (int k = -12; k <= 12; k++)
                sum += w[abs(k)] * row[border_at((enum border)b, i + k, 5)];
            near(x[i], sum, 1e-15, "row");
        }
    }
}

/* Correlation, not convolution, about the centre, mirrored at the border. */
static void correlation(void **state)
{
    (void)state;
    static const double in[3 * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const double kernel[9] = {0, 0, 0, 0, 1, 10, 0, 0, 100};
    /* At (0,0): 1 + 10 * 2 + 100 * 5; at (2,2): 9 + 10 * in(2,3)=8 + 100 * in(3,3)=5. */
    static const double expected[9] = {521, 632, 523, 854, 965, 856, 587, 698, 589};
    double out[9];
    correlate(out, in, 3, 3, 1, kernel, 3);
    for (int i = 0; i < 9; i++)
        near(out[i], expected[i], 0, "correlate");
}

static double kernel_sum(const double *k, int n)
{
    double sum = 0;
    for (int i = 0; i < n * n; i++)
        sum += k[i];
    return sum;
}

static void disks(void **state)
{
    (void)state;
    double k[DISK_MOST * DISK_MOST], w[2];
    assert_int_equal(disk_kernel(k, 0.3, 0.4), 17); /* one pixel: the alias blur alone */
    gaussian_weights(w, 1, 0.4);
    for (int i = 0; i < 17 * 17; i++) {
        int y = abs(i / 17 - 8), x = abs(i % 17 - 8);
        near(k[i], y > 1 || x > 1 ? 0 : w[y] * w[x], 1e-8, "a disk of one pixel");
    }
    assert_int_equal(disk_kernel(k, 1, 1e-3), 17); /* five pixels, no blur */
    near(k[8 * 17 + 8], 0.2, 1e-8, "middle");
    near(k[8 * 17 + 9], 0.2, 1e-8, "right");
    near(k[9 * 17 + 9], 0, 0, "diagonal");
    assert_int_equal(disk_kernel(k, 10, 0.5), 21);
    near(k[10 * 21 + 10], 1.0 / 317, 1e-8, "inside"); /* 317 points within 10 of the origin */
    /* OpenCV mirrors the disk at the edge of its grid, which counts its four tips twice: their
     * outer neighbours come from one step further in. */
    near(kernel_sum(k, 21), 1, 0.02, "sum of the largest");
    near((disk_kernel(k, 4, 0.5), kernel_sum(k, 17)), 1, 1e-7, "sum");
}

static void colours(void **state)
{
    (void)state;
    static const double pairs[][2][3] = {
        {{1, 0, 0}, {0, 1, 1}},
        {{0, 1, 0}, {1. / 3, 1, 1}},
        {{0, 0, 1}, {2. / 3, 1, 1}},
        {{1, 1, 0}, {1. / 6, 1, 1}},
        {{0, 1, 1}, {0.5, 1, 1}},
        {{1, 0, 1}, {5. / 6, 1, 1}},
        {{0, 0, 0}, {0, 0, 0}},
        {{0.4, 0.4, 0.4}, {0, 0, 0.4}},
        {{0.8, 0.6, 0.4}, {1. / 12, 0.5, 0.8}},
        {{0.8, 0.4, 0.5}, {23. / 24, 0.5, 0.8}},
    };
    double v[3];
    for (size_t i = 0; i < COUNT(pairs); i++)
        for (int c = 0; c < 3; c++) {
            near((hsv_from_rgb(v, pairs[i][0]), v[c]), pairs[i][1][c], 1e-15, "hsv from rgb");
            near((rgb_from_hsv(v, pairs[i][1]), v[c]), pairs[i][0][c], 1e-15, "rgb from hsv");
        }
}

/* All 256 levels survive the way there and back, though the way is truncation. */
static void bytes(void **state)
{
    (void)state;
    uint8_t level[256], back[256];
    double x[256];
    for (int i = 0; i < 256; i++)
        level[i] = (uint8_t)i;
    unit_from_bytes(x, level, 256);
    bytes_from_unit(back, x, 256);
    assert_memory_equal(level, back, 256);
    bytes_from_unit(back, (const double[]){-0.1, 1.7, 0.9999, 0.5}, 4);
    assert_memory_equal(back, "\0\377\376\177", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential),     cmocka_unit_test(borders),
        cmocka_unit_test(weights),         cmocka_unit_test(gaussian_impulse),
        cmocka_unit_test(gaussian_border), cmocka_unit_test(correlation),
        cmocka_unit_test(disks),           cmocka_unit_test(colours),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
