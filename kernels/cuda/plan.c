/* plan.c - a plan's life: has plan_eval.c or plan_train.c turn layers into steps
 * and plan_place.c place the arrays, then enqueues the steps call by call. */
#include "plan.h"

#include <stdlib.h>

static const bk_api *api(void)
{
    return bk_query(BK_ABI, sizeof(bk_api));
}

static void plan_free(bk_plan *p)
{
    for (int i = 0; i < PHASES; i++)
        free(p->phase[i].step);
    cuda_give(p->device, p->memory);
    free(p->filters.piece);
    free(p->statistics.piece);
    free(p->value);
    free(p->note);
    free(p->layer);
    free(p);
}

static bk_plan *plan_blank(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags)
{
    bk_plan *p = calloc(1, sizeof *p);
    bk_layer *layer = malloc((size_t)count * sizeof *layer);
    plan_note *note = malloc(((size_t)count + 1) * sizeof *note);
    if (!p || !layer || !note)
        CUDA_DIE(b, "plan: the host has no memory for %d layers", count);
    *p = (bk_plan){.device = b, .layer = layer, .note = note, .count = count, .n = n, .flags = flags};
    p->bf16 = (flags & BK_BF16) != 0;
    p->busy = NONE;
    for (int i = 0; i <= count; i++)
        note[i] = (plan_note){
            .made = NONE, .filter = NONE, .winners = NONE, .norm = NONE, .other = NONE, .tangent = NONE};
    for (int i = 0; i < count; i++) {
        layer[i] = layers[i];
        layer[i].g.n = n;
    }
    return p;
}

static void write_table(const bk_plan *p, const plan_table *t)
{
    if (t->n)
        api()->write(p->device, p->memory + p->value[t->there].at, t->piece, (size_t)t->n * sizeof *t->piece);
}

/* 0 when some layer cannot be done, or there is no memory for it. */
static int plan_build(bk_plan *p)
{
    if (setjmp(p->refused))
        return 0;
    plan_check(p);
    if (p->flags & BK_TRAIN)
        plan_train(p);
    else
        plan_eval(p);
    plan_place(p);
    if (p->plan_bytes)
        p->memory = api()->alloc(p->device, p->plan_bytes);
    if (p->plan_bytes && !p->memory)
        return 0;
    write_table(p, &p->filters);
    write_table(p, &p->statistics);
    return 1;
}

bk_plan *cuda_plan_open(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags)
{
    if (n < 1 || count < 1)
        return NULL;
    bk_plan *p = plan_blank(b, layers, count, n, flags);
    if (plan_build(p))
        return p;
    plan_free(p);
    return NULL;
}

void cuda_plan_close(bk *b, bk_plan *p)
{
    (void)b;
    if (p)
        plan_free(p);
}

size_t cuda_plan_bytes(bk *b, const bk_plan *p)
{
    (void)b;
    return p->kept_bytes;
}

static void enqueue_phase(const bk_plan *p, enum plan_phase phase, void *const base[])
{
    const plan_list *list = &p->phase[phase];
    for (const plan_step *s = list->step; s < list->step + list->n; s++) {
        void *at[PLAN_VALUES] = {NULL};
        if (s->for_dx && !base[IN_DX])
            continue;
        for (int i = 0; i < s->n; i++) {
            const plan_value *v = s->value[i] == NONE ? NULL : &p->value[s->value[i]];
            int spared = i == s->spare && !base[IN_DX];
            at[i] = v && !spared ? (char *)base[v->space] + v->at : NULL;
        }
        s->act(p->device, s, at);
    }
}

/* The caller's arrays that are only read come in as const. */
static void *only_read(const void *p)
{
    return (void *)(uintptr_t)p;
}

void cuda_plan_run(bk *b, bk_plan *p, real *y, void *kept, const real *x, const real *w, real *stats,
                   uint64_t version)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept,  [IN_X] = only_read(x), [IN_Y] = y,
                          [IN_W] = only_read(w), [IN_STATS] = stats};
    (void)b;
    if (!p->prepared || p->version != version)
        enqueue_phase(p, PREPARE, base);
    p->prepared = 1;
    p->version = version;
    enqueue_phase(p, RUN, base);
}

void cuda_plan_grad(bk *b, bk_plan *p, real *dx, real *dw, const real *dy, void *kept, const real *x, const real *w)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_X] = only_read(x),  [IN_W] = only_read(w),
                          [IN_DX] = dx,          [IN_DW] = dw,     [IN_DY] = only_read(dy)};
    if (!(p->flags & BK_TRAIN))
        CUDA_DIE(b, "plan_grad: this plan was opened without BK_TRAIN");
    enqueue_phase(p, GRAD, base);
}

/* Built when first asked for: most plans are never differentiated twice. In
 * bfloat16 second derivatives would be rounding alone. */
static int plan_bends(bk_plan *p)
{
    if (p->bends || p->bf16 || !(p->flags & BK_TRAIN))
        return p->bends > 0;
    p->bends = -1;
    if (setjmp(p->refused))
        return 0;
    plan_bend(p);
    plan_place(p);
    p->bends = 1;
    return 1;
}

size_t cuda_plan_more(bk *b, bk_plan *p)
{
    (void)b;
    return plan_bends(p) ? p->more_bytes : 0;
}

static void need_bends(bk *b, bk_plan *p, const char *entry)
{
    if (!plan_bends(p))
        CUDA_DIE(b, "%s: plan_more said that this plan cannot", entry);
}

void cuda_plan_slope(bk *b, bk_plan *p, real *dx, void *more, const real *dy, void *kept, const real *x,
                     const real *w)
{
    void *base[SPACES] = {[IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_MORE] = more,       [IN_X] = only_read(x),
                          [IN_W] = only_read(w), [IN_DX] = dx,     [IN_DY] = only_read(dy)};
    need_bends(b, p, "plan_slope");
    enqueue_phase(p, SLOPE, base);
}

void cuda_plan_bend(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                    const real *x, const real *w)
{
    void *base[SPACES] = {
        [IN_PLAN] = p->memory, [IN_KEPT] = kept, [IN_MORE] = more, [IN_X] = only_read(x), [IN_W] = only_read(w),
        [IN_DX] = dx,          [IN_DW] = dw,     [IN_DDY] = ddy,   [IN_V] = only_read(v)};
    need_bends(b, p, "plan_bend");
    enqueue_phase(p, BEND, base);
}
