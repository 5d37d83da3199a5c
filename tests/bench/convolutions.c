/* convolutions.c - what the convolutions of a network cost by themselves: the
 * limit that a training step is held against. Each is tried by the direct and
 * by Winograd's algorithm in orders that oneDNN chooses, and runs by the faster
 * on arrays of its own that are in that order already. */
#include "bench.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/network.h"
#include "../../kernels/cpu/onednn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FORWARD, BACK_IMAGES, BACK_FILTER, DIRECTIONS, TRIES = 3 };

typedef struct piece { /* one convolution in one direction */
    dnn_op *op;
    dnn_arg arg[3];
} piece;

struct convolutions {
    dnn *dnn;
    piece *piece;
    int n;
};

static const struct direction {
    dnn_op *(*make)(const dnn *d, const dnn_conv *c);
    int what[3];
} directions[] = {
    [FORWARD] = {dnn_conv_y, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}},
    [BACK_IMAGES] = {dnn_conv_x, {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}},
    [BACK_FILTER] = {dnn_conv_w, {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}},
};

static void died(const char *file, int line, const char *fmt, ...) __attribute__((noreturn, format(printf, 3, 4)));
static void died(const char *file, int line, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "convolutions: %s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void noted(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void noted(const char *fmt, ...)
{
    (void)fmt;
}

static const bk_host host = {.die = died, .note = noted};

static double run_piece(const dnn *d, const piece *p)
{
    double began = clock_now();
    dnn_run(d, p->op, p->arg, 3);
    return clock_now() - began;
}

/* Arrays of small numbers that are no denormals, wherever they are padded. */
static float *drawn(size_t bytes)
{
    float *a = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!a)
        died(__FILE__, __LINE__, "no memory for %zu bytes", bytes);
    for (size_t i = 0; i < bytes / sizeof *a; i++)
        a[i] = (float)(i % 61) / 64 - 0.5f;
    return a;
}

static void drop(piece *p)
{
    dnn_drop(p->op);
    for (int i = 0; p->op && i < 3; i++)
        free((void *)(uintptr_t)p->arg[i].p);
    p->op = NULL;
}

static piece made(const dnn *d, int direction, const bk_window *g, unsigned with)
{
    const struct direction *to = &directions[direction];
    dnn_conv c = {.g = g, .with = with, .type = dnnl_f32, .ytype = dnnl_f32};
    piece p = {.op = to->make(d, &c)};
    for (int i = 0; p.op && i < 3; i++)
        p.arg[i] = (dnn_arg){to->what[i], drawn(dnn_bytes(dnn_want(p.op, to->what[i])))};
    return p;
}

static double least_of(const dnn *d, const piece *p)
{
    double least = run_piece(d, p);
    for (int i = 1; i < TRIES; i++) {
        double t = run_piece(d, p);
        least = t < least ? t : least;
    }
    return least;
}

static piece fastest(const dnn *d, int direction, const bk_window *g)
{
    unsigned batch = direction == FORWARD ? DNN_BATCH : 0;
    piece direct = made(d, direction, g, batch), winograd = made(d, direction, g, batch | DNN_WINOGRAD);
    if (!direct.op && !winograd.op)
        died(__FILE__, __LINE__, "oneDNN has no loops for a convolution of %lld channels", (long long)g->c);
    if (!winograd.op || (direct.op && least_of(d, &direct) <= least_of(d, &winograd))) {
        drop(&winograd);
        return direct;
    }
    drop(&direct);
    return winograd;
}

convolutions *convolutions_open(const struct net *n, int64_t images)
{
    convolutions *c = pool_host(sizeof *c);
    c->dnn = dnn_open(&host);
    c->piece = pool_host((size_t)(DIRECTIONS * n->nlayers) * sizeof *c->piece);
    for (int i = 0; i < n->nlayers; i++) {
        bk_window g = n->layers[i].g;
        if (n->layers[i].kind != BK_CONV)
            continue;
        g.n = images;
        for (int to = 0; to < DIRECTIONS; to++)
            if (to != BACK_IMAGES || n->layers[i].a >= 0) /* nobody asks for the images' gradient */
                c->piece[c->n++] = fastest(c->dnn, to, &g);
    }
    return c;
}

double convolutions_run(convolutions *c)
{
    double began = clock_now();
    for (int i = 0; i < c->n; i++)
        dnn_run(c->dnn, c->piece[i].op, c->piece[i].arg, 3);
    return clock_now() - began;
}

void convolutions_close(convolutions *c)
{
    for (int i = 0; i < c->n; i++)
        drop(&c->piece[i]);
    dnn_close(c->dnn);
    free(c->piece);
    free(c);
}
