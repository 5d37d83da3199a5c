/* leading.c - the leading singular vector of each of many small matrices: on
 * the host, in double, through the smaller of a matrix's two Gram matrices. */
#define TX_PLAIN
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { TILE = 4, STEPS = 200 };
static const double still = 1e-10; /* the power method has arrived: no coordinate moves by more */

/* One matrix of r x c, seen from its smaller side. */
typedef struct sides {
    int64_t small, large, stride; /* stride: `small` rounded up to tiles */
    double *a;                    /* [large][stride], zeros behind `small` */
    double *gram;                 /* [stride][stride] */
    double *v, *next;             /* [stride] */
    bool rows;                    /* the smaller side is that of the rows */
} sides;

static sides sides_of(int64_t r, int64_t c)
{
    sides s = {.small = r < c ? r : c, .large = r < c ? c : r, .rows = r < c};
    s.stride = (s.small + TILE - 1) / TILE * TILE;
    s.a = pool_host((size_t)(s.large * s.stride) * sizeof *s.a);
    s.gram = pool_host((size_t)(s.stride * s.stride) * sizeof *s.gram);
    s.v = pool_host((size_t)s.stride * sizeof *s.v);
    s.next = pool_host((size_t)s.stride * sizeof *s.next);
    return s;
}

static void free_sides(sides *s)
{
    free(s->a);
    free(s->gram);
    free(s->v);
    free(s->next);
}

static void load(sides *s, const real *x)
{
    for (int64_t i = 0; i < s->large; i++)
        for (int64_t j = 0; j < s->small; j++)
            s->a[i * s->stride + j] = (double)(s->rows ? x[j * s->large + i] : x[i * s->small + j]);
}

/* A tile of a'a, kept in registers. */
static void multiply_tile(const sides *s, int64_t i, int64_t j)
{
    double sum[TILE][TILE] = {{0}};
    for (int64_t k = 0; k < s->large; k++) {
        const double *p = s->a + k * s->stride + i, *q = s->a + k * s->stride + j;
        for (int u = 0; u < TILE; u++)
            for (int v = 0; v < TILE; v++)
                sum[u][v] += p[u] * q[v];
    }
    for (int u = 0; u < TILE; u++)
        for (int v = 0; v < TILE; v++)
            s->gram[(i + u) * s->stride + j + v] = s->gram[(j + v) * s->stride + i + u] = sum[u][v];
}

/* v becomes gram v, to length 1. How far the farthest coordinate moved; a gram of zeros leaves zeros. */
static double step_on(const sides *s)
{
    double length = 0, moved = 0;
    memset(s->next, 0, (size_t)s->stride * sizeof *s->next);
    for (int64_t i = 0; i < s->small; i++)
        for (int64_t j = 0; j < s->stride; j++)
            s->next[j] += s->v[i] * s->gram[i * s->stride + j];
    for (int64_t j = 0; j < s->small; j++)
        length += s->next[j] * s->next[j];
    length = sqrt(length);
    for (int64_t j = 0; j < s->small; j++) {
        s->next[j] /= length == 0 ? 1 : length;
        moved = fmax(moved, fabs(s->next[j] - s->v[j]));
    }
    memcpy(s->v, s->next, (size_t)s->stride * sizeof *s->v);
    return isfinite(length) ? moved : NAN;
}

/* For two eigenvalues that lie close. */
static void decompose(const sides *s)
{
    lapack_int n = (lapack_int)s->small, found, kept[2];
    double value, *vector = s->next;
    if (LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'U', n, s->gram, (lapack_int)s->stride, 0, 0, n, n, 0, &found,
                       &value, vector, n, kept) == 0)
        memcpy(s->v, vector, (size_t)n * sizeof *vector);
}

/* v: the leading eigenvector of the gram. It starts where no direction that
 * anyone would construct is at right angles to it. */
static void lead(const sides *s)
{
    double moved = 1;
    for (int64_t i = 0; i < s->small; i++)
        s->v[i] = 1 + 0.5 * fmod((double)i * 0.6180339887498949, 1);
    for (int i = 0; i < STEPS && moved > still; i++)
        moved = step_on(s);
    if (moved > still)
        decompose(s);
}

/* The same direction on the side of the rows; zeros for a matrix of zeros. */
static void put_rows(const sides *s, real *out)
{
    double length = 0;
    if (s->rows) {
        for (int64_t i = 0; i < s->small; i++)
            out[i] = (real)s->v[i];
        return;
    }
    double *u = pool_host((size_t)s->large * sizeof *u);
    for (int64_t i = 0; i < s->large; i++) {
        for (int64_t j = 0; j < s->small; j++)
            u[i] += s->a[i * s->stride + j] * s->v[j];
        length += u[i] * u[i];
    }
    for (int64_t i = 0; i < s->large; i++)
        out[i] = (real)(length > 0 ? u[i] / sqrt(length) : length);
    free(u);
}

tensor *tx_leading(tensor *x)
{
    if (x->d.n != 3 || x->integer || x->count == 0)
        tx_die("tx_leading", "%s, [n,rows,cols] is expected", tx_text(x));
    int64_t n = x->d.d[0], r = x->d.d[1], c = x->d.d[2];
    real *host = pool_host((size_t)x->count * sizeof *host), *out = pool_host((size_t)(n * r) * sizeof *out);
    sides s = sides_of(r, c);
    tx_read(x, host);
    for (int64_t k = 0; k < n; k++) {
        load(&s, host + k * r * c);
        for (int64_t i = 0; i < s.stride; i += TILE)
            for (int64_t j = i; j < s.stride; j += TILE)
                multiply_tile(&s, i, j);
        lead(&s);
        put_rows(&s, out + k * r);
    }
    tensor *y = tx_from(DIMS(n, r), out);
    free_sides(&s);
    free(host);
    free(out);
    return y;
}
