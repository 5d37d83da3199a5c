/* plan_train.c - layers to training steps: batch statistics, and gradients by
 * walking the layers back. A value that both directions touch is kept by the
 * caller; plan.c sees to that. */
#include "plan.h"

#include <stdlib.h>

/* Notes on layer -1, the input, are kept behind those on the others. */
plan_back *plan_back_of(const bk_plan *p, int layer)
{
    return &p->back[layer < 0 ? p->count : layer];
}

int plan_fused_relu(const bk_plan *p, int layer)
{
    int reader = plan_sole(p, layer);
    return reader >= 0 && p->layer[reader].kind == BK_RELU ? reader : -1;
}

/* Does nobody but reader want this layer's result, not even its gradient? */
static int expendable(const bk_plan *p, int layer, int reader)
{
    return layer >= 0 && plan_sole(p, layer) == reader && p->layer[layer].kind != BK_RELU;
}

int64_t plan_reals(const bk_plan *p, int value)
{
    return (int64_t)(p->value[value].bytes / sizeof(float));
}

/* --- forward --- */

static void train_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int x = plan_conv_input(p, l);
    dnn_op *op = plan_conv(p, l, DNN_BATCH);
    if (!op)
        plan_refuse(p);
    int w = plan_packed(p, RUN, l, plan_filter(p, IN_W, l), dnn_want(op, DNNL_ARG_WEIGHTS));
    x = plan_as(p, RUN, x, dnn_want(op, DNNL_ARG_SRC));
    p->made[i] = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    plan_back_of(p, i)->op = op;
    PLAN_DO(p, RUN, op, {DNNL_ARG_DST, p->made[i]}, {DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w});
}

int plan_coefficients(bk_plan *p, enum plan_space space, int64_t at, int64_t n)
{
    return plan_at(p, space, at, n, NULL);
}

/* The loops of plan_norm.c know the plan's order alone. */
static int norm_input(bk_plan *p, int i)
{
    int x = plan_value_of(p, p->layer[i].a);
    dnn_desc order = plan_order(p, p->layer[i].a, p->type);
    int fits = dnn_equal(plan_desc(p, x), order);
    dnn_forget(order);
    if (!fits)
        plan_refuse(p);
    return x;
}

static void train_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_back *note = plan_back_of(p, i);
    int relu = plan_fused_relu(p, i), x = norm_input(p, i), y = plan_new(p, plan_desc(p, x));
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k), beta = plan_coefficients(p, IN_W, l->bias, l->g.k);
    note->mean = plan_vector(p, (size_t)l->g.k * sizeof(float));
    note->variance = plan_vector(p, (size_t)l->g.k * sizeof(float));
    plan_step *s = PLAN_LOOP(p, RUN, plan_norm_y, y, note->mean, note->variance, x, gamma, beta);
    plan_see(s, i, i);
    s->number[0] = relu >= 0;
    s->eps = (float)l->eps;
    int stats = plan_coefficients(p, IN_STATS, l->stat, 2 * l->g.k);
    PLAN_LOOP(p, RUN, plan_stats, stats, note->mean, note->variance)->number[0] = l->g.k;
    p->made[i] = y;
    if (relu >= 0)
        p->made[relu] = y;
}

static void train_relu(bk_plan *p, int i)
{
    int a = p->layer[i].a, x = plan_value_of(p, a);
    p->made[i] = expendable(p, a, i) ? plan_over(p, x, NULL) : plan_new(p, plan_desc(p, x));
    PLAN_LOOP(p, RUN, plan_plus, p->made[i], x)->number[0] = plan_reals(p, x);
}

static void train_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int relu = plan_fused_relu(p, i), a = plan_value_of(p, l->a);
    int b = plan_as(p, RUN, plan_value_of(p, l->b), plan_desc(p, a));
    p->made[i] = expendable(p, l->a, i) ? plan_over(p, a, NULL) : plan_new(p, plan_desc(p, a));
    plan_step *s = PLAN_LOOP(p, RUN, plan_plus, p->made[i], a, b);
    s->number[0] = plan_reals(p, a);
    s->number[1] = relu >= 0;
    if (relu >= 0)
        p->made[relu] = p->made[i];
}

static dnn_pool pool_of(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    return (dnn_pool){.g = &l->g,
                      .max = l->kind == BK_POOL_MAX,
                      .with = DNN_BATCH,
                      .type = dnnl_f32,
                      .x = plan_desc(p, plan_value_of(p, l->a))};
}

static void train_pool(bk_plan *p, int i)
{
    dnn_pool pool = pool_of(p, i);
    dnn_op *op = plan_own(p, dnn_pool_y(p->dnn, &pool));
    plan_back_of(p, i)->op = op;
    p->made[i] = plan_new(p, dnn_want(op, DNNL_ARG_DST));
    plan_arg args[] = {
        {DNNL_ARG_DST, p->made[i]}, {DNNL_ARG_SRC, plan_value_of(p, p->layer[i].a)}, {DNNL_ARG_WORKSPACE, -1}};
    if (pool.max)
        args[2].value = plan_back_of(p, i)->workspace = plan_new(p, dnn_want(op, DNNL_ARG_WORKSPACE));
    plan_do(p, RUN, op, args, pool.max ? 3 : 2);
}

static void train_widen(bk_plan *p, int i)
{
    p->made[i] = plan_ordered(p, i, p->type);
    plan_widen(p, RUN, i);
}

static void train_join(bk_plan *p, int i)
{
    p->made[i] = plan_ordered(p, i, p->type);
    plan_join(p, RUN, i, 0);
    plan_join(p, RUN, i, 1);
}

/* --- what comes back --- */

/* Can it be written over? Not the caller's, and no other layer waits for it;
 * what SLOPE makes BEND may want. */
static int unshared(const bk_plan *p, int value)
{
    int home = p->value[value].home;
    if (p->going == SLOPE)
        return 0;
    for (int i = 0; i <= p->count; i++)
        for (int j = 0; j < p->back[i].n; j++)
            if (p->value[p->back[i].value[j]].home == home)
                return 0;
    return p->value[home].space == IN_PLAN;
}

static int over_or_new(bk_plan *p, int value)
{
    return unshared(p, value) ? plan_over(p, value, NULL) : plan_new(p, plan_desc(p, value));
}

static int added(bk_plan *p, int a, int b)
{
    int y = unshared(p, a) ? plan_over(p, a, NULL) : over_or_new(p, b);
    PLAN_LOOP(p, p->going, plan_plus, y, a, b)->number[0] = plan_reals(p, a);
    return y;
}

/* The gradient of a layer's result. */
int plan_take(bk_plan *p, int layer)
{
    plan_back *note = plan_back_of(p, layer);
    int n = note->n;
    note->n = 0;
    if (n == 0)
        plan_refuse(p); /* a layer that nothing depends on */
    return n == 1 ? note->value[0] : added(p, note->value[0], note->value[1]);
}

/* The input's gradient gathers in the caller's order, the others in that of
 * the layer's result. */
void plan_arrive(bk_plan *p, int layer, int value)
{
    plan_back *to = plan_back_of(p, layer);
    int was = p->for_dx;
    p->for_dx = was || layer < 0;
    value = plan_as(p, p->going, value, plan_desc(p, layer < 0 ? p->x : p->made[layer]));
    if (to->n == 2) {
        int sum = plan_take(p, layer);
        to->value[to->n++] = sum;
    }
    to->value[to->n++] = value;
    p->for_dx = was;
}

int plan_back_filter(bk_plan *p, const bk_layer *l, int x, int g)
{
    dnn_conv c = {.g = &l->g, .type = p->type, .ytype = p->type, .y = plan_desc(p, g)};
    c.with = plan_winograd(p, &l->g, l->g.c);
    c.x = x == p->x ? NULL : plan_desc(p, x);
    dnn_op *op = dnn_conv_w(p->dnn, &c);
    if (!op) {
        c.x = c.y = NULL;
        op = dnn_conv_w(p->dnn, &c);
    }
    plan_own(p, op);
    x = plan_as(p, p->going, x, dnn_want(op, DNNL_ARG_SRC));
    g = plan_as(p, p->going, g, dnn_want(op, DNNL_ARG_DIFF_DST));
    int dw = plan_new(p, dnn_want(op, DNNL_ARG_DIFF_WEIGHTS));
    PLAN_DO(p, p->going, op, {DNNL_ARG_DIFF_WEIGHTS, dw}, {DNNL_ARG_SRC, x}, {DNNL_ARG_DIFF_DST, g});
    return dw;
}

void plan_put_filter(bk_plan *p, const bk_layer *l, int dw)
{
    plan_copy(p, p->going, plan_filter(p, IN_DW, l), dw);
}

/* Filters that do not change from run to run are packed once, whoever wants dx. */
static int packed_back(bk_plan *p, const bk_layer *l, int filter, dnn_desc desc)
{
    int was = p->for_dx, once = (p->flags & BK_PULL) != 0;
    p->for_dx = was && !once;
    int w = plan_packed(p, once ? PREPARE : p->going, l, filter, desc);
    p->for_dx = was;
    return w;
}

int plan_back_images(bk_plan *p, const bk_layer *l, int x, int g, int filter)
{
    dnn_conv c = {.g = &l->g, .type = p->type, .ytype = p->type, .y = plan_desc(p, g)};
    c.with = plan_winograd(p, &l->g, l->g.k);
    c.x = x == p->x ? NULL : plan_desc(p, x);
    dnn_op *op = dnn_conv_x(p->dnn, &c);
    if (!op) {
        c.x = c.y = NULL;
        op = dnn_conv_x(p->dnn, &c);
    }
    plan_own(p, op);
    int w = packed_back(p, l, filter, dnn_want(op, DNNL_ARG_WEIGHTS));
    int dx = plan_new(p, dnn_want(op, DNNL_ARG_DIFF_SRC));
    g = plan_as(p, p->going, g, dnn_want(op, DNNL_ARG_DIFF_DST));
    PLAN_DO(p, p->going, op, {DNNL_ARG_DIFF_SRC, dx}, {DNNL_ARG_DIFF_DST, g}, {DNNL_ARG_WEIGHTS, w});
    return dx;
}

static void back_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int x = plan_conv_input(p, l), g = plan_take(p, i);
    plan_back_of(p, i)->g = g;
    if (p->going == GRAD)
        plan_put_filter(p, l, plan_back_filter(p, l, x, g));
    p->for_dx = l->a < 0;
    plan_arrive(p, l->a, plan_back_images(p, l, x, g, plan_filter(p, IN_W, l)));
}

static void back_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_back *note = plan_back_of(p, i);
    int x = norm_input(p, i), g = note->g = plan_take(p, i), dgamma, dbeta;
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k), beta = plan_coefficients(p, IN_W, l->bias, l->g.k);
    if (p->going == GRAD) {
        dgamma = plan_coefficients(p, IN_DW, l->weight, l->g.k);
        dbeta = plan_coefficients(p, IN_DW, l->bias, l->g.k);
    } else { /* nobody asks */
        dgamma = plan_vector(p, (size_t)l->g.k * sizeof(float));
        dbeta = plan_vector(p, (size_t)l->g.k * sizeof(float));
    }
    int dx = over_or_new(p, g);
    plan_step *s = PLAN_LOOP(p, p->going, plan_norm_x, dx, dgamma, dbeta, g, x, gamma, beta, note->mean,
                             note->variance);
    plan_see(s, i, i);
    s->number[0] = plan_fused_relu(p, i) >= 0;
    s->eps = (float)l->eps;
    plan_arrive(p, l->a, dx);
}

/* What arrived at a ReLU that batch-norm applied goes on as it is. */
static void back_relu(bk_plan *p, int i)
{
    int a = p->layer[i].a;
    plan_back *note = plan_back_of(p, i);
    if (!(p->flags & BK_PULL) && a >= 0 && p->layer[a].kind == BK_NORM && plan_fused_relu(p, a) == i) {
        plan_arrive(p, a, plan_take(p, i));
        return;
    }
    if (note->n == 0)
        plan_refuse(p);
    int n = note->n, g[2] = {note->value[0], note->value[n - 1]};
    note->n = 0;
    p->for_dx = a < 0;
    int y = over_or_new(p, g[0]);
    plan_step *s = PLAN_LOOP(p, p->going, plan_mask, y, p->made[i], g[0], g[1]);
    s->n = 2 + n;
    s->number[0] = plan_reals(p, y);
    plan_arrive(p, a, y);
}

static void back_plus(bk_plan *p, int i)
{
    int g = plan_take(p, i);
    plan_arrive(p, p->layer[i].a, g);
    plan_arrive(p, p->layer[i].b, g);
}

static void back_pool(bk_plan *p, int i)
{
    dnn_pool pool = pool_of(p, i);
    dnn_op *op = plan_own(p, dnn_pool_x(p->dnn, &pool));
    int g = plan_take(p, i), a = p->layer[i].a;
    p->for_dx = a < 0;
    g = plan_as(p, p->going, g, dnn_want(op, DNNL_ARG_DIFF_DST));
    int dx = plan_new(p, dnn_want(op, DNNL_ARG_DIFF_SRC));
    plan_arg args[] = {
        {DNNL_ARG_DIFF_SRC, dx}, {DNNL_ARG_DIFF_DST, g}, {DNNL_ARG_WORKSPACE, plan_back_of(p, i)->workspace}};
    plan_do(p, p->going, op, args, pool.max ? 3 : 2);
    plan_arrive(p, a, dx);
}

/* The gradient of one input of a widening or a join: its share of g's channels. */
static void back_share(bk_plan *p, int i, int layer, int g, int64_t first)
{
    p->for_dx = layer < 0;
    int dx = plan_ordered(p, layer, p->type);
    plan_step *s = plan_moved(p, p->going, dx, layer, g, i);
    s->number[2] = first;
    s->number[4] = p->layer[i].kind == BK_WIDEN ? p->layer[i].g.stride : 1;
    plan_arrive(p, layer, dx);
    p->for_dx = 0;
}

static void back_widen(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    back_share(p, i, l->a, plan_take(p, i), (l->g.k - l->g.c) / 2);
}

static void back_join(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int g = plan_take(p, i);
    back_share(p, i, l->a, g, 0);
    back_share(p, i, l->b, g, l->g.c);
}

/* --- the walk --- */

typedef void layer_steps(bk_plan *p, int i);
static layer_steps *const pull_forth[BK_WIDEN + 1] = {[BK_CONV] = plan_pull_conv, [BK_NORM] = plan_pull_norm};
static layer_steps *const pull_back[BK_WIDEN + 1] = {
    [BK_CONV] = plan_pull_back_conv, [BK_NORM] = plan_pull_back_norm};
static layer_steps *const forth[] = {
    [BK_CONV] = train_conv, [BK_NORM] = train_norm,     [BK_RELU] = train_relu,     [BK_PLUS] = train_plus,
    [BK_JOIN] = train_join, [BK_POOL_MAX] = train_pool, [BK_POOL_AVG] = train_pool, [BK_WIDEN] = train_widen,
};
static layer_steps *const back[] = {
    [BK_CONV] = back_conv, [BK_NORM] = back_norm,     [BK_RELU] = back_relu,     [BK_PLUS] = back_plus,
    [BK_JOIN] = back_join, [BK_POOL_MAX] = back_pool, [BK_POOL_AVG] = back_pool, [BK_WIDEN] = back_widen,
};

/* A sum that applies the ReLU behind it is walked back as the two it is: the
 * mask is taken from the result, which is the ReLU's and the sum's alike. */
void plan_walk_back(bk_plan *p, enum plan_phase phase)
{
    int end = p->count - 1;
    p->going = phase;
    p->for_dx = 0;
    if (phase != BEND)
        plan_arrive(p, end, plan_outside(p, IN_DY, end));
    for (int i = end; i >= 0; i--) {
        enum bk_kind kind = p->layer[i].kind;
        p->for_dx = 0;
        if (p->flags & BK_PULL && pull_back[kind])
            pull_back[kind](p, i);
        else if (phase == BEND && (kind == BK_CONV || kind == BK_NORM))
            (kind == BK_CONV ? plan_bend_conv : plan_bend_norm)(p, i);
        else if (phase != BEND || plan_back_of(p, i)->n) /* nothing comes back yet */
            back[kind](p, i);
    }
    p->for_dx = 1;
    plan_copy(p, phase, plan_outside(p, IN_DX, -1), plan_take(p, -1));
    p->for_dx = 0;
}

void plan_train(bk_plan *p)
{
    int end = p->count - 1;
    p->back = calloc((size_t)p->count + 1, sizeof *p->back);
    if (!p->back)
        dnn_no_memory(p->dnn->host, ((size_t)p->count + 1) * sizeof *p->back);
    for (int i = 0; i <= end; i++) {
        enum bk_kind kind = p->layer[i].kind;
        layer_steps *make = p->flags & BK_PULL && pull_forth[kind] ? pull_forth[kind] : forth[kind];
        if (p->made[i] < 0)
            make(p, i);
    }
    plan_copy(p, RUN, plan_outside(p, IN_Y, end), p->made[end]);
    plan_walk_back(p, GRAD);
}
