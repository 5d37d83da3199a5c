/* fold.c - sums and maxima, down columns and along rows. Sums go by blocks that
 * depend on the extents alone, a few values in float, then double: accurate,
 * and the same for any number of threads. */
#include "fold.h"

#include <math.h>

#include "lanes.h"
#include "parallel.h"

enum {
    STEP = 16,    /* rows added in float before double takes over */
    STRIP = 1024, /* columns that one piece of work holds in double */
    PIECE = 1 << 15,
    MOST_BLOCKS = 64,
    RUN = STEP * LANES, /* the same along a row */
};

/* --- down columns --- */

/* The array in blocks of rows and strips of columns. Narrow arrays are taken
 * `copies` rows at a time as one wide row, whose column j is column j % cols;
 * the last wide row may be incomplete. */
typedef struct grid {
    const fold_job *job;
    const float *centre; /* as wide as the wide row */
    double *sums;        /* [blocks][2][width] */
    int64_t width, rows, blocks, strips;
} grid;

/* One result of LANES columns (`have` of them are there) over up to STEP rows. */
CPU_INLINE void add_rows(enum fold_kind kind, const float *x, const float *z, const vec *centre, int64_t width,
                         int64_t rows, int64_t have, vec *first, vec *second)
{
    vec s = VEC_ALL(kind == FOLD_MAX ? -INFINITY : 0.0f), t = {0};
    for (int64_t r = 0; r < rows; r++, x += width) {
        vec v, w;
        vec_get(&v, x, have);
        if (kind == FOLD_MAX)
            s = VEC_MAX(s, v);
        if (kind == FOLD_SUM)
            s += v;
        if (kind == FOLD_MOMENTS) {
            v = v - *centre;
            s += v;
            t += v * v;
        }
        if (kind == FOLD_COSTS) {
            vec_get(&w, z, have);
            z += width;
            s += w;
            t += w * (v - *centre);
        }
    }
    *first = s;
    *second = t;
}

/* Adds them to the sums of column j on. */
CPU_INLINE void add_lanes(enum fold_kind kind, const grid *g, double *sums, int64_t r, int64_t rows, int64_t j,
                          int64_t have)
{
    vec centre = {0}, s, t;
    const float *x = g->job->x + r * g->width + j, *z = g->job->z ? g->job->z + r * g->width + j : NULL;
    double *to = sums + j, *also = sums + g->width + j;
    if (kind == FOLD_MOMENTS || kind == FOLD_COSTS)
        vec_get(&centre, g->centre + j, have);
    add_rows(kind, x, z, &centre, g->width, rows, have, &s, &t);
    for (int64_t l = 0; l < have; l++) {
        if (kind == FOLD_MAX)
            to[l] = to[l] >= s[l] || to[l] != to[l] ? to[l] : s[l];
        else
            to[l] += (double)s[l];
        if (kind == FOLD_MOMENTS || kind == FOLD_COSTS)
            also[l] += (double)t[l];
    }
}

/* A strip of one block: columns c .. end of rows first .. last. The constant
 * LANES lets the compiler leave out what only incomplete lanes need. */
CPU_INLINE void add_strip(enum fold_kind kind, const grid *g, double *sums, int64_t c, int64_t end, int64_t first,
                          int64_t last)
{
    for (int64_t r = first; r < last; r += STEP) {
        int64_t rows = last - r < STEP ? last - r : STEP, j = c;
        for (; j + LANES <= end; j += LANES)
            add_lanes(kind, g, sums, r, rows, j, LANES);
        if (j < end)
            add_lanes(kind, g, sums, r, rows, j, end - j);
    }
}

typedef void strip(const grid *g, double *sums, int64_t c, int64_t end, int64_t first, int64_t last);
#define STRIP_OF(name, kind)                                                                                       \
    CPU_CLONES static void name(const grid *g, double *sums, int64_t c, int64_t end, int64_t first, int64_t last)  \
    {                                                                                                              \
        add_strip(kind, g, sums, c, end, first, last);                                                             \
    }
STRIP_OF(strip_sum, FOLD_SUM)
STRIP_OF(strip_max, FOLD_MAX)
STRIP_OF(strip_moments, FOLD_MOMENTS)
STRIP_OF(strip_costs, FOLD_COSTS)

static void run_strips(void *ctx, int64_t first, int64_t last)
{
    static strip *const strips[] = {strip_sum, strip_max, strip_moments, strip_costs};
    const grid *g = ctx;
    strip *run = strips[g->job->kind];
    for (int64_t i = first; i < last; i++) {
        int64_t block = i / g->strips, c = i % g->strips * STRIP, end = c + STRIP < g->width ? c + STRIP : g->width;
        int64_t from = g->rows * block / g->blocks, to = g->rows * (block + 1) / g->blocks;
        double *sums = g->sums + block * 2 * g->width;
        for (int64_t j = c; j < end; j++) {
            sums[j] = g->job->kind == FOLD_MAX ? -INFINITY : 0;
            sums[g->width + j] = 0;
        }
        run(g, sums, c, end, from, to);
        int64_t rest = g->job->rows * g->job->cols - g->rows * g->width;
        if (block == g->blocks - 1 && rest > c)
            run(g, sums, c, rest < end ? rest : end, g->rows, g->rows + 1);
    }
}

/* Adds up blocks and copies, in place at the front. */
static void gather(const grid *g, double *total, int64_t offset)
{
    int64_t cols = g->job->cols;
    for (int64_t block = 0; block < g->blocks; block++)
        for (int64_t j = 0; j < g->width; j++) {
            double *to = total + j % cols, x = g->sums[block * 2 * g->width + offset + j];
            if (block == 0 && j < cols)
                *to = x;
            else if (g->job->kind == FOLD_MAX)
                *to = *to >= x || *to != *to ? *to : x;
            else
                *to += x;
        }
}

void fold_columns(bk *b, const fold_job *job, double **first, double **second)
{
    int64_t copies = job->cols < 64 ? (64 + job->cols - 1) / job->cols : 1;
    grid g = {.job = job, .width = copies * job->cols};
    g.rows = job->rows / copies;
    g.strips = (g.width + STRIP - 1) / STRIP;
    g.blocks = job->rows * job->cols / PIECE;
    g.blocks = g.blocks > g.rows / STEP ? g.rows / STEP : g.blocks;
    g.blocks = g.blocks > MOST_BLOCKS ? MOST_BLOCKS : g.blocks < 1 ? 1 : g.blocks;
    size_t sums = (size_t)(g.blocks * 2 * g.width), results = 2 * (size_t)job->cols;
    *first = cpu_room(b, ROOM_SUMS, (sums + results) * sizeof(double) + (size_t)g.width * sizeof(float));
    *second = *first + job->cols;
    g.sums = *first + results;
    if (job->centre) {
        void *behind = g.sums + sums;
        float *centre = behind;
        for (int64_t j = 0; j < g.width; j++)
            centre[j] = job->centre[j % job->cols];
        g.centre = centre;
    }
    parallel(g.blocks * g.strips, 1, run_strips, &g);
    gather(&g, *first, 0);
    gather(&g, *second, g.width);
}

/* --- along rows --- */

CPU_INLINE double run_sum(const float *x, int64_t n)
{
    double sum = 0;
    if (n < 2 * LANES) {
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i];
        return sum;
    }
    for (int64_t run = 0; run < n; run += RUN) {
        vec s = {0}, v;
        for (int64_t i = run; i < n && i < run + RUN; i += LANES) {
            vec_get(&v, x + i, n - i);
            s += v;
        }
        sum += vec_sum(&s);
    }
    return sum;
}

CPU_INLINE double run_max(const float *x, int64_t n)
{
    vec top = VEC_ALL(*x), v;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec_get(&v, x + i, LANES);
        top = VEC_MAX(top, v);
    }
    double most = (double)vec_max(&top);
    for (; i < n; i++)
        most = x[i] > most || x[i] != x[i] ? x[i] : most;
    return most;
}

typedef struct rows {
    enum bk_fold op;
    float *v;
    const float *a;
    int64_t outer, mid, inner;
} rows;

CPU_CLONES static void fold_rows(void *ctx, int64_t first, int64_t last)
{
    const rows *w = ctx;
    for (int64_t m = first; m < last; m++) {
        double total = w->op == BK_MAX ? -INFINITY : 0;
        for (int64_t o = 0; o < w->outer; o++) {
            const float *run = w->a + (o * w->mid + m) * w->inner;
            double part = w->op == BK_MAX ? run_max(run, w->inner) : run_sum(run, w->inner);
            if (w->op == BK_MAX)
                total = total >= part || total != total ? total : part;
            else
                total += part;
        }
        w->v[m] = (float)total;
    }
}

void cpu_fold(bk *b, enum bk_fold op, real *v, const real *a, int64_t outer, int64_t mid, int64_t inner)
{
    if (op != BK_SUM && op != BK_MAX)
        CPU_DIE(b, "fold: no operation %d", (int)op);
    if (outer <= 0 || mid <= 0 || inner <= 0)
        return;
    if (inner > 1 && mid > 1) {
        parallel(mid, PIECE / (outer * inner) + 1, fold_rows, &(rows){op, v, a, outer, mid, inner});
        return;
    }
    double *total, *unused;
    fold_job job = {.kind = op == BK_MAX ? FOLD_MAX : FOLD_SUM, .x = a, .rows = outer * inner, .cols = mid};
    fold_columns(b, &job, &total, &unused);
    for (int64_t m = 0; m < mid; m++)
        v[m] = (float)total[m];
}
