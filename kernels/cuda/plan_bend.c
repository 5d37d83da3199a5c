/* plan_bend.c - the gradient of a gradient. SLOPE is the walk back that makes dx
 * alone; BEND differentiates v . dx: it carries v forward as a tangent beside the
 * values of the run, which gives the gradient of dy, and walks back once more
 * from nothing, gathering what each layer's second derivatives add.
 *
 * Written q is what has reached a layer's own result on that walk, g what had
 * reached it in SLOPE, which is what reaches the result's tangent.
 *
 * Passes over memory for a basic block (conv, norm, ReLU, conv, norm, sum, ReLU),
 * counted as in plan_train.c:
 *
 *   SLOPE  what GRAD has, less conv_w: 17
 *   forth  conv 2, sums of x, t and g 3, tangent 3, conv 2, sums 3, tangent with
 *          sum and mask 5
 *   back   sum and mask 4; sums 2, dx 5, conv_w twice 4, conv_x 2; again these 13
 *
 * which are 65, of which the convolutions need 20. With these layers composed, a
 * step of ResNet-18 that penalizes dx moves 2.7 times as many bytes in all, by 3.5
 * times as many kernels. */
#include "plan.h"

static int tangent_of(bk_plan *p, int layer)
{
    plan_note *note = plan_note_of(p, layer);
    if (layer < 0 && note->tangent == NONE)
        note->tangent = plan_outside(p, IN_V, -1);
    return note->tangent;
}

int plan_sum(bk_plan *p, int norm, enum norm_sums which)
{
    size_t bytes = (size_t)p->layer[norm].g.k * sizeof(real);
    return plan_part(p, plan_note_of(p, norm)->sums, which * bytes, bytes);
}

/* --- forward --- */

/* A sum behind it rides along. */
static int bend_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_chain c = {NONE, plan_next(p, i, BK_PLUS), NONE, NONE, i};
    choice *conv = NULL;
    int none, plus = NONE;
    if (c.plus != NONE) {
        c.other = p->layer[c.plus].a == i ? p->layer[c.plus].b : p->layer[c.plus].a;
        plus = tangent_of(p, c.other);
        conv = plus == NONE ? NULL : plan_conv_chain(p, i, &c, &none);
    }
    if (!conv) {
        plus = NONE;
        conv = plan_conv(p, i, CONV_Y);
    }
    int y = plan_images(p, i);
    PLAN_DO(p, BEND, act_conv, y, tangent_of(p, l->a), plan_note_of(p, i)->filter, NONE, plus)->conv = conv;
    if (plus != NONE)
        plan_note_of(p, c.plus)->tangent = y;
    return y;
}

/* Everything that one norm_apply did: i is the end of its chain. */
static int bend_norm(bk_plan *p, int i)
{
    const plan_note *end = plan_note_of(p, i), *note = plan_note_of(p, end->norm);
    const bk_layer *l = &p->layer[end->norm];
    int again = end->relu && end->other == NONE;
    int plus = end->other == NONE ? NONE : tangent_of(p, end->other);
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k);
    int beta = again ? plan_coefficients(p, IN_W, l->bias, l->g.k) : NONE;
    int y = plan_images(p, i);
    plan_step *s = PLAN_DO(p, BEND, act_tangent, y, note->sums, tangent_of(p, l->a), plus, note->g,
                           end->relu && !again ? end->made : NONE, plan_value_of(p, l->a), gamma, beta, note->mean,
                           note->var);
    plan_norm(p, s, end->norm);
    return y;
}

static int bend_relu(bk_plan *p, int i)
{
    int y = plan_images(p, i);
    plan_lines(p, BEND, i, y, tangent_of(p, p->layer[i].a), NONE, plan_note_of(p, i)->made);
    return y;
}

static int bend_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    int relu = plan_next(p, i, BK_RELU), y = plan_images(p, i);
    plan_lines(p, BEND, i, y, tangent_of(p, l->a), tangent_of(p, l->b),
               relu == NONE ? NONE : plan_note_of(p, relu)->made);
    if (relu != NONE)
        plan_note_of(p, relu)->tangent = y;
    return y;
}

static int bend_join(bk_plan *p, int i)
{
    return plan_joined(p, BEND, i, tangent_of(p, p->layer[i].a), tangent_of(p, p->layer[i].b));
}

static int bend_max(bk_plan *p, int i)
{
    int y = plan_images(p, i);
    PLAN_DO(p, BEND, act_pick, y, tangent_of(p, p->layer[i].a), plan_note_of(p, i)->winners)->g = p->layer[i].g;
    return y;
}

static int bend_average(bk_plan *p, int i)
{
    return plan_pooled(p, BEND, i, tangent_of(p, p->layer[i].a), NONE);
}

static int bend_widen(bk_plan *p, int i)
{
    return plan_widened(p, BEND, i, tangent_of(p, p->layer[i].a));
}

static int (*const tangents[])(bk_plan *p, int i) = {
    [BK_CONV] = bend_conv, [BK_NORM] = bend_norm,    [BK_RELU] = bend_relu,        [BK_PLUS] = bend_plus,
    [BK_JOIN] = bend_join, [BK_POOL_MAX] = bend_max, [BK_POOL_AVG] = bend_average, [BK_WIDEN] = bend_widen,
};

static void walk_forth(bk_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        plan_note *note = plan_note_of(p, i);
        if (note->norm != NONE)
            note->tangent = bend_norm(p, i);
        else if (!note->inside && note->tangent == NONE)
            note->tangent = tangents[p->layer[i].kind](p, i);
    }
}

/* --- back --- */

/* The product of what came back with the tangent, and with x what comes back now. */
void plan_bend_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_note *note = plan_note_of(p, i);
    PLAN_DO(p, BEND, act_conv, note->dfilter, tangent_of(p, l->a), note->g)->conv = plan_conv(p, i, CONV_W);
    if (!note->n)
        return;
    int64_t n = l->g.k * l->g.r * l->g.s * l->g.c;
    int q = plan_take(p, i), more = plan_new(p, (size_t)n * sizeof(real));
    PLAN_DO(p, BEND, act_conv, more, plan_value_of(p, l->a), q)->conv = plan_conv(p, i, CONV_W);
    plan_step *s = plan_lines(p, BEND, i, note->dfilter, note->dfilter, more, NONE);
    s->number[0] = n;
    plan_back_images(p, i, q);
}

/* What reached the norm and what it added: one array, masked unless x says where. */
static int take_masked(bk_plan *p, int i)
{
    const plan_note *end = plan_note_of(p, i);
    int added, q = plan_take_two(p, i, &added), cut = end->relu && end->other != NONE ? end->made : NONE;
    if (cut == NONE && added == NONE)
        return q;
    int y = plan_over_or_new(p, q, i);
    plan_lines(p, BEND, i, y, q, added, cut);
    return y;
}

void plan_bend_norm(bk_plan *p, int i)
{
    const plan_note *end = plan_note_of(p, i), *note = plan_note_of(p, end->norm);
    const bk_layer *l = &p->layer[end->norm];
    int again = end->relu && end->other == NONE, k = (int)l->g.k;
    int q = end->n ? take_masked(p, i) : NONE;
    int beta = again ? plan_coefficients(p, IN_W, l->bias, k) : NONE;
    int dx = end->other == NONE ? plan_over_or_new(p, q, i) : plan_images(p, i);
    plan_step *s = PLAN_DO(p, BEND, act_bend, dx, plan_coefficients(p, IN_DW, l->weight, k),
                           plan_coefficients(p, IN_DW, l->bias, k), note->sums, tangent_of(p, l->a), note->g, q,
                           plan_value_of(p, l->a), plan_coefficients(p, IN_W, l->weight, k), beta, note->mean,
                           note->var);
    plan_norm(p, s, end->norm);
    if (end->other != NONE && q != NONE)
        plan_arrive(p, end->other, q);
    plan_arrive(p, l->a, dx);
}

/* --- both --- */

/* GRAD's packed gradients of filters are gone. */
static int new_gradients(bk_plan *p)
{
    int old = p->filters.gradients;
    if (!p->filters.n)
        return NONE;
    int gradients = plan_new(p, p->value[old].bytes);
    for (int i = 0; i < p->count; i++) {
        plan_note *note = plan_note_of(p, i);
        const plan_value *v = p->layer[i].kind == BK_CONV ? &p->value[note->dfilter] : NULL;
        if (v && v->home == old)
            note->dfilter = plan_part(p, gradients, v->at - p->value[old].at, v->bytes);
    }
    return gradients;
}

/* Arrays of earlier phases that are neither kept nor the caller's are gone. */
static void check_lasting(bk_plan *p)
{
    for (int phase = SLOPE; phase <= BEND; phase++)
        for (const plan_step *s = p->phase[phase].step; s < p->phase[phase].step + p->phase[phase].n; s++)
            for (int i = 0; i < s->n; i++) {
                const plan_value *v = s->value[i] == NONE ? NULL : &p->value[s->value[i]];
                if (v && s->value[i] < p->since && v->space == IN_PLAN && v->touched != ALL_PHASES)
                    plan_refuse(p);
            }
}

void plan_bend(bk_plan *p)
{
    p->since = p->values;
    for (int i = 0; i < p->count; i++) {
        size_t bytes = (size_t)p->layer[i].g.k * sizeof(real);
        plan_note_of(p, i)->sums = p->layer[i].kind == BK_NORM ? plan_new(p, NORM_SUMS * bytes) : NONE;
    }
    int gradients = new_gradients(p);
    plan_walk_back(p, SLOPE);
    walk_forth(p);
    plan_walk_back(p, BEND);
    if (gradients != NONE)
        plan_unpack(p, BEND, &p->filters, plan_at(p, IN_DW, 0, 0), gradients, 0);
    plan_result(p, BEND, tangent_of(p, p->count - 1), IN_DDY);
    check_lasting(p);
}
