/* plan_back.c - walks the layers back: what reached a layer's result becomes
 * what reaches its inputs, and the gradients of its parameters. GRAD gathers them
 * all; SLOPE makes dx alone and leaves what reached convolutions and norms to
 * BEND, whose walk begins with nothing and in which plan_bend.c does those two. */
#include "plan.h"
#include "plan_move.h"

/* --- what comes back --- */

/* Can it be written over? Not the caller's, and no other layer waits for it; what
 * SLOPE makes BEND may want. */
static int unshared(const bk_plan *p, int value)
{
    if (p->busy == value || p->going == SLOPE)
        return 0;
    for (int i = 0; i <= p->count; i++)
        for (int j = 0; j < p->note[i].n; j++)
            if (p->note[i].back[j] == value)
                return 0;
    return p->value[value].space == IN_PLAN;
}

int plan_over_or_new(bk_plan *p, int value, int layer)
{
    return value != NONE && unshared(p, value) ? value : plan_images(p, layer);
}

static int wanted(const bk_plan *p, int layer)
{
    return plan_note_of(p, layer)->wanted;
}

/* The gradient of a layer's result, as one array or two to be added. */
int plan_take_two(bk_plan *p, int layer, int *added)
{
    plan_note *note = plan_note_of(p, layer);
    if (note->n == 0)
        plan_refuse(p); /* a layer that nothing depends on */
    *added = note->n == 2 ? note->back[1] : NONE;
    note->n = 0;
    return note->back[0];
}

int plan_take(bk_plan *p, int layer)
{
    int b, a = plan_take_two(p, layer, &b);
    if (b == NONE)
        return a;
    int y = unshared(p, a) ? a : plan_over_or_new(p, b, layer);
    p->for_dx = !wanted(p, layer);
    plan_lines(p, p->going, layer, y, a, b, NONE);
    p->for_dx = 0;
    return y;
}

void plan_arrive(bk_plan *p, int layer, int value)
{
    plan_note *note = plan_note_of(p, layer);
    if (note->n == 2) {
        p->busy = value;
        int sum = plan_take(p, layer);
        p->busy = NONE;
        note->back[note->n++] = sum;
    }
    note->back[note->n++] = value;
}

void plan_back_images(bk_plan *p, int conv, int g)
{
    int a = p->layer[conv].a, dx = plan_images(p, a);
    p->for_dx = !wanted(p, a);
    PLAN_DO(p, p->going, act_conv, dx, g, plan_note_of(p, conv)->filter)->conv = plan_conv(p, conv, CONV_X);
    p->for_dx = 0;
    plan_arrive(p, a, dx);
}

static void back_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_note *note = plan_note_of(p, i);
    int g = note->g = plan_take(p, i), x = plan_value_of(p, l->a);
    if (p->going == GRAD)
        PLAN_DO(p, GRAD, act_conv, note->dfilter, x, g)->conv = plan_conv(p, i, CONV_W);
    plan_back_images(p, i, g);
}

/* All that one norm_apply did. What it added gets the masked sum of what came
 * back; when that is one array as it is, there is nothing to be written. BEND
 * wants one array, too, and where a mask follows from x it will apply it again. */
static void back_norm(bk_plan *p, int i)
{
    const plan_note *end = plan_note_of(p, i);
    plan_note *note = plan_note_of(p, end->norm);
    const bk_layer *l = &p->layer[end->norm];
    int added, g = plan_take_two(p, i, &added),
               again = end->relu && end->other == NONE; /* the mask follows from x */
    int y = !end->relu ? NONE : again ? plan_coefficients(p, IN_W, l->bias, l->g.k) : end->made, dplus = NONE;
    int plain = end->other != NONE && added == NONE && y == NONE;
    if ((end->other != NONE && !plain) || (p->going == SLOPE && added != NONE))
        dplus = added == g ? plan_images(p, i) : plan_over_or_new(p, added, i);
    int dx = plain ? plan_images(p, i) : plan_over_or_new(p, g, i);
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k);
    int dgamma = plan_coefficients(p, IN_DW, l->weight, l->g.k);
    int dbeta = plan_coefficients(p, IN_DW, l->bias, l->g.k);
    if (p->going == SLOPE)
        dgamma = plan_sum(p, end->norm, NORM_MOMENT), dbeta = plan_sum(p, end->norm, NORM_SUM);
    plan_step *s = PLAN_DO(p, p->going, act_back, dx, dplus, dgamma, dbeta, g, added, y, plan_value_of(p, l->a),
                           gamma, note->mean, note->var);
    plan_norm(p, s, end->norm)->number[0] = again;
    if (dplus != NONE && p->going == GRAD && !wanted(p, end->other))
        s->spare = 1; /* dplus */
    note->g = dplus == NONE ? g : dplus;
    if (end->other != NONE)
        plan_arrive(p, end->other, plain ? g : dplus);
    plan_arrive(p, l->a, dx);
}

static void back_relu(bk_plan *p, int i)
{
    int a = p->layer[i].a, added, g = plan_take_two(p, i, &added), y = plan_over_or_new(p, g, i);
    p->for_dx = !wanted(p, a);
    plan_lines(p, p->going, i, y, g, added, plan_note_of(p, i)->made);
    p->for_dx = 0;
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
    const bk_layer *l = &p->layer[i];
    int g = plan_take(p, i), dx = plan_images(p, l->a);
    p->for_dx = !wanted(p, l->a);
    plan_step *s = PLAN_DO(p, p->going, act_pool_back, dx, g, plan_note_of(p, i)->winners);
    p->for_dx = 0;
    s->g = l->g;
    s->number[0] = l->kind == BK_POOL_MAX;
    s->number[1] = p->bf16;
    s->number[2] = !p->bf16 || p->value[g].space == IN_DY;
    plan_arrive(p, l->a, dx);
}

static void back_widen(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int added, g = plan_take_two(p, i, &added), dx = plan_images(p, l->a);
    p->for_dx = !wanted(p, l->a);
    plan_step *s = plan_move(p, p->going, dx, l->a, g, i, added);
    p->for_dx = 0;
    s->number[MOVE_SHIFT] = (l->g.k - l->g.c) / 2;
    s->number[MOVE_DOWN] = l->g.stride;
    plan_arrive(p, l->a, dx);
}

/* Each input gets its share of the channels. */
static void back_join(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int added, g = plan_take_two(p, i, &added), inputs[] = {l->a, l->b}, share[2];
    for (int side = 0; side < 2; side++) {
        p->for_dx = !wanted(p, inputs[side]);
        share[side] = plan_images(p, inputs[side]);
        plan_move(p, p->going, share[side], inputs[side], g, i, added)->number[MOVE_SHIFT] = side ? l->g.c : 0;
        p->for_dx = 0;
    }
    for (int side = 0; side < 2; side++)
        plan_arrive(p, inputs[side], share[side]);
}

/* --- the walk --- */

typedef void layer_steps(bk_plan *p, int i);
static layer_steps *const back[] = {
    [BK_CONV] = back_conv, [BK_NORM] = back_norm,     [BK_RELU] = back_relu,     [BK_PLUS] = back_plus,
    [BK_JOIN] = back_join, [BK_POOL_MAX] = back_pool, [BK_POOL_AVG] = back_pool, [BK_WIDEN] = back_widen,
};

/* The gradient that the caller brings, but not to BEND. A pooling takes it in float. */
static int brought(bk_plan *p)
{
    int end = p->count - 1, dy = plan_outside(p, IN_DY, end);
    enum bk_kind kind = p->layer[end].kind;
    if ((!p->bf16 && p->going != SLOPE) || kind == BK_POOL_MAX || kind == BK_POOL_AVG)
        return dy;
    int g = plan_images(p, end);
    plan_lines(p, p->going, end, g, dy, NONE, NONE)->number[3] = 1;
    return g;
}

static void give_dx(bk_plan *p)
{
    int b, a = plan_take_two(p, -1, &b);
    p->for_dx = 1;
    plan_lines(p, p->going, -1, plan_outside(p, IN_DX, -1), a, b, NONE)->number[2] = 1;
    p->for_dx = 0;
    if (!p->bf16 && b == NONE)
        plan_bind(p, p->going, a, IN_DX);
}

void plan_walk_back(bk_plan *p, enum plan_phase phase)
{
    p->going = phase;
    if (phase != BEND)
        plan_arrive(p, p->count - 1, brought(p));
    for (int i = p->count - 1; i >= 0; i--) {
        const plan_note *note = plan_note_of(p, i);
        enum bk_kind kind = p->layer[i].kind;
        if (note->inside)
            continue; /* the end of its chain does it */
        if (note->norm != NONE)
            (phase == BEND ? plan_bend_norm : back_norm)(p, i);
        else if (phase == BEND && kind == BK_CONV)
            plan_bend_conv(p, i);
        else if (phase != BEND || note->n) /* or nothing has come back yet */
            back[kind](p, i);
    }
    give_dx(p);
}
