/* linalg.c - principal directions, means, scatter and pseudo-inverses against
 * what defines them: eigenvectors of x'x / rows, sums, the same of rows centred
 * by hand, the four conditions of Penrose. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../kernels/random.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Row-major products of small matrices, in double. */
static double dot(const real *a, int64_t step_a, const real *b, int64_t step_b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i * step_a] * (double)b[i * step_b];
    return sum;
}

static real *draw(int64_t n, uint64_t seed)
{
    real *x = pool_host((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = random_normal(seed, (uint64_t)i);
    return x;
}

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("expected %.9g, found %.9g", want, got);
}

/* v_i C = l_i v_i with C = x'x / rows, rows orthonormal, values descending. */
static void principal_of(int64_t rows, int64_t n)
{
    real *x = draw(rows * n, (uint64_t)(rows + n)), *c = pool_host((size_t)(n * n) * sizeof *c);
    real *v = pool_host((size_t)(n * n) * sizeof *v), *l = pool_host((size_t)n * sizeof *l);
    tensor *values;
    tx_open();
    tx_read(tx_principal(tx_from(DIMS(rows, n), x), NULL, &values), v);
    tx_read(values, l);
    tx_close();
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            c[i * n + j] = (real)(dot(x + i, n, x + j, n, rows) / (double)rows);
    for (int64_t i = 0; i < n; i++) {
        assert_true(i == 0 || l[i] <= l[i - 1]);
        for (int64_t j = 0; j < n; j++) {
            near(dot(v + i * n, 1, c + j, n, n), (double)l[i] * (double)v[i * n + j], 2e-5);
            near(dot(v + i * n, 1, v + j * n, 1, n), i == j, 2e-6);
        }
    }
    free(x);
    free(c);
    free(v);
    free(l);
}

static void principal(void **state)
{
    (void)state;
    principal_of(100, 1);
    principal_of(100, 7);
    principal_of(300, 64);
    principal_of(5, 16); /* fewer rows than columns: the rest is zero */
}

enum { ROWS = 9, COLS = 3, GROUPS = 4 };

/* Values of a grid, which float holds exactly; the third column is constant
 * where a row counts, the last group has no rows, a row of no group is absurd. */
static void grouped(real x[ROWS][COLS], int32_t of[ROWS], double means[GROUPS][COLS])
{
    double count[GROUPS] = {0};
    for (int i = 0; i < ROWS; i++) {
        of[i] = i % 4 == 3 ? -1 : i % 3;
        for (int j = 0; j < COLS; j++)
            x[i][j] = of[i] < 0 ? (real)1e30 : j == 2 ? (real)0.1f : (real)(i * i * (j + 1) % 7) / 4;
        count[of[i] < 0 ? 3 : of[i]] += of[i] >= 0;
        for (int j = 0; j < COLS && of[i] >= 0; j++)
            means[of[i]][j] += (double)x[i][j];
    }
    for (int g = 0; g < GROUPS; g++)
        for (int j = 0; j < COLS; j++)
            means[g][j] /= fmax(count[g], 1);
}

static void scatter(void **state)
{
    (void)state;
    real x[ROWS][COLS], got[GROUPS][COLS], v[COLS][COLS], l[COLS], c[COLS][COLS], kl[COLS], kv[COLS][COLS];
    double means[GROUPS][COLS] = {{0}}, members = 0;
    int32_t of[ROWS];
    tensor *values;
    grouped(x, of, means);
    tx_open();
    tensor *all = tx_from(DIMS(ROWS, COLS), &x[0][0]), *labels = tx_index(DIMS(ROWS, 1), of);
    tx_read(tx_means(all, labels, GROUPS), got);
    tx_read(tx_scatter(all, labels, GROUPS, &values), v);
    tx_read(values, l);
    memset(c, 0, sizeof c);
    for (int i = 0; i < ROWS; i++)
        members += of[i] >= 0;
    for (int i = 0; i < ROWS; i++)
        for (int a = 0; a < COLS && of[i] >= 0; a++)
            for (int b = 0; b < COLS; b++)
                c[a][b] +=
                    (real)(((double)x[i][a] - means[of[i]][a]) * ((double)x[i][b] - means[of[i]][b]) / members);
    tx_read(tx_eigh(tx_from(DIMS(COLS, COLS), &c[0][0]), &values), kv);
    tx_read(values, kl);
    tx_close();
    for (int i = 0; i < GROUPS * COLS; i++)
        near((double)got[i / COLS][i % COLS], means[i / COLS][i % COLS], 1e-7);
    for (int i = 0; i < COLS * COLS; i++)
        near((double)v[i / COLS][i % COLS], (double)kv[i / COLS][i % COLS], 1e-6);
    for (int i = 0; i < COLS; i++)
        near((double)l[i], (double)kl[i], 1e-7);
    assert_true((double)l[2] < 1e-15 * (double)l[0]); /* a constant column has no variance, mean and all */
    assert_true((double)l[1] > 0.01);
}

/* More rows than are read at a time. */
static void parts(void **state)
{
    (void)state;
    enum { MANY = 5000000 };
    real *x = pool_host((size_t)MANY * sizeof *x), mean, variance;
    int32_t *zero = pool_host((size_t)MANY * sizeof *zero);
    tensor *values;
    for (int64_t i = 0; i < MANY; i++)
        x[i] = (real)(1000 + (i % 2 ? 3 : -3));
    tx_open();
    tensor *all = tx_from(DIMS(MANY, 1), x), *labels = tx_index(DIMS(MANY, 1), zero);
    tx_read(tx_means(all, labels, 1), &mean);
    tx_scatter(all, labels, 1, &values);
    tx_read(values, &variance);
    near((double)mean, 1000, 1e-9);
    near((double)variance, 9, 1e-6);
    tx_principal(all, NULL, &values);
    tx_read(values, &variance);
    near((double)variance, 1000009, 0.1);
    tx_principal(all, tx_full(DIMS(1), 999), &values); /* 4 and -2 */
    tx_read(values, &variance);
    near((double)variance, 10, 1e-6);
    tx_close();
    free(zero);
    free(x);
}

/* a p a = a, p a p = p, a p and p a symmetric. */
static void penrose(const real *a, int64_t m, int64_t n)
{
    real *p = pool_host((size_t)(m * n) * sizeof *p), *ap = pool_host((size_t)(m * m) * sizeof *ap);
    real *pa = pool_host((size_t)(n * n) * sizeof *pa);
    tx_open();
    tx_read(tx_pinv(tx_from(DIMS(m, n), a)), p);
    tx_close();
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++)
            ap[i * m + j] = (real)dot(a + i * n, 1, p + j, m, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            pa[i * n + j] = (real)dot(p + i * m, 1, a + j, n, m);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            near(dot(ap + i * m, 1, a + j, n, m), (double)a[i * n + j], 1e-5);
            near(dot(pa + j * n, 1, p + i, m, n), (double)p[j * m + i], 1e-5);
        }
    for (int64_t i = 0; i < m * m; i++)
        near((double)ap[i], (double)ap[i % m * m + i / m], 1e-5);
    for (int64_t i = 0; i < n * n; i++)
        near((double)pa[i], (double)pa[i % n * n + i / n], 1e-5);
    free(p);
    free(ap);
    free(pa);
}

static void pseudo_inverse(void **state)
{
    (void)state;
    const int64_t shapes[][2] = {{1, 1}, {10, 64}, {64, 10}, {5, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        int64_t m = shapes[i][0], n = shapes[i][1];
        real *a = draw(m * n, (uint64_t)(100 + m));
        penrose(a, m, n);
        free(a);
    }
    const real deficient[] = {2, 0, 0, 2, -1, -1}, nothing[6] = {0};
    penrose(deficient, 3, 2);
    penrose(deficient, 2, 3);
    penrose(nothing, 2, 3);
}

static void not_finite(void **state)
{
    (void)state;
    real p[4] = {0}, v[4] = {0};
    tx_open();
    tx_read(tx_pinv(tx_full(DIMS(2, 2), (real)NAN)), p);
    tx_read(tx_principal(tx_full(DIMS(3, 2), (real)INFINITY), NULL, NULL), v);
    tx_close();
    for (int i = 0; i < 4; i++)
        assert_true(isnan(p[i]) && isnan(v[i]));
}

static int set_up(void **state)
{
    (void)state;
    tested_kernels();
    return device_open("ref", 0);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(principal),      cmocka_unit_test(scatter),    cmocka_unit_test(parts),
        cmocka_unit_test(pseudo_inverse), cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(cases, set_up, NULL);
}
