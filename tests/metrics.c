/* metrics.c - the published test vectors, and random scores with ties against
 * the definitions written out the slow way. */
#include "../harness/metrics.h"
#include "../harness/fault.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEAR(a, b) assert_true(fabs((a) - (b)) < 5e-5)

typedef struct vector {
    const char *name;
    int n, m;
    float id[4], ood[12];
    metrics want;
} vector;

/* fpr95_id is worked out by hand from its definition. */
static const vector vectors[] = {
    {"A", 4, 4, {.9f, .8f, .8f, .2f}, {.8f, .5f, .2f, .1f}, {78.125, 83.3929, 80.0595, 75, 75}},
    {"B", 4, 12, {1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {50, 62.5, 87.5, 100, 100}},
    {"D", 3, 2, {3, 2, 4}, {1, 0}, {100, 100, 100, 0, 0}},
    {"E", 2, 3, {0, 1}, {3, 2, 4}, {0, 22.5, 37.7778, 100, 100}},
    {"hand check", 4, 2, {.9f, .8f, .8f, .3f}, {.8f, .2f}, {75, 88.125, 72.5, 75, 50}},
    {"one sample a side", 1, 1, {2}, {1}, {100, 100, 100, 0, 0}},
    {"both zeros are one score", 2, 2, {0.0f, -0.0f}, {-0.0f, 0.0f}, {50, 75, 75, 100, 100}},
    {"far ends of float", 2, 2, {3.4e38f, 1e-44f}, {-3.4e38f, -1e-44f}, {100, 100, 100, 0, 0}},
};

static void check(const metrics *got, const metrics *want)
{
    NEAR(got->auroc, want->auroc);
    NEAR(got->aupr_in, want->aupr_in);
    NEAR(got->aupr_out, want->aupr_out);
    NEAR(got->fpr95, want->fpr95);
    NEAR(got->fpr95_id, want->fpr95_id);
}

static void published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const vector *v = &vectors[i];
        metrics got;
        assert_int_equal(metrics_detect(&got, v->id, v->n, v->ood, v->m), 0);
        check(&got, &v->want);
    }
}

static void ramp(void **state) /* vector C: twenty equal steps, of which ROC keeps only the ends */
{
    (void)state;
    float s[20];
    for (int i = 0; i < 20; i++)
        s[i] = (float)i / 20;
    metrics got, want = {50, 51.25, 51.25, 100, 95};
    assert_int_equal(metrics_detect(&got, s, 20, s, 20), 0);
    check(&got, &want);
}

/* The definitions, quadratic: counts of each side beyond every distinct score. */

typedef struct slow {
    int points, pos[256], neg[256];
} slow;

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static slow curve(const float *pos, int n, const float *neg, int m)
{
    slow c = {0};
    float all[256];
    memcpy(all, pos, (size_t)n * sizeof *all);
    memcpy(all + n, neg, (size_t)m * sizeof *all);
    qsort(all, (size_t)(n + m), sizeof *all, by_size);
    for (int k = n + m - 1; k >= 0; k--) {
        if (k < n + m - 1 && all[k] == all[k + 1])
            continue;
        for (int i = 0; i < n; i++)
            c.pos[c.points] += pos[i] >= all[k];
        for (int i = 0; i < m; i++)
            c.neg[c.points] += neg[i] >= all[k];
        c.points++;
    }
    return c;
}

static double slow_area(const slow *c)
{
    double area = 0, r0 = 0, p0 = 1;
    for (int k = 0; k < c->points; k++) {
        double r = (double)c->pos[k] / c->pos[c->points - 1], p = (double)c->pos[k] / (c->pos[k] + c->neg[k]);
        area += (r - r0) * (p + p0) / 2;
        r0 = r;
        p0 = p;
    }
    return 100 * area;
}

static double slow_fpr(const slow *c, int drop)
{
    int last = c->points - 1;
    for (int k = 0; k <= last; k++) {
        int second = k > 0 && k < last ? abs(c->pos[k + 1] - 2 * c->pos[k] + c->pos[k - 1]) +
                                             abs(c->neg[k + 1] - 2 * c->neg[k] + c->neg[k - 1])
                                       : 1;
        if ((!drop || second) && (double)c->pos[k] / c->pos[last] >= 0.95)
            return 100.0 * c->neg[k] / c->neg[last];
    }
    return -1;
}

static void by_definition(const float *id, int n, const float *ood, int m)
{
    float minus_id[128], minus_ood[128];
    double pairs = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++)
            pairs += id[i] > ood[j] ? 1 : id[i] == ood[j] ? 0.5 : 0;
    for (int i = 0; i < n; i++)
        minus_id[i] = -id[i];
    for (int j = 0; j < m; j++)
        minus_ood[j] = -ood[j];
    slow in = curve(id, n, ood, m), out = curve(minus_ood, m, minus_id, n);
    metrics want = {100 * pairs / n / m, slow_area(&in), slow_area(&out), slow_fpr(&out, 1), slow_fpr(&in, 0)}, got;
    assert_int_equal(metrics_detect(&got, id, n, ood, m), 0);
    check(&got, &want);
}

static void against_definitions(void **state)
{
    (void)state;
    uint32_t seed = 7;
    int compared = 0;
    for (int c = 0; c < 2000; c++) {
        float id[128], ood[128];
        int levels = c % 5 == 0 ? 1000003 : 1 + c % 23; /* few levels: many ties */
        int n = 1 + c % 97, m = 1 + c * 7 % 89;
        for (int i = 0; i < n + m; i++) {
            seed = seed * 1664525u + 1013904223u;
            float s = (float)((seed >> 8) % (uint32_t)levels) - (float)(levels / 2);
            if (i < n)
                id[i] = s * 0.37f;
            else
                ood[i - n] = (s - 1) * 0.37f;
        }
        by_definition(id, n, ood, m);
        compared++;
    }
    assert_int_equal(compared, 2000);
}

static void refused(void **state)
{
    (void)state;
    metrics got;
    const float good[2] = {1, 2}, nan_[2] = {1, NAN}, inf[2] = {-INFINITY, 1};
    assert_int_equal(metrics_detect(&got, good, 2, good, 0), -1);
    assert_non_null(strstr(fault_text(), "2 in-distribution and 0 out"));
    assert_int_equal(metrics_detect(&got, good, 2, nan_, 2), -1);
    assert_non_null(strstr(fault_text(), "score 1 of 2 of the out-of-distribution samples is nan"));
    assert_int_equal(metrics_detect(&got, inf, 2, good, 2), -1);
    assert_non_null(strstr(fault_text(), "score 0 of 2 of the in-distribution samples is -inf"));
}

static void many(void **state) /* enough for every digit of the radix sort to matter */
{
    (void)state;
    enum { N = 100000 };
    float *id = malloc(N * sizeof *id), *ood = malloc(N * sizeof *ood);
    for (int i = 0; i < N; i++) { /* the same two ladders, one a step above the other, shuffled by multiplication */
        int64_t k = (int64_t)i * 7919 % N;
        id[i] = (float)(2 * k + 1) * 1e-3f - 50;
        ood[i] = (float)(2 * k) * 1e-3f - 50;
    }
    metrics got;
    assert_int_equal(metrics_detect(&got, id, N, ood, N), 0);
    assert_true(fabs(got.auroc - 100 * (0.5 + 0.5 / N)) < 1e-9);
    assert_true(fabs(got.fpr95_id - 95) < 0.01);
    free(id);
    free(ood);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published), cmocka_unit_test(ramp), cmocka_unit_test(against_definitions),
        cmocka_unit_test(refused),   cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
