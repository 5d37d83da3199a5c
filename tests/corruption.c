/* corruption.c - the table of corruptions, and those of noise, blur, colour,
 * pixels, JPEG and augmentation against values worked out apart from the code
 * (weather.c has the others). Random ones are held to their distribution within
 * five standard errors, with fixed seeds. */
#include "../datasets/corruption.h"
#include "../datasets/corruptions.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../harness/file.h"
#include "../kernels/random.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { MOST = 224, BYTES = MOST * MOST * 3 };

static uint8_t in[BYTES], out[BYTES], again[BYTES + 16];

static void apply(const char *name, int side, int severity, uint64_t seed)
{
    const corruption *c = corruption_find(name);
    if (!c)
        fail_msg("there is no %s", name);
    c->apply(out, in, side, severity, seed);
}

static void fill(int side, int r, int g, int b)
{
    for (int i = 0; i < side * side; i++) {
        in[3 * i] = (uint8_t)r;
        in[3 * i + 1] = (uint8_t)g;
        in[3 * i + 2] = (uint8_t)b;
    }
}

/* Patches of colour 9 pixels wide with ramps and a little noise over them; no value is near 0 or 255. */
static void picture(int side, uint64_t seed)
{
    for (int i = 0; i < side * side * 3; i++) {
        int y = i / 3 / side, x = i / 3 % side, k = i % 3;
        uint64_t patch = ((uint64_t)(y / 9) << 16 | (uint64_t)(x / 9)) * 4 + (uint64_t)k;
        int64_t v = 30 + random_below(seed, patch, 120) + (3 * x + 2 * y + 11 * k) % 60;
        in[i] = (uint8_t)(v + random_below(seed + 1, (uint64_t)i, 16));
    }
}

static const uint8_t *at(const uint8_t *px, int side, int y, int x)
{
    return px + (y * side + x) * 3;
}

static void expect(int side, int y, int x, int r, int g, int b, const char *what)
{
    const uint8_t *p = at(out, side, y, x);
    if (p[0] != r || p[1] != g || p[2] != b)
        fail_msg("%s, (%d,%d): %d %d %d, expected %d %d %d", what, y, x, p[0], p[1], p[2], r, g, b);
}

static void within(double found, double expected, double tolerance, const char *what)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%s: %g, expected %g to within %g", what, found, expected, tolerance);
}

/* Mean absolute difference of in and out. */
static double distance(int side)
{
    double sum = 0;
    for (int i = 0; i < side * side * 3; i++)
        sum += abs(in[i] - out[i]);
    return sum / (side * side * 3);
}

/* --- the table --- */

static const char *const published[] = {
    "gaussian_noise",    "shot_noise", "impulse_noise",    "defocus_blur",  "glass_blur",    "motion_blur",
    "zoom_blur",         "snow",       "frost_proc",       "fog",           "brightness",    "contrast",
    "elastic_transform", "pixelate",   "jpeg_compression", "speckle_noise", "gaussian_blur", "saturate",
    "spatter",           "augmix",     "random_crop"};

static void names_and_order(void **state)
{
    (void)state;
    for (int i = 0; i < (int)COUNT(published); i++) {
        const corruption *c = corruption_at(i);
        assert_non_null(c);
        assert_string_equal(c->name, published[i]);
        assert_ptr_equal(corruption_find(published[i]), c);
        assert_int_equal(c->kind, i < 15 ? CORRUPTION_MAIN : i < 19 ? CORRUPTION_EXTRA : CORRUPTION_AUGMENTATION);
    }
    assert_null(corruption_at(COUNT(published)));
    assert_null(corruption_at(-1));
    assert_null(corruption_find("frost")); /* needs its authors' photographs */
    assert_null(corruption_find("gaussian"));
}

/* No two of the seeds around (0, i-th corruption, 1, 0) are alike. */
static void seeds(void **state)
{
    (void)state;
    uint64_t seen[COUNT(published) * 2 * 5 * 20];
    size_t n = 0;
    for (int i = 0; corruption_at(i); i++)
        for (int base = 0; base < 2; base++)
            for (int severity = 1; severity <= 5; severity++)
                for (int image = 0; image < 20; image++)
                    seen[n++] = corruption_seed((uint64_t)base, corruption_at(i), severity, image);
    assert_int_equal(n, COUNT(seen));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(seen[i] != seen[j]);
    assert_true(corruption_seed(0, corruption_at(0), 1, 0) == seen[0]);
}

/* --- what holds for all of them --- */

/* The same bytes twice, none outside the image, and the input as it was. */
static void check_one(const corruption *c, int side, int severity)
{
    size_t n = (size_t)side * (size_t)side * 3;
    static uint8_t before[BYTES];
    memcpy(before, in, n);
    memset(again, 0xA5, sizeof again);
    memset(out, 0x5A, n); /* what a function forgets to write differs */
    c->apply(out, in, side, severity, 77);
    c->apply(again, in, side, severity, 77);
    if (memcmp(again, out, n) != 0)
        fail_msg("%s at side %d, severity %d: not the same twice", c->name, side, severity);
    for (int i = 0; i < 16; i++)
        if (again[n + (size_t)i] != 0xA5)
            fail_msg("%s at side %d, severity %d: writes behind the image", c->name, side, severity);
    if (memcmp(before, in, n) != 0)
        fail_msg("%s at side %d, severity %d: changes its input", c->name, side, severity);
}

static void all_sides(void **state)
{
    (void)state;
    static const int sides[] = {32, 33, 64, 129, 224};
    for (size_t k = 0; k < COUNT(sides); k++) {
        picture(sides[k], 5);
        for (int i = 0; corruption_at(i); i++)
            for (int severity = 1; severity <= 5; severity += sides[k] < 100 ? 1 : 2)
                check_one(corruption_at(i), sides[k], severity);
    }
}

/* Whether another seed gives another image. */
static void who_draws(void **state)
{
    (void)state;
    static const char *const fixed[] = {"defocus_blur", "zoom_blur",        "brightness",    "contrast",
                                        "pixelate",     "jpeg_compression", "gaussian_blur", "saturate"};
    picture(32, 6);
    for (int i = 0; corruption_at(i); i++) {
        int draws = 1;
        for (size_t k = 0; k < COUNT(fixed); k++)
            draws &= strcmp(corruption_at(i)->name, fixed[k]) != 0;
        corruption_at(i)->apply(out, in, 32, 3, 1);
        corruption_at(i)->apply(again, in, 32, 3, 4);
        if ((memcmp(out, again, 32 * 32 * 3) != 0) != draws)
            fail_msg("%s: seeds 1 and 4 should %s", corruption_at(i)->name, draws ? "differ" : "not matter");
    }
}

/* More severe is further away, where the constants are ordered so. */
static void severities(void **state)
{
    (void)state;
    static const char *const ordered[] = {"gaussian_noise",   "shot_noise",    "impulse_noise",
                                          "brightness",       "contrast",      "pixelate",
                                          "jpeg_compression", "speckle_noise", "gaussian_blur"};
    for (int side = 32; side <= 224; side += 192)
        for (size_t k = 0; k < COUNT(ordered); k++) {
            double last = 0;
            for (int severity = 1; severity <= 5; severity++) {
                picture(side, 7);
                apply(ordered[k], side, severity, 8);
                double d = distance(side);
                if (d <= last)
                    fail_msg("%s at side %d: %g at severity %d, %g before", ordered[k], side, d, severity, last);
                last = d;
            }
        }
}

/* What only moves values about, or averages them, leaves a constant image alone; a level is lost to truncation. */
static void constant_images(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int slack;
    } keep[] = {{"pixelate", 0},  {"glass_blur", 1},  {"gaussian_blur", 1}, {"contrast", 1},
                {"zoom_blur", 1}, {"motion_blur", 0}, {"defocus_blur", 1}};
    for (int side = 32; side <= 33; side++)
        for (size_t k = 0; k < COUNT(keep); k++)
            for (int severity = 1; severity <= 5; severity++) {
                fill(side, 200, 77, 3);
                apply(keep[k].name, side, severity, 9);
                for (int i = 0; i < side * side * 3; i++)
                    if (out[i] > in[i] || out[i] < in[i] - keep[k].slack)
                        fail_msg("%s, severity %d: %d became %d", keep[k].name, severity, in[i], out[i]);
            }
}

/* --- noise: a constant image of a side whose constants are those of 224, many draws --- */

typedef struct moments {
    double n, mean, variance;
} moments;

static moments measure(const char *name, int side, int level, int severity)
{
    moments m = {0};
    double sum = 0, squares = 0;
    fill(side, level, level, level);
    for (uint64_t seed = 0; seed < (side == 32 ? 48 : 1); seed++) {
        apply(name, side, severity, 100 + seed);
        for (int i = 0; i < side * side * 3; i++, m.n++) {
            sum += out[i];
            squares += (double)out[i] * out[i];
        }
    }
    m.mean = sum / m.n;
    m.variance = squares / m.n - m.mean * m.mean;
    return m;
}

/* Truncation takes half a level off the mean and adds a twelfth to the variance. */
static void check_moments(const char *name, int side, int level, int severity, double deviation)
{
    moments m = measure(name, side, level, severity);
    double variance = deviation * deviation + 1.0 / 12;
    within(m.mean, level - 0.5, 5 * sqrt(variance / m.n), name);
    within(m.variance, variance, 5 * variance * sqrt(2 / m.n), name);
}

static void normal_noise(void **state)
{
    (void)state;
    static const double gaussian[] = {.04, .06, .08, .09, .10}, speckle[] = {.06, .1, .12, .16, .2};
    for (int s = 1; s <= 5; s++) { /* five deviations fit between 0 and 255: nothing is clipped */
        check_moments("gaussian_noise", 32, 128, s, 255 * gaussian[s - 1]);
        check_moments("speckle_noise", 32, 100, s, 100 * speckle[s - 1]);
    }
    check_moments("gaussian_noise", 224, 128, 1, 255 * .08);
    check_moments("speckle_noise", 224, 80, 1, 80 * .15);
}

/* Of k photons in c a value is floor(255 k / c). */
static void shot_moments(void **state)
{
    (void)state;
    static const double photons[] = {500, 250, 100, 75, 50};
    for (int s = 1; s <= 5; s++) {
        double c = photons[s - 1], light = 90 * c / 255, mean = 0, variance = 0;
        for (int k = 0; k < 600; k++) {
            double p = exp(k * log(light) - light - lgamma(k + 1)), v = floor(255 * k / c);
            mean += p * v;
            variance += p * v * v;
        }
        variance -= mean * mean;
        moments m = measure("shot_noise", 32, 90, s);
        within(m.mean, mean, 5 * sqrt(variance / m.n), "mean of photons");
        within(m.variance, variance, 5 * variance * sqrt(2 / m.n), "variance of photons");
    }
}

/* At side 224 and severity 5 a level of 85 is one photon, of 0 to 3 and more. */
static void few_photons(void **state)
{
    (void)state;
    double count[256] = {0}, e = exp(-1), n = BYTES;
    const double share[4] = {e, e, e / 2, 1 - 2.5 * e};
    fill(224, 85, 85, 85);
    apply("shot_noise", 224, 5, 11);
    for (int i = 0; i < BYTES; i++)
        count[out[i]]++;
    for (int k = 0; k < 4; k++)
        within(count[85 * k] / n, share[k], 5 * sqrt(share[k] * (1 - share[k]) / n), "photons");
    within(count[0] + count[85] + count[170] + count[255], n, 0, "values that photons can give");
    fill(224, 0, 0, 0);
    apply("shot_noise", 224, 5, 11);
    within(distance(224), 0, 0, "photons of the dark");
}

/* Channels are hit one by one, to black or white alike; others keep their value. */
static void impulses(void **state)
{
    (void)state;
    static const double amount[] = {.03, .06, .09, .17, .27};
    fill(224, 20, 130, 240);
    for (int s = 1; s <= 5; s++) {
        double black = 0, white = 0, three = 0, n = BYTES, a = amount[s - 1];
        apply("impulse_noise", 224, s, (uint64_t)s);
        for (int i = 0; i < BYTES; i += 3) {
            int hits = 0;
            for (int c = 0; c < 3; c++) {
                black += out[i + c] == 0;
                white += out[i + c] == 255;
                hits += out[i + c] != in[i + c];
                assert_true(out[i + c] == in[i + c] || out[i + c] == 0 || out[i + c] == 255);
            }
            three += hits == 3;
        }
        within(black / n, a / 2, 5 * sqrt(a / 2 / n), "black");
        within(white / n, a / 2, 5 * sqrt(a / 2 / n), "white");
        within(three, n / 3 * a * a * a, 5 * sqrt(n / 3 * a * a * a), "all three channels");
    }
}

/* --- blur --- */

/* A white pixel on black becomes the product of two kernels. */
static void gaussian_spot(void **state)
{
    (void)state;
    memset(in, 0, 33 * 33 * 3);
    memset(in + (16 * 33 + 16) * 3, 255, 3);
    apply("gaussian_blur", 33, 5, 0); /* sigma 1, radius 4 */
    double sum = 0;
    for (int k = -4; k <= 4; k++)
        sum += exp(-k * k / 2.0);
    for (int y = -6; y <= 6; y++)
        for (int x = -6; x <= 6; x++) {
            int seen = abs(y) <= 4 && abs(x) <= 4;
            int v = (int)(seen ? 255 * exp(-(y * y + x * x) / 2.0) / (sum * sum) : 0);
            expect(33, 16 + y, 16 + x, v, v, v, "spot");
        }
}

/* White loses a level as far as the kernel sees a black line: four deviations. */
static void gaussian_reach(void **state)
{
    (void)state;
    static const int reach[5] = {4, 8, 12, 16, 24};
    for (int s = 1; s <= 5; s++) {
        memset(in, 255, BYTES);
        memset(in + 112 * 224 * 3, 0, 224 * 3);
        apply("gaussian_blur", 224, s, 0);
        assert_in_range(at(out, 224, 112 - reach[s - 1], 50)[1], 250, 254);
        assert_in_range(at(out, 224, 112 + reach[s - 1], 50)[1], 250, 254);
        assert_int_equal(at(out, 224, 111 - reach[s - 1], 50)[1], 255);
    }
}

/* Severities 1 to 3 at side 32: a disk of one pixel, so that only the blur against
 * aliases is left, 3 x 3, mirrored at the border. */
static void defocus_without_disk(void **state)
{
    (void)state;
    static const double alias[] = {.4, .5, .6};
    picture(32, 12);
    for (int s = 1; s <= 3; s++) {
        double side = exp(-0.5 / (alias[s - 1] * alias[s - 1])), w[3] = {side, 1, side}, sum = 1 + 2 * side;
        apply("defocus_blur", 32, s, 0);
        for (int y = 0; y < 32; y++)
            for (int x = 0; x < 32; x++)
                for (int c = 0; c < 3; c++) {
                    double v = 0;
                    for (int k = 0; k < 9; k++) {
                        int i = y + k / 3 - 1, j = x + k % 3 - 1;
                        i = i < 0 ? 1 : i > 31 ? 30 : i;
                        j = j < 0 ? 1 : j > 31 ? 30 : j;
                        v += w[k / 3] * w[k % 3] / (sum * sum) * at(in, 32, i, j)[c];
                    }
                    within(at(out, 32, y, x)[c], v - 0.5, 0.5 + 1e-4, "alias blur");
                }
    }
}

/* Of one pixel, at severity 5 of side 32: radius 1.5 is nine pixels, at 224 radius 3 twenty-nine. */
static void defocus_disk(void **state)
{
    (void)state;
    memset(in, 0, BYTES);
    memset(in + (16 * 32 + 16) * 3, 255, 3);
    apply("defocus_blur", 32, 5, 0);
    for (int y = -3; y <= 3; y++)
        for (int x = -3; x <= 3; x++) {
            int v = abs(y) <= 1 && abs(x) <= 1 ? 255 / 9 : 0;
            expect(32, 16 + y, 16 + x, v, v, v, "disk of 1.5");
        }
    memset(in, 0, BYTES);
    memset(in + (100 * 224 + 90) * 3, 255, 3);
    apply("defocus_blur", 224, 1, 0);
    for (int y = -5; y <= 5; y++)
        for (int x = -5; x <= 5; x++) {
            int v = y * y + x * x <= 9 ? 255 / 29 : 0;
            expect(224, 100 + y, 90 + x, v, v, v, "disk of 3");
        }
}

/* At severity 1 of side 32 nothing is blurred: each pixel is one of its upper left
 * neighbours, or itself, as often; two rows and columns stay. Red numbers the
 * column, green the row. A swap would keep all pixels, a copy loses some. */
static void glass_copies(void **state)
{
    (void)state;
    int taken[4] = {0}, kept = 0;
    uint8_t seen[32][32] = {0};
    for (int i = 0; i < 32 * 32; i++) {
        in[3 * i] = (uint8_t)(i % 32 * 8);
        in[3 * i + 1] = (uint8_t)(i / 32 * 8);
        in[3 * i + 2] = 0;
    }
    apply("glass_blur", 32, 1, 13);
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++) {
            const uint8_t *p = at(out, 32, y, x);
            int up = y - p[1] / 8, left = x - p[0] / 8, fixed = y < 2 || x < 2;
            assert_true(p[0] % 8 == 0 && p[1] % 8 == 0 && p[2] == 0);
            assert_in_range(up, 0, fixed ? 0 : 1);
            assert_in_range(left, 0, fixed ? 0 : 1);
            if (!fixed)
                taken[2 * up + left]++;
            seen[p[1] / 8][p[0] / 8] = 1;
        }
    for (int k = 0; k < 4; k++)
        within(taken[k], 225, 5 * sqrt(225 * 0.75), "neighbours");
    for (int i = 0; i < 32 * 32; i++)
        kept += seen[i / 32][i % 32];
    within(kept, 124 + 841 * (1 - 81.0 / 256) + 58 * (1 - 9.0 / 16) + 0.25, 60,
           "pixels still there"); /* four could take each, at the edge two */
}

/* --- colour --- */

static void brightness(void **state)
{
    (void)state;
    fill(32, 102, 51, 0); /* value 0.4; the ratios of the channels stay */
    memcpy(in + 3, "\377\377\377\0\0\0", 6);
    apply("brightness", 32, 1, 0); /* value 0.45: 114.75, 57.375, 0 */
    expect(32, 5, 5, 114, 57, 0, "brightness 1");
    expect(32, 0, 1, 255, 255, 255, "white");
    expect(32, 0, 2, 12, 12, 12, "black");
    apply("brightness", 32, 5, 0); /* 0.7: 178.5, 89.25 */
    expect(32, 5, 5, 178, 89, 0, "brightness 5");
    fill(224, 102, 51, 0);
    apply("brightness", 224, 1, 0); /* 0.5 */
    expect(224, 99, 5, 127, 63, 0, "brightness 1 at 224");
    fill(32, 203, 203, 60);
    apply("brightness", 32, 5, 0); /* clipped at 1: 60 / 203 of it is left */
    expect(32, 31, 31, 255, 255, 75, "clipped");
}

/* 200 151 101: saturation 99/200, the middle channel 49/99 of the way from the largest to the least. */
static void saturation(void **state)
{
    (void)state;
    fill(32, 200, 151, 101);
    memcpy(in, "\145\145\145", 3);
    apply("saturate", 32, 1, 0); /* 29.7 apart */
    expect(32, 1, 1, 200, 185, 170, "saturate 1");
    expect(32, 0, 0, 101, 101, 101, "grey");
    apply("saturate", 32, 2, 0); /* 9.9 */
    expect(32, 1, 1, 200, 195, 190, "saturate 2");
    apply("saturate", 32, 3, 0); /* 148.5 */
    expect(32, 1, 1, 200, 126, 51, "saturate 3");
    apply("saturate", 32, 5, 0); /* beyond 1 */
    expect(32, 1, 1, 200, 101, 0, "saturate 5");
    expect(32, 0, 0, 101, 80, 80, "grey turns red"); /* hue 0, saturation 0.2: 80.8 */
}

/* Two halves, about the mean of each channel. */
static void contrast(void **state)
{
    (void)state;
    fill(32, 41, 10, 0);
    for (int i = 0; i < 512; i++)
        memcpy(in + 3 * i, "\310\013\377", 3); /* 200 11 255: the means are 120.5, 10.5, 127.5 */
    apply("contrast", 32, 1, 0);               /* 3/4: 59.625, 0.375, 95.625 either way */
    expect(32, 31, 0, 60, 10, 31, "contrast 1");
    expect(32, 0, 0, 180, 10, 223, "contrast 1");
    apply("contrast", 32, 5, 0); /* 0.15: 11.925, 0.075, 19.125 */
    expect(32, 31, 0, 108, 10, 108, "contrast 5");
    expect(32, 0, 0, 132, 10, 146, "contrast 5");
}

/* --- pixels and JPEG --- */

/* A side of 4 at severity 4 becomes 3 and 4 again: columns 1 and 2 (and rows) turn
 * into their mean, rounded after each of the two passes, the outer ones stay. */
static void pixelate_four(void **state)
{
    (void)state;
    static const uint8_t px[4][4] = {{10, 20, 30, 40}, {50, 1, 2, 60}, {70, 0, 1, 80}, {90, 100, 111, 120}};
    static const uint8_t expected[4][4] = {{10, 25, 25, 40}, {60, 2, 2, 70}, {60, 2, 2, 70}, {90, 106, 106, 120}};
    for (int i = 0; i < 16; i++) {
        in[3 * i] = px[i / 4][i % 4];
        in[3 * i + 1] = px[i % 4][i / 4]; /* transposed: the order of passes does not show here */
        in[3 * i + 2] = 9;
    }
    apply("pixelate", 4, 4, 0);
    for (int i = 0; i < 16; i++)
        expect(4, i / 4, i % 4, expected[i / 4][i % 4], expected[i % 4][i / 4], 9, "pixelate");
    /* Severity 5: side 2, two by two: (1.5 and 60.5 rounded up: 2 and 61; then 31.5: 32). */
    memset(in, 0, 48);
    in[0] = 1, in[3] = 2, in[12] = 60, in[15] = 61;
    apply("pixelate", 4, 5, 0);
    expect(4, 1, 1, 32, 0, 0, "two by two");
    expect(4, 1, 2, 0, 0, 0, "the next two");
}

/* A flat grey is one coefficient, 8 (v - 128), a multiple of a step of 6 at quality 80,
 * of 20 at 40; 16 for luminance in Annex K, scaled by 40 % and 125 %. */
static void jpeg_grey(void **state)
{
    (void)state;
    fill(32, 97, 97, 97); /* -248: -41 steps of 6 make -246, -30.75; -12 of 20 make -30 */
    apply("jpeg_compression", 32, 1, 0);
    expect(32, 17, 3, 97, 97, 97, "quality 80");
    apply("jpeg_compression", 32, 5, 0);
    expect(32, 17, 3, 98, 98, 98, "quality 40");
    fill(224, 60, 60, 60); /* -544 in steps of 114 (quality 7): -5 make -71.25 */
    apply("jpeg_compression", 224, 5, 0);
    expect(224, 200, 100, 57, 57, 57, "quality 7");
}

/* Colour is kept at half the resolution: a checkerboard of red and blue pixels
 * of one luminance becomes their mean, one of bright and dark pixels does not. */
static void jpeg_chroma(void **state)
{
    (void)state;
    for (int i = 0; i < 32 * 32; i++) {
        int odd = (i / 32 + i % 32) % 2;
        memcpy(in + 3 * i, odd ? "\170\0\0" : "\0\0\377", 3); /* luminance 35.9 and 29.1 */
    }
    apply("jpeg_compression", 32, 1, 0);
    within(abs(at(out, 32, 10, 10)[2] - at(out, 32, 10, 11)[2]), 0, 40, "blue next to red");
    for (int i = 0; i < 32 * 32; i++)
        memset(in + 3 * i, (i / 32 + i % 32) % 2 ? 40 : 200, 3);
    apply("jpeg_compression", 32, 1, 0);
    within(abs(at(out, 32, 10, 10)[1] - at(out, 32, 10, 11)[1]), 160, 40, "bright next to dark");
}

/* --- augmentations --- */

static void crops(void **state)
{
    (void)state;
    int seen[9][9] = {0}, places = 0;
    picture(33, 14); /* no pixel is black */
    for (uint64_t seed = 0; seed < 2000; seed++) {
        apply("random_crop", 33, 1 + (int)(seed % 5), seed);
        int down = 0, right = 0; /* told from the black edges */
        while (down < 4 && out[((32 - down) * 33 + 16) * 3] == 0)
            down++;
        while (right < 4 && out[(16 * 33 + 32 - right) * 3] == 0)
            right++;
        while (down <= 0 && down > -4 && out[(-down * 33 + 16) * 3] == 0)
            down--;
        while (right <= 0 && right > -4 && out[(16 * 33 - right) * 3] == 0)
            right--;
        for (int i = 0; i < 33 * 33; i++) {
            int y = i / 33 + down, x = i % 33 + right, inside = y >= 0 && y < 33 && x >= 0 && x < 33;
            assert_memory_equal(out + 3 * i, inside ? at(in, 33, y, x) : (const uint8_t *)"\0\0", 3);
        }
        seen[down + 4][right + 4]++;
    }
    for (int i = 0; i < 81; i++)
        places += seen[i / 9][i % 9] > 0;
    within(places, 81, 0, "places");
}

/* At severity 1 a white image is left alone by 11 of the 13 operations; solarise makes it
 * black, posterise 240, whichever comes first. A chain of d keeps it in (11/13)^d: 0.7227
 * over d = 1, 2, 3. Three chains weigh 1/6 each: 0.2773 x (255 + 15) / 2 x 1/2 is taken off. */
static void augmix_white(void **state)
{
    (void)state;
    double sum = 0, squares = 0;
    enum { TIMES = 3000 };
    fill(32, 255, 255, 255);
    for (uint64_t seed = 0; seed < TIMES; seed++) {
        apply("augmix", 32, 1, seed);
        for (int i = 1; i < 32 * 32 * 3; i++)
            assert_int_equal(out[i], out[0]);
        sum += 255 - out[0];
        squares += (255 - out[0]) * (255 - out[0]);
    }
    double mean = sum / TIMES, deviation = sqrt(squares / TIMES - mean * mean);
    within(mean, 18.72 + 0.5, 0.5 + 4 * deviation / sqrt(TIMES), "mean drop"); /* and up to a level cut off */
}

/* Whether out is a function of each channel's value alone. */
static int pointwise(int side)
{
    int becomes[3][256];
    memset(becomes, -1, sizeof becomes);
    for (int i = 0; i < side * side * 3; i++) {
        int *b = &becomes[i % 3][in[i]];
        if (*b >= 0 && *b != out[i])
            return 0;
        *b = out[i];
    }
    return 1;
}

/* At severity 1 no geometry, blur or mixing of channels has any strength; beyond it has. */
static void augmix_severity(void **state)
{
    (void)state;
    double mean[6] = {0};
    int points[6] = {0};
    for (int s = 1; s <= 5; s++)
        for (uint64_t seed = 0; seed < 200; seed++) {
            picture(32, seed);
            apply("augmix", 32, s, seed);
            mean[s] += distance(32) / 200;
            points[s] += pointwise(32);
        }
    assert_int_equal(points[1], 200);
    for (int s = 2; s <= 5; s++)
        if (mean[s] <= mean[s - 1] || points[s] > 100)
            fail_msg("augmix: %g at severity %d, %g before; %d times pointwise", mean[s], s, mean[s - 1],
                     points[s]);
}

/* --- its operations --- */

static void operate(int side, enum augmix_operation which, double t)
{
    memset(out, 0x5A, (size_t)side * (size_t)side * 3);
    augmix_operate(out, in, side, which, t);
}

static int is_at(int y, int x)
{
    return at(out, 8, y, x)[0];
}

/* 20 x + 2 y + 10, or the other way round, which interpolates without rounding. */
static void ramp(int along_y)
{
    for (int i = 0; i < 64; i++)
        memset(in + 3 * i, along_y ? 20 * (i / 8) + 2 * (i % 8) + 10 : 20 * (i % 8) + 2 * (i / 8) + 10, 3);
}

/* A slope of 1 either way: row i comes from i + 1/2 columns further on. */
static void shears(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        enum augmix_operation op = which ? AUGMIX_SHEAR_Y : AUGMIX_SHEAR_X;
        ramp(which);
        for (int way = -1; way <= 1; way += 2) {
            operate(8, op, way / 0.3);
            for (int i = 0; i < 8; i++)
                for (int j = 0; j < 8; j++) { /* j along the shear */
                    int found = which ? is_at(j, i) : is_at(i, j), twice = 2 * j + way * (2 * i + 1);
                    if (twice > 0 && twice < 14)
                        assert_int_equal(found, 10 * twice + 2 * i + 10);
                    else if (twice < -1 || twice > 15)
                        assert_int_equal(found, 0);
                }
        }
        operate(8, op, 0);
        assert_memory_equal(out, in, 192);
    }
}

/* A third of 8 times 0.5 is 1.33: one pixel, and black behind it. */
static void translations(void **state)
{
    (void)state;
    ramp(0);
    for (int i = 0; i < 64; i++) {
        int y = i / 8, x = i % 8, v = 20 * x + 2 * y + 10;
        operate(8, AUGMIX_TRANSLATE_X, 0.5);
        assert_int_equal(is_at(y, x), x ? v - 20 : 0);
        operate(8, AUGMIX_TRANSLATE_X, -0.5);
        assert_int_equal(is_at(y, x), x < 7 ? v + 20 : 0);
        operate(8, AUGMIX_TRANSLATE_Y, 0.5);
        assert_int_equal(is_at(y, x), y ? v - 2 : 0);
        operate(8, AUGMIX_TRANSLATE_Y, -0.7);
        assert_int_equal(is_at(y, x), y < 7 ? v + 2 : 0);
    }
}

/* 30 degrees against the clock: what is seen to the right of the centre comes from
 * below the line through it, clockwise of where it is. */
static void rotation(void **state)
{
    (void)state;
    double s = 0.5, c = sqrt(0.75);
    ramp(0);
    for (int way = -1; way <= 1; way += 2) {
        operate(8, AUGMIX_ROTATE, way);
        for (int i = 0; i < 64; i++) {
            double y = i / 8 - 3.5, x = i % 8 - 3.5, fx = c * x - way * s * y, fy = c * y + way * s * x;
            if (fabs(fx) <= 3.5 && fabs(fy) <= 3.5)
                within(is_at(i / 8, i % 8), 20 * fx + 2 * fy + 87, 0.5 + 1e-9, "rotated");
            else if (fabs(fx) >= 4.5 || fabs(fy) >= 4.5)
                assert_int_equal(is_at(i / 8, i % 8), 0);
        }
    }
}

static void tones(void **state)
{
    (void)state;
    fill(8, 255, 170, 169);
    operate(8, AUGMIX_POSTERIZE, 0);
    expect(8, 3, 3, 240, 160, 160, "four bits");
    operate(8, AUGMIX_POSTERIZE, 4.0 / 9);
    expect(8, 3, 3, 192, 128, 128, "two bits");
    operate(8, AUGMIX_SOLARIZE, 0);
    expect(8, 3, 3, 0, 170, 169, "solarize at 255");
    operate(8, AUGMIX_SOLARIZE, 3.0 / 9);
    expect(8, 3, 3, 0, 85, 169, "solarize at 170");
    memcpy(in, "\62\0\251", 3); /* 50 0 169: red reaches from 50 to 150, green from 0 */
    for (int i = 1; i < 64; i++)
        memcpy(in + 3 * i, i % 2 ? "\226\252\251" : "\144\1\251", 3);
    operate(8, AUGMIX_AUTOCONTRAST, 0); /* times 2.55; times 1.5; alone */
    expect(8, 0, 0, 0, 0, 169, "least");
    expect(8, 0, 1, 255, 255, 169, "most");
    expect(8, 0, 2, 127, 1, 169, "between");
}

/* A quarter each of 10 and 20, and half of 30: 512 below the largest, in steps of 2. */
static void equalization(void **state)
{
    (void)state;
    for (int i = 0; i < 32 * 32; i++)
        memset(in + 3 * i, i < 256 ? 10 : i < 512 ? 20 : 30, 3);
    operate(32, AUGMIX_EQUALIZE, 0);
    expect(32, 0, 0, 0, 0, 0, "none below, rounded");
    expect(32, 8, 0, 128, 128, 128, "256 below: 257 / 2");
    expect(32, 16, 0, 255, 255, 255, "512 below: 513 / 2, clipped");
    fill(32, 9, 9, 9);
    operate(32, AUGMIX_EQUALIZE, 0);
    expect(32, 0, 0, 9, 9, 9, "one value");
}

/* 1.1 of the image less 0.1 of the duller one, and 0.9 with 0.1. The grey of 200 100 50 is
 * 59.78 + 58.7 + 5.7, cut to 124; the mean of it and black is 62. */
static void blends(void **state)
{
    (void)state;
    const double t = 1.0 / 9;
    fill(8, 105, 250, 4);
    operate(8, AUGMIX_BRIGHTNESS, t);
    expect(8, 1, 2, 115, 255, 4, "brighter");
    operate(8, AUGMIX_BRIGHTNESS, -t);
    expect(8, 1, 2, 94, 225, 3, "darker");
    fill(8, 200, 100, 50);
    operate(8, AUGMIX_COLOUR, t);
    expect(8, 1, 2, 207, 97, 42, "more colour");
    operate(8, AUGMIX_COLOUR, -t);
    expect(8, 1, 2, 192, 102, 57, "less colour");
    memset(in, 0, 96);
    operate(8, AUGMIX_CONTRAST, t);
    expect(8, 5, 2, 213, 103, 48, "more contrast");
    expect(8, 0, 0, 0, 0, 0, "black");
    operate(8, AUGMIX_CONTRAST, -t);
    expect(8, 5, 2, 186, 96, 51, "less contrast");
    expect(8, 0, 0, 6, 6, 6, "black, raised");
}

/* A dot of 196: its duller self is 5/13 of it, 75, and 15 around; nothing happens at edges. */
static void sharpening(void **state)
{
    (void)state;
    memset(in, 0, 192);
    memset(in + (1 * 8 + 5) * 3, 196, 3);
    operate(8, AUGMIX_SHARPNESS, -1.0 / 9);
    expect(8, 1, 5, 183, 183, 183, "softer");
    expect(8, 2, 6, 1, 1, 1, "beside");
    expect(8, 0, 5, 0, 0, 0, "the edge");
    operate(8, AUGMIX_SHARPNESS, 1.0 / 9);
    expect(8, 1, 5, 208, 208, 208, "sharper");
}

/* --- the same bytes on every machine --- */

static const struct {
    const char *name, *digest;
} fixed_bytes[] = {
    {"gaussian_noise", "8b977dac57318328"},   {"shot_noise", "c0bd680eec9e4690"},
    {"impulse_noise", "b9735af92ff359a2"},    {"defocus_blur", "848be49c9055c2af"},
    {"glass_blur", "2017b353a3843d37"},       {"brightness", "d14eaa9f9c3ab01d"},
    {"contrast", "90a59ffa371cb563"},         {"pixelate", "72eff915d0634f75"},
    {"jpeg_compression", "96e09354de26aacd"}, {"speckle_noise", "67866316b490d9d1"},
    {"gaussian_blur", "743294ac396f555d"},    {"saturate", "0143017781a7888c"},
    {"augmix", "3d18ae8f845dd92f"},           {"random_crop", "c8b17bc3d7e68334"},
};

/* All severities at side 32 and severity 2 at 224, digested. (Those without an entry are weather.c's.) */
static void bytes(void **state)
{
    (void)state;
    static uint8_t all[5 * 32 * 32 * 3 + BYTES];
    int wrong = 0;
    for (size_t k = 0; k < COUNT(fixed_bytes); k++) {
        char digest[FILE_DIGEST];
        picture(32, 15);
        for (int s = 1; s <= 5; s++) {
            apply(fixed_bytes[k].name, 32, s, 16);
            memcpy(all + (s - 1) * 32 * 32 * 3, out, 32 * 32 * 3);
        }
        picture(224, 15);
        apply(fixed_bytes[k].name, 224, 2, 16);
        memcpy(all + 5 * 32 * 32 * 3, out, BYTES);
        file_digest_bytes(digest, all, sizeof all);
        if (strncmp(digest, fixed_bytes[k].digest, 16) != 0)
            print_error("%s: %.16s\n", fixed_bytes[k].name, digest), wrong++;
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_order),
        cmocka_unit_test(seeds),
        cmocka_unit_test(all_sides),
        cmocka_unit_test(who_draws),
        cmocka_unit_test(severities),
        cmocka_unit_test(constant_images),
        cmocka_unit_test(normal_noise),
        cmocka_unit_test(shot_moments),
        cmocka_unit_test(few_photons),
        cmocka_unit_test(impulses),
        cmocka_unit_test(gaussian_spot),
        cmocka_unit_test(gaussian_reach),
        cmocka_unit_test(defocus_without_disk),
        cmocka_unit_test(defocus_disk),
        cmocka_unit_test(glass_copies),
        cmocka_unit_test(brightness),
        cmocka_unit_test(saturation),
        cmocka_unit_test(contrast),
        cmocka_unit_test(pixelate_four),
        cmocka_unit_test(jpeg_grey),
        cmocka_unit_test(jpeg_chroma),
        cmocka_unit_test(crops),
        cmocka_unit_test(augmix_white),
        cmocka_unit_test(shears),
        cmocka_unit_test(translations),
        cmocka_unit_test(rotation),
        cmocka_unit_test(tones),
        cmocka_unit_test(equalization),
        cmocka_unit_test(blends),
        cmocka_unit_test(sharpening),
        cmocka_unit_test(augmix_severity),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
