/* plan_eval.c - layers to evaluation steps. Batch-norm of running statistics is
 * folded into the convolution before it; ReLU and the residual sum ride on the
 * convolution; a batch-norm that cannot be folded becomes one scaling pass. */
#include "plan.h"

/* The layers that one convolution's step covers, -1 where there is none. */
typedef struct chain {
    int norm, plus, relu;
    int sum; /* plus's other input, into which the step adds */
    int end; /* the layer whose result the step makes */
} chain;

static int next_of(const bk_plan *p, int layer, enum bk_kind kind)
{
    int reader = plan_sole(p, layer);
    return reader >= 0 && p->layer[reader].kind == kind ? reader : -1;
}

/* Can a step write over this layer's result? Everything but plus has read it,
 * and its storage is the plan's own and dense. */
static int can_take_over(bk_plan *p, int layer, int plus)
{
    if (layer < 0 || p->made[layer] < 0)
        return 0;
    p->made[plus] = p->made[layer]; /* for plan_used_up: as if plus had its step */
    int free = plan_used_up(p, layer);
    p->made[plus] = -1;
    return free && !p->value[p->made[layer]].wide;
}

static chain follow(bk_plan *p, int conv, int sum)
{
    chain c = {-1, -1, -1, -1, conv};
    c.norm = next_of(p, conv, BK_NORM);
    if (c.norm >= 0)
        c.end = c.norm;
    int plus = sum ? next_of(p, c.end, BK_PLUS) : -1;
    if (plus >= 0) {
        int other = p->layer[plus].a == c.end ? p->layer[plus].b : p->layer[plus].a;
        if (can_take_over(p, other, plus)) {
            c.plus = c.end = plus;
            c.sum = other;
        }
    }
    c.relu = next_of(p, c.end, BK_RELU);
    if (c.relu >= 0)
        c.end = c.relu;
    return c;
}

static unsigned chain_with(const chain *c)
{
    return (c->norm >= 0 ? DNN_BIAS : 0) | (c->plus >= 0 ? DNN_SUM : 0) | (c->relu >= 0 ? DNN_RELU : 0);
}

static int floats(bk_plan *p, int64_t n)
{
    return plan_vector(p, (size_t)n * sizeof(float));
}

static int statistics(bk_plan *p, const bk_layer *norm)
{
    return plan_at(p, IN_STATS, norm->stat, 2 * norm->g.k, NULL);
}

int plan_folded(bk_plan *p, const bk_layer *conv, const bk_layer *norm, int *bias)
{
    const bk_window *g = &conv->g;
    int from = plan_filter(p, IN_W, conv), to = plan_new(p, plan_desc(p, from));
    *bias = floats(p, g->k);
    plan_step *s = PLAN_LOOP(p, PREPARE, plan_fold, to, *bias, from, plan_at(p, IN_W, norm->weight, g->k, NULL),
                             plan_at(p, IN_W, norm->bias, g->k, NULL), statistics(p, norm));
    s->number[0] = g->k;
    s->number[1] = g->r * g->s * g->c;
    s->eps = (float)norm->eps;
    return to;
}

static void eval_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int x = plan_conv_input(p, l), bias = -1;
    chain c = follow(p, i, 1);
    dnn_op *op = NULL;
    if (c.plus >= 0)
        op = plan_conv(p, l, chain_with(&c));
    if (!op) {
        c = follow(p, i, 0);
        op = plan_conv(p, l, chain_with(&c));
        if (!op)
            plan_refuse(p);
    }
    int w = c.norm >= 0 ? plan_folded(p, l, &p->layer[c.norm], &bias) : plan_filter(p, IN_W, l);
    w = plan_packed(p, PREPARE, l, w, dnn_want(op, DNNL_ARG_WEIGHTS));
    x = plan_as(p, RUN, x, dnn_want(op, DNNL_ARG_SRC));
    int y = c.plus >= 0 ? plan_over(p, p->made[c.sum], NULL) : plan_new(p, dnn_want(op, DNNL_ARG_DST));
    plan_arg args[] = {{DNNL_ARG_DST, y}, {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, bias}};
    plan_do(p, RUN, op, args, bias >= 0 ? 4 : 3);
    p->made[i] = y;
    if (c.norm >= 0)
        p->made[c.norm] = y;
    if (c.plus >= 0)
        p->made[c.plus] = y;
    p->made[c.end] = y;
}

static void eval_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int relu = next_of(p, i, BK_RELU), x = plan_value_of(p, l->a), y;
    int gamma = plan_at(p, IN_W, l->weight, l->g.k, NULL), beta = plan_at(p, IN_W, l->bias, l->g.k, NULL);
    y = can_take_over(p, l->a, i) ? plan_over(p, x, NULL) : -1;
    if (!p->block) {
        int scale = floats(p, l->g.k), shift = floats(p, l->g.k);
        plan_step *rates = PLAN_LOOP(p, PREPARE, plan_rates, scale, shift, gamma, beta, statistics(p, l));
        rates->number[0] = l->g.k;
        rates->eps = (float)l->eps;
        y = y >= 0 ? y : plan_ordered(p, i, p->type);
        plan_step *s = PLAN_LOOP(p, RUN, plan_scale, y, x, scale, shift);
        plan_see(s, i, l->a);
        s->number[0] = relu >= 0;
        s->number[1] = p->type == dnnl_bf16;
    } else {
        dnn_norm norm = {.with = relu >= 0 ? DNN_RELU : 0, .eps = (float)l->eps, .x = plan_desc(p, x)};
        dnn_op *op = plan_own(p, dnn_norm_y(p->dnn, &norm));
        int mean = plan_at(p, IN_STATS, l->stat, l->g.k, NULL);
        int variance = plan_at(p, IN_STATS, l->stat + l->g.k, l->g.k, NULL);
        y = y >= 0 ? y : plan_new(p, plan_desc(p, x));
        PLAN_DO(p, RUN, op, {DNNL_ARG_DST, y}, {DNNL_ARG_SRC, x}, {DNNL_ARG_MEAN, mean},
                {DNNL_ARG_VARIANCE, variance}, {DNNL_ARG_SCALE, gamma}, {DNNL_ARG_SHIFT, beta});
    }
    p->made[i] = y;
    if (relu >= 0)
        p->made[relu] = y;
}

static void eval_relu(bk_plan *p, int i)
{
    int x = plan_value_of(p, p->layer[i].a);
    x = p->value[x].wide ? plan_dense(p, RUN, p->layer[i].a) : x;
    dnn_op *op = plan_own(p, dnn_relu_y(p->dnn, plan_desc(p, x)));
    p->made[i] = can_take_over(p, p->layer[i].a, i) ? plan_over(p, x, NULL) : plan_new(p, plan_desc(p, x));
    PLAN_DO(p, RUN, op, {DNNL_ARG_DST, p->made[i]}, {DNNL_ARG_SRC, x});
}

static void eval_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int relu = next_of(p, i, BK_RELU), a = plan_dense(p, RUN, l->a), b = plan_dense(p, RUN, l->b);
    b = plan_as(p, RUN, b, plan_desc(p, a));
    dnn_op *op = plan_own(p, dnn_add(p->dnn, plan_desc(p, a), relu >= 0 ? DNN_RELU : 0));
    int y = can_take_over(p, l->a, i) ? plan_over(p, a, NULL) : plan_new(p, plan_desc(p, a));
    PLAN_DO(p, RUN, op, {DNNL_ARG_DST, y}, {DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b});
    p->made[i] = y;
    if (relu >= 0)
        p->made[relu] = y;
}

/* A pooling that makes the result sums in float even of bfloat16 images. */
static void eval_pool(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int x = plan_dense(p, RUN, l->a);
    dnnl_data_type_t type = i == p->count - 1 ? dnnl_f32 : p->type;
    if (type != p->type) {
        int narrow = x;
        x = plan_ordered(p, l->a, type);
        plan_copy(p, RUN, x, narrow);
    }
    dnn_pool pool = {.g = &l->g, .max = l->kind == BK_POOL_MAX, .type = type, .x = plan_desc(p, x)};
    dnn_op *op = plan_own(p, dnn_pool_y(p->dnn, &pool));
    p->made[i] = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    PLAN_DO(p, RUN, op, {DNNL_ARG_DST, p->made[i]}, {DNNL_ARG_SRC, x});
}

static void eval_widen(bk_plan *p, int i)
{
    p->made[i] = plan_ordered(p, i, p->type);
    plan_widen(p, RUN, i);
}

/* The join that appends to this one's result, of which there may be one. */
static int next_join(const bk_plan *p, int layer)
{
    for (int i = layer + 1; i < p->count; i++)
        if (p->layer[i].kind == BK_JOIN && p->layer[i].a == layer)
            return i;
    return -1;
}

/* Joins in a row (a dense block) share one array as wide as the last of them,
 * and each only writes its own channels: no result is ever copied on. */
static void eval_join(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int64_t wide = l->g.k;
    for (int next = next_join(p, i); next >= 0; next = next_join(p, next))
        wide = p->layer[next].g.k;
    if (l->a >= 0 && p->layer[l->a].kind == BK_JOIN && next_join(p, l->a) == i && !p->block) {
        p->made[i] = plan_wider(p, i, p->made[l->a]);
        plan_join(p, RUN, i, 1);
        return;
    }
    p->made[i] = p->block ? plan_ordered(p, i, p->type) : plan_new_wide(p, i, wide);
    plan_join(p, RUN, i, 0);
    plan_join(p, RUN, i, 1);
}

static void (*const eval_layer[])(bk_plan *p, int i) = {
    [BK_CONV] = eval_conv, [BK_NORM] = eval_norm,     [BK_RELU] = eval_relu,     [BK_PLUS] = eval_plus,
    [BK_JOIN] = eval_join, [BK_POOL_MAX] = eval_pool, [BK_POOL_AVG] = eval_pool, [BK_WIDEN] = eval_widen,
};

void plan_eval(bk_plan *p)
{
    for (int i = 0; i < p->count; i++)
        if (p->made[i] < 0)
            eval_layer[p->layer[i].kind](p, i);
    plan_copy(p, RUN, plan_outside(p, IN_Y, p->count - 1), p->made[p->count - 1]);
}
