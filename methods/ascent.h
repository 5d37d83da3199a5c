/* ascent.h - to the worst weights nearby, and back: the step that sharpness-
 * aware methods share. Between climb and descend the network stands at w + e:
 *
 *     tensor *home = ascent_climb(n, rho, ASCENT_PLAIN);
 *     ascent_descend(r, loss up there, home);
 *
 * What comes back is a copy taken before, not w + e - e, which would drift. One
 * norm spans all parameters, biases and batch-norm's too; backends sum in double
 * and it never leaves the device. */
#ifndef ASCENT_H
#define ASCENT_H

#include "method.h"

enum ascent_scale {
    ASCENT_PLAIN,    /* e = rho g / |g|              (Foret et al. 2021, eq. 2) */
    ASCENT_ADAPTIVE, /* e = rho w^2 g / ||w| g|      (Kwon et al. 2021, eq. 9) */
};

/* e, for weights w and their gradient g of equal extents; 0 where g is 0. */
static inline tensor *ascent_step(tensor *w, tensor *g, double rho, enum ascent_scale scale)
{
    tensor *scaled = scale == ASCENT_ADAPTIVE ? tx_mul(w, g) : g;
    tensor *norm = tx_affine(tx_sqrt(tx_sum(tx_square(scaled))), 1, 1e-12);
    return tx_scale(tx_div(scale == ASCENT_ADAPTIVE ? tx_mul(w, scaled) : scaled, norm), rho);
}

/* Moves the weights by e, for the gradient in nn_grads. Returns the weights as
 * they were, which live until the caller's scope closes. */
static inline tensor *ascent_climb(net *n, double rho, enum ascent_scale scale)
{
    int recording = ad_record(0);
    tensor *home = tx_copy(nn_weights(n));
    tx_axpy(nn_weights(n), 1, ascent_step(home, nn_grads(n), rho, scale));
    ad_record(recording);
    return home;
}

static inline void ascent_return(net *n, tensor *home)
{
    tx_assign(nn_weights(n), home);
}

/* Takes the gradient of `loss`, which was computed up there, back to the weights
 * as they were, and steps with it. */
static inline void ascent_descend(run *r, tensor *loss, tensor *home)
{
    run_backward(r, loss);
    ascent_return(run_net(r), home);
    run_update(r);
}

#endif
