/* linalg.c - principal directions and pseudo-inverses against what defines
 * them: eigenvectors of x'x / rows, the four conditions of Penrose. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../kernels/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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
    tx_read(tx_principal(tx_from(DIMS(rows, n), x), &values), v);
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
    tx_read(tx_principal(tx_full(DIMS(3, 2), (real)INFINITY), NULL), v);
    tx_close();
    for (int i = 0; i < 4; i++)
        assert_true(isnan(p[i]) && isnan(v[i]));
}

static int set_up(void **state)
{
    (void)state;
    char kernels[512];
    const char *b = getenv("B");
    snprintf(kernels, sizeof kernels, "%s/kernels", b ? b : "build");
    setenv("OODBENCH_KERNELS", kernels, 1);
    return device_open("ref", 0);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(principal),
        cmocka_unit_test(pseudo_inverse),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(cases, set_up, NULL);
}
