/* gauss.c - Mahalanobis scorers where the covariance is no help: features that
 * are dead or never vary, a class without samples, fewer samples than features,
 * classes much farther apart than their samples. And residual, which fits on
 * one split or the other. */
#include "toy.h"

enum { CLASSES = 3, WIDE = 4 };

static const char *device_at(int i)
{
    return i ? tested_device() : "ref";
}

static const float weight[CLASSES * WIDE] = {2, 0, 0, 0, 0, 2, 0, 0, -1, -1, 0, 0}, bias[CLASSES] = {0, 0, 0.5f};

/* The first four samples of problem T; one feature is dead, one is 0.1. Class 2
 * has no samples: its mean is not at zero, where it would be the nearest. */
static const float four[] = {2, 0, 0, 0.1f, 3, 1, 0, 0.1f, 0, 3, 0, 0.1f, 1, 2, 0, 0.1f};
static const int32_t labels[] = {0, 0, 1, 1};
static const toy singular = {CLASSES, WIDE, weight, bias, {{4, four, labels}, {4, four, labels}}};

/* The covariance is diag(1/4, 1/4); of all samples, whose mean is (1.5, 1.5),
 * 5/4 with -1 beside it, so that (-0.5, -1) is at distance 41/9. */
static void useless_features(void **state)
{
    (void)state;
    static const float usual[] = {1, 0.5f, 0, 0.1f}, alive[] = {1, 0.5f, 7, 0.1f}, varied[] = {1, 0.5f, 0, 3};
    const float *const all[] = {usual, alive, varied};
    for (int d = 0; d < 2; d++)
        for (int i = 0; i < 3; i++) {
            toy_expect(device_at(d), &singular, "mds", "", all[i], -9);
            toy_expect(device_at(d), &singular, "rmds", "", all[i], 41.0 / 9 - 9);
        }
}

/* Two samples a class, all on parallel lines: within classes one direction is
 * left of four. Along it the variance is 25/4: that of (1.5, 2) and its
 * opposite. (3, 4) from the mean is twice as far as the samples are. */
static const float lines[] = {0.1f, 0.3f,  0.7f, 0.9f, 3.1f,  4.3f,  0.7f, 0.9f,
                              9.1f, 12.3f, 5.7f, 0.9f, 12.1f, 16.3f, 5.7f, 0.9f};
static const toy lined = {CLASSES, WIDE, weight, bias, {{4, lines, labels}, {4, lines, labels}}};

static void few_samples(void **state)
{
    (void)state;
    static const float at_end[] = {3.1f, 4.3f, 0.7f, 0.9f}, beyond[] = {4.6f, 6.3f, 0.7f, 0.9f};
    static const float beside[] = {4.6f, 6.3f, 2.7f, 5.9f};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &lined, "mds", "", at_end, -1);
        toy_expect(device_at(d), &lined, "mds", "", beyond, -4);
        toy_expect(device_at(d), &lined, "mds", "", beside, -4);
    }
}

/* Classes 4096 standard deviations apart: the squares of the whitened features
 * have no digits left for a distance of 3. */
static const float apart[] = {1,    0, 0, 0, -1,   0, 0, 0, 0,    1, 0, 0, 0,    -1, 0, 0,
                              4097, 0, 0, 0, 4095, 0, 0, 0, 4096, 1, 0, 0, 4096, -1, 0, 0};
static const int32_t two[] = {0, 0, 0, 0, 1, 1, 1, 1};
static const toy far = {CLASSES, WIDE, weight, bias, {{8, apart, two}, {8, apart, two}}};

static void far_apart(void **state)
{
    (void)state;
    static const float near_it[] = {4096, 1.5f, 0, 0};
    for (int d = 0; d < 2; d++) /* a variance of 1/2 */
        toy_expect(device_at(d), &far, "mds", "", near_it, -4.5);
}

/* With one direction left out: along the first axis on one split, the second on
 * the other. The head's bias is zero, so is the origin. */
static const float level[] = {3, 0, 0, 0, 0, 1, 0, 0}, upright[] = {0, 3, 0, 0, 1, 0, 0, 0};
static const toy turned = {
    CLASSES, WIDE, weight, (const float[CLASSES]){0}, {{2, level, labels}, {2, upright, labels}}};

static void either_split(void **state)
{
    (void)state;
    static const float h[] = {2, 5, 0, 0};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &turned, "residual", "dim=1", h, -5);
        toy_expect(device_at(d), &turned, "residual", "dim=1;parity=true", h, -2);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(useless_features),
        cmocka_unit_test(few_samples),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(either_split),
    };
    toy_begin();
    return cmocka_run_group_tests(cases, NULL, NULL);
}
