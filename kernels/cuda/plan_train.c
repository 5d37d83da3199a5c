/* plan_train.c - layers to training steps: batch statistics, and gradients by
 * walking the layers back (plan_back.c). A value that both directions touch is
 * kept by the caller; plan_place.c sees to that.
 *
 * Passes over memory for a basic block (conv, norm, ReLU, conv, norm, sum, ReLU),
 * each of as many bytes as one image array has:
 *
 *   forth  conv 2, statistics 1, apply 2, conv 2, statistics 1, apply with sum 3
 *   back   norm: sums 4 and what the sum's other input gets 1, dx 3; conv_w 2,
 *          conv_x 2; norm: sums 2, dx 3; conv_w 2, conv_x 2
 *
 * which are 32, of which the convolutions need 12. Left to be fused into them:
 * statistics into the end of conv_y (2 less), the first apply into the beginning
 * of the second (2), the first norm's sums into the end of conv_x (1), each
 * norm's dx into the beginning of conv_w and conv_x (1, for both read it). Where
 * the norm comes first (wide ResNet, DenseNet), what comes back by the shortcut
 * is added in a pass of its own: 3, and 1 if norm_back could add it to its dx. */
#include "plan.h"

/* --- what is gathered for all layers at once --- */

/* Filters in the caller's vector are taken from there where they lie on even
 * addresses; the others are packed, all in one step, and so are their gradients. */
static void train_filters(bk_plan *p)
{
    const size_t each = p->bf16 ? 2 : 4;
    int packed = plan_new(p, 0), gradients = plan_new(p, 0);
    size_t end = 0;
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        plan_note *note = plan_note_of(p, i);
        int64_t n = l->g.k * l->g.r * l->g.s * l->g.c;
        if (l->kind != BK_CONV)
            continue;
        if (!p->bf16 && l->weight % (FILTER_ALIGN / 4) == 0) {
            note->filter = plan_coefficients(p, IN_W, l->weight, n);
            note->dfilter = plan_coefficients(p, IN_DW, l->weight, n);
            continue;
        }
        note->filter = plan_part(p, packed, end, (size_t)n * each);
        note->dfilter = plan_part(p, gradients, end, (size_t)n * each);
        plan_table_add(p, &p->filters, l->weight, (int64_t)(end / each), n);
        end += plan_rounded((size_t)n * each);
    }
    p->value[packed].bytes = p->value[gradients].bytes = end;
    if (!p->filters.n)
        return;
    p->filters.there = plan_table_there(p, &p->filters);
    p->filters.gradients = gradients;
    plan_step *s = PLAN_DO(p, RUN, act_pack, packed, p->filters.there, plan_at(p, IN_W, 0, 0));
    s->number[0] = p->filters.n;
    s->number[1] = p->bf16;
}

/* Statistics are kept side by side, and copied to the caller in one step. */
static void train_statistics(bk_plan *p)
{
    int packed = plan_new(p, 0);
    int64_t end = 0;
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        size_t bytes = (size_t)l->g.k * sizeof(float);
        if (l->kind != BK_NORM)
            continue;
        plan_note_of(p, i)->mean = plan_part(p, packed, (size_t)end * sizeof(float), bytes);
        plan_note_of(p, i)->var = plan_part(p, packed, (size_t)end * sizeof(float) + bytes, bytes);
        plan_table_add(p, &p->statistics, l->stat, end, 2 * l->g.k);
        end += 2 * l->g.k;
    }
    p->value[packed].bytes = (size_t)end * sizeof(float);
    p->statistics.packed = packed;
    if (p->statistics.n)
        p->statistics.there = plan_table_there(p, &p->statistics);
}

void plan_unpack(bk_plan *p, enum plan_phase phase, const plan_table *t, int to, int from, int bf16)
{
    if (!t->n)
        return;
    plan_step *s = PLAN_DO(p, phase, act_unpack, to, t->there, from);
    s->number[0] = t->n;
    s->number[1] = bf16;
}

/* --- forward --- */

/* Does nobody but reader want this layer's result, not even its gradient? */
static int expendable(const bk_plan *p, int layer, int reader)
{
    return layer >= 0 && plan_sole(p, layer) == reader && p->layer[layer].kind != BK_RELU &&
           p->value[plan_note_of(p, layer)->made].space == IN_PLAN;
}

/* A sum and a ReLU that are to follow ride along; going back, they are layers
 * of their own. */
static void train_conv(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    const plan_chain alone = {NONE, NONE, NONE, NONE, i};
    plan_chain c = plan_follow(p, i, 0);
    int none;
    choice *conv = plan_conv_chain(p, i, &c, &none);
    if (!conv) {
        c = alone;
        conv = plan_conv(p, i, CONV_Y);
    }
    int x = plan_value_of(p, l->a), plus = plan_value_of(p, c.other), y = plan_images(p, i);
    PLAN_DO(p, RUN, act_conv, y, x, plan_note_of(p, i)->filter, NONE, plus)->conv = conv;
    plan_makes(p, i, &c, y);
}

/* Applies what train_norm measured, with all that follows it. */
static void apply(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    plan_note *note = plan_note_of(p, i);
    plan_chain c = plan_follow(p, i, 0);
    int gamma = plan_coefficients(p, IN_W, l->weight, l->g.k), beta = plan_coefficients(p, IN_W, l->bias, l->g.k);
    int plus = plan_value_of(p, c.other), x = plan_value_of(p, l->a);
    int y = c.plus != NONE && expendable(p, c.other, c.plus) ? plus : plan_images(p, i);
    plan_step *s = PLAN_DO(p, RUN, act_apply, y, x, note->mean, note->var, gamma, beta, plus);
    plan_norm(p, s, i)->number[0] = c.relu != NONE;
    plan_makes(p, i, &c, y);
    note->inside = c.end != i;
    if (c.plus != NONE)
        plan_note_of(p, c.plus)->inside = c.end != c.plus;
    plan_note *end = plan_note_of(p, c.end);
    end->norm = i;
    end->other = c.other;
    end->relu = c.relu != NONE;
}

/* Is there a sum behind it whose other input is not there yet, nor a norm that
 * will apply the sum itself? Then this one waits for the sum's turn. */
static int waits(bk_plan *p, int i)
{
    int plus = plan_next(p, i, BK_PLUS);
    if (plus == NONE)
        return 0;
    const bk_layer *l = &p->layer[plus];
    int other = l->a == i ? l->b : l->a;
    if (other < 0 || plan_note_of(p, other)->made != NONE)
        return 0;
    return !(p->layer[other].kind == BK_NORM && plan_next(p, other, BK_PLUS) == plus);
}

static void train_norm(bk_plan *p, int i)
{
    const plan_note *note = plan_note_of(p, i);
    int x = plan_value_of(p, p->layer[i].a);
    plan_norm(p, PLAN_DO(p, RUN, act_statistics, note->mean, note->var, x), i);
    if (!waits(p, i))
        apply(p, i);
}

static void train_relu(bk_plan *p, int i)
{
    int a = p->layer[i].a, x = plan_value_of(p, a), y = expendable(p, a, i) ? x : plan_images(p, i);
    plan_lines(p, RUN, i, y, x, NONE, NONE)->number[1] = 1;
    plan_note_of(p, i)->made = y;
}

static void train_plus(bk_plan *p, int i)
{
    const bk_layer *l = &p->layer[i];
    for (int side = 0; side < 2; side++) {
        int from = side ? l->b : l->a;
        if (from >= 0 && p->layer[from].kind == BK_NORM && plan_note_of(p, from)->made == NONE) {
            apply(p, from);
            return;
        }
    }
    int relu = plan_next(p, i, BK_RELU), a = plan_value_of(p, l->a), b = plan_value_of(p, l->b);
    int y = expendable(p, l->a, i) ? a : plan_images(p, i);
    plan_lines(p, RUN, i, y, a, b, NONE)->number[1] = relu != NONE;
    plan_note_of(p, i)->made = y;
    if (relu != NONE)
        plan_note_of(p, relu)->made = y;
}

static void train_pool(bk_plan *p, int i)
{
    const bk_window *g = &p->layer[i].g;
    plan_note *note = plan_note_of(p, i);
    if (p->layer[i].kind == BK_POOL_MAX)
        note->winners = plan_new(p, (size_t)(plan_rows(p, i) * g->k) * sizeof(int32_t));
    int y = plan_pooled(p, RUN, i, plan_value_of(p, p->layer[i].a), note->winners);
    plan_note_of(p, i)->made = y;
}

static void train_join(bk_plan *p, int i)
{
    int a = plan_value_of(p, p->layer[i].a), b = plan_value_of(p, p->layer[i].b);
    plan_note_of(p, i)->made = plan_joined(p, RUN, i, a, b);
}

static void train_widen(bk_plan *p, int i)
{
    plan_note_of(p, i)->made = plan_widened(p, RUN, i, plan_value_of(p, p->layer[i].a));
}

typedef void layer_steps(bk_plan *p, int i);
static layer_steps *const forth[] = {
    [BK_CONV] = train_conv, [BK_NORM] = train_norm,     [BK_RELU] = train_relu,     [BK_PLUS] = train_plus,
    [BK_JOIN] = train_join, [BK_POOL_MAX] = train_pool, [BK_POOL_AVG] = train_pool, [BK_WIDEN] = train_widen,
};

static void note_wanted(bk_plan *p)
{
    for (int i = 0; i < p->count; i++) {
        const bk_layer *l = &p->layer[i];
        int two = l->kind == BK_PLUS || l->kind == BK_JOIN;
        plan_note_of(p, i)->wanted = l->kind == BK_CONV || l->kind == BK_NORM || plan_note_of(p, l->a)->wanted ||
                                     (two && plan_note_of(p, l->b)->wanted);
    }
}

void plan_train(bk_plan *p)
{
    note_wanted(p);
    train_filters(p);
    train_statistics(p);
    for (int i = 0; i < p->count; i++)
        if (plan_note_of(p, i)->made == NONE)
            forth[p->layer[i].kind](p, i);
    plan_unpack(p, RUN, &p->statistics, plan_at(p, IN_STATS, 0, 0), p->statistics.packed, 0);
    plan_walk_back(p, GRAD);
    plan_unpack(p, GRAD, &p->filters, plan_at(p, IN_DW, 0, 0), p->filters.gradients, p->bf16);
    plan_result(p, RUN, plan_note_of(p, p->count - 1)->made, IN_Y);
}
