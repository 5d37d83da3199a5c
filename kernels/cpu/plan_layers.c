/* plan_layers.c - what evaluation and training plans share: who reads a layer,
 * and which order of memory its convolutions and results are best in. */
#include "plan.h"

#include <string.h>

const bk_window *plan_extents(const bk_plan *p, int layer)
{
    return layer < 0 ? &p->in : &p->layer[layer].g;
}

int plan_sole(const bk_plan *p, int layer)
{
    int reader = -1;
    if (layer == p->count - 1)
        return -1;
    for (int i = layer + 1; i < p->count; i++)
        for (int side = 0; side < 2; side++) {
            if ((side ? p->layer[i].b : p->layer[i].a) != layer)
                continue;
            if (reader >= 0)
                return -1;
            reader = i;
        }
    return reader;
}

int plan_used_up(const bk_plan *p, int layer)
{
    if (layer < 0 || layer == p->count - 1)
        return 0;
    for (int i = layer + 1; i < p->count; i++)
        if ((p->layer[i].a == layer || p->layer[i].b == layer) && p->made[i] < 0)
            return 0;
    return 1;
}

/* The extents of x are those that its first reader expects. */
void plan_input(bk_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        if (l->a != -1 && (l->b != -1 || (l->kind != BK_PLUS && l->kind != BK_JOIN)))
            continue;
        p->in = (bk_window){.n = p->n, .p = l->g.h, .q = l->g.w};
        p->in.k = l->kind == BK_JOIN && l->a != -1 ? l->g.k - l->g.c : l->g.c;
        break;
    }
    if (!p->in.k)
        plan_refuse(p);
    p->x = plan_outside(p, IN_X, -1);
}

/* What a 3x3 convolution on these images would ask for. */
static dnn_desc liked_order(bk_plan *p, const bk_window *of)
{
    bk_window g = {.n = p->n, .h = of->p, .w = of->q, .c = of->k, .k = of->k, .p = of->p, .q = of->q};
    g.r = g.s = 3;
    g.stride = g.pad = 1;
    if (p->last)
        return dnn_images(p->dnn, p->n, of->p, of->q, of->k, p->type, dnnl_nhwc);
    dnn_op *probe = plan_own(p, dnn_conv_y(p->dnn, &(dnn_conv){.g = &g, .type = p->type, .ytype = p->type}));
    return dnn_same(p->dnn, dnn_want(probe, DNNL_ARG_SRC));
}

int plan_value_of(bk_plan *p, int layer)
{
    if (layer >= 0)
        return p->made[layer];
    dnn_desc desc = liked_order(p, &p->in);
    int value = plan_as(p, RUN, p->x, desc);
    dnn_forget(desc);
    return value;
}

static const struct order {
    int64_t block;
    dnnl_format_tag_t tag;
} orders[] = {{16, dnnl_nChw16c}, {8, dnnl_nChw8c}, {4, dnnl_nChw4c}, {0, dnnl_nhwc}};
enum { ORDERS = sizeof orders / sizeof *orders };

static dnn_desc ordered(const bk_plan *p, const bk_window *g, dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnn_images(p->dnn, p->n, g->p, g->q, g->k, type, tag);
}

int64_t plan_block(bk_plan *p, int layer)
{
    if (p->last)
        return 0;
    int value = plan_value_of(p, layer);
    for (int i = 0; i < ORDERS; i++) {
        dnn_desc desc = ordered(p, plan_extents(p, layer), p->type, orders[i].tag);
        int equal = dnn_equal(desc, plan_desc(p, value));
        dnn_forget(desc);
        if (equal)
            return orders[i].block;
    }
    plan_refuse(p);
}

plan_view plan_see(bk_plan *p, int layer, int value)
{
    const bk_window *g = plan_extents(p, layer);
    int64_t block = plan_block(p, layer);
    plan_view v = {.h = g->p, .w = g->q, .c = g->k, .blocks = 1, .block = g->k};
    if (block) {
        v.blocks = (g->k + block - 1) / block;
        v.block = block;
    }
    v.pitch = p->value[value].wide ? p->value[value].wide : v.block;
    return v;
}

int plan_ordered(bk_plan *p, int layer, dnnl_data_type_t type, int64_t block)
{
    int i = 0;
    while (orders[i].block != block)
        i++;
    dnn_desc desc = ordered(p, plan_extents(p, layer), type, orders[i].tag);
    int value = plan_new(p, desc);
    dnn_forget(desc);
    return value;
}

int plan_filter(bk_plan *p, enum plan_space space, const bk_layer *l)
{
    dnn_desc desc = dnn_filters(p->dnn, &l->g, dnnl_f32, dnnl_acdb);
    int value = plan_at(p, space, l->weight, l->g.k * l->g.r * l->g.s * l->g.c, desc);
    dnn_forget(desc);
    return value;
}

/* Measured on AVX-512: 1.5 to 2 times the direct algorithm from 64 channels on,
 * half of it with 16, a tenth with 3. */
unsigned plan_winograd(const bk_plan *p, const bk_window *g, int64_t channels)
{
    int pays = g->r == 3 && g->s == 3 && g->stride == 1 && channels >= 64 && p->n >= 16;
    return pays && !p->last && p->type == dnnl_f32 ? DNN_WINOGRAD : 0;
}

/* The image itself has too few channels to be kept in blocks. */
static int is_image(const bk_plan *p, const bk_layer *l)
{
    return l->a == -1 && p->in.k <= 4;
}

int plan_conv_input(bk_plan *p, const bk_layer *l)
{
    return is_image(p, l) ? p->x : plan_value_of(p, l->a);
}

/* oneDNN's own choice of orders, or x's order as it is where that saves a
 * reorder without falling to a convolution by matrix products. An image is
 * always left to oneDNN: three channels last miss its fast path. */
dnn_op *plan_conv(bk_plan *p, const bk_layer *l, unsigned with, int x, dnn_desc y)
{
    dnn_conv c = {.g = &l->g, .type = p->type, .ytype = p->type, .y = y};
    c.with = with | plan_winograd(p, &l->g, l->g.c);
    dnn_desc last = p->last ? ordered(p, &l->g, p->type, dnnl_nhwc) : NULL;
    c.y = y ? y : last;
    dnn_op *free_choice = dnn_conv_y(p->dnn, &c);
    c.x = plan_desc(p, x);
    int settled = free_choice && (is_image(p, l) || dnn_equal(dnn_want(free_choice, DNNL_ARG_SRC), c.x));
    dnn_op *as_it_is = settled ? NULL : dnn_conv_y(p->dnn, &c);
    dnn_forget(last);
    if (as_it_is && free_choice && strstr(dnn_info(as_it_is), "gemm")) {
        dnn_drop(as_it_is);
        as_it_is = NULL;
    }
    if (as_it_is) {
        dnn_drop(free_choice);
        free_choice = as_it_is;
    }
    return free_choice ? plan_own(p, free_choice) : NULL;
}

int plan_outside(bk_plan *p, enum plan_space space, int layer)
{
    const bk_window *g = plan_extents(p, layer);
    dnn_desc desc = ordered(p, g, dnnl_f32, dnnl_nhwc);
    int value = plan_at(p, space, 0, p->n * g->p * g->q * g->k, desc);
    dnn_forget(desc);
    return value;
}

int plan_dense(bk_plan *p, enum plan_phase phase, int layer)
{
    int value = plan_value_of(p, layer);
    if (!p->value[value].wide)
        return value;
    dnn_desc desc = ordered(p, plan_extents(p, layer), p->type, dnnl_nhwc);
    int dense = plan_as(p, phase, value, desc);
    dnn_forget(desc);
    return dense;
}

/* --- channels that move --- */

plan_step *plan_moved(bk_plan *p, enum plan_phase phase, int y, int ylayer, int x, int xlayer)
{
    plan_view to = plan_see(p, ylayer, y), from = plan_see(p, xlayer, x);
    plan_step *s = PLAN_LOOP(p, phase, plan_move, y, x);
    s->view[0] = to;
    s->view[1] = from;
    s->number[1] = to.blocks * to.block;
    s->number[3] = s->number[4] = 1;
    s->number[5] = p->type == dnnl_bf16 ? 2 : 4;
    return s;
}

void plan_widen(bk_plan *p, enum plan_phase phase, int layer)
{
    const bk_layer *l = &p->layer[layer];
    plan_step *s = plan_moved(p, phase, p->made[layer], layer, plan_value_of(p, l->a), l->a);
    s->number[2] = -(l->g.k - l->g.c) / 2;
    s->number[3] = l->g.stride;
}

void plan_join(bk_plan *p, enum plan_phase phase, int layer, int side)
{
    const bk_layer *l = &p->layer[layer];
    int from = side ? l->b : l->a;
    plan_step *s = plan_moved(p, phase, p->made[layer], layer, plan_value_of(p, from), from);
    if (side) {
        s->number[0] = l->g.c;
        s->number[2] = -l->g.c;
    } else {
        s->number[1] = l->g.c;
    }
}
