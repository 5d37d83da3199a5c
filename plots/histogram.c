/* histogram.c - how the scores of every set are spread: densities over bins that the sets
 * of a panel share, with the threshold that accepts 95 % of the ID test set. */
#include "../harness/text.h"
#include "kept.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct bins {
    int n;
    double low, width;
    double threshold; /* 95 % of the ID scores are at or above it */
} bins;

/* Linear between the sorted scores, as numpy's quantile. */
static double quantile(const float *sorted, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at, next = i + 1 < n ? i + 1 : i;
    return sorted[i] + (at - (double)i) * ((double)sorted[next] - sorted[i]);
}

/* Between the 0.1 and 99.9 percentiles of all scores of the panel. */
static int choose(bins *b, const verdict *v)
{
    int64_t n = 0;
    for (int i = 0; i < v->n; i++)
        n += v->sets[i].n;
    float *all = text_more(NULL, (size_t)n * sizeof *all);
    n = 0;
    for (int i = 0; i < v->n; i++) {
        memcpy(all + n, v->sets[i].scores, (size_t)v->sets[i].n * sizeof *all);
        n += v->sets[i].n;
    }
    kept_sort(all, n);
    b->low = quantile(all, n, 0.001);
    b->width = (quantile(all, n, 0.999) - b->low) / b->n;
    memcpy(all, v->sets[0].scores, (size_t)v->sets[0].n * sizeof *all);
    kept_sort(all, v->sets[0].n);
    b->threshold = quantile(all, v->sets[0].n, 0.05);
    free(all);
    return b->width > 0
               ? 0
               : fault("plot histogram: %s: all scores are %g: there is nothing to tell apart", v->label, b->low);
}

/* Densities: their sum times the width is 1. What lies outside goes to the end bins. */
static void fill(double *density, const bins *b, const kept_set *s)
{
    memset(density, 0, (size_t)b->n * sizeof *density);
    for (int64_t i = 0; i < s->n; i++) {
        double at = floor((s->scores[i] - b->low) / b->width);
        density[at < 0 ? 0 : at >= b->n ? b->n - 1 : (int)at] += 1 / ((double)s->n * b->width);
    }
}

static void moments(const kept_set *s, double *mean, double *std)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < s->n; i++)
        sum += s->scores[i];
    *mean = sum / (double)s->n;
    for (int64_t i = 0; i < s->n; i++)
        squares += (s->scores[i] - *mean) * (s->scores[i] - *mean);
    *std = sqrt(squares / (double)s->n);
}

static void put_set(figure_data *out, const verdict *v, const bins *b, const kept_set *s, const double *id)
{
    double *density = text_more(NULL, (size_t)b->n * sizeof *density), mean, std, overlap = 0;
    fill(density, b, s);
    for (int i = 0; i < b->n; i++) {
        data_text(out, v->label);
        data_text(out, s->name);
        data_text(out, s->group);
        data_number(out, b->low + i * b->width);
        data_number(out, b->low + (i + 1) * b->width);
        data_number(out, density[i]);
        data_number(out, b->threshold);
        overlap += fmin(density[i], id[i]) * b->width;
    }
    moments(s, &mean, &std);
    data_note(out, "%s, %s: mean %.4g, deviation %.4g, overlap with %s %.3f", v->label, s->name, mean, std,
              v->sets[0].name, overlap);
    free(density);
}

static int put_verdict(figure_data *out, const verdict *v, int n)
{
    bins b = {.n = n};
    if (choose(&b, v) != 0)
        return -1;
    double *id = text_more(NULL, (size_t)n * sizeof *id);
    fill(id, &b, &v->sets[0]);
    for (int i = 0; i < v->n; i++)
        put_set(out, v, &b, &v->sets[i], id);
    free(id);
    return 0;
}

static int data(const figure_input *in, figure_data *out)
{
    kept k;
    double n;
    if (figure_number(in, "bins", &n, 5, 1000) != 0 || kept_make(&k, in) != 0)
        return -1;
    int rc = kept_readable(in, k.n, k.at[0].n);
    for (int i = 0; i < k.n && rc == 0; i++)
        rc = put_verdict(out, &k.at[i], (int)n);
    kept_free(&k);
    return rc;
}

static const figure_option options[] = {
    KEPT_OPTIONS,
    {"bins", "100", NULL, "between the 0.1 and 99.9 percentiles of all scores"},
    {0},
};

static const figure histogram = {
    .name = "histogram",
    .help = "how the scores of ID, shifted and OOD sets are spread, and the 95 % threshold",
    .columns = "panel set group low high density threshold",
    .numbers = "low high density threshold",
    .varies = "density",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(histogram);
