/* plan_place.c - where the values of a plan live: those that only one phase
 * touches share memory with others that are not needed at the same time. */
#include "plan.h"

#include <stdlib.h>

typedef struct span { /* the steps of one phase between which a value is needed */
    int value, first, last;
} span;

/* What touches each home: bit 1 << phase. */
static void mark_phases(const bk_plan *p, unsigned *touched)
{
    for (int f = 0; f < PHASES; f++)
        for (const plan_step *s = p->phase[f].step; s < p->phase[f].step + p->phase[f].n; s++)
            for (int i = 0; i < s->n; i++)
                touched[p->value[s->value[i]].home] |= 1u << f;
}

/* The lowest place that none of the placed values alive at the same time
 * takes. placed is kept sorted by place. */
static size_t lowest_place(const bk_plan *p, const span *placed, int n, const span *want)
{
    size_t at = 0, need = plan_rounded(p->value[want->value].bytes);
    for (int i = 0; i < n; i++) {
        const plan_value *other = &p->value[placed[i].value];
        if (placed[i].last < want->first || want->last < placed[i].first)
            continue;
        if (at + need <= other->at)
            break;
        size_t end = other->at + plan_rounded(other->bytes);
        at = end > at ? end : at;
    }
    return at;
}

/* Spans of the values that only this phase touches, in order of first use. */
static int phase_spans(const bk_plan *p, enum plan_phase phase, const unsigned *touched, span *spans, int *seen)
{
    int n = 0;
    const plan_list *list = &p->phase[phase];
    for (int i = 0; i < p->values; i++)
        seen[i] = -1;
    for (int at = 0; at < list->n; at++)
        for (int i = 0; i < list->step[at].n; i++) {
            int home = p->value[list->step[at].value[i]].home;
            if (p->value[home].space != IN_PLAN || touched[home] != 1u << phase)
                continue;
            if (seen[home] < 0) {
                seen[home] = n;
                spans[n++] = (span){home, at, at};
            }
            spans[seen[home]].last = at;
        }
    return n;
}

static size_t place_phase(bk_plan *p, enum plan_phase phase, const unsigned *touched, size_t base, span *spans)
{
    size_t end = 0;
    span *placed = spans + p->values;
    int n = phase_spans(p, phase, touched, spans, (int *)(placed + p->values));
    for (int i = 0; i < n; i++) {
        plan_value *v = &p->value[spans[i].value];
        v->at = lowest_place(p, placed, i, &spans[i]);
        end = v->at + plan_rounded(v->bytes) > end ? v->at + plan_rounded(v->bytes) : end;
        int j = i;
        for (; j > 0 && p->value[placed[j - 1].value].at > v->at; j--)
            placed[j] = placed[j - 1];
        placed[j] = spans[i];
    }
    for (int i = 0; i < n; i++)
        p->value[spans[i].value].at += base;
    return base + end;
}

static void place_lasting(bk_plan *p, const unsigned *touched)
{
    for (int i = 0; i < p->values; i++) {
        plan_value *v = &p->value[i];
        unsigned phases = v->home == i && v->space == IN_PLAN ? touched[i] : 0;
        if ((phases & 1u << RUN) && (phases & 1u << GRAD) && !(phases & 1u << PREPARE)) {
            v->space = IN_KEPT;
            v->at = p->kept_bytes;
            p->kept_bytes += plan_rounded(v->bytes);
        } else if (phases & (phases - 1)) { /* more than one phase */
            v->at = p->plan_bytes;
            p->plan_bytes += plan_rounded(v->bytes);
        }
    }
}

/* SLOPE and BEND: all in the caller's `more`, what both touch at its front. */
static void place_more(bk_plan *p, const unsigned *touched, span *spans)
{
    for (int i = p->since; i < p->values; i++) {
        plan_value *v = &p->value[i];
        if (v->home != i || v->space != IN_PLAN || touched[i] != (1u << SLOPE | 1u << BEND))
            continue;
        v->space = IN_MORE;
        v->at = p->more_bytes;
        p->more_bytes += plan_rounded(v->bytes);
    }
    size_t base = p->more_bytes;
    for (int f = SLOPE; f <= BEND; f++) {
        size_t end = place_phase(p, (enum plan_phase)f, touched, base, spans);
        p->more_bytes = end > p->more_bytes ? end : p->more_bytes;
    }
    for (int i = p->since; i < p->values; i++)
        if (p->value[i].home == i && p->value[i].space == IN_PLAN)
            p->value[i].space = IN_MORE;
}

static void place_first(bk_plan *p, const unsigned *touched, span *spans)
{
    place_lasting(p, touched);
    size_t base = p->plan_bytes;
    for (int f = PREPARE; f <= GRAD; f++) {
        size_t end = place_phase(p, (enum plan_phase)f, touched, base, spans);
        p->plan_bytes = end > p->plan_bytes ? end : p->plan_bytes;
    }
}

void plan_place(bk_plan *p)
{
    unsigned *touched = calloc((size_t)p->values + 1, sizeof *touched);
    span *spans = calloc(3 * (size_t)p->values + 1, sizeof *spans);
    if (!touched || !spans)
        dnn_no_memory(p->dnn->host, 3 * (size_t)p->values * sizeof *spans);
    mark_phases(p, touched);
    (p->since ? place_more : place_first)(p, touched, spans);
    for (int i = 0; i < p->values; i++)
        if (p->value[i].home != i) {
            p->value[i].space = p->value[p->value[i].home].space;
            p->value[i].at = p->value[p->value[i].home].at;
        }
    free(touched);
    free(spans);
}
