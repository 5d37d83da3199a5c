/* plan_layers.c - what evaluation and training plans share: who reads a layer,
 * and which order of memory its convolutions and results are best in. */
#include "plan.h"

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

dnn_desc plan_order(const bk_plan *p, int layer, dnnl_data_type_t type)
{
    const bk_window *g = plan_extents(p, layer);
    dnnl_format_tag_t tag = p->block == 16 ? dnnl_nChw16c : p->block == 8 ? dnnl_nChw8c : dnnl_nhwc;
    return dnn_images(p->dnn, p->n, g->p, g->q, g->k, type, tag);
}

int plan_ordered(bk_plan *p, int layer, dnnl_data_type_t type)
{
    dnn_desc desc = plan_order(p, layer, type);
    int value = plan_new(p, desc);
    dnn_forget(desc);
    return value;
}

/* A value in the plan's order: itself, or reordered. */
static int in_order(bk_plan *p, enum plan_phase phase, int layer, int value)
{
    dnn_desc desc = plan_order(p, layer, p->type);
    int made = plan_as(p, phase, value, desc);
    dnn_forget(desc);
    return made;
}

int plan_value_of(bk_plan *p, int layer)
{
    return layer < 0 ? in_order(p, RUN, layer, p->x) : p->made[layer];
}

int plan_dense(bk_plan *p, enum plan_phase phase, int layer)
{
    int value = plan_value_of(p, layer);
    return p->value[value].wide ? in_order(p, phase, layer, value) : value;
}

int plan_outside(bk_plan *p, enum plan_space space, int layer)
{
    const bk_window *g = plan_extents(p, layer);
    dnn_desc desc = dnn_images(p->dnn, p->n, g->p, g->q, g->k, dnnl_f32, dnnl_nhwc);
    int value = plan_at(p, space, 0, p->n * g->p * g->q * g->k, desc);
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

/* Filters for Winograd can only be made from k,c,r,s. */
int plan_packed(bk_plan *p, enum plan_phase phase, const bk_layer *l, int filter, dnn_desc desc)
{
    dnn_op *direct = dnn_reorder(p->dnn, plan_desc(p, filter), desc);
    dnn_drop(direct);
    if (!direct) {
        dnn_desc plain = dnn_filters(p->dnn, &l->g, dnnl_f32, dnnl_abcd);
        filter = plan_as(p, phase, filter, plain);
        dnn_forget(plain);
    }
    return plan_as(p, phase, filter, desc);
}

/* Measured on AVX-512: 1.5 to 2 times the direct algorithm from 64 channels on,
 * half of it with 16, a tenth with 3. */
unsigned plan_winograd(const bk_plan *p, const bk_window *g, int64_t channels)
{
    int pays = g->r == 3 && g->s == 3 && g->stride == 1 && channels >= 64 && p->n >= 16;
    return pays && p->block && p->type == dnnl_f32 ? DNN_WINOGRAD : 0;
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

/* In the plan's order on both sides, but an image is left to oneDNN: three
 * channels last in, blocks out would miss its fast path. What it lacks for
 * training (DNN_BATCH) or for an image it may have for evaluation, or for the
 * order as it is. */
dnn_op *plan_conv(bk_plan *p, const bk_layer *l, unsigned with)
{
    dnn_conv c = {.g = &l->g, .type = p->type, .ytype = p->type};
    dnn_desc x = plan_order(p, l->a, p->type), y = plan_order(p, (int)(l - p->layer), p->type);
    dnn_op *op = NULL;
    c.y = y;
    for (int tries = 0; tries < 4 && !op; tries++) {
        c.with = (tries & 2 ? with & ~(unsigned)DNN_BATCH : with) | plan_winograd(p, &l->g, l->g.c);
        c.x = is_image(p, l) && !(tries & 1) ? NULL : x;
        op = dnn_conv_y(p->dnn, &c);
    }
    dnn_forget(x);
    dnn_forget(y);
    return op ? plan_own(p, op) : NULL;
}

/* --- channels that move --- */

static plan_view see(const bk_plan *p, int layer, int value)
{
    const bk_window *g = plan_extents(p, layer);
    plan_view v = {.h = g->p, .w = g->q, .c = g->k, .blocks = 1, .block = g->k};
    if (p->block) {
        v.blocks = (g->k + p->block - 1) / p->block;
        v.block = p->block;
    }
    v.pitch = p->value[value].wide ? p->value[value].wide : v.block;
    return v;
}

void plan_see(plan_step *s, int ylayer, int xlayer)
{
    s->view[0] = see(s->plan, ylayer, s->value[0]);
    s->view[1] = see(s->plan, xlayer, s->value[1]);
}

plan_step *plan_moved(bk_plan *p, enum plan_phase phase, int y, int ylayer, int x, int xlayer)
{
    plan_step *s = PLAN_LOOP(p, phase, plan_move, y, x);
    plan_see(s, ylayer, xlayer);
    s->number[1] = s->view[0].blocks * s->view[0].block;
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
