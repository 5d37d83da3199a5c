/* patterns.h - small networks as lists of layers, one for every pattern that the
 * real ones are made of: what tests/plan.c plans. */
#ifndef PATTERNS_H
#define PATTERNS_H

#include "../kernels/backend.h"

enum { LAYERS = 64, GAP = 7 };

typedef struct pattern {
    bk_layer layer[LAYERS];
    int count;
    int64_t h, w, c;        /* the input */
    int64_t weights, stats; /* lengths of the two vectors, with gaps that belong to nobody */
} pattern;

static bk_window extents(const pattern *p, int layer)
{
    bk_window x = {.p = p->h, .q = p->w, .k = p->c};
    return layer < 0 ? x : p->layer[layer].g;
}

static int add(pattern *p, enum bk_kind kind, int a, int b)
{
    bk_window x = extents(p, a);
    bk_layer *l = &p->layer[p->count];
    *l = (bk_layer){.kind = kind, .a = a, .b = b};
    l->g = (bk_window){.h = x.p, .w = x.q, .c = x.k, .k = x.k, .p = x.p, .q = x.q, .r = 1, .s = 1, .stride = 1};
    return p->count++;
}

static int windowed(pattern *p, enum bk_kind kind, int a, int64_t k, int side, int stride, int pad)
{
    int i = add(p, kind, a, -1);
    bk_window *g = &p->layer[i].g;
    g->k = k;
    g->r = g->s = side;
    g->stride = stride;
    g->pad = pad;
    g->p = (g->h + 2 * pad - side) / stride + 1;
    g->q = (g->w + 2 * pad - side) / stride + 1;
    return i;
}

static int conv(pattern *p, int a, int64_t k, int side, int stride)
{
    int i = windowed(p, BK_CONV, a, k, side, stride, side / 2);
    const bk_window *g = &p->layer[i].g;
    p->layer[i].weight = p->weights;
    p->weights += g->k * g->r * g->s * g->c + GAP;
    return i;
}

/* An epsilon large enough to be missed when it is left out. */
static int norm(pattern *p, int a)
{
    int i = add(p, BK_NORM, a, -1);
    bk_layer *l = &p->layer[i];
    l->eps = 0.05f;
    l->weight = p->weights;
    l->bias = p->weights + l->g.k + GAP;
    p->weights += 2 * (l->g.k + GAP);
    l->stat = p->stats;
    p->stats += 2 * l->g.k + GAP;
    return i;
}

static int relu(pattern *p, int a)
{
    return add(p, BK_RELU, a, -1);
}

static int plus(pattern *p, int a, int b)
{
    return add(p, BK_PLUS, a, b);
}

static int join(pattern *p, int a, int b)
{
    int64_t channels = extents(p, b).k;
    int i = add(p, BK_JOIN, a, b);
    p->layer[i].g.k += channels;
    return i;
}

static int widen(pattern *p, int a, int64_t k, int stride)
{
    return windowed(p, BK_WIDEN, a, k, 1, stride, 0);
}

static int pool(pattern *p, enum bk_kind kind, int a, int side, int stride, int pad)
{
    return windowed(p, kind, a, extents(p, a).k, side, stride, pad);
}

static int conv_norm(pattern *p, int a, int64_t k, int side, int stride)
{
    return norm(p, conv(p, a, k, side, stride));
}

static int conv_norm_relu(pattern *p, int a, int64_t k, int side, int stride)
{
    return relu(p, conv_norm(p, a, k, side, stride));
}

static void global_pool(pattern *p, int a)
{
    pool(p, BK_POOL_AVG, a, (int)extents(p, a).p, 1, 0);
}

static void input(pattern *p, int64_t h, int64_t w, int64_t c)
{
    *p = (pattern){.h = h, .w = w, .c = c, .weights = GAP, .stats = GAP};
}

/* --- the patterns --- */

static int block(pattern *p, int a, int64_t k, int stride, int shortcut)
{
    int b = conv_norm(p, conv_norm_relu(p, a, k, 3, stride), k, 3, 1);
    if (shortcut == BK_CONV)
        a = conv_norm(p, a, k, 1, stride);
    else if (shortcut == BK_WIDEN)
        a = widen(p, a, k, stride);
    return relu(p, plus(p, b, a));
}

enum { STRAIGHT = -1 };

static void cifar(pattern *p)
{
    input(p, 12, 12, 3);
    int a = conv_norm_relu(p, -1, 16, 3, 1);
    a = block(p, a, 16, 1, STRAIGHT);
    a = block(p, a, 32, 2, BK_WIDEN);
    a = block(p, a, 32, 1, STRAIGHT);
    a = block(p, a, 64, 2, BK_WIDEN);
    global_pool(p, a);
}

static void wide_resnet18(pattern *p)
{
    input(p, 8, 8, 3);
    int a = conv_norm_relu(p, -1, 64, 3, 1);
    a = block(p, a, 64, 1, STRAIGHT);
    a = block(p, a, 128, 2, BK_CONV);
    global_pool(p, a);
}

static void imagenet(pattern *p)
{
    input(p, 29, 29, 3);
    int a = pool(p, BK_POOL_MAX, conv_norm_relu(p, -1, 32, 7, 2), 3, 2, 1);
    a = block(p, a, 32, 1, STRAIGHT);
    a = block(p, a, 48, 2, BK_CONV);
    global_pool(p, a);
}

/* Norm and ReLU before the convolutions; the first shortcut starts behind them. */
static void wrn(pattern *p)
{
    input(p, 10, 10, 3);
    int a = conv(p, -1, 16, 3, 1);
    for (int i = 0; i < 3; i++) {
        int stride = i == 2 ? 2 : 1, k = i == 2 ? 64 : 32;
        int x = relu(p, norm(p, a));
        int b = conv(p, conv_norm_relu(p, x, k, 3, stride), k, 3, 1);
        a = plus(p, b, i == 1 ? a : conv(p, x, k, 1, stride));
    }
    global_pool(p, relu(p, norm(p, a)));
}

static int dense_layer(pattern *p, int a, int64_t growth)
{
    int b = conv_norm_relu(p, relu(p, norm(p, a)), 4 * growth, 1, 1);
    return join(p, a, conv(p, b, growth, 3, 1));
}

static void densenet(pattern *p)
{
    input(p, 8, 8, 3);
    int a = conv(p, -1, 24, 3, 1);
    for (int i = 0; i < 3; i++)
        a = dense_layer(p, a, 12);
    a = pool(p, BK_POOL_AVG, conv(p, relu(p, norm(p, a)), 30, 1, 1), 2, 2, 0);
    for (int i = 0; i < 2; i++)
        a = dense_layer(p, a, 12);
    global_pool(p, relu(p, norm(p, a)));
}

/* From the middle of a network: x has channels enough and more than one reader. */
static void stage(pattern *p)
{
    input(p, 9, 7, 32);
    int a = block(p, -1, 32, 1, STRAIGHT);
    block(p, a, 64, 2, BK_WIDEN);
}

/* Each layer where nothing can be folded or fused. */
static void loose(pattern *p)
{
    input(p, 6, 6, 16);
    int x = relu(p, -1), a = conv(p, x, 32, 3, 1), b = conv(p, x, 32, 1, 1);
    int c = plus(p, a, b), d = norm(p, c), e = plus(p, relu(p, c), d);
    pool(p, BK_POOL_AVG, pool(p, BK_POOL_MAX, plus(p, e, c), 2, 2, 0), 3, 2, 1);
}

/* Channels that fill no block. */
static void odd(pattern *p)
{
    input(p, 7, 5, 3);
    int a = conv_norm_relu(p, -1, 10, 3, 1), b = widen(p, a, 14, 2);
    int c = relu(p, plus(p, conv_norm(p, a, 14, 3, 2), b));
    join(p, relu(p, norm(p, join(p, c, b))), c);
}

/* One Winograd convolution, with nothing behind it that could hide an error. */
static void winograd(pattern *p)
{
    input(p, 8, 8, 64);
    norm(p, conv(p, -1, 64, 3, 1));
}

#endif
