/* affinity.c - distances row by row, a bisection for each row's width, and the
 * mean of p_ij and p_ji. A row's sums are added up in one order, whoever does it. */
#include "affinity.h"
#include "../kernels/cpu/lanes.h"
#include "crew.h"
#include "engine.h"

#include <math.h>
#include <stdlib.h>

enum { STEPS = 100, BLOCK = 64 /* vectors that are added up in float before double takes over */ };
static const double close_enough = 1e-5; /* bits of entropy */
static const double narrowest = 1e30;
static const float far_away = 1e30f; /* the squared distance of what is no neighbour */

typedef struct job {
    affinity *a;
    const float *x;       /* [d][stride], of a total variance of one */
    int64_t d, k;         /* k: neighbours kept */
    double entropy;       /* log2(perplexity) */
    struct partner *near; /* [n][k]: p_j|i */
    double *off;          /* [n]: how far the entropy is from what it should be; -1: crowded */
} job;

/* --- Distances --- */

/* Squared distances of all points to number i; its own is far away, as is what
 * lies behind the last. */
CPU_CLONES static void row_of(float *out, const job *j, int64_t i)
{
    int64_t stride = j->a->stride;
    for (int64_t at = 0; at < stride; at += LANES) {
        vec sum = {0};
        for (int64_t k = 0; k < j->d; k++) {
            vec t = VEC_AT(j->x + k * stride + at) - j->x[k * stride + i];
            sum += t * t;
        }
        *(vec *)(out + at) = sum;
    }
    for (int64_t at = j->a->n; at < stride; at++)
        out[at] = far_away;
    out[i] = far_away;
}

/* The k nearest, the smallest number among equals, in a heap whose top is the farthest. */
static void sink(struct partner *heap, int64_t k, struct partner p)
{
    int64_t at = 0, down;
    for (; (down = 2 * at + 1) < k; at = down) {
        if (down + 1 < k && heap[down + 1].p > heap[down].p)
            down++;
        if (heap[down].p <= p.p)
            break;
        heap[at] = heap[down];
    }
    heap[at] = p;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = ((const struct partner *)a)->to, y = ((const struct partner *)b)->to;
    return (x > y) - (x < y);
}

static void nearest(struct partner *out, int64_t k, const float *row, int64_t n)
{
    for (int64_t i = 0; i < k; i++)
        out[i] = (struct partner){-1, far_away};
    for (int64_t i = 0; i < n; i++)
        if (row[i] < out[0].p)
            sink(out, k, (struct partner){(int32_t)i, row[i]});
    qsort(out, (size_t)k, sizeof *out, by_number);
}

/* --- Widths --- */

typedef struct weights {
    double sum, moment; /* of e, and of distance * e */
} weights;

/* e = exp(-beta d) of m distances. */
CPU_CLONES static void weigh(weights *w, float *e, const float *d, int64_t m, float beta)
{
    *w = (weights){0};
    for (int64_t first = 0; first < m; first += BLOCK * LANES) {
        vec sum = {0}, moment = {0};
        for (int64_t at = first; at < m && at < first + BLOCK * LANES; at += LANES) {
            vec x = VEC_AT(d + at) * -beta, y = x;
            vec_exp(&y);
            y = VEC_PICK(x < -87.0f, VEC_ALL(0.0f), y);
            sum += y;
            moment += y * VEC_AT(d + at);
            *(vec *)(e + at) = y;
        }
        w->sum += vec_sum(&sum);
        w->moment += vec_sum(&moment);
    }
}

/* The distances d become p_j|i, in e. How far from the entropy wanted that ends,
 * or -1 where no width is narrow enough. */
static double settle(float *e, float *d, int64_t m, double entropy)
{
    double low = 0, high = INFINITY, beta = 1, off = INFINITY;
    weights w;
    float least = far_away;
    for (int64_t j = 0; j < m; j++)
        least = d[j] < least ? d[j] : least;
    for (int64_t j = 0; j < m; j++)
        d[j] = d[j] < far_away ? d[j] - least : far_away;
    for (int i = 0; i < STEPS; i++) {
        weigh(&w, e, d, m, (float)beta);
        off = (log(w.sum) + beta * w.moment / w.sum) / M_LN2 - entropy;
        if (fabs(off) <= close_enough)
            break;
        *(off > 0 ? &low : &high) = beta;
        beta = high == INFINITY ? beta * 4 : low == 0 ? beta / 4 : sqrt(low * high);
        if (beta > narrowest)
            break;
    }
    for (int64_t j = 0; j < m; j++)
        e[j] = (float)((double)e[j] / w.sum);
    return fabs(off) <= close_enough ? fabs(off) : -1;
}

static void all_pairs(void *what, int64_t first, int64_t last)
{
    const job *j = what;
    float *row = pool_host((size_t)j->a->stride * sizeof *row);
    for (int64_t i = first; i < last; i++) {
        row_of(row, j, i);
        j->off[i] = settle(j->a->all + i * j->a->stride, row, j->a->stride, j->entropy);
    }
    free(row);
}

static void near_pairs(void *what, int64_t first, int64_t last)
{
    const job *j = what;
    int64_t m = (j->k + LANES - 1) / LANES * LANES;
    float *row = pool_host((size_t)(j->a->stride + 2 * m) * sizeof *row);
    float *d = row + j->a->stride, *e = d + m;
    for (int64_t i = first; i < last; i++) {
        struct partner *near = j->near + i * j->k;
        row_of(row, j, i);
        nearest(near, j->k, row, j->a->n);
        for (int64_t k = 0; k < m; k++)
            d[k] = k < j->k ? near[k].p : far_away;
        j->off[i] = settle(e, d, m, j->entropy);
        for (int64_t k = 0; k < j->k; k++)
            near[k].p = e[k];
    }
    free(row);
}

/* --- Both ways --- */

static void mean_of_both(void *what, int64_t first, int64_t last)
{
    affinity *a = ((const job *)what)->a;
    float share = (float)(0.5 / (double)a->n);
    for (int64_t i = first; i < last; i++)
        for (int64_t j = i + 1; j < a->n; j++) {
            float *p = a->all + i * a->stride + j, *q = a->all + j * a->stride + i;
            *p = *q = (*p + *q) * share;
        }
}

/* A row that holds its own choices and those of whom it was chosen by: twice the
 * same partner becomes one. */
static int64_t merge(struct partner *row, int64_t n)
{
    int64_t kept = 0;
    qsort(row, (size_t)n, sizeof *row, by_number);
    for (int64_t k = 0; k < n; k++)
        if (kept && row[kept - 1].to == row[k].to)
            row[kept - 1].p += row[k].p;
        else
            row[kept++] = row[k];
    return kept;
}

static void join(affinity *a, const struct partner *near, int64_t k)
{
    float share = (float)(0.5 / (double)a->n);
    int64_t kept = 0, *at = pool_host((size_t)(a->n + 1) * sizeof *at);
    a->start = pool_host((size_t)(a->n + 1) * sizeof *a->start);
    a->some = pool_host((size_t)(2 * a->n * k) * sizeof *a->some);
    for (int64_t i = 0; i < a->n * k; i++)
        at[near[i].to + 1]++;
    for (int64_t i = 0; i < a->n; i++)
        at[i + 1] += at[i] + k;
    for (int64_t i = 0; i < a->n; i++)
        a->start[i] = at[i];
    for (int64_t i = 0; i < a->n * k; i++) {
        a->some[at[i / k]++] = (struct partner){near[i].to, near[i].p * share};
        a->some[at[near[i].to]++] = (struct partner){(int32_t)(i / k), near[i].p * share};
    }
    for (int64_t i = 0; i < a->n; i++) {
        int64_t first = a->start[i], n = merge(a->some + first, at[i] - first);
        memmove(a->some + kept, a->some + first, (size_t)n * sizeof *a->some);
        a->start[i] = kept;
        kept += n;
    }
    a->start[a->n] = kept;
    free(at);
}

/* As floats of a total variance of one: t-SNE knows no unit. */
static float *scaled(const double *x, int64_t n, int64_t d, int64_t stride)
{
    float *y = pool_host((size_t)(d * stride) * sizeof *y);
    double square = 0;
    for (int64_t i = 0; i < d * n; i++)
        square += x[i] * x[i] / (double)n;
    for (int64_t k = 0; k < d; k++)
        for (int64_t i = 0; i < n; i++)
            y[k * stride + i] = (float)(x[k * n + i] / sqrt(square));
    return y;
}

static void judge(affinity *a, const double *off)
{
    for (int64_t i = 0; i < a->n; i++) {
        a->crowded += off[i] < 0;
        a->worst = fmax(a->worst, off[i]);
    }
}

void affinity_of(affinity *a, const double *x, int64_t n, int64_t d, double perplexity, int every, int threads)
{
    *a = (affinity){.n = n, .stride = (n + LANES - 1) / LANES * LANES};
    float *y = scaled(x, n, d, a->stride);
    job j = {.a = a, .x = y, .d = d, .entropy = log2(perplexity), .off = pool_host((size_t)n * sizeof *j.off)};
    if (every) {
        a->all = pool_host((size_t)(n * a->stride) * sizeof *a->all);
        crew_share(threads, n, all_pairs, &j);
        crew_share(threads, n, mean_of_both, &j);
    } else {
        j.k = (int64_t)(3 * perplexity);
        j.near = pool_host((size_t)(n * j.k) * sizeof *j.near);
        crew_share(threads, n, near_pairs, &j);
        join(a, j.near, j.k);
    }
    judge(a, j.off);
    free(j.near);
    free(j.off);
    free(y);
}

void affinity_free(affinity *a)
{
    free(a->all);
    free(a->start);
    free(a->some);
    *a = (affinity){0};
}
