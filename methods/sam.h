/* sam.h - the step of sharpness-aware minimisation, over the loss of any method
 * that `base` names: the gradient at the worst weights nearby, taken back home.
 * sam and asam differ in what is near. */
#ifndef SAM_H
#define SAM_H

#include "ascent.h"

struct sam {
    double rho;
    const char *base;
    int bn_update;
};
enum { BN_FIRST, BN_BOTH };

#define SAM_PASSES                                                                                                 \
    PARAM(struct sam, base, .choices = "ce", .help = "method whose loss is minimised"),                            \
        PARAM(struct sam, bn_update, .init = BN_FIRST, .choices = "first both",                                    \
              .help = "passes that move batch-norm's running statistics")

static inline void sam_step(const struct sam *s, run *r, const batch *b, enum ascent_scale scale)
{
    net *n = run_net(r);
    run_backward(r, run_base_loss(r, b));
    tensor *home = ascent_climb(n, s->rho, scale);

    enum nn_mode mode = nn_mode(n, s->bn_update == BN_BOTH ? NN_TRAIN : NN_FROZEN);
    tensor *perturbed = run_base_loss(r, b);
    nn_mode(n, mode);
    ascent_descend(r, perturbed, home);
}

#endif
