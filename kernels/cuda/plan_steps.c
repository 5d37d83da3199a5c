/* plan_steps.c - steps that others do: convolutions, batch-norm, pooling. */
#include "plan.h"
#include "pool.h"

void act_conv(bk *b, const plan_step *s, void *const at[])
{
    conv_enqueue(b, s->conv, at[0], at[1], at[2], at[3], at[4]);
}

void act_statistics(bk *b, const plan_step *s, void *const at[])
{
    norm_statistics(b, &s->norm, at[0], at[1], at[2]);
}

void act_apply(bk *b, const plan_step *s, void *const at[])
{
    norm_apply(b, &s->norm, at[0], at[1], at[2], at[3], at[4], at[5], at[6], (int)s->number[0]);
}

void act_back(bk *b, const plan_step *s, void *const at[])
{
    const void *y = s->number[0] ? NULL : at[6]; /* at[6] is beta then */
    norm_back(b, &s->norm, at[0], at[1], at[2], at[3], at[4], at[5], y, at[7], at[8], at[9], at[10],
              s->number[0] ? at[6] : NULL);
}

static pool_spec pool_of(const plan_step *s)
{
    return (pool_spec){s->g, (int)s->number[0], (int)s->number[1], (int)s->number[2]};
}

void act_pool(bk *b, const plan_step *s, void *const at[])
{
    pool_spec spec = pool_of(s);
    pool_forward(b, &spec, at[0], at[1], at[2]);
}

void act_pool_back(bk *b, const plan_step *s, void *const at[])
{
    pool_spec spec = pool_of(s);
    pool_back(b, &spec, at[0], at[1], at[2]);
}

void act_pick(bk *b, const plan_step *s, void *const at[])
{
    const bk_window *g = &s->g;
    cuda_pick(b, at[0], at[1], at[2], g->n, g->h * g->w * g->c, g->p * g->q * g->k);
}

void act_tangent(bk *b, const plan_step *s, void *const at[])
{
    norm_bends n = {.out = at[0],
                    .sums = at[1],
                    .t = at[2],
                    .plus = at[3],
                    .g = at[4],
                    .cut = at[5],
                    .x = at[6],
                    .gamma = at[7],
                    .beta = at[8],
                    .mean = at[9],
                    .var = at[10]};
    norm_tangent(b, &s->norm, &n);
}

void act_bend(bk *b, const plan_step *s, void *const at[])
{
    norm_bends n = {.out = at[0],
                    .dgamma = at[1],
                    .dbeta = at[2],
                    .sums = at[3],
                    .t = at[4],
                    .g = at[5],
                    .q = at[6],
                    .x = at[7],
                    .gamma = at[8],
                    .beta = at[9],
                    .mean = at[10],
                    .var = at[11]};
    norm_bend(b, &s->norm, &n);
}
