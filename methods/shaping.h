/* shaping.h - what methods that change the penultimate feature share: the
 * energy that the head gives the changed one, cuts at a percentile, and the
 * strongest coordinates of each sample. */
#ifndef SHAPING_H
#define SHAPING_H

#include "method.h"

#define SHAPING_MOST 80   /* of an exponent: beyond it the logits leave float's range */
#define SHAPING_HUGE 3e38 /* of a logit */

/* gain: [n,1] that multiplies each row of h, or NULL. It is applied behind the
 * product, so that a huge one makes a logit huge and never infinity less infinity. */
static inline tensor *shaped_energy(run *r, tensor *h, tensor *gain)
{
    tensor *f = tx_matmul(h, nn_head_weight(run_net(r)), 0, 1);
    if (gain)
        f = tx_clamp(tx_mul(f, gain), -SHAPING_HUGE, SHAPING_HUGE);
    return tx_lse(tx_add(f, nn_head_bias(run_net(r))));
}

/* A percentile is a double between two floats: for every float x, x > cut means
 * x > shaping_floor(cut), whereas the nearest float may be the upper neighbour. */
static inline float shaping_floor(double cut)
{
    float f = (float)cut;
    return (double)f > cut ? nextafterf(f, -INFINITY) : f;
}

/* The values that stay and, in *where, their columns: d - d q / 100 of d, halves
 * rounded to even. The smaller column wins a tie. */
static inline tensor *strongest(run *r, tensor *h, double q, tensor **where)
{
    int64_t d = tx_cols(h), k = d - (int64_t)nearbyint((double)d * q / 100);
    if (k < 1)
        run_refuse(r, "%s.percentile is %g, which leaves none of %lld features: choose a smaller one",
                   method_entry.name, q, (long long)d);
    return tx_topk(h, k, where);
}

/* exp(all / kept), [n,1], of the sums of h and of its strongest. Where those sum
 * to zero, h is zero throughout, and any finite answer does. */
static inline tensor *boost(tensor *h, tensor *kept)
{
    tensor *ratio = tx_div(tx_rowsum(h), tx_clamp(tx_rowsum(kept), 1e-30, TX_HUGE));
    return tx_exp(tx_clamp(ratio, -TX_HUGE, SHAPING_MOST));
}

struct shaping {
    double percentile;
};
#define SHAPING_PERCENTILE(start)                                                                                  \
    PARAM(struct shaping, percentile, .init = (start), .min = 0, .max = 100, .sweep = "65 70 75 80 85 90 95",      \
          .help = "of a sample's features, below which they are weak")

#endif
