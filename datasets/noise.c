/* noise.c - what sensors add: every value by itself, draw number i for value i. */
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"
#include "filters.h"

#include <stdlib.h>

void corrupt_gaussian_noise(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double table[2][5] = {{.04, .06, .08, .09, .10}, {.08, .12, .18, .26, .38}};
    double sigma = table[corrupt_scale(side)][severity - 1], *x = unit_image(in, side);
    int64_t n = (int64_t)side * side * 3;
    for (int64_t i = 0; i < n; i++)
        x[i] += sigma * random_normal(seed, (uint64_t)i);
    bytes_from_unit(out, x, n);
    free(x);
}

void corrupt_speckle_noise(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double table[2][5] = {{.06, .1, .12, .16, .2}, {.15, .2, .35, .45, .6}};
    double sigma = table[corrupt_scale(side)][severity - 1], *x = unit_image(in, side);
    int64_t n = (int64_t)side * side * 3;
    for (int64_t i = 0; i < n; i++)
        x[i] += x[i] * (sigma * random_normal(seed, (uint64_t)i));
    bytes_from_unit(out, x, n);
    free(x);
}

void corrupt_impulse_noise(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double table[2][5] = {{.01, .02, .03, .05, .07}, {.03, .06, .09, .17, .27}};
    double amount = table[corrupt_scale(side)][severity - 1];
    for (int64_t i = 0; i < (int64_t)side * side * 3; i++) {
        uint64_t draw = 2 * (uint64_t)i;
        int hit = random_uniform(seed, draw) < amount;
        out[i] = !hit ? in[i] : random_below(seed, draw + 1, 2) ? 255 : 0;
    }
}

/* Counts of photons. An image has at most 256 levels, so the distribution of each
 * is tabulated once and its values look themselves up. */

enum { LEVELS = 256, COUNTS = 1024 }; /* a mean of 500 is below 1024 by 23 deviations */

/* P(X <= k) for k = 0 .. as many as returned less one, where all but 1e-18 is in. */
static int poisson_table(double cumulative[COUNTS], double mean)
{
    double p = exact_exp(-mean), sum = 0;
    int k = 0;
    for (; k < COUNTS && (k <= mean || p > 1e-18); k++) {
        cumulative[k] = sum += p;
        p *= mean / (k + 1);
    }
    return k;
}

/* The least k with u < cumulative[k], or the last one. */
static int poisson_find(const double *cumulative, int n, double u)
{
    int lo = 0, hi = n - 1;
    while (lo < hi) {
        int middle = (lo + hi) / 2;
        if (u < cumulative[middle])
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

/* Positions of values 0, then of values 1, ...; those of v end before end[v]. */
static int64_t *by_level(int64_t end[LEVELS], const uint8_t *in, int64_t n)
{
    int64_t *order = text_more(NULL, (size_t)n * sizeof *order), next[LEVELS] = {0};
    for (int64_t i = 0; i < n; i++)
        next[in[i]]++;
    for (int64_t v = 0, before = 0; v < LEVELS; v++) {
        end[v] = before + next[v];
        next[v] = before;
        before = end[v];
    }
    for (int64_t i = 0; i < n; i++)
        order[next[in[i]]++] = i;
    return order;
}

void corrupt_shot_noise(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double table[2][5] = {{500, 250, 100, 75, 50}, {60, 25, 12, 5, 3}};
    double photons = table[corrupt_scale(side)][severity - 1], cumulative[COUNTS];
    int64_t end[LEVELS], *order = by_level(end, in, (int64_t)side * side * 3);
    for (int64_t v = 0, i = 0; v < LEVELS; v++) {
        int n = i < end[v] ? poisson_table(cumulative, (double)v / 255.0 * photons) : 0;
        for (; i < end[v]; i++) {
            double u = (double)(random_bits(seed, (uint64_t)order[i]) >> 11) * 0x1p-53;
            double x = poisson_find(cumulative, n, u) / photons;
            bytes_from_unit(out + order[i], &x, 1);
        }
    }
    free(order);
}
