/* plan_eval.c - layers to evaluation steps. Batch-norm of running statistics is
 * folded into the convolution before it; bias, residual sum and ReLU are left to
 * the convolution's engine, or follow in one pass; a batch-norm that cannot be
 * folded becomes one pass with its ReLU. */
#include "plan.h"

/* Can layer i write over what it reads of this one? Nobody else will read it. */
static int can_take_over(bk_plan *p, int layer, int i)
{
    if (layer < 0 || p->value[plan_note_of(p, layer)->made].space != IN_PLAN)
        return 0;
    for (int j = layer + 1; j < p->count; j++)
        if (j != i && (p->layer[j].a == layer || p->layer[j].b == layer) && plan_note_of(p, j)->made == NONE)
            return 0;
    return 1;
}

/* The filter as it is, unless the convolution could not take it from there.
 * narrow: the bias is to be bfloat16. */
static int eval_filter(bk_plan *p, int i, int norm, int narrow, int *bias)
{
    const bk_layer *l = &p->layer[i], *n = norm == NONE ? NULL : &p->layer[norm];
    int64_t taps = l->g.r * l->g.s * l->g.c;
    int from = plan_coefficients(p, IN_W, l->weight, l->g.k * taps);
    *bias = NONE;
    if (!n && !p->bf16 && l->weight % (FILTER_ALIGN / 4) == 0)
        return from;
    int to = plan_new(p, (size_t)(l->g.k * taps) * (p->bf16 ? 2 : 4)), gamma = NONE, beta = NONE, mean = NONE,
        var = NONE;
    if (n) {
        *bias = plan_new(p, (size_t)l->g.k * sizeof(float));
        gamma = plan_coefficients(p, IN_W, n->weight, l->g.k);
        beta = plan_coefficients(p, IN_W, n->bias, l->g.k);
        mean = plan_coefficients(p, IN_STATS, n->stat, l->g.k);
        var = plan_coefficients(p, IN_STATS, n->stat + l->g.k, l->g.k);
    }
    plan_step *s = PLAN_DO(p, PREPARE, act_fold, to, *bias, from, gamma, beta, mean, var);
    s->number[0] = l->g.k;
    s->number[1] = taps;
    s->number[2] = p->bf16;
    s->number[3] = narrow;
    s->norm.eps = n ? n->eps : 0;
    return to;
}

static void eval_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_chain c = plan_follow(p, i, 1);
    int kind, bias, x = plan_value_of(p, l->a), plus = plan_value_of(p, c.other);
    choice *fused = plan_conv_chain(p, i, &c, &kind);
    int w = eval_filter(p, i, c.norm, fused && kind == CONV_BIAS_LIKE_Y, &bias);
    int y = plan_images(p, i);
    if (fused) {
        PLAN_DO(p, RUN, act_conv, y, x, w, bias, plus)->conv = fused;
    } else {
        PLAN_DO(p, RUN, act_conv, y, x, w, NONE, NONE)->conv = plan_conv(p, i, CONV_Y);
        plan_step *s = PLAN_DO(p, RUN, act_epilogue, y, bias, plus);
        s->number[0] = plan_rows(p, i);
        s->number[1] = l->g.k;
        s->number[2] = c.relu != NONE;
        s->number[3] = p->bf16;
    }
    plan_makes(p, i, &c, y);
}

static void eval_norm(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_chain c = plan_follow(p, i, 0);
    int k = (int)l->g.k, x = plan_value_of(p, l->a), plus = plan_value_of(p, c.other);
    int y = can_take_over(p, l->a, i) ? x : plan_images(p, i);
    plan_step *s = PLAN_DO(p, RUN, act_apply, y, x, plan_coefficients(p, IN_STATS, l->stat, k),
                           plan_coefficients(p, IN_STATS, l->stat + k, k), plan_coefficients(p, IN_W, l->weight, k),
                           plan_coefficients(p, IN_W, l->bias, k), plus);
    plan_norm(p, s, i)->number[0] = c.relu != NONE;
    plan_makes(p, i, &c, y);
}

static void eval_relu(bk_plan *p, int i)
{
    int a = p->layer[i].a, x = plan_value_of(p, a), y = can_take_over(p, a, i) ? x : plan_images(p, i);
    plan_lines(p, RUN, i, y, x, NONE, NONE)->number[1] = 1;
    plan_note_of(p, i)->made = y;
}

static void eval_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int relu = plan_next(p, i, BK_RELU), a = plan_value_of(p, l->a), b = plan_value_of(p, l->b);
    int y = can_take_over(p, l->a, i) ? a : plan_images(p, i);
    plan_lines(p, RUN, i, y, a, b, NONE)->number[1] = relu != NONE;
    plan_note_of(p, i)->made = y;
    if (relu != NONE)
        plan_note_of(p, relu)->made = y;
}

static void eval_pool(bk_plan *p, int i)
{
    plan_note_of(p, i)->made = plan_pooled(p, RUN, i, plan_value_of(p, p->layer[i].a), NONE);
}

static void eval_join(bk_plan *p, int i)
{
    int a = plan_value_of(p, p->layer[i].a), b = plan_value_of(p, p->layer[i].b);
    plan_note_of(p, i)->made = plan_joined(p, RUN, i, a, b);
}

static void eval_widen(bk_plan *p, int i)
{
    plan_note_of(p, i)->made = plan_widened(p, RUN, i, plan_value_of(p, p->layer[i].a));
}

static void (*const eval_layer[])(bk_plan *p, int i) = {
    [BK_CONV] = eval_conv, [BK_NORM] = eval_norm,     [BK_RELU] = eval_relu,     [BK_PLUS] = eval_plus,
    [BK_JOIN] = eval_join, [BK_POOL_MAX] = eval_pool, [BK_POOL_AVG] = eval_pool, [BK_WIDEN] = eval_widen,
};

void plan_eval(bk_plan *p)
{
    for (int i = 0; i < p->count; i++)
        if (plan_note_of(p, i)->made == NONE)
            eval_layer[p->layer[i].kind](p, i);
    plan_result(p, RUN, plan_note_of(p, p->count - 1)->made, IN_Y);
}
