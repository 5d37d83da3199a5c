/* forces.c - q_ij is w_ij = 1 / (1 + |y_i - y_j|^2) by the sum of all w, so the
 * gradient, 4 sum (p - q) w (y_i - y_j), falls into an attraction that needs p
 * alone and a repulsion that is divided by that sum. Each point's sums are added
 * up in one order and the points' in another: threads change no bit. */
#include "forces.h"
#include "../kernels/cpu/lanes.h"
#include "crew.h"
#include "engine.h"
#include "quadtree.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 64 /* vectors that are added up in float before double takes over */ };
static const double theta = 0.5;
static const float nowhere = 1e18f; /* coordinates behind the last point: their w^2 is zero, their w nearly */

typedef struct pull { /* what reaches one point */
    double attraction[2], repulsion[2];
    double sum;        /* of w, without its own */
    double divergence; /* of p log(p / w) */
} pull;

struct forces {
    const affinity *a;
    int threads;
    const double *at;
    float *x, *y; /* [stride] */
    quadtree *tree;
    pull *pulls;
};

forces *forces_new(const affinity *a, int threads)
{
    forces *f = pool_host(sizeof *f);
    *f = (forces){.a = a, .threads = threads, .pulls = pool_host((size_t)a->n * sizeof *f->pulls)};
    if (a->all) {
        f->x = pool_host((size_t)a->stride * sizeof *f->x);
        f->y = pool_host((size_t)a->stride * sizeof *f->y);
    } else {
        f->tree = quadtree_new(a->n);
    }
    return f;
}

void forces_free(forces *f)
{
    free(f->x);
    free(f->y);
    free(f->pulls);
    quadtree_free(f->tree);
    free(f);
}

/* --- All pairs --- */

/* A block of the row of point i. */
CPU_CLONES static void pull_block(const forces *f, int64_t i, int64_t first, int64_t last, pull *to)
{
    vec ax = {0}, ay = {0}, rx = {0}, ry = {0}, sum = {0};
    const float *p = f->a->all + i * f->a->stride;
    for (int64_t j = first; j < last; j += LANES) {
        vec dx = f->x[i] - VEC_AT(f->x + j), dy = f->y[i] - VEC_AT(f->y + j);
        vec w = 1.0f / (1.0f + dx * dx + dy * dy), pw = VEC_AT(p + j) * w, ww = w * w;
        ax += pw * dx;
        ay += pw * dy;
        rx += ww * dx;
        ry += ww * dy;
        sum += w;
    }
    to->attraction[0] += vec_sum(&ax);
    to->attraction[1] += vec_sum(&ay);
    to->repulsion[0] += vec_sum(&rx);
    to->repulsion[1] += vec_sum(&ry);
    to->sum += vec_sum(&sum);
}

static void pull_all(void *what, int64_t first, int64_t last)
{
    const forces *f = what;
    int64_t n = f->a->stride;
    for (int64_t i = first; i < last; i++) {
        pull to = {.sum = -1};
        for (int64_t j = 0; j < n; j += BLOCK * LANES)
            pull_block(f, i, j, j + BLOCK * LANES < n ? j + BLOCK * LANES : n, &to);
        f->pulls[i] = to;
    }
}

/* --- Partners, and a tree --- */

static void pull_some(void *what, int64_t first, int64_t last)
{
    const forces *f = what;
    for (int64_t row = first; row < last; row++) {
        int32_t i = quadtree_order(f->tree)[row];
        const double *at = f->at + 2 * i;
        pull to = {.sum = -1};
        for (int64_t k = f->a->start[i]; k < f->a->start[i + 1]; k++) {
            const struct partner *j = f->a->some + k;
            double dx = at[0] - f->at[2 * j->to], dy = at[1] - f->at[2 * j->to + 1];
            double pw = (double)j->p / (1 + dx * dx + dy * dy);
            to.attraction[0] += pw * dx;
            to.attraction[1] += pw * dy;
        }
        to.sum += quadtree_repulsion(f->tree, at, theta, to.repulsion);
        f->pulls[i] = to;
    }
}

/* --- Both --- */

/* The points stand at `at` from now on. */
static void place(forces *f, const double *at)
{
    f->at = at;
    if (f->tree)
        quadtree_build(f->tree, at);
    else
        for (int64_t i = 0; i < f->a->stride; i++) {
            f->x[i] = i < f->a->n ? (float)at[2 * i] : nowhere;
            f->y[i] = i < f->a->n ? (float)at[2 * i + 1] : nowhere;
        }
}

static double sum_of_all(const forces *f)
{
    double sum = 0;
    for (int64_t i = 0; i < f->a->n; i++)
        sum += f->pulls[i].sum;
    return fmax(sum, 1e-300);
}

void forces_gradient(forces *f, const double *at, double exaggeration, double *gradient)
{
    place(f, at);
    crew_share(f->threads, f->a->n, f->tree ? pull_some : pull_all, f);
    double sum = sum_of_all(f);
    for (int64_t i = 0; i < 2 * f->a->n; i++) {
        const pull *to = f->pulls + i / 2;
        gradient[i] = 4 * (exaggeration * to->attraction[i % 2] - to->repulsion[i % 2] / sum);
    }
}

static double cost(const forces *f, double p, int64_t i, int64_t j)
{
    double dx = f->at[2 * i] - f->at[2 * j], dy = f->at[2 * i + 1] - f->at[2 * j + 1];
    return p > 0 ? p * log(p * (1 + dx * dx + dy * dy)) : 0;
}

static void add_costs(void *what, int64_t first, int64_t last)
{
    const forces *f = what;
    const affinity *a = f->a;
    for (int64_t i = first; i < last; i++) {
        double sum = 0;
        for (int64_t j = 0; a->all && j < a->n; j++)
            sum += cost(f, (double)a->all[i * a->stride + j], i, j);
        for (int64_t k = a->all ? 0 : a->start[i]; !a->all && k < a->start[i + 1]; k++)
            sum += cost(f, (double)a->some[k].p, i, a->some[k].to);
        f->pulls[i].divergence = sum;
    }
}

double forces_divergence(forces *f, const double *at)
{
    double sum = 0;
    place(f, at);
    crew_share(f->threads, f->a->n, f->tree ? pull_some : pull_all, f);
    crew_share(f->threads, f->a->n, add_costs, f);
    for (int64_t i = 0; i < f->a->n; i++)
        sum += f->pulls[i].divergence;
    return sum + log(sum_of_all(f));
}
