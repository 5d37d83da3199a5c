/* plan.c - a plan's life: collects values and steps from plan_eval.c,
 * plan_train.c and plan_bend.c, has the values placed, runs the steps. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "device.h"

void plan_refuse(bk_plan *p)
{
    longjmp(p->refused, 1);
}

/* Room for one more in an array that grows by doubling. */
static void *grown(bk_plan *p, void *array, int n, int *cap, size_t size)
{
    if (n < *cap)
        return array;
    *cap = *cap ? 2 * *cap : 64;
    void *more = realloc(array, (size_t)*cap * size);
    if (!more)
        dnn_no_memory(p->dnn->host, (size_t)*cap * size);
    return more;
}

/* --- values --- */

static plan_value *value_new(bk_plan *p, int *index)
{
    p->value = grown(p, p->value, p->values, &p->value_cap, sizeof *p->value);
    *index = p->values++;
    plan_value *v = &p->value[*index];
    *v = (plan_value){.space = IN_PLAN, .home = *index, .of = -1};
    return v;
}

int plan_new(bk_plan *p, dnn_desc desc)
{
    int index;
    dnn_desc copy = dnn_same(p->dnn, desc);
    plan_value *v = value_new(p, &index);
    v->desc = copy;
    v->bytes = dnn_bytes(copy);
    return index;
}

/* The first channels of images that have room for more. */
static dnn_desc wide_desc(const bk_plan *p, const bk_window *g, int64_t wide)
{
    return dnn_strided(p->dnn, 4, (dnnl_dims_t){p->n, g->k, g->p, g->q}, p->type,
                       (dnnl_dims_t){g->p * g->q * wide, 1, g->q * wide, wide});
}

int plan_new_wide(bk_plan *p, int layer, int64_t wide)
{
    const bk_window *g = plan_extents(p, layer);
    int index;
    plan_value *v = value_new(p, &index);
    v->desc = wide_desc(p, g, wide);
    v->bytes = (size_t)(p->n * g->p * g->q * wide) * (p->type == dnnl_bf16 ? 2 : 4);
    v->wide = wide;
    return index;
}

int plan_wider(bk_plan *p, int layer, int old)
{
    dnn_desc desc = wide_desc(p, plan_extents(p, layer), p->value[old].wide);
    int index = plan_over(p, old, desc);
    dnn_forget(desc);
    return index;
}

int plan_vector(bk_plan *p, size_t bytes)
{
    int index;
    value_new(p, &index)->bytes = bytes;
    return index;
}

int plan_over(bk_plan *p, int old, dnn_desc desc)
{
    int index;
    dnn_desc copy = dnn_same(p->dnn, desc ? desc : p->value[old].desc);
    plan_value *v = value_new(p, &index);
    v->desc = copy;
    v->bytes = p->value[old].bytes;
    v->wide = p->value[old].wide;
    v->home = p->value[old].home;
    return index;
}

int plan_at(bk_plan *p, enum plan_space space, int64_t reals, int64_t count, dnn_desc desc)
{
    int index;
    dnn_desc copy = desc ? dnn_same(p->dnn, desc) : NULL;
    plan_value *v = value_new(p, &index);
    v->space = space;
    v->at = (size_t)reals * sizeof(real);
    v->bytes = (size_t)count * sizeof(real);
    v->desc = copy;
    return index;
}

dnn_desc plan_desc(const bk_plan *p, int value)
{
    return p->value[value].desc;
}

int plan_as(bk_plan *p, enum plan_phase phase, int value, dnn_desc desc)
{
    if (dnn_equal(p->value[value].desc, desc))
        return value;
    for (int i = 0; i < p->values; i++) /* a copy of an earlier phase may be gone by SLOPE */
        if (p->value[i].of == value && dnn_equal(p->value[i].desc, desc) &&
            (i >= p->since || p->value[i].space != IN_PLAN))
            return i;
    int made = plan_new(p, desc);
    p->value[made].of = value;
    plan_copy(p, phase, made, value);
    return made;
}

/* --- steps --- */

dnn_op *plan_own(bk_plan *p, dnn_op *op)
{
    if (!op)
        plan_refuse(p);
    p->op = grown(p, p->op, p->ops, &p->op_cap, sizeof *p->op);
    p->op[p->ops++] = op;
    return op;
}

static plan_step *step_new(bk_plan *p, enum plan_phase phase)
{
    plan_list *list = &p->phase[phase];
    list->step = grown(p, list->step, list->n, &list->cap, sizeof *list->step);
    plan_step *s = &list->step[list->n++];
    *s = (plan_step){.plan = p, .for_dx = p->for_dx};
    return s;
}

plan_step *plan_do(bk_plan *p, enum plan_phase phase, dnn_op *op, const plan_arg *args, int n)
{
    plan_step *s = step_new(p, phase);
    s->op = op;
    for (s->n = 0; s->n < n; s->n++) {
        s->what[s->n] = args[s->n].what;
        s->value[s->n] = args[s->n].value;
    }
    return s;
}

plan_step *plan_loop_new(bk_plan *p, enum plan_phase phase, plan_loop *loop, const int *values, int n)
{
    plan_step *s = step_new(p, phase);
    s->loop = loop;
    for (s->n = 0; s->n < n; s->n++)
        s->value[s->n] = values[s->n];
    return s;
}

plan_step *plan_copy(bk_plan *p, enum plan_phase phase, int to, int from)
{
    dnn_op *op = plan_own(p, dnn_reorder(p->dnn, p->value[from].desc, p->value[to].desc));
    return PLAN_DO(p, phase, op, {DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to});
}

/* --- life --- */

static void plan_free(bk_plan *p)
{
    for (int i = 0; i < p->ops; i++)
        dnn_drop(p->op[i]);
    for (int i = 0; i < p->values; i++)
        dnn_forget(p->value[i].desc);
    for (int f = 0; f < PHASES; f++)
        free(p->phase[f].step);
    free(p->op);
    free(p->value);
    free(p->made);
    free(p->layer);
    free(p->back);
    free(p->memory);
    free(p);
}

static bk_plan *plan_blank(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags)
{
    bk_plan *p = calloc(1, sizeof *p);
    if (!p)
        dnn_no_memory(b->host, sizeof *p);
    p->device = b;
    p->dnn = b->dnn;
    p->count = count;
    p->n = n;
    p->flags = flags;
    p->type = flags & BK_BF16 ? dnnl_bf16 : dnnl_f32;
    p->layer = malloc((size_t)count * sizeof *p->layer);
    p->made = malloc((size_t)count * sizeof *p->made);
    if (!p->layer || !p->made)
        dnn_no_memory(b->host, (size_t)count * sizeof *p->layer);
    for (int i = 0; i < count; i++) {
        p->layer[i] = layers[i];
        p->layer[i].g.n = n;
        p->made[i] = -1;
    }
    return p;
}

/* Composing instead would end in other last bits, for want of memory that it needs as well. */
static void *plan_memory(const bk_plan *p)
{
    const bk_host *host = p->dnn->host;
    size_t bytes = plan_rounded(p->plan_bytes);
    void *memory = aligned_alloc(PLAN_ALIGN, bytes);
    if (!memory && host->trim) {
        host->trim();
        memory = aligned_alloc(PLAN_ALIGN, bytes);
    }
    if (!memory)
        dnn_no_memory(host, bytes);
    return memory;
}

/* 0 when some layer cannot be done in this order of memory. */
static int plan_build(bk_plan *p)
{
    if (setjmp(p->refused))
        return 0;
    plan_input(p);
    if (p->flags & (BK_TRAIN | BK_PULL))
        plan_train(p);
    else
        plan_eval(p);
    plan_place(p);
    if (p->plan_bytes)
        p->memory = plan_memory(p);
    return 1;
}

/* Layers this file's callers may hand over without being able to run them. */
static int well_formed(const bk_layer *layers, int count)
{
    for (int i = 0; i < count; i++) {
        const bk_layer *l = &layers[i];
        int two = l->kind == BK_PLUS || l->kind == BK_JOIN;
        if (l->a < -1 || l->a >= i || (two && (l->b < -1 || l->b >= i)))
            return 0;
        if (l->g.p < 1 || l->g.q < 1 || l->g.c < 1 || l->g.k < 1)
            return 0;
    }
    return count > 0;
}

bk_plan *cpu_plan_open(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags)
{
    static const int64_t blocks[] = {16, 0, 8}; /* the best first; 8 for CPUs with nothing better */
    int join = 0;
    if (n < 1 || !well_formed(layers, count) || ((flags & (BK_TRAIN | BK_PULL)) && (flags & BK_BF16)))
        return NULL;
    for (int i = 0; i < count; i++)
        join |= layers[i].kind == BK_JOIN; /* joins cut across blocks */
    for (int i = join; i < 3; i++) {
        bk_plan *p = plan_blank(b, layers, count, n, flags);
        p->block = blocks[i];
        if (plan_build(p))
            return p;
        plan_free(p);
    }
    return NULL;
}

void cpu_plan_close(bk *b, bk_plan *p)
{
    (void)b;
    if (p)
        plan_free(p);
}

size_t cpu_plan_bytes(bk *b, const bk_plan *p)
{
    (void)b;
    return p->kept_bytes;
}

/* Built when first asked for: most plans are never differentiated twice. */
static int plan_bends(bk_plan *p)
{
    if (p->bends || !(p->flags & BK_TRAIN))
        return p->bends > 0;
    p->bends = -1;
    if (setjmp(p->refused))
        return 0;
    plan_bend(p);
    plan_place(p);
    p->bends = 1;
    return 1;
}

size_t cpu_plan_more(bk *b, bk_plan *p)
{
    (void)b;
    return plan_bends(p) ? p->more_bytes : 0;
}

static void *address(void *const base[], const plan_value *v)
{
    return (char *)base[v->space] + v->at;
}

static void run_phase(const bk_plan *p, enum plan_phase phase, void *const base[])
{
    const plan_list *list = &p->phase[phase];
    for (const plan_step *s = list->step; s < list->step + list->n; s++) {
        dnn_arg args[PLAN_ARGS];
        void *at[PLAN_ARGS];
        if (s->for_dx && !base[IN_DX])
            continue;
        for (int i = 0; i < s->n; i++) {
            at[i] = address(base, &p->value[s->value[i]]);
            args[i] = (dnn_arg){s->what[i], at[i]};
        }
        if (s->op)
            dnn_run(p->dnn, s->op, args, s->n);
        else
            s->loop(s, at);
    }
}

/* The caller's arrays that are only read come in as const. */
static void *only_read(const void *p)
{
    return (void *)(uintptr_t)p;
}

void cpu_plan_run(bk *b, bk_plan *p, real *y, void *kept, const real *x, const real *w, real *stats,
                  uint64_t version)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept,  [IN_X] = only_read(x), [IN_Y] = y,
                          [IN_W] = only_read(w), [IN_STATS] = stats};
    (void)b;
    if (!p->prepared || p->version != version)
        run_phase(p, PREPARE, base);
    p->prepared = 1;
    p->version = version;
    run_phase(p, RUN, base);
}

void cpu_plan_grad(bk *b, bk_plan *p, real *dx, real *dw, const real *dy, void *kept, const real *x, const real *w)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_X] = only_read(x),  [IN_W] = only_read(w),
                          [IN_DX] = dx,          [IN_DW] = dw,     [IN_DY] = only_read(dy)};
    if (!(p->flags & (BK_TRAIN | BK_PULL)))
        b->host->die(__FILE__, __LINE__, "plan_grad: this plan was opened without BK_TRAIN or BK_PULL");
    run_phase(p, GRAD, base);
}

static void need_bends(bk *b, bk_plan *p, const char *entry)
{
    if (!plan_bends(p))
        b->host->die(__FILE__, __LINE__, "%s: plan_more said that this plan cannot", entry);
}

void cpu_plan_slope(bk *b, bk_plan *p, real *dx, void *more, const real *dy, void *kept, const real *x,
                    const real *w)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_MORE] = more,       [IN_X] = only_read(x),
                          [IN_W] = only_read(w), [IN_DX] = dx,     [IN_DY] = only_read(dy)};
    need_bends(b, p, "plan_slope");
    run_phase(p, SLOPE, base);
}

void cpu_plan_bend(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                   const real *x, const real *w)
{
    void *base[SPACES] = {
        [IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_MORE] = more, [IN_X] = only_read(x), [IN_W] = only_read(w),
        [IN_DX] = dx,          [IN_DW] = dw,     [IN_DDY] = ddy,   [IN_V] = only_read(v)};
    need_bends(b, p, "plan_bend");
    run_phase(p, BEND, base);
}
