/* plan_place.c - where the values of a plan live: those that only one phase
 * touches share memory with others that are not needed at the same time. Placed
 * twice: the first phases' values, and, once p->since is set, SLOPE's and BEND's. */
#include <stdlib.h>

#include "plan.h"

size_t plan_rounded(size_t bytes)
{
    return (bytes + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

/* Which phases touch each home, and between which of their steps. */
static void mark_step(bk_plan *p, enum plan_phase phase, int at)
{
    const plan_step *s = &p->phase[phase].step[at];
    for (int i = 0; i < s->n; i++) {
        if (s->value[i] == NONE)
            continue;
        plan_value *v = &p->value[p->value[s->value[i]].home];
        int dx = s->for_dx || s->spare == i;
        v->for_dx = v->touched ? v->for_dx && dx : dx;
        v->first = v->touched ? v->first : at;
        v->last = at;
        v->touched |= 1u << phase;
    }
}

static void mark(bk_plan *p)
{
    for (int i = 0; i < p->values; i++)
        p->value[i].touched &= p->value[i].touched == ALL_PHASES ? ALL_PHASES : 0;
    for (int phase = 0; phase < PHASES; phase++)
        for (int at = 0; at < p->phase[phase].n; at++)
            mark_step(p, (enum plan_phase)phase, at);
}

void plan_bind(bk_plan *p, enum plan_phase phase, int value, enum plan_space space)
{
    mark(p);
    plan_value *v = &p->value[value];
    if (v->space == IN_PLAN && v->home == value && v->touched == 1u << phase &&
        (space != IN_DX || v->for_dx || phase == SLOPE))
        v->space = space;
}

/* The lowest place that none of the placed values alive at the same time takes.
 * placed is sorted by place. */
static size_t lowest_place(const bk_plan *p, const int *placed, int n, const plan_value *want)
{
    size_t at = 0, need = plan_rounded(want->bytes);
    for (int i = 0; i < n; i++) {
        const plan_value *other = &p->value[placed[i]];
        if (other->last < want->first || want->last < other->first)
            continue;
        if (at + need <= other->at)
            break;
        size_t end = other->at + plan_rounded(other->bytes);
        at = end > at ? end : at;
    }
    return at;
}

static size_t place_one(bk_plan *p, int value, int *placed, int n)
{
    plan_value *v = &p->value[value];
    v->at = lowest_place(p, placed, n, v);
    int i = n;
    for (; i > 0 && p->value[placed[i - 1]].at > v->at; i--)
        placed[i] = placed[i - 1];
    placed[i] = value;
    return v->at + plan_rounded(v->bytes);
}

/* The new values that this phase alone touches; they are numbered more or less in
 * order of first use. Returns the end of the memory taken. */
static size_t place_phase(bk_plan *p, enum plan_phase phase, size_t base, int *placed)
{
    size_t end = 0;
    int n = 0;
    for (int i = p->since; i < p->values; i++) {
        const plan_value *v = &p->value[i];
        if (v->space != IN_PLAN || v->home != i || v->touched != 1u << phase)
            continue;
        size_t last = place_one(p, i, placed, n++);
        end = last > end ? last : end;
    }
    for (int i = 0; i < n; i++)
        p->value[placed[i]].at += base;
    return base + end;
}

static void place_lasting(bk_plan *p)
{
    for (int i = 0; i < p->values; i++) {
        plan_value *v = &p->value[i];
        if (v->space != IN_PLAN || v->home != i || !(v->touched & (v->touched - 1)))
            continue; /* at most one phase */
        int kept = v->touched == (1u << RUN | 1u << GRAD);
        size_t *end = kept ? &p->kept_bytes : &p->plan_bytes;
        v->space = kept ? IN_KEPT : IN_PLAN;
        v->at = *end;
        *end += plan_rounded(v->bytes);
    }
}

static void place_first(bk_plan *p, int *placed)
{
    place_lasting(p);
    size_t base = p->plan_bytes;
    for (int phase = PREPARE; phase <= GRAD; phase++) {
        size_t end = place_phase(p, (enum plan_phase)phase, base, placed);
        p->plan_bytes = end > p->plan_bytes ? end : p->plan_bytes;
    }
}

/* SLOPE and BEND: all in the caller's `more`, what both touch at its front. The
 * plan's own memory stays where it is, for graphs know its address. */
static void place_more(bk_plan *p, int *placed)
{
    for (int i = p->since; i < p->values; i++) {
        plan_value *v = &p->value[i];
        if (v->space != IN_PLAN || v->home != i || v->touched != (1u << SLOPE | 1u << BEND))
            continue;
        v->space = IN_MORE;
        v->at = p->more_bytes;
        p->more_bytes += plan_rounded(v->bytes);
    }
    size_t base = p->more_bytes;
    for (int phase = SLOPE; phase <= BEND; phase++) {
        size_t end = place_phase(p, (enum plan_phase)phase, base, placed);
        p->more_bytes = end > p->more_bytes ? end : p->more_bytes;
    }
    for (int i = p->since; i < p->values; i++)
        if (p->value[i].space == IN_PLAN && p->value[i].home == i)
            p->value[i].space = IN_MORE;
}

void plan_place(bk_plan *p)
{
    int *placed = malloc(((size_t)p->values + 1) * sizeof *placed);
    if (!placed)
        CUDA_DIE(p->device, "plan: the host has no memory to place %d arrays", p->values);
    mark(p);
    (p->since ? place_more : place_first)(p, placed);
    free(placed);
    for (int i = p->since; i < p->values; i++) {
        const plan_value *home = &p->value[p->value[i].home];
        if (home != &p->value[i]) {
            p->value[i].space = home->space;
            p->value[i].at += home->at;
        }
    }
}
