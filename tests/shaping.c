/* shaping.c - scorers that change features or weights before the head, on what
 * toy problem T cannot show: each entry of a changed feature, seen by a head of
 * one class that looks at it alone; ties; which split counts; float's edges.
 * Problems are static, for toy_open tells them apart by their addresses. */
#include "toy.h"

enum { WIDE = 4 };

static const float eye[WIDE][WIDE] = {{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}};
static const float nothing[1] = {0}, some[2 * WIDE] = {1, 1, 1, 1, 3, 3, 3, 3}, more[WIDE] = {6, 6, 6, 6};
static const int32_t zeros[2] = {0, 0};

#define LOOKING(j)                                                                                                 \
    {                                                                                                              \
        .classes = 1, .features = WIDE, .weight = eye[j], .bias = nothing, .splits = {                             \
            {2, some, zeros},                                                                                      \
            {1, more, zeros}                                                                                       \
        }                                                                                                          \
    }
static const toy looking_at[WIDE] = {LOOKING(0), LOOKING(1), LOOKING(2), LOOKING(3)};

static const char *const devices[] = {"ref", NULL};

static const char *device_at(int i)
{
    return devices[i] ? devices[i] : tested_device();
}

/* What a method makes of h, entry by entry. */
typedef struct change {
    const char *method, *parameters;
    float h[WIDE];
    double becomes[WIDE];
} change;

/* 64 features, of which q = 96.875 leaves two and 98.4375 one. */
static const change changes[] = {
    {"ash_p", "percentile=96.875", {4, 3, 2, 1}, {4, 3, 0, 0}},
    {"ash_b", "percentile=96.875", {4, 3, 2, 1}, {5, 5, 0, 0}},
    {"ash_s", "percentile=96.875", {4, 3, 2, 1}, {16.69092, 12.51819, 0, 0}},
    {"scale", "percentile=96.875", {4, 3, 2, 1}, {16.69092, 12.51819, 8.345462, 4.172731}},
    {"ash_p", "percentile=96.875", {2, 3, 2, 2}, {2, 3, 0, 0}}, /* of equals the first stay */
    {"ash_b", "percentile=98.4375", {1, 3, 3, 2}, {0, 9, 0, 0}},
    {"ash_s", "percentile=98.4375", {0, 0, 0, 0}, {0, 0, 0, 0}},
    {"ash_s", "percentile=98.4375", {-1, -1, 0, -1}, {0, 0, 0, 0}},
    {"scale", "percentile=98.4375", {0, 0, 0, 0}, {0, 0, 0, 0}},
    {"react", "percentile=100", {7, 6, 2, -1}, {6, 6, 2, -1}}, /* of the validation features */
    {"react", "percentile=100;from=train", {7, 6, 2, -1}, {3, 3, 2, -1}},
    {"vra", "q_hi=100;q_lo=94", {7, 6, 5, -1}, {6, 6, 5, 1.32}}, /* r = 59.22, between 0 and 6 */
    {"vra", "q_hi=100;q_lo=94;low=zero", {7, 6, 5, -1}, {6, 6, 5, 0}},
    {"vra", "q_hi=100;q_lo=98;low=zero", {7, 6, 5, -1}, {6, 6, 0, 0}}, /* r = 61.74: 6, and 6 is not below it */
};

static void entries(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++)
        for (int j = 0; j < WIDE; j++)
            for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
                toy_expect(device_at(d), &looking_at[j], changes[i].method, changes[i].parameters, changes[i].h,
                           changes[i].becomes[j]);
}

/* A percentile lies between two neighbouring floats, nearer to the upper one,
 * which is above it all the same. And what lies at a percentile is not above. */
static void above_a_percentile(void **state)
{
    (void)state;
    static const float neighbours[2] = {1, 1.00000012f}, equals[3] = {1, 1, 2}, ones[3] = {1, 1, 1};
    static const float h[3] = {3, 5, 7};
    static const toy close = {1, 2, neighbours, nothing, {{1, ones, zeros}, {1, ones, zeros}}};
    static const toy tied = {1, 3, equals, nothing, {{1, ones, zeros}, {1, ones, zeros}}};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &close, "dice", "percentile=99.84", h, 5);
        toy_expect(device_at(d), &close, "line", "p_w=0;p_a=99.84;delta=10", h, 5);
        toy_expect(device_at(d), &close, "line", "p_w=99.84;p_a=0;delta=10", h, 5);
        toy_expect(device_at(d), &tied, "dice", "percentile=98", h, 14); /* r = 61.74: 1 */
    }
}

/* Contributions are those of training features: 1 and 2 here, cut at 1.5. */
static void training_contributions(void **state)
{
    (void)state;
    static const float weight[2] = {1, 1}, train[2] = {1, 2}, val[2] = {2, 1}, h[2] = {3, 5};
    static const toy t = {1, 2, weight, nothing, {{1, train, zeros}, {1, val, zeros}}};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &t, "dice", "percentile=99.2063", h, 5);
        toy_expect(device_at(d), &t, "line", "p_w=0;p_a=99.2063;delta=10", h, 5);
        toy_expect(device_at(d), &t, "line", "p_w=99.2063;p_a=0;delta=10", h, 5);
    }
}

/* The first feature's contribution is -1, above the least of them, -3. Its weight
 * is ranked by |-1| * -1, below the median: two negative signs do not make it count. */
static void size_of_a_contribution(void **state)
{
    (void)state;
    static const float weight[2] = {-1, -3}, ones[2] = {1, 1}, h[2] = {3, 5};
    static const toy t = {1, 2, weight, nothing, {{1, ones, zeros}, {1, ones, zeros}}};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &t, "line", "p_w=0;p_a=0;delta=10", h, -3);
        toy_expect(device_at(d), &t, "line", "p_w=50;p_a=0;delta=10", h, 0);
    }
}

/* A class without training samples has no neurons that matter, and a score. */
static void class_without_samples(void **state)
{
    (void)state;
    static const float weight[4] = {1, 0, 0, 1}, bias[2] = {0, 0}, one[2] = {1, 1}, h[2] = {1, 5};
    static const toy t = {2, 2, weight, bias, {{1, one, zeros}, {1, one, zeros}}};
    for (int d = 0; d < 2; d++)
        toy_expect(device_at(d), &t, "line", "p_w=50;p_a=50;delta=10", h, 0.6931472);
}

/* exp(s1 / s2) times such features is no float. */
static void scores_stay_finite(void **state)
{
    (void)state;
    static float weight[TOY_WIDTH], ones[TOY_WIDTH], h[TOY_WIDTH];
    for (int j = 0; j < TOY_WIDTH; j++) {
        weight[j] = j % 2 ? -1 : 1.5f;
        ones[j] = 1;
        h[j] = 1e12f;
    }
    static const toy t = {1, TOY_WIDTH, weight, nothing, {{1, ones, zeros}, {1, ones, zeros}}};
    for (int d = 0; d < 2; d++) {
        toy_expect(device_at(d), &t, "scale", "percentile=98.4375", h, 3e38);
        toy_expect(device_at(d), &t, "ash_s", "percentile=98.4375", h, 3e38);
    }
}

int main(void)
{
    toy_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries),
        cmocka_unit_test(above_a_percentile),
        cmocka_unit_test(training_contributions),
        cmocka_unit_test(size_of_a_contribution),
        cmocka_unit_test(class_without_samples),
        cmocka_unit_test(scores_stay_finite),
    };
    int rc = cmocka_run_group_tests_name("shaping", tests, NULL, NULL);
    toy_close();
    return rc;
}
