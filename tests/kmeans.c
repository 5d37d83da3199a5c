/* kmeans.c - tx_kmeans against what defines it: every row belongs to the nearest
 * centre, every centre is the mean of its rows, and the sum of squared distances
 * is near the least there is, which for one column dynamic programming finds. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../kernels/random.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct found {
    int32_t *label;
    real *centre;
    int64_t *members;
    double inertia; /* of these labels and centres, in double */
} found;

static double square_distance(const real *a, const real *b, int64_t d)
{
    double sum = 0;
    for (int64_t j = 0; j < d; j++)
        sum += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
    return sum;
}

static found cluster(const real *x, int64_t n, int64_t d, int64_t k, uint64_t seed)
{
    found f = {pool_host((size_t)n * sizeof *f.label), pool_host((size_t)(k * d) * sizeof *f.centre),
               pool_host((size_t)k * sizeof *f.members), 0};
    tensor *centres;
    tx_open();
    tensor *labels = tx_kmeans(tx_from(DIMS(n, d), x), k, seed, &centres);
    assert_int_equal(tx_rows(labels), n);
    tx_read(labels, f.label);
    tx_read(centres, f.centre);
    tx_close();
    for (int64_t i = 0; i < n; i++) {
        assert_in_range(f.label[i], 0, k - 1);
        f.members[f.label[i]]++;
        f.inertia += square_distance(x + i * d, f.centre + f.label[i] * d, d);
    }
    return f;
}

static void forget(found *f)
{
    free(f->label);
    free(f->centre);
    free(f->members);
}

/* Nearest centre for each row, mean of its rows for each centre: a fixed point, as
 * far as float and a last shift below the tolerance go. */
static void check_fixed_point(const real *x, int64_t n, int64_t d, int64_t k, const found *f, double slack)
{
    for (int64_t i = 0; i < n; i++) {
        double own = square_distance(x + i * d, f->centre + f->label[i] * d, d);
        for (int64_t c = 0; c < k; c++)
            assert_true(own <= square_distance(x + i * d, f->centre + c * d, d) + slack);
    }
    for (int64_t c = 0; c < k; c++) {
        assert_true(f->members[c] > 0);
        for (int64_t j = 0; j < d; j++) {
            double mean = 0;
            for (int64_t i = 0; i < n; i++)
                mean += f->label[i] == c ? (double)x[i * d + j] / (double)f->members[c] : 0;
            assert_true(fabs(mean - (double)f->centre[c * d + j]) < sqrt(slack));
        }
    }
}

static real *draw(int64_t n, uint64_t seed)
{
    real *x = pool_host((size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = random_normal(seed, (uint64_t)i);
    return x;
}

/* Blobs whose centres are eight deviations apart and far from the origin, rows in
 * turn; `n` decides whether all products are computed at once. */
static void recovers(int64_t n, int64_t d, int64_t k)
{
    real *x = draw(n * d, 3);
    for (int64_t i = 0; i < n; i++) {
        x[i * d + i % k % d] += (real)(8 + 8 * (i % k / d));
        for (int64_t j = 0; j < d; j++)
            x[i * d + j] = (real)0.7 * x[i * d + j] + 100;
    }
    found f = cluster(x, n, d, k, 1);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(f.label[i], f.label[i % k]);
    for (int64_t c = 0; c < k; c++)
        assert_int_equal(f.members[c], n / k);
    check_fixed_point(x, n, d, k, &f, 1e-4);
    forget(&f);
    free(x);
}

static void blobs(void **state)
{
    (void)state;
    recovers(96, 12, 8);
    recovers(300, 20, 12);
    recovers(2400, 20, 12); /* more than PAIRWISE */
}

static void many_tiles(void **state)
{
    (void)state;
    recovers(66000, 4, 3); /* three tiles */
}

static void fixed_point(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        int64_t n = 60 + 30 * (int64_t)seed, d = 1 + (int64_t)seed, k = 2 + 2 * (int64_t)seed;
        real *x = draw(n * d, seed);
        found f = cluster(x, n, d, k, seed);
        check_fixed_point(x, n, d, k, &f, 0.03 * (double)d);
        forget(&f);
        free(x);
    }
}

static int ascending(const void *a, const void *b)
{
    real x = *(const real *)a, y = *(const real *)b;
    return (x > y) - (x < y);
}

/* The least sum of squares of n sorted numbers in k runs. */
static double least_inertia(const real *x, int n, int k)
{
    enum { MOST = 128 };
    static double best[MOST + 1];
    for (int i = 0; i <= n; i++)
        best[i] = i ? DBL_MAX : 0;
    for (int c = 0; c < k; c++)
        for (int end = n; end >= 0; end--) {
            double least = end ? DBL_MAX : 0, sum = 0, squares = 0;
            for (int start = end - 1; start >= 0; start--) {
                sum += (double)x[start];
                squares += (double)x[start] * (double)x[start];
                double cost = squares - sum * sum / (end - start);
                if (best[start] < DBL_MAX && best[start] + cost < least)
                    least = best[start] + cost;
            }
            best[end] = least;
        }
    return best[n];
}

static void near_the_optimum(void **state)
{
    (void)state;
    double sum = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        enum { N = 100 };
        int k = 3 + (int)(seed % 6);
        real *x = draw(N, 100 + seed);
        qsort(x, N, sizeof *x, ascending);
        found f = cluster(x, N, 1, k, seed);
        double ratio = f.inertia / least_inertia(x, N, k);
        if (!(ratio >= 1 - 1e-5 && ratio < 1.25))
            fail_msg("seed %d: %d clusters cost %g times the least", (int)seed, k, ratio);
        sum += ratio / 20;
        forget(&f);
        free(x);
    }
    assert_true(sum < 1.06);
}

static void extremes(void **state)
{
    (void)state;
    enum { N = 40, D = 3 };
    real *x = draw(N * D, 9);
    found one = cluster(x, N, D, 1, 1), all = cluster(x, N, D, N, 1);
    check_fixed_point(x, N, D, 1, &one, 1e-9);
    for (int i = 0; i < N; i++)
        assert_int_equal(all.members[i], 1);
    assert_true(all.inertia < 1e-9);
    forget(&one);
    forget(&all);
    free(x);
}

/* Five different rows: with five clusters or more nothing is left to gain. */
static void duplicates(void **state)
{
    (void)state;
    enum { N = 100, D = 4, DIFFERENT = 5 };
    real *rows = draw(DIFFERENT * D, 4), x[N * D];
    for (int i = 0; i < N * D; i++)
        x[i] = rows[i % (DIFFERENT * D)];
    for (int k = DIFFERENT; k <= 8; k++) {
        found f = cluster(x, N, D, k, 2);
        assert_true(f.inertia < 1e-8);
        for (int i = 0; i < N; i++)
            assert_int_equal(f.label[i], f.label[i % DIFFERENT]);
        forget(&f);
    }
    memset(x, 0, sizeof x);
    found f = cluster(x, N, D, 3, 2);
    assert_true(f.inertia == 0);
    forget(&f);
    free(rows);
}

static void deterministic(void **state)
{
    (void)state;
    enum { N = 200, D = 6, K = 9 };
    real *x = draw(N * D, 5);
    found a = cluster(x, N, D, K, 7), b = cluster(x, N, D, K, 7), c = cluster(x, N, D, K, 8);
    assert_memory_equal(a.label, b.label, N * sizeof *a.label);
    assert_memory_equal(a.centre, b.centre, K * D * sizeof *a.centre);
    assert_memory_not_equal(a.label, c.label, N * sizeof *a.label);
    forget(&a);
    forget(&b);
    forget(&c);
    free(x);
}

static void not_finite(void **state)
{
    (void)state;
    enum { N = 30, D = 2 };
    real *x = draw(N * D, 6);
    x[7] = (real)NAN;
    found f = cluster(x, N, D, 4, 1); /* ends, with labels in range */
    forget(&f);
    free(x);
}

static int open_device(const char *name)
{
    tested_kernels();
    return device_open(name, 0);
}

/* Both backends find the same clusters, up to what float makes of near ties. */
static void cpu_as_ref(void **state)
{
    (void)state;
    enum { N = 384, D = 64, K = 64 };
    int32_t *label[2];
    double inertia[2];
    real *x = draw(N * D, 8);
    for (int i = 0; i < 2; i++) {
        device_close();
        assert_int_equal(open_device(i ? tested_device() : "ref"), 0);
        found f = cluster(x, N, D, K, 3);
        label[i] = pool_host(N * sizeof *label[i]);
        memcpy(label[i], f.label, N * sizeof *f.label);
        inertia[i] = f.inertia;
        forget(&f);
    }
    assert_true(fabs(inertia[0] - inertia[1]) < 1e-3 * inertia[0]);
    int same = 0;
    for (int i = 0; i < N; i++)
        same += label[0][i] == label[1][i];
    assert_true(same > N * 95 / 100);
    free(label[0]);
    free(label[1]);
    free(x);
}

static int use_ref(void **state)
{
    (void)state;
    return open_device("ref");
}

static int use_cpu(void **state)
{
    (void)state;
    return open_device(tested_device());
}

static int put_away(void **state)
{
    (void)state;
    device_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest each[] = {
        cmocka_unit_test(blobs),      cmocka_unit_test(fixed_point), cmocka_unit_test(near_the_optimum),
        cmocka_unit_test(extremes),   cmocka_unit_test(duplicates),  cmocka_unit_test(deterministic),
        cmocka_unit_test(not_finite),
    };
    const struct CMUnitTest cpu[] = {cmocka_unit_test(many_tiles), cmocka_unit_test(cpu_as_ref)};
    setenv("OMP_NUM_THREADS", "1", 0);
    int failed = cmocka_run_group_tests_name("ref", each, use_ref, put_away);
    failed += cmocka_run_group_tests_name("cpu", each, use_cpu, put_away);
    return failed + cmocka_run_group_tests_name("both", cpu, use_cpu, put_away);
}
