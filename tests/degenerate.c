/* degenerate.c - what scorers owe to data that leave them nothing to divide by or
 * to choose from: a class without samples, equal rows of weights, a feature at the
 * mean, a validation set without a mistake. The values are worked out by hand. */
#include "toy.h"

static const char *device;

/* The logits are the features. */
static const float one_to_one[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, none[] = {0, 0, 0};

/* Class 1 has two samples, both taken for class 0; class 2 has none. */
static const float crossed_features[] = {4, 0, 0, 2, 0, 0, 3, 1, 0, 5, 3, 0};
static const int32_t crossed_labels[] = {0, 0, 1, 1};
static const toy crossed = {
    .classes = 3,
    .features = 3,
    .weight = one_to_one,
    .bias = none,
    .splits = {{4, crossed_features, crossed_labels}, {4, crossed_features, crossed_labels}},
};

static void she_without_a_pattern(void **state)
{
    (void)state;
    toy_expect(device, &crossed, "she", "", (const float[]){6, 0, 0}, 18); /* (3,0,0): only its own */
    toy_expect(device, &crossed, "she", "", (const float[]){1, 2, 0}, 8);  /* (4,2,0): all of its own */
    toy_expect(device, &crossed, "she", "", (const float[]){0, 0, 7}, 0);
    toy_expect(device, &crossed, "she", "metric=euclidean", (const float[]){0, 0, 7}, -7);
    toy_expect(device, &crossed, "she", "metric=cosine", (const float[]){0, 0, 7}, 0);
}

/* Validation: two samples, of softmax (1/2, 1/4, 1/4) and, to 1e-52, (1, 0, 0). */
static const float sure_features[] = {0.69314718f, 0, 0, 120, 0, 0};
static const int32_t sure_labels[] = {0, 0};
static const toy sure = {
    .classes = 3,
    .features = 3,
    .weight = one_to_one,
    .bias = none,
    .splits = {{2, sure_features, sure_labels}, {2, sure_features, sure_labels}},
};

/* One template, (3/4, 1/8, 1/8); the others are one-hot, and far from all else. */
static void klm_without_a_template(void **state)
{
    (void)state;
    toy_expect(device, &sure, "klm", "", (const float[]){0.69314718f, 0, 0}, -0.143841);
    toy_expect(device, &sure, "klm", "", (const float[]){0, 20, 0}, -2.07944);
    toy_expect(device, &sure, "klm", "", (const float[]){0, 60, 0}, -2.07944);
    toy_expect(device, &sure, "klm", "", (const float[]){0, 0, 1000}, 0); /* one-hot in float too */
}

static const float surest_features[] = {200, 0, 0};
static const toy surest = {
    .classes = 3,
    .features = 3,
    .weight = one_to_one,
    .bias = none,
    .splits = {{1, surest_features, sure_labels}, {1, surest_features, sure_labels}},
};

/* The template's least probabilities, e^-200, are none in float. */
static void klm_beyond_float(void **state)
{
    (void)state;
    toy_expect(device, &surest, "klm", "", (const float[]){0, 0, 0}, -132.2347210);
}

/* Rows 0 and 1 of the weights are the same, the mean of the features is (2, 0). */
static const float twin_features[] = {1, 0, 3, 0};
static const int32_t twin_labels[] = {0, 1};
static const toy twins = {
    .classes = 3,
    .features = 2,
    .weight = (const float[]){2, 1, 2, 1, -1, -3},
    .bias = (const float[]){1, 0, 0},
    .splits = {{2, twin_features, twin_labels}, {2, twin_features, twin_labels}},
};

/* At (2, 3), 8 and -11 are the logits of the winner and of the last, 5 apart are
 * their weights, and 3 is the distance from the mean. */
static void fdbd_without_a_boundary(void **state)
{
    (void)state;
    toy_expect(device, &twins, "fdbd", "", (const float[]){2, 3}, 19. / 15);
    toy_expect(device, &twins, "fdbd", "by=origin", (const float[]){2, 3}, 19. / 5 / sqrt(13));
}

/* The distance counts as 1e-12 there, and the direction as none. */
static void features_at_the_mean(void **state)
{
    (void)state;
    toy_expect(device, &twins, "fdbd", "", (const float[]){2, 0}, 7e12 / 5);
    toy_expect(device, &twins, "nci", "", (const float[]){2, 0}, 2e-4);
}

/* No mistake: the lower the temperature, the better, down to 0.05; only mistakes: up to 20. */
static const int32_t wrong_labels[] = {1, 2};
static const toy wrong = {
    .classes = 3,
    .features = 3,
    .weight = one_to_one,
    .bias = none,
    .splits = {{2, sure_features, wrong_labels}, {2, sure_features, wrong_labels}},
};

static void temperatures_at_the_ends(void **state)
{
    (void)state;
    const float h[] = {0.1f, 0, 0};
    toy_expect(device, &sure, "temp_scaling", "", h, 1 / (1 + 2 * exp(-2)));
    toy_expect(device, &wrong, "temp_scaling", "", h, 1 / (1 + 2 * exp(-0.005)));
}

static int run_on(const char *name)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(she_without_a_pattern), cmocka_unit_test(klm_without_a_template),
        cmocka_unit_test(klm_beyond_float),      cmocka_unit_test(fdbd_without_a_boundary),
        cmocka_unit_test(features_at_the_mean),  cmocka_unit_test(temperatures_at_the_ends),
    };
    device = name;
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    toy_begin();
    int failed = run_on("ref");
    return failed + run_on(tested_device());
}
