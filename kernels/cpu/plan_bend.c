/* plan_bend.c - the gradient of a gradient. SLOPE is the walk back that makes dx
 * alone; BEND differentiates v . dx: it carries v forward as a tangent beside the
 * values of the run, which gives the gradient of dy, and walks back once more
 * from nothing, gathering what each layer's second derivatives add.
 *
 * Written q is what has reached a layer's own result on that walk, g what had
 * reached it in SLOPE, which is what reaches the result's tangent. */
#include "plan.h"

static plan_step *copied_step(bk_plan *p, int layer, plan_loop *loop, const int *values, int n)
{
    plan_step *s = plan_loop_new(p, p->going, loop, values, n);
    plan_see(s, layer, layer);
    return s;
}

static int tangent_of(bk_plan *p, int layer)
{
    plan_back *note = plan_back_of(p, layer);
    if (layer >= 0)
        return note->tangent;
    if (note->tangent < 0) {
        dnn_desc order = plan_order(p, layer, p->type);
        note->tangent = plan_as(p, BEND, plan_outside(p, IN_V, layer), order);
        dnn_forget(order);
    }
    return note->tangent;
}

/* In the caller's order where the image itself is. */
static int conv_tangent(bk_plan *p, const bk_layer *l)
{
    return plan_conv_input(p, l) == p->x ? plan_outside(p, IN_V, -1) : tangent_of(p, l->a);
}

/* --- forward --- */

static int bend_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    dnn_op *op = plan_back_of(p, i)->op;
    int w = plan_packed(p, BEND, l, plan_filter(p, IN_W, l), dnn_want(op, DNNL_ARG_WEIGHTS));
    int x = plan_as(p, BEND, conv_tangent(p, l), dnn_want(op, DNNL_ARG_SRC));
    int y = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    PLAN_DO(p, BEND, op, {DNNL_ARG_DST, y}, {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w});
    return y;
}

/* Batch-norm's matrix of derivatives is symmetric: forward is backward. */
static int bend_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_back *note = plan_back_of(p, i);
    size_t bytes = (size_t)l->g.k * sizeof(float);
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k), beta = plan_coefficients(p, IN_W, l->bias, l->g.k);
    int t = tangent_of(p, l->a), y = plan_new(p, plan_desc(p, t));
    int values[] = {
        y,          plan_vector(p, bytes), plan_vector(p, bytes), t, plan_value_of(p, l->a), gamma, beta,
        note->mean, note->variance};
    plan_step *s = copied_step(p, i, plan_norm_x, values, 9);
    int relu = plan_fused_relu(p, i);
    s->number[1] = relu >= 0;
    s->eps = (float)l->eps;
    if (relu >= 0)
        plan_back_of(p, relu)->tangent = y;
    return y;
}

static int bend_relu(bk_plan *p, int i)
{
    int t = tangent_of(p, p->layer[i].a), y = plan_new(p, plan_desc(p, t));
    PLAN_LOOP(p, BEND, plan_mask, y, p->made[i], t)->number[0] = plan_reals(p, y);
    return y;
}

static int bend_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int a = tangent_of(p, l->a), b = plan_as(p, BEND, tangent_of(p, l->b), plan_desc(p, a));
    int y = plan_new(p, plan_desc(p, a));
    PLAN_LOOP(p, BEND, plan_plus, y, a, b)->number[0] = plan_reals(p, a);
    return y;
}

static int bend_pool(bk_plan *p, int i)
{
    dnn_op *op = plan_back_of(p, i)->op;
    int x = plan_as(p, BEND, tangent_of(p, p->layer[i].a), dnn_want(op, DNNL_ARG_SRC));
    int y = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    PLAN_DO(p, BEND, op, {DNNL_ARG_DST, y}, {DNNL_ARG_SRC, x});
    return y;
}

static int bend_widen(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int y = plan_ordered(p, i, p->type);
    plan_step *s = plan_moved(p, BEND, y, i, tangent_of(p, l->a), l->a);
    s->number[2] = -(l->g.k - l->g.c) / 2;
    s->number[3] = l->g.stride;
    return y;
}

static int bend_join(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int y = plan_ordered(p, i, p->type);
    plan_moved(p, BEND, y, i, tangent_of(p, l->a), l->a)->number[1] = l->g.c;
    plan_step *s = plan_moved(p, BEND, y, i, tangent_of(p, l->b), l->b);
    s->number[0] = l->g.c;
    s->number[2] = -l->g.c;
    return y;
}

static int bend_max(bk_plan *p, int i)
{
    (void)i;
    plan_refuse(p); /* oneDNN does not say who won */
}

static int (*const tangents[])(bk_plan *p, int i) = {
    [BK_CONV] = bend_conv, [BK_NORM] = bend_norm,    [BK_RELU] = bend_relu,     [BK_PLUS] = bend_plus,
    [BK_JOIN] = bend_join, [BK_POOL_MAX] = bend_max, [BK_POOL_AVG] = bend_pool, [BK_WIDEN] = bend_widen,
};

/* --- back --- */

void plan_bend_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_back *note = plan_back_of(p, i);
    int x = plan_conv_input(p, l), dw = plan_back_filter(p, l, conv_tangent(p, l), note->g);
    if (note->n) {
        int q = plan_take(p, i), more = plan_as(p, BEND, plan_back_filter(p, l, x, q), plan_desc(p, dw));
        PLAN_LOOP(p, BEND, plan_plus, dw, dw, more)->number[0] = plan_reals(p, dw);
        p->for_dx = l->a < 0;
        plan_arrive(p, l->a, plan_back_images(p, l, x, q, plan_filter(p, IN_W, l)));
        p->for_dx = 0;
    }
    plan_put_filter(p, l, dw);
}

void plan_bend_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_back *note = plan_back_of(p, i);
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k), beta = plan_coefficients(p, IN_W, l->bias, l->g.k);
    int dgamma = plan_coefficients(p, IN_DW, l->weight, l->g.k);
    int dbeta = plan_coefficients(p, IN_DW, l->bias, l->g.k);
    int x = plan_value_of(p, l->a), any = note->n > 0, q = any ? plan_take(p, i) : -1;
    int dx = plan_new(p, plan_desc(p, x));
    int values[] = {dx, dgamma, dbeta, x, tangent_of(p, l->a), note->g, gamma, beta, note->mean, note->variance, q};
    plan_step *s = copied_step(p, i, plan_norm_bend, values, any ? 11 : 10);
    s->number[0] = plan_fused_relu(p, i) >= 0;
    s->eps = (float)l->eps;
    plan_arrive(p, l->a, dx);
}

/* Arrays of earlier phases that are neither kept nor the caller's are gone. */
static void check_lasting(bk_plan *p)
{
    for (int f = SLOPE; f <= BEND; f++)
        for (const plan_step *s = p->phase[f].step; s < p->phase[f].step + p->phase[f].n; s++)
            for (int i = 0; i < s->n; i++)
                if (s->value[i] < p->since && p->value[s->value[i]].space == IN_PLAN)
                    plan_refuse(p);
}

void plan_bend(bk_plan *p)
{
    int end = p->count - 1;
    p->since = p->values;
    for (int i = 0; i <= p->count; i++)
        p->back[i].tangent = -1;
    plan_walk_back(p, SLOPE);
    p->going = BEND;
    for (int i = 0; i <= end; i++)
        if (p->back[i].tangent < 0)
            p->back[i].tangent = tangents[p->layer[i].kind](p, i);
    plan_copy(p, BEND, plan_outside(p, IN_DDY, end), tangent_of(p, end));
    plan_walk_back(p, BEND);
    check_lasting(p);
}
