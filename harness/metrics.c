/* metrics.c - detection metrics by sorting each side once and merging. Counts
 * are exact integers; only the last divisions and the trapezoids round. */
#include "metrics.h"
#include "fault.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Scores as unsigned integers of the same order; both zeros are one score. */
static int to_keys(uint32_t *key, const float *score, int64_t n, const char *side)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(score[i]))
            return fault("score %lld of %lld of the %s samples is %g: metrics need finite scores", (long long)i,
                         (long long)n, side, (double)score[i]);
        float s = score[i] + 0.0f; /* -0 becomes +0 */
        uint32_t bits;
        memcpy(&bits, &s, sizeof bits);
        key[i] = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    }
    return 0;
}

/* Ascending; three passes over eleven bits each, so the result ends in `spare`
 * and is copied back. */
static void sort_keys(uint32_t *key, uint32_t *spare, int64_t n)
{
    enum { BITS = 11, BINS = 1 << BITS, PASSES = 3 };
    static _Thread_local uint32_t at[PASSES][BINS];
    memset(at, 0, sizeof at);
    for (int64_t i = 0; i < n; i++)
        for (int p = 0; p < PASSES; p++)
            at[p][key[i] >> (BITS * p) & (BINS - 1)]++;
    uint32_t *from = key, *to = spare;
    for (int p = 0; p < PASSES; p++) {
        uint32_t sum = 0;
        for (int b = 0; b < BINS; b++) {
            uint32_t count = at[p][b];
            at[p][b] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; i++)
            to[at[p][from[i] >> (BITS * p) & (BINS - 1)]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != key)
        memcpy(key, from, (size_t)n * sizeof *key);
}

/* The curve: for each distinct score, upwards, how many samples of each side
 * lie at or below it. Both sides end with a sentinel above every score. */
typedef struct point {
    uint32_t id, ood;
} point;

/* Without a branch on the scores: they come in no order that could be guessed. */
static int64_t merge(point *curve, const uint32_t *id, int64_t n, const uint32_t *ood, int64_t m)
{
    int64_t i = 0, j = 0, k = -1;
    uint32_t last = UINT32_MAX;
    while (i + j < n + m) {
        int from_id = id[i] <= ood[j];
        uint32_t score = from_id ? id[i] : ood[j];
        i += from_id;
        j += !from_id;
        k += score != last;
        curve[k] = (point){(uint32_t)i, (uint32_t)j};
        last = score;
    }
    return k + 1;
}

/* Seen from above, with the other side positive: samples at or above each distinct score, downwards. */
static void turn(point *from_above, const point *curve, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        point below = k + 1 < n ? curve[n - 2 - k] : (point){0, 0};
        from_above[k] = (point){curve[n - 1].ood - below.ood, curve[n - 1].id - below.id};
    }
}

/* From here on `ood` counts the positives and `id` the negatives of a curve of n points. */

/* Trapezoids under precision over recall, from (0,1), which scikit-learn adds. */
static double pr_area(const point *c, int64_t n)
{
    double area = 0, recall = 0, precision = 1;
    for (int64_t k = 0; k < n; k++) {
        double r = (double)c[k].ood / (double)c[n - 1].ood;
        double p = (double)c[k].ood / ((double)c[k].ood + (double)c[k].id);
        area += (r - recall) * (p + precision) / 2;
        recall = r;
        precision = p;
    }
    return area;
}

/* Pairs in the right order, ties half. */
static double roc_area(const point *c, int64_t n)
{
    double twice = 0; /* an integer: exact below 2^53 */
    point last = {0, 0};
    for (int64_t k = 0; k < n; last = c[k++])
        twice += (double)(c[k].id - last.id) * ((double)c[k].ood + (double)last.ood);
    return twice / (2.0 * (double)c[n - 1].ood * (double)c[n - 1].id);
}

/* roc_curve(drop_intermediate=True) keeps the ends and the points where either count changes its step. */
static int kept(const point *c, int64_t n, int64_t k)
{
    return k == 0 || k == n - 1 || c[k + 1].id - c[k].id != c[k].id - c[k - 1].id ||
           c[k + 1].ood - c[k].ood != c[k].ood - c[k - 1].ood;
}

/* The share of negatives caught by the first (kept) point that catches 95 % of the positives. */
static double fpr95(const point *c, int64_t n, int drop)
{
    int64_t k = 0;
    while ((double)c[k].ood / (double)c[n - 1].ood < 0.95 || (drop && !kept(c, n, k)))
        k++;
    return (double)c[k].id / (double)c[n - 1].id;
}

int metrics_detect(metrics *out, const float *id, int64_t n, const float *ood, int64_t m)
{
    if (n < 1 || m < 1 || n >= UINT32_MAX || m >= UINT32_MAX)
        return fault("metrics need samples on both sides, found %lld in-distribution and %lld out", (long long)n,
                     (long long)m);
    int64_t both = n + m;
    uint32_t *a = text_more(NULL, (size_t)(both + 2) * sizeof *a), *b = a + n + 1;
    point *curve = text_more(NULL, 2 * (size_t)both * sizeof *curve), *from_above = curve + both;
    int rc = to_keys(a, id, n, "in-distribution");
    if (rc == 0)
        rc = to_keys(b, ood, m, "out-of-distribution");
    if (rc == 0) {
        sort_keys(a, (uint32_t *)curve, n);
        sort_keys(b, (uint32_t *)curve, m);
        a[n] = b[m] = UINT32_MAX;
        int64_t points = merge(curve, a, n, b, m);
        turn(from_above, curve, points);
        out->auroc = 100 * roc_area(curve, points);
        out->aupr_in = 100 * pr_area(from_above, points);
        out->aupr_out = 100 * pr_area(curve, points);
        out->fpr95 = 100 * fpr95(curve, points, 1);
        out->fpr95_id = 100 * fpr95(from_above, points, 0);
    }
    free(curve);
    free(a);
    return rc;
}
