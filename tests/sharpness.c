/* sharpness.c - the largest loss near a point: on a bowl whose largest value is known, on
 * a plain, and where the loss is no number. */
#include "../harness/ascent.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Half of a^2 + 4 b^2 at (1,1): (1 + x)^2 / 2 + 2 (1 + y)^2. */
static double bowl(void *calls, const double *eps, double *g)
{
    double a = 1 + eps[0], b = 1 + eps[1];
    ++*(int *)calls;
    if (g) {
        g[0] = a;
        g[1] = 4 * b;
    }
    return 0.5 * (a * a + 4 * b * b);
}

static void one_step_follows_the_gradient(void **state)
{
    int calls = 0;
    const double g[] = {1, 4};
    const ascent a = {2, 20, bowl, &calls, 2.5};
    (void)state;
    assert_true(fabs(ascend_once(&a, 0.1, g) - 0.431428) < 5e-7);
    assert_true(ascend_once(&a, 0, g) == 0);
    assert_int_equal(calls, 1);
}

static void the_maximum_on_the_sphere_is_found(void **state)
{
    int calls = 0;
    double eps[2] = {0, 0}, increase = 0;
    const ascent a = {2, 20, bowl, &calls, 2.5};
    (void)state;
    ascend(&a, 0.1, eps, &increase);
    assert_true(fabs(increase - 0.431485) < 2e-6);
    assert_int_equal(calls, 21); /* the last one without a gradient */
    for (int i = 0; i < 2; i++)  /* once more, as from radius to radius */
        ascend(&a, 0.1, eps, &increase);
    assert_true(fabs(increase - 0.431485) < 5e-7);
    assert_true(fabs(eps[0] - 0.0226903) < 5e-6 && fabs(eps[1] - 0.0973917) < 5e-6);
    assert_true(fabs(ascent_norm(eps, 2) - 0.1) < 1e-12);
}

static void what_is_found_never_falls(void **state)
{
    int calls = 0;
    double eps[2] = {0, 0}, increase = 0, before = 0;
    const double radii[] = {0, 0.05, 0.1, 0.1, 0.5, 2};
    const ascent a = {2, 3, bowl, &calls, 2.5};
    (void)state;
    for (int i = 0; i < 6; i++) {
        ascend(&a, radii[i], eps, &increase);
        assert_true(increase >= before);
        assert_true(ascent_norm(eps, 2) <= radii[i] + 1e-12);
        assert_true(fabs(bowl(&calls, eps, NULL) - 2.5 - increase) < 1e-12);
        before = increase;
    }
    assert_true(increase > 10);
}

/* From anywhere on a small sphere to the same value. */
static void starts_agree_on_a_bowl(void **state)
{
    int calls = 0;
    const ascent a = {2, 60, bowl, &calls, 2.5};
    (void)state;
    for (int i = 0; i < 8; i++) {
        double eps[2] = {cos(i), sin(i)}, increase = -INFINITY;
        ascent_scale(eps, 2, 0.05);
        ascend(&a, 0.05, eps, &increase);
        ascend(&a, 0.1, eps, &increase);
        assert_true(fabs(increase - 0.431485) < 2e-4);
    }
}

/* At a minimum, in all directions alike: nowhere to go. */
static double level(void *calls, const double *eps, double *g)
{
    ++*(int *)calls;
    for (int i = 0; g && i < 2; i++)
        g[i] = 0;
    return eps[0] > 1e6;
}

static void a_plain_has_no_sharpness(void **state)
{
    int calls = 0;
    double eps[2] = {0, 0}, increase = 0;
    const double g[] = {0, 0};
    const ascent a = {2, 20, level, &calls, 0};
    (void)state;
    ascend(&a, 1, eps, &increase);
    assert_true(increase == 0 && eps[0] == 0 && eps[1] == 0);
    assert_int_equal(calls, 1);
    assert_true(ascend_once(&a, 1, g) == 0);
}

static double cliff(void *calls, const double *eps, double *g)
{
    ++*(int *)calls;
    for (int i = 0; g && i < 2; i++)
        g[i] = eps[0] > 0.2 ? NAN : 1;
    return eps[0] > 0.2 ? NAN : eps[0] + eps[1];
}

static void a_loss_that_is_no_number_is_infinite(void **state)
{
    int calls = 0;
    double eps[2] = {0, 0}, increase = 0;
    const ascent a = {2, 4, cliff, &calls, 0};
    (void)state;
    ascend(&a, 1, eps, &increase);
    assert_true(isinf(increase) && isfinite(eps[0]));
    int before = calls;
    ascend(&a, 2, eps, &increase);
    assert_true(isinf(increase));
    assert_int_equal(calls, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_follows_the_gradient), cmocka_unit_test(the_maximum_on_the_sphere_is_found),
        cmocka_unit_test(what_is_found_never_falls),     cmocka_unit_test(starts_agree_on_a_bowl),
        cmocka_unit_test(a_plain_has_no_sharpness),      cmocka_unit_test(a_loss_that_is_no_number_is_infinite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
