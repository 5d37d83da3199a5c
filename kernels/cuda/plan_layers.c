/* plan_layers.c - what evaluation and training plans share: who reads a layer,
 * what can be done along with it, and the steps that are the same in both. */
#include "../window.h"
#include "plan.h"
#include "plan_move.h"

plan_note *plan_note_of(const bk_plan *p, int layer)
{
    return &p->note[layer < 0 ? p->count : layer];
}

const bk_window *plan_extents(const bk_plan *p, int layer)
{
    return layer < 0 ? &p->in : &p->layer[layer].g;
}

int64_t plan_rows(const bk_plan *p, int layer)
{
    const bk_window *g = plan_extents(p, layer);
    return p->n * g->p * g->q;
}

static int64_t size_of(const bk_plan *p, int layer)
{
    return plan_rows(p, layer) * plan_extents(p, layer)->k;
}

/* --- the graph --- */

/* Is this what the layer's result is like? The input is like what its first
 * reader expects. */
static int is_like(bk_plan *p, int layer, int64_t h, int64_t w, int64_t c)
{
    if (layer < 0 && !p->in.k)
        p->in = (bk_window){.n = p->n, .p = h, .q = w, .k = c};
    const bk_window *g = plan_extents(p, layer);
    return g->p == h && g->q == w && g->k == c;
}

static int fits(bk_plan *p, const bk_layer *l)
{
    const bk_window *g = &l->g;
    int two = l->kind == BK_PLUS || l->kind == BK_JOIN;
    int windowed = l->kind == BK_CONV || l->kind == BK_POOL_MAX || l->kind == BK_POOL_AVG || l->kind == BK_WIDEN;
    int same = windowed || (g->h == g->p && g->w == g->q);
    int channels = l->kind == BK_CONV || g->k == g->c || (l->kind == BK_JOIN && g->k > g->c) ||
                   (l->kind == BK_WIDEN && g->k > g->c);
    return (unsigned)l->kind <= BK_WIDEN && same && channels &&
           (!windowed || (g->r > 0 && g->s > 0 && window_fits(g))) && is_like(p, l->a, g->h, g->w, g->c) &&
           (!two || is_like(p, l->b, g->h, g->w, l->kind == BK_JOIN ? g->k - g->c : g->c));
}

void plan_check(bk_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        const bk_window *g = &l->g;
        int two = l->kind == BK_PLUS || l->kind == BK_JOIN;
        if (l->a < -1 || l->a >= i || (two && (l->b < -1 || l->b >= i)))
            plan_refuse(p);
        if (g->p < 1 || g->q < 1 || g->c < 1 || g->k < 1 || !fits(p, l))
            plan_refuse(p);
        if (g->p * g->q * g->k > INT32_MAX || g->h * g->w * g->c > INT32_MAX) /* kernels count in int there */
            plan_refuse(p);
    }
    if (!p->in.k)
        plan_refuse(p);
}

int plan_sole(const bk_plan *p, int layer)
{
    int reader = NONE;
    if (layer == p->count - 1)
        return NONE;
    for (int i = layer + 1; i < p->count; i++)
        for (int side = 0; side < 2; side++) {
            const bk_layer *l = &p->layer[i];
            int two = l->kind == BK_PLUS || l->kind == BK_JOIN;
            if ((side ? l->b : l->a) != layer || (side && !two))
                continue;
            if (reader != NONE)
                return NONE;
            reader = i;
        }
    return reader;
}

int plan_next(const bk_plan *p, int layer, enum bk_kind kind)
{
    int reader = plan_sole(p, layer);
    return reader != NONE && p->layer[reader].kind == kind ? reader : NONE;
}

plan_chain plan_follow(const bk_plan *p, int layer, int norm)
{
    plan_chain c = {NONE, NONE, NONE, NONE, layer};
    c.norm = norm ? plan_next(p, layer, BK_NORM) : NONE;
    c.end = c.norm != NONE ? c.norm : layer;
    int plus = plan_next(p, c.end, BK_PLUS);
    if (plus != NONE) {
        int other = p->layer[plus].a == c.end ? p->layer[plus].b : p->layer[plus].a;
        if (other == -1 || plan_note_of(p, other)->made != NONE) {
            c.plus = c.end = plus;
            c.other = other;
        }
    }
    c.relu = plan_next(p, c.end, BK_RELU);
    c.end = c.relu != NONE ? c.relu : c.end;
    return c;
}

/* --- values --- */

int plan_images(bk_plan *p, int layer)
{
    return plan_new(p, (size_t)size_of(p, layer) * (p->bf16 ? 2 : 4));
}

int plan_outside(bk_plan *p, enum plan_space space, int layer)
{
    return plan_at(p, space, 0, size_of(p, layer));
}

int plan_coefficients(bk_plan *p, enum plan_space space, int64_t at, int64_t n)
{
    return plan_at(p, space, at, n);
}

/* The input in bfloat16 is made when it is first used. */
int plan_value_of(bk_plan *p, int layer)
{
    if (layer == NONE)
        return NONE;
    if (layer < 0 && plan_note_of(p, -1)->made == NONE) {
        int x = plan_outside(p, IN_X, -1);
        if (p->bf16) {
            int wide = x;
            x = plan_images(p, -1);
            plan_lines(p, RUN, -1, x, wide, NONE, NONE)->number[3] = 1;
        }
        plan_note_of(p, -1)->made = x;
    }
    return plan_note_of(p, layer)->made;
}

void plan_makes(bk_plan *p, int layer, const plan_chain *c, int value)
{
    int done[] = {layer, c->norm, c->plus, c->relu};
    for (int i = 0; i < 4; i++)
        if (done[i] != NONE)
            plan_note_of(p, done[i])->made = value;
}

/* --- steps --- */

choice *plan_conv(bk_plan *p, int layer, enum conv_kind kind)
{
    conv_spec s = {.kind = kind, .g = p->layer[layer].g, .bf16 = p->bf16};
    choice *c = conv_choose(p->device, &s);
    if (!c)
        plan_refuse(p);
    return c;
}

/* A bias like y has more engines that are ready-made. */
choice *plan_conv_chain(bk_plan *p, int layer, const plan_chain *c, int *bias)
{
    conv_spec s = {.kind = CONV_Y,
                   .g = p->layer[layer].g,
                   .bf16 = p->bf16,
                   .bias = c->norm == NONE ? CONV_NO_BIAS
                           : p->bf16       ? CONV_BIAS_LIKE_Y
                                           : CONV_BIAS_FLOAT,
                   .plus = c->plus != NONE,
                   .relu = c->relu != NONE};
    choice *found = conv_choose(p->device, &s);
    if (!found && s.bias == CONV_BIAS_LIKE_Y) {
        s.bias = CONV_BIAS_FLOAT;
        found = conv_choose(p->device, &s);
    }
    *bias = s.bias;
    return found;
}

plan_step *plan_norm(bk_plan *p, plan_step *s, int layer)
{
    const bk_layer *l = &p->layer[layer];
    s->norm = (norm_shape){.rows = plan_rows(p, layer), .cols = l->g.k, .bf16 = p->bf16, .eps = l->eps};
    return s;
}

plan_step *plan_lines(bk_plan *p, enum plan_phase phase, int layer, int y, int a, int b, int mask)
{
    plan_step *s = PLAN_DO(p, phase, act_lines, y, a, b, mask);
    s->number[0] = size_of(p, layer);
    s->number[2] = s->number[3] = !p->bf16;
    return s;
}

plan_step *plan_move(bk_plan *p, enum plan_phase phase, int y, int ylayer, int x, int xlayer, int added)
{
    const bk_window *gy = plan_extents(p, ylayer), *gx = plan_extents(p, xlayer);
    plan_step *s = PLAN_DO(p, phase, act_move, y, x, added);
    const int64_t number[MOVE_NUMBERS] = {
        [MOVE_N] = p->n,   [MOVE_YH] = gy->p, [MOVE_YW] = gy->q, [MOVE_YC] = gy->k, [MOVE_XH] = gx->p,
        [MOVE_XW] = gx->q, [MOVE_XC] = gx->k, [MOVE_UP] = 1,     [MOVE_DOWN] = 1,   [MOVE_BF16] = p->bf16};
    for (int i = 0; i < MOVE_NUMBERS; i++)
        s->number[i] = number[i];
    return s;
}

/* A pooling that makes the result writes floats to where it belongs. */
int plan_pooled(bk_plan *p, enum plan_phase phase, int layer, int x, int winners)
{
    const bk_layer *l = &p->layer[layer];
    int last = layer == p->count - 1;
    int y = last ? plan_outside(p, phase == BEND ? IN_DDY : IN_Y, layer) : plan_images(p, layer);
    plan_step *s = PLAN_DO(p, phase, act_pool, y, winners, x);
    s->g = l->g;
    s->number[0] = l->kind == BK_POOL_MAX;
    s->number[1] = p->bf16;
    s->number[2] = last || !p->bf16;
    return y;
}

int plan_joined(bk_plan *p, enum plan_phase phase, int layer, int a, int b)
{
    const bk_layer *l = &p->layer[layer];
    int y = plan_images(p, layer);
    plan_step *s = PLAN_DO(p, phase, act_join, y, a, b);
    s->number[0] = plan_rows(p, layer);
    s->number[1] = l->g.c;
    s->number[2] = l->g.k - l->g.c;
    s->number[3] = p->bf16;
    return y;
}

int plan_widened(bk_plan *p, enum plan_phase phase, int layer, int x)
{
    const bk_layer *l = &p->layer[layer];
    int y = plan_images(p, layer);
    plan_step *s = plan_move(p, phase, y, layer, x, l->a, NONE);
    s->number[MOVE_SHIFT] = -(l->g.k - l->g.c) / 2;
    s->number[MOVE_UP] = l->g.stride;
    return y;
}

void plan_result(bk_plan *p, enum plan_phase phase, int value, enum plan_space space)
{
    int end = p->count - 1;
    if (p->value[value].space == space)
        return;
    plan_lines(p, phase, end, plan_outside(p, space, end), value, NONE, NONE)->number[2] = 1;
    if (!p->bf16)
        plan_bind(p, phase, value, space);
}
