/* judge.h - a list of layers executed one by one, forth and back, with ref's
 * entries: what plans are held to. */
#ifndef JUDGE_H
#define JUDGE_H

#include "backends.h"
#include "patterns.h"

#include <math.h>

static device ref;

static real *reals(int64_t n)
{
    real *x = malloc((size_t)(n + 1) * sizeof *x);
    if (!x)
        abort();
    return x;
}

static int64_t pixels(const bk_window *g, int64_t n)
{
    return n * g->p * g->q;
}

static int64_t size_of(const pattern *p, int layer, int64_t n)
{
    bk_window g = extents(p, layer);
    return pixels(&g, n) * g.k;
}

typedef struct trace {
    const pattern *p;
    int64_t n;
    int train;
    int narrow; /* every result and gradient is rounded to bfloat16: what that alone costs */
    const real *w, *x;
    real *stats; /* train: written */
    real *out[LAYERS], *grad[LAYERS + 1];
    int32_t *at[LAYERS]; /* winners of max-pooling */
    double margin;       /* the least distance of a ReLU's input from zero */
} trace;

static const real *result(const trace *t, int layer)
{
    return layer < 0 ? t->x : t->out[layer];
}

/* To bfloat16, nearest, ties to even. */
static void round_off(real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
        memcpy(&x[i], &u, sizeof u);
    }
}

/* up: each pixel of the small image y to its place in x; else from x to y. */
static void widen_pixels(const bk_window *g, int64_t n, real *y, real *x, int up)
{
    int64_t lead = (g->k - g->c) / 2;
    for (int64_t i = 0; i < pixels(g, n); i++) {
        int64_t image = i / (g->p * g->q), row = i / g->q % g->p, col = i % g->q;
        real *from = x + ((image * g->h + row * g->stride) * g->w + col * g->stride) * g->c;
        real *to = y + i * g->k + lead;
        memcpy(up ? from : to, up ? to : from, (size_t)g->c * sizeof(real));
    }
}

static void judge_norm(trace *t, const bk_layer *l, real *y, const real *x)
{
    int64_t rows = pixels(&l->g, t->n), k = l->g.k;
    real *stats = t->stats + l->stat;
    if (t->train) {
        ref.f->bn(ref.b, y, stats, stats + k, x, t->w + l->weight, t->w + l->bias, rows, k, l->eps);
        return;
    }
    for (int64_t i = 0; i < rows * k; i++) {
        int64_t c = i % k;
        double r = t->w[l->weight + c] / sqrt((double)stats[k + c] + l->eps);
        y[i] = (real)((x[i] - stats[c]) * r + t->w[l->bias + c]);
    }
}

static void judge_layer(trace *t, int i)
{
    const bk_layer *l = &t->p->layer[i];
    bk_window g = l->g;
    int64_t size = size_of(t->p, i, t->n), rows = pixels(&g, t->n);
    const real *a = result(t, l->a), *b = l->b < -1 ? NULL : result(t, l->b);
    real *y = t->out[i] = reals(size);
    g.n = t->n;
    switch (l->kind) {
    case BK_CONV:
        ref.f->conv_y(ref.b, &g, y, a, t->w + l->weight);
        break;
    case BK_NORM:
        judge_norm(t, l, y, a);
        break;
    case BK_RELU:
        ref.f->within(ref.b, y, a, a, size, 0, (real)1e30);
        for (int64_t j = 0; j < size; j++)
            t->margin = fabs((double)a[j]) < t->margin ? fabs((double)a[j]) : t->margin;
        break;
    case BK_PLUS:
        ref.f->zip(ref.b, BK_ADD, y, a, b, 1, size, 1);
        break;
    case BK_JOIN:
        ref.f->copy_cols(ref.b, y, g.k, 0, a, g.c, 0, rows, g.c);
        ref.f->copy_cols(ref.b, y, g.k, g.c, b, g.k - g.c, 0, rows, g.k - g.c);
        break;
    case BK_POOL_MAX:
        t->at[i] = malloc((size_t)size * sizeof *t->at[i]);
        ref.f->pool_max(ref.b, &g, y, t->at[i], a);
        break;
    case BK_POOL_AVG:
        ref.f->pool_avg(ref.b, &g, y, a);
        break;
    case BK_WIDEN:
        memset(y, 0, (size_t)size * sizeof *y);
        widen_pixels(&g, t->n, y, (real *)(uintptr_t)a, 0);
        break;
    }
    if (t->narrow)
        round_off(y, size);
}

static void judge(trace *t)
{
    t->margin = HUGE_VAL;
    for (int i = 0; i < t->p->count; i++)
        judge_layer(t, i);
}

/* Adds what a layer sends back to one of its inputs. */
static void send_back(trace *t, int layer, const real *dx)
{
    real *to = t->grad[layer + 1];
    ref.f->axpy(ref.b, to, dx, size_of(t->p, layer, t->n), 1);
}

static void judge_back(trace *t, int i, real *dw)
{
    const bk_layer *l = &t->p->layer[i];
    bk_window g = l->g;
    int64_t in = size_of(t->p, l->a, t->n), size = size_of(t->p, i, t->n), rows = pixels(&g, t->n);
    if (t->narrow)
        round_off(t->grad[i + 1], size);
    const real *dy = t->grad[i + 1], *a = result(t, l->a), *stats = t->stats + l->stat;
    real *dx = calloc((size_t)(in > size ? in : size), sizeof *dx);
    g.n = t->n;
    switch (l->kind) {
    case BK_CONV:
        ref.f->conv_w(ref.b, &g, dw + l->weight, a, dy);
        ref.f->conv_x(ref.b, &g, dx, dy, t->w + l->weight);
        break;
    case BK_NORM:
        ref.f->bn_grad(ref.b, dx, dw + l->weight, dw + l->bias, dy, a, t->w + l->weight, stats, stats + g.k, rows,
                       g.k, l->eps);
        break;
    case BK_RELU:
        ref.f->within(ref.b, dx, dy, a, size, 0, (real)1e30);
        break;
    case BK_PLUS:
        memcpy(dx, dy, (size_t)size * sizeof *dx);
        send_back(t, l->b, dy);
        break;
    case BK_JOIN:
        ref.f->copy_cols(ref.b, dx, g.k - g.c, 0, dy, g.k, g.c, rows, g.k - g.c);
        send_back(t, l->b, dx);
        ref.f->copy_cols(ref.b, dx, g.c, 0, dy, g.k, 0, rows, g.c);
        break;
    case BK_POOL_MAX:
        ref.f->pool_max_t(ref.b, &g, dx, dy, t->at[i]);
        break;
    case BK_POOL_AVG:
        ref.f->pool_avg_t(ref.b, &g, dx, dy);
        break;
    case BK_WIDEN:
        widen_pixels(&g, t->n, (real *)(uintptr_t)dy, dx, 1);
        break;
    }
    send_back(t, l->a, dx);
    free(dx);
}

/* dw must be zero; the gradient of the input comes in grad[0]. */
static void judge_grad(trace *t, real *dw, const real *dy)
{
    for (int i = -1; i < t->p->count; i++)
        t->grad[i + 1] = calloc((size_t)size_of(t->p, i, t->n), sizeof(real));
    memcpy(t->grad[t->p->count], dy, (size_t)size_of(t->p, t->p->count - 1, t->n) * sizeof *dy);
    for (int i = t->p->count - 1; i >= 0; i--)
        judge_back(t, i, dw);
}

static void trace_free(trace *t)
{
    for (int i = 0; i < LAYERS; i++) {
        free(t->out[i]);
        free(t->at[i]);
        free(t->grad[i]);
        t->out[i] = t->grad[i] = NULL;
        t->at[i] = NULL;
    }
    free(t->grad[LAYERS]);
    t->grad[LAYERS] = NULL;
}

#endif
