/* optimiser.c - one table of update rules, by enum recipe_optimiser. */
#include "optimiser.h"
#include "engine.h"

#include <math.h>

static void sgd(optimiser *o, tensor *w, tensor *g, double rate)
{
    const recipe *r = o->recipe;
    tx_sgd(w, o->state[0], g, rate, r->momentum, r->weight_decay, r->nesterov != 0);
}

/* Kingma and Ba 2015, algorithm 1, with eps outside the corrected root. */
static void adam(optimiser *o, tensor *w, tensor *g, double rate)
{
    const recipe *r = o->recipe;
    tensor *m = o->state[0], *v = o->state[1];
    double t = (double)o->steps, root = sqrt(1 - pow(r->beta2, t));
    if (r->weight_decay != 0)
        g = tx_add(g, tx_scale(w, r->weight_decay));
    tx_assign(m, tx_add(tx_scale(m, r->beta1), tx_scale(g, 1 - r->beta1)));
    tx_assign(v, tx_add(tx_scale(v, r->beta2), tx_scale(tx_square(g), 1 - r->beta2)));
    tx_axpy(w, -rate / (1 - pow(r->beta1, t)), tx_div(m, tx_affine(tx_sqrt(v), 1 / root, r->adam_eps)));
}

static const struct {
    int nstate;
    void (*step)(optimiser *o, tensor *w, tensor *g, double rate);
} rules[] = {[RECIPE_SGD] = {1, sgd}, [RECIPE_ADAM] = {2, adam}};

optimiser optimiser_begin(const recipe *r, int64_t n)
{
    optimiser o = {.recipe = r, .nstate = rules[r->optimiser].nstate};
    for (int i = 0; i < o.nstate; i++)
        o.state[i] = tx_full(DIMS(n), 0);
    return o;
}

void optimiser_step(optimiser *o, tensor *weights, tensor *grads, double rate)
{
    int recording = ad_record(0);
    o->steps++;
    tx_open();
    rules[o->recipe->optimiser].step(o, weights, grads, rate);
    tx_close();
    ad_record(recording);
}
