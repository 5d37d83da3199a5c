/* leading.c - tx_leading against the whole decomposition, for matrices of every
 * shape, and where one that iterates would be led astray. */
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

/* Both have length 1: equal up to their sign. */
static void same_direction(const real *u, const real *v, int64_t n)
{
    double dot = 0;
    for (int64_t i = 0; i < n; i++)
        dot += (double)u[i] * (double)v[i];
    if (!(fabs(fabs(dot) - 1) < 1e-6))
        fail_msg("%lld rows: the cosine is %.9g", (long long)n, dot);
}

/* n random matrices: of positive numbers, as after a ReLU, or of both signs. */
static void shape(int64_t n, int64_t r, int64_t c, int positive)
{
    real *x = pool_host((size_t)(n * r * c) * sizeof *x), *got = pool_host((size_t)(n * r) * sizeof *got);
    real *want = pool_host((size_t)(r * r) * sizeof *want);
    for (int64_t i = 0; i < n * r * c; i++) {
        float z = random_normal((uint64_t)(r + c), (uint64_t)i);
        x[i] = positive && z < 0 ? 0 : z;
    }
    tx_open();
    tensor *all = tx_from(DIMS(n, r, c), x);
    tx_read(tx_leading(all), got);
    for (int64_t k = 0; k < n; k++) {
        tensor *one = tx_reshape(tx_slice(all, k, 1), DIMS(r, c));
        tx_read(tx_eigh(tx_matmul(one, one, 0, 1), NULL), want);
        same_direction(got + k * r, want, r);
    }
    tx_close();
    free(x);
    free(got);
    free(want);
}

static void shapes(void **state)
{
    (void)state;
    shape(5, 16, 64, 1);
    shape(5, 64, 16, 1);
    shape(3, 7, 9, 0);
    shape(3, 9, 7, 0);
    shape(2, 33, 33, 0);
    shape(2, 1, 5, 0);
    shape(2, 5, 1, 0);
}

static void expect(int64_t r, int64_t c, const real *x, const real *want)
{
    real got[4];
    tx_open();
    tx_read(tx_leading(tx_from(DIMS(1, r, c), x)), got);
    tx_close();
    same_direction(got, want, r);
}

static void hard_ones(void **state)
{
    (void)state;
    expect(2, 2, (const real[]){3, 0, 0, 1}, (const real[]){1, 0});
    expect(2, 2, (const real[]){1, 0, 0, 3}, (const real[]){0, 1});
    expect(2, 2, (const real[]){1, -2, -2, 1}, (const real[]){(real)M_SQRT1_2, -(real)M_SQRT1_2});
    /* values 1 and 0.999: the power method would take thousands of steps */
    expect(2, 2, (const real[]){1, 0, 0, (real)0.999}, (const real[]){1, 0});
    expect(2, 3, (const real[]){(real)0.999, 0, 0, 0, 0, 1}, (const real[]){0, 1});
    /* the longest row is not of the strongest direction: 10 against 6 */
    expect(3, 3, (const real[]){(real)2.2360680, 0, 0, (real)2.2360680, 0, 0, 0, (real)2.4494897, 0},
           (const real[]){(real)M_SQRT1_2, (real)M_SQRT1_2, 0});
}

static void zeros_and_nan(void **state)
{
    (void)state;
    real got[6];
    const real x[] = {0, 0, 0, 0, 1, 2, 2, 4, NAN, 1, 1, 1}, columns[] = {0, 0, 0, 0, 0, 0};
    tx_open();
    tx_read(tx_leading(tx_from(DIMS(3, 2, 2), x)), got);
    for (int i = 0; i < 2; i++) {
        assert_true(got[i] == 0);
        assert_true(isnan(got[4 + i]));
    }
    same_direction(got + 2, (const real[]){(real)0.44721360, (real)0.89442719}, 2);
    for (int wide = 0; wide < 2; wide++) {
        tx_read(tx_leading(tx_from(wide ? DIMS(1, 2, 3) : DIMS(1, 3, 2), columns)), got);
        assert_true(got[0] == 0 && got[1] == 0);
    }
    tx_close();
}

static int begin(void **state)
{
    (void)state;
    tested_kernels();
    if (device_open("ref", 0) == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

static int end(void **state)
{
    (void)state;
    device_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(hard_ones),
        cmocka_unit_test(zeros_and_nan),
    };
    return cmocka_run_group_tests_name("leading", tests, begin, end);
}
