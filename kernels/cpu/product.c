/* product.c - matrix products and the three convolutions, by oneDNN. Images
 * stay as they are, channels last, and filters, which are small, are reordered to
 * what oneDNN's fast loops want (given plain filters it falls to reference
 * loops). Where it has no fast loops for channels last, images are reordered
 * too. Operations are kept, by their extents. */
#include <string.h>

#include "device.h"

enum product { GEMM, CONV_Y, CONV_X, CONV_W };

/* --- convolutions; arrays are counted x, w, y --- */

static const struct conv {
    const char *name;
    dnn_op *(*make)(const dnn *d, const dnn_conv *c);
    int what[3], result; /* oneDNN's names of the arrays, and which one is written */
} convs[] = {
    [CONV_Y] = {"conv_y", dnn_conv_y, {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}, 2},
    [CONV_X] = {"conv_x", dnn_conv_x, {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}, 0},
    [CONV_W] = {"conv_w", dnn_conv_w, {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}, 1},
};

static const enum cpu_room rooms[3] = {ROOM_X, ROOM_W, ROOM_Y};

static void conv_make(bk *b, enum product kind, const bk_window *g, cpu_made *m)
{
    const struct conv *v = &convs[kind];
    dnn_desc plain[3] = {
        dnn_images(b->dnn, g->n, g->h, g->w, g->c, dnnl_f32, dnnl_nhwc),
        dnn_filters(b->dnn, g, dnnl_f32, dnnl_acdb),
        dnn_images(b->dnn, g->n, g->p, g->q, g->k, dnnl_f32, dnnl_nhwc),
    };
    dnn_conv c = {.g = g, .type = dnnl_f32, .ytype = dnnl_f32, .x = plain[0], .y = plain[2]};
    m->op = v->make(b->dnn, &c);
    if (!m->op) {
        c.x = c.y = NULL;
        m->op = v->make(b->dnn, &c);
    }
    if (!m->op)
        CPU_DIE(b,
                "%s: oneDNN has no fast loops for %lldx%lldx%lldx%lld by %dx%d stride %d pad %d to %lld channels",
                v->name, (long long)g->n, (long long)g->h, (long long)g->w, (long long)g->c, g->r, g->s, g->stride,
                g->pad, (long long)g->k);
    for (int i = 0; i < 3; i++) {
        dnn_desc wants = dnn_want(m->op, v->what[i]);
        if (!dnn_equal(plain[i], wants))
            m->pack[i] = i == v->result ? dnn_reorder(b->dnn, wants, plain[i])
                                        : dnn_reorder(b->dnn, plain[i], wants);
        if (!m->pack[i] && !dnn_equal(plain[i], wants))
            CPU_DIE(b, "%s: oneDNN cannot reorder what it asked for", v->name);
    }
    for (int i = 0; i < 3; i++)
        dnn_forget(plain[i]);
}

/* p: x, w, y as the interface has them. */
static void conv(bk *b, enum product kind, const bk_window *g, const void *const p[3])
{
    const struct conv *v = &convs[kind];
    if (!cpu_window(b, g, v->name))
        return;
    int64_t key[CPU_KEY] = {kind, g->n, g->h, g->w, g->c, g->k, g->p, g->q, g->r, g->s, g->stride, g->pad};
    cpu_made *m = cpu_recall(b, key);
    if (!m->op)
        conv_make(b, kind, g, m);
    dnn_arg arg[3];
    for (int i = 0; i < 3; i++) {
        arg[i] = (dnn_arg){v->what[i], p[i]};
        if (!m->pack[i])
            continue;
        arg[i].p = cpu_room(b, rooms[i], dnn_bytes(dnn_want(m->op, v->what[i])));
        if (i != v->result)
            DNN_RUN(b->dnn, m->pack[i], {DNNL_ARG_FROM, p[i]}, {DNNL_ARG_TO, arg[i].p});
    }
    dnn_run(b->dnn, m->op, arg, 3);
    int i = v->result;
    if (m->pack[i])
        DNN_RUN(b->dnn, m->pack[i], {DNNL_ARG_FROM, arg[i].p}, {DNNL_ARG_TO, p[i]});
}

void cpu_conv_y(bk *b, const bk_window *g, real *y, const real *x, const real *w)
{
    conv(b, CONV_Y, g, (const void *[]){x, w, y});
}

void cpu_conv_x(bk *b, const bk_window *g, real *x, const real *y, const real *w)
{
    conv(b, CONV_X, g, (const void *[]){x, w, y});
}

void cpu_conv_w(bk *b, const bk_window *g, real *w, const real *x, const real *y)
{
    conv(b, CONV_W, g, (const void *[]){x, w, y});
}

/* --- matrices --- */

static void gemm_make(bk *b, cpu_made *m, int ta, int tb, dnn_matmul *p)
{
    dnn_desc a = dnn_matrix(b->dnn, p->m, p->k, ta ? 1 : p->k, ta ? p->m : 1);
    dnn_desc bb = dnn_matrix(b->dnn, p->k, p->n, tb ? 1 : p->n, tb ? p->k : 1);
    dnn_desc c = dnn_matrix(b->dnn, p->m, p->n, p->n, 1);
    p->a = a;
    p->b = bb;
    p->c = c;
    m->op = dnn_product(b->dnn, p);
    dnn_forget(a);
    dnn_forget(bb);
    dnn_forget(c);
}

/* oneDNN's matmul is the faster for thin matrices, its sgemm never refuses. */
void cpu_gemm(bk *b, int ta, int tb, int64_t m, int64_t n, int64_t k, const real *a, const real *bb, real beta,
              real *c)
{
    if (m <= 0 || n <= 0 || k <= 0)
        return;
    int32_t beta_bits;
    memcpy(&beta_bits, &beta, sizeof beta_bits);
    int64_t key[CPU_KEY] = {GEMM, !!ta, !!tb, m, n, k, beta_bits};
    cpu_made *made = cpu_recall(b, key);
    if (!made->op)
        gemm_make(b, made, ta, tb, &(dnn_matmul){.m = m, .n = n, .k = k, .beta = beta});
    if (made->op)
        DNN_RUN(b->dnn, made->op, {DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, bb}, {DNNL_ARG_DST, c});
    else
        DNN_CHECK(b->dnn, dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, ta ? m : k, bb, tb ? k : n,
                                     beta, c, n));
}
