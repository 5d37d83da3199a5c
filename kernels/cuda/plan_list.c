/* plan_list.c - a plan's arrays, steps and tables while it is built: lists that
 * grow. */
#include <stdlib.h>

#include "plan.h"

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
        CUDA_DIE(p->device, "plan: the host has no memory for %d entries", *cap);
    return more;
}

/* --- values --- */

static int value_new(bk_plan *p, plan_value v)
{
    p->value = grown(p, p->value, p->values, &p->value_cap, sizeof *p->value);
    v.home = v.home == NONE ? p->values : v.home;
    p->value[p->values] = v;
    return p->values++;
}

int plan_new(bk_plan *p, size_t bytes)
{
    return value_new(p, (plan_value){.space = IN_PLAN, .home = NONE, .bytes = bytes});
}

int plan_part(bk_plan *p, int home, size_t at, size_t bytes)
{
    return value_new(p, (plan_value){.space = IN_PLAN, .home = home, .at = at, .bytes = bytes});
}

int plan_at(bk_plan *p, enum plan_space space, int64_t reals, int64_t count)
{
    return value_new(p, (plan_value){.space = space,
                                     .home = NONE,
                                     .at = (size_t)reals * sizeof(real),
                                     .bytes = (size_t)count * sizeof(real)});
}

/* --- steps --- */

plan_step *plan_do(bk_plan *p, enum plan_phase phase, plan_act *act, const int *values, int n)
{
    plan_list *list = &p->phase[phase];
    list->step = grown(p, list->step, list->n, &list->cap, sizeof *list->step);
    plan_step *s = &list->step[list->n++];
    *s = (plan_step){.act = act, .n = n, .for_dx = p->for_dx, .spare = NONE};
    for (int i = 0; i < PLAN_VALUES; i++)
        s->value[i] = i < n ? values[i] : NONE;
    return s;
}

/* --- tables --- */

void plan_table_add(bk_plan *p, plan_table *t, int64_t outside, int64_t inside, int64_t count)
{
    for (int64_t done = 0; done < count; done += PIECE) {
        int64_t here = count - done < PIECE ? count - done : PIECE;
        t->piece = grown(p, t->piece, t->n, &t->cap, sizeof *t->piece);
        t->piece[t->n++] = (plan_piece){outside + done, inside + done, here};
    }
}

/* Written to the card when the plan is open, and there for good. */
int plan_table_there(bk_plan *p, const plan_table *t)
{
    int value = plan_new(p, (size_t)t->n * sizeof *t->piece);
    p->value[value].touched = ALL_PHASES;
    return value;
}
