/* openmax.c - the parts of OpenMax against hand values, and the whole on a small
 * problem where classes have tails, a wrong sample and too few samples. */
#include "../methods/openmax.h"
#include "toy.h"

enum { CLASSES = 3 };

static const char *device_at(int i)
{
    return i ? tested_device() : "ref";
}

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-5 * fabs(want)))
        fail_msg("expected %.9g, found %.9g", want, got);
}

/* Specification A.23. */
static void likeliest(void **state)
{
    (void)state;
    const double logs[] = {log(1.0), log(1.2), log(1.5)};
    struct weibull w = weibull_fit(logs, 3);
    near(w.shape, 6.67955);
    near(w.scale, 1.32225);
    near(weibull_below(w.shape, w.scale, 1.3 - w.scale), 0.590505);
    assert_true(weibull_below(w.shape, w.scale, -w.scale) == 0);
    assert_true(weibull_below(w.shape, w.scale, -9) == 0);
    assert_true(weibull_below(w.shape, w.scale, 1e9) == 1);
}

/* Scaled values have the same shape; far from zero nothing is lost. */
static void scaled(void **state)
{
    (void)state;
    const double base[] = {log(1.0), log(1.2), log(1.5)};
    const double scaled[] = {log(1e30), log(1.2e30), log(1.5e30)};
    near(weibull_fit(scaled, 3).shape, weibull_fit(base, 3).shape);
    near(weibull_fit(scaled, 3).scale, 1.32225e30);
}

/* A step: below it nothing, above it everything, and never not-a-number. */
static void equal_values(void **state)
{
    (void)state;
    const double logs[] = {log(2.0), log(2.0), log(2.0)};
    struct weibull w = weibull_fit(logs, 3);
    near(w.scale, 2);
    assert_true(weibull_below(w.shape, w.scale, -0.001) < 1e-9);
    assert_true(weibull_below(w.shape, w.scale, 0.001) == 1);
}

/* Specification A.23: weights 0.1, 0.2, 0.3 of which 1, 2/3, 1/3 counts. */
static void unknown(void **state)
{
    (void)state;
    const real logits[] = {2, 1, -1}, given[] = {0.2f, (real)(0.4 / 3), -0.1f};
    const real large[] = {2000, 1000, -1000}, all[] = {2000, 0, 0};
    const int32_t ranked[] = {0, 1, 2};
    for (int d = 0; d < 2; d++) {
        toy_open_device(device_at(d));
        tx_open();
        tensor *i = tx_index(DIMS(1, CLASSES), ranked);
        tensor *f = tx_from(DIMS(1, CLASSES), logits), *g = tx_from(DIMS(1, CLASSES), given);
        near(tx_item(openmax_unknown(f, g, i)), 0.125055);
        f = tx_from(DIMS(1, CLASSES), large);
        g = tx_from(DIMS(1, CLASSES), all);
        near(tx_item(openmax_unknown(f, g, i)), 1);
        assert_true(tx_item(openmax_unknown(f, tx_full(DIMS(1, CLASSES), 0), i)) == 0);
        tx_close();
    }
}

/* The logits are the features. The sixth sample is taken for class 1, and class
 * 2 has two samples. */
static const float eye[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, none[CLASSES] = {0};
static const float train[] = {5, 1, 0, 6, 1,  -1, 4, 0, 1, 7, 2, 0, 5,  -1, -1, 1, 5, 0, 0, 4,
                              1, 1, 6, 0, -1, 5,  2, 2, 7, 1, 0, 5, -2, 1,  0,  6, 0, 1, 4};
static const int32_t labels[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2};
static const toy known = {CLASSES, CLASSES, eye, none, {{13, train, labels}, {13, train, labels}}};

typedef struct whole {
    const char *parameters;
    float h[CLASSES];
    double score;
} whole;

/* Computed apart, with a root finder. */
static const whole expected[] = {
    {"", {5, 2, 1}, -0.947943},
    {"alpha=2", {5, 2, 1}, -0.922762},
    {"alpha=10", {5, 2, 1}, -0.969512},
    {"tail=4", {5, 2, 1}, -0.882574},
    {"weibull_shift=10000", {5, 2, 1}, -0.938571},
    {"", {1, 5, 1}, -0.0176525},
    {"tail=4", {1, 5, 1}, -0.012618},
    {"", {6, 1, -1.5f}, -0.531599},
    {"weibull_shift=10000", {6, 1, -1.5f}, -0.341105},
    {"", {2, 1, 6}, -0.0128314},
    {"parity=true", {5, 2, 1}, 0.947943}, /* of the unknown class */
    {"parity=true", {1, 5, 1}, 0.950997}, /* of class 1 */
    {"parity=true", {2, 1, 6}, 0.977728},
    {"parity=true", {9, 1, 0}, 0.999785},
    {"parity=true", {40, -3, -5}, 1},
};
static void wholes(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
            toy_expect(device_at(d), &known, "openmax", expected[i].parameters, expected[i].h, expected[i].score);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(likeliest), cmocka_unit_test(scaled), cmocka_unit_test(equal_values),
        cmocka_unit_test(unknown),   cmocka_unit_test(wholes),
    };
    toy_begin();
    return cmocka_run_group_tests(cases, NULL, NULL);
}
