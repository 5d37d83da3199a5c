/* subspace.h - the part of a feature that lies outside the principal subspace of
 * a set of features, as seen from the point that every logit ignores. */
#ifndef SUBSPACE_H
#define SUBSPACE_H

#include "method.h"

struct subspace {
    tensor *origin, *outside; /* [d]; [d-dim,d], one direction per row */
};

static inline void subspace_fit(struct subspace *s, run *r, tensor *f, int64_t dim)
{
    tensor *w = nn_head_weight(run_net(r));
    int64_t d = tx_cols(f);
    if (dim >= d)
        run_refuse(r,
                   "%s.dim is %lld, but the features have %lld dimensions and none would be left over: "
                   "choose less, half of them is usual",
                   method_entry.name, (long long)dim, (long long)d);

    /* The point: minus the pseudo-inverse of the weights, times the bias. */
    tensor *b = tx_reshape(nn_head_bias(run_net(r)), DIMS(tx_rows(w), 1));
    s->origin = tx_reshape(tx_scale(tx_matmul(tx_pinv(w), b, 0, 0), -1), DIMS(d));
    s->outside = tx_slice(tx_principal(f, s->origin, NULL), dim, d - dim);
}

/* [n,1]: its length. Projected on the residual directions themselves: the
 * difference of the whole length and the principal one would cancel. */
static inline tensor *subspace_residual(const struct subspace *s, tensor *features)
{
    return tx_rownorm(tx_matmul(tx_sub(features, s->origin), s->outside, 0, 1));
}

#endif
