/* gap.c - all distances between two samples, row by row, in double. */
#include "gap.h"
#include "crew.h"
#include "engine.h"

#include <math.h>
#include <stdlib.h>

typedef struct pairs {
    const float *x, *y;
    int64_t m, d;
    double *sums; /* [n]: of the distances from a row of x */
} pairs;

static double distance(const float *x, const float *y, int64_t d)
{
    double square = 0;
    for (int64_t k = 0; k < d; k++)
        square += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
    return sqrt(square);
}

static void add_rows(void *what, int64_t first, int64_t last)
{
    const pairs *p = what;
    for (int64_t i = first; i < last; i++)
        for (int64_t j = 0; j < p->m; j++)
            p->sums[i] += distance(p->x + i * p->d, p->y + j * p->d, p->d);
}

static double mean_distance(const float *x, int64_t n, const float *y, int64_t m, int64_t d, int threads)
{
    pairs p = {x, y, m, d, pool_host((size_t)n * sizeof *p.sums)};
    double sum = 0;
    crew_share(threads, n, add_rows, &p);
    for (int64_t i = 0; i < n; i++)
        sum += p.sums[i];
    free(p.sums);
    return sum / (double)n / (double)m;
}

static double centroid(const float *x, int64_t n, const float *y, int64_t m, int64_t d)
{
    double square = 0;
    for (int64_t k = 0; k < d; k++) {
        double a = 0, b = 0;
        for (int64_t i = 0; i < n; i++)
            a += (double)x[i * d + k];
        for (int64_t i = 0; i < m; i++)
            b += (double)y[i * d + k];
        square += (a / (double)n - b / (double)m) * (a / (double)n - b / (double)m);
    }
    return sqrt(square);
}

gap gap_between(const float *x, int64_t n, const float *y, int64_t m, int64_t d, int threads)
{
    double between = mean_distance(x, n, y, m, d, threads);
    gap g = {.centroid = centroid(x, n, y, m, d), .within = mean_distance(x, n, x, n, d, threads)};
    g.energy = fmax(2 * between - g.within - mean_distance(y, m, y, m, d, threads), 0);
    g.share = between > 0 ? g.energy / (2 * between) : 0;
    return g;
}
