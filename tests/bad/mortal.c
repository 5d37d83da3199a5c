/* mortal.c - trains with outliers and draws of its own, and is killed at the
 * n-th loss that its process computes, n being MORTAL in the environment; the
 * one numbered MORTAL_INFINITE is infinite; with MORTAL_KEEPS it counts its
 * losses in its own struct, too. */
#include "../../methods/method.h"

#include <signal.h>
#include <stdlib.h>

typedef struct mortal {
    int64_t seen;
} mortal;

static tensor *loss(void *self, run *r, const batch *b)
{
    static long calls;
    mortal *m = self;
    const char *last = getenv("MORTAL"), *infinite = getenv("MORTAL_INFINITE");
    calls++;
    if (last && calls == atol(last))
        raise(SIGKILL);
    m->seen += getenv("MORTAL_KEEPS") != NULL;
    const batch *o = run_outliers(r, run_outlier_batch(r));
    double luck = run_uniform(r);
    tensor *z = nn_forward(run_net(r), tx_concat(b->x, o->x));
    tensor *out = tx_slice(z, b->n, o->n);
    tensor *uniform = tx_mean(tx_sub(tx_lse(out), tx_scale(tx_rowsum(out), 1 / (double)run_classes(r))));
    run_note(r, "luck", luck);
    run_note_tensor(r, "uniform", uniform);
    return tx_add(tx_nll(tx_slice(z, 0, b->n), b->y),
                  tx_scale(uniform, infinite && calls == atol(infinite) ? HUGE_VAL : luck));
}

const method method_entry = {METHOD_HEAD,      .name = "mortal", .cite = "nobody", .self_bytes = sizeof(mortal),
                             .outliers = true, .ranks = true,    .loss = loss};
