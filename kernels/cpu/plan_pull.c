/* plan_pull.c - convolutions and batch-norms of evaluation plans whose gradient
 * by the input will follow. Running statistics make a batch-norm linear: it is
 * folded into the convolution before it, on the way back as well, or else is
 * one scaling pass each way. All other layers are those of plan_train.c. */
#include "plan.h"

#include <string.h>

static int next_of(const bk_plan *p, int layer, enum bk_kind kind)
{
    int reader = plan_sole(p, layer);
    return reader >= 0 && p->layer[reader].kind == kind ? reader : -1;
}

void plan_pull_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int norm = next_of(p, i, BK_NORM), relu = next_of(p, norm >= 0 ? norm : i, BK_RELU), bias = -1;
    int x = plan_conv_input(p, l), *filter = &plan_back_of(p, i)->filter;
    dnn_op *op = plan_conv(p, l, (norm >= 0 ? DNN_BIAS : 0) | (relu >= 0 ? DNN_RELU : 0));
    if (!op)
        plan_refuse(p);
    *filter = norm >= 0 ? plan_folded(p, l, &p->layer[norm], &bias) : plan_filter(p, IN_W, l);
    int w = plan_packed(p, PREPARE, l, *filter, dnn_want(op, DNNL_ARG_WEIGHTS));
    x = plan_as(p, RUN, x, dnn_want(op, DNNL_ARG_SRC));
    int y = p->made[i] = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    plan_arg args[] = {{DNNL_ARG_DST, y}, {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, bias}};
    plan_do(p, RUN, op, args, bias >= 0 ? 4 : 3);
    if (norm >= 0)
        p->made[norm] = y;
    if (relu >= 0)
        p->made[relu] = y;
}

static void zeros(const plan_step *s, void *const p[])
{
    memset(p[0], 0, (size_t)s->number[0] * sizeof(float));
}

static void scale(bk_plan *p, enum plan_phase phase, const int values[4], int layers[2], int relu)
{
    plan_step *s = plan_loop_new(p, phase, plan_scale, values, 4);
    plan_see(s, layers[0], layers[1]);
    s->number[0] = relu;
}

/* One that follows no convolution of its own. The loop knows channels last alone. */
void plan_pull_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_back *note = plan_back_of(p, i);
    size_t bytes = (size_t)l->g.k * sizeof(float);
    int relu = plan_fused_relu(p, i), shift = plan_vector(p, bytes), x = plan_value_of(p, l->a);
    if (p->block)
        plan_refuse(p);
    note->mean = plan_vector(p, bytes);     /* the scale */
    note->variance = plan_vector(p, bytes); /* no shift */
    plan_step *rates = PLAN_LOOP(p, PREPARE, plan_rates, note->mean, shift,
                                 plan_at(p, IN_W, l->weight, l->g.k, NULL), plan_at(p, IN_W, l->bias, l->g.k, NULL),
                                 plan_at(p, IN_STATS, l->stat, 2 * l->g.k, NULL));
    rates->number[0] = l->g.k;
    rates->eps = (float)l->eps;
    PLAN_LOOP(p, PREPARE, zeros, note->variance)->number[0] = l->g.k;
    p->made[i] = plan_ordered(p, i, p->type);
    scale(p, RUN, (const int[]){p->made[i], x, note->mean, shift}, (int[]){i, l->a}, relu >= 0);
    if (relu >= 0)
        p->made[relu] = p->made[i];
}

void plan_pull_back_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int g = plan_take(p, i);
    p->for_dx = l->a < 0;
    plan_arrive(p, l->a, plan_back_images(p, l, plan_conv_input(p, l), g, plan_back_of(p, i)->filter));
}

void plan_pull_back_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_back *note = plan_back_of(p, i);
    int g = plan_take(p, i);
    if (l->a >= 0 && p->made[l->a] == p->made[i]) { /* folded */
        plan_arrive(p, l->a, g);
        return;
    }
    int dx = plan_ordered(p, l->a, p->type);
    p->for_dx = l->a < 0;
    scale(p, p->going, (const int[]){dx, g, note->mean, note->variance}, (int[]){l->a, i}, 0);
    plan_arrive(p, l->a, dx);
}
