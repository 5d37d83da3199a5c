/* greg.h - GReg's loss (Sharifi et al. 2024), shared by the methods that differ
 * in which outliers they show it, and its penalty, which others borrow.
 *
 * Samples on the wrong side of an energy margin are pushed by squared hinges;
 * those on the right side already are to stay there under small changes of the
 * image: the norm of the energy's gradient by the image is part of the loss, and
 * differentiating that takes a second backward pass through the first, exact
 * here. In training that gradient runs through the batch's statistics as well,
 * so an image answers for what it does to the others. */
#ifndef GREG_H
#define GREG_H

#include "losses.h"

struct greg {
    double weight, penalty, m_in, m_out;
    int grad_reduction, bn_update;
    int64_t clusters, pool; /* gregplus */
};
enum { REDUCE_CODE, REDUCE_PAPER };
enum { BN_TWICE, BN_ONCE };

#define GREG_MARGINS                                                                                               \
    PARAM(struct greg, weight, .init = 0.1, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1 2",                      \
          .help = "lambda_S, of the energy margins"),                                                              \
        PARAM(struct greg, m_in, .init = -25, .min = -1000, .max = 1000,                                           \
              .help = "classes' energies belong below"),                                                           \
        PARAM(struct greg, m_out, .init = -7, .min = -1000, .max = 1000,                                           \
              .help = "outliers' energies belong above"),                                                          \
        PARAM(struct greg, bn_update, .init = BN_TWICE, .choices = "twice once",                                   \
              .help = "running statistics move in a step: the authors' code runs two forward passes")
#define GREG_PENALTY                                                                                               \
    PARAM(struct greg, penalty, .init = 1, .min = 0, .max = 1000, .help = "lambda_grad, of the gradients' norms"), \
        PARAM(struct greg, grad_reduction, .init = REDUCE_CODE, .choices = "code paper",                           \
              .help = "norms averaged over the batch once more, or as in the paper's formula: N times as much")

/* What is better than its margin, as the batch's mean: only settled samples
 * have a gradient here, strictly (relu). in, out: [n,1], low for classes. */
static inline tensor *settled(tensor *in, tensor *out, double m_in, double m_out)
{
    return tx_sub(tx_mean(tx_relu(tx_affine(out, 1, -m_out))), tx_mean(tx_relu(tx_affine(in, -1, m_in))));
}

/* [n,1]: norms of dy/dx, one for each image of the leaf x; a norm of zero has the
 * derivative zero. y stays on the tape. */
static inline tensor *gradient_norms(tensor *y, tensor *x)
{
    tensor *g;
    ad_grad(y, 1, &x, &g, AD_CREATE | AD_RETAIN);
    return tx_rownorm(tx_flat(g));
}

/* The second forward pass of the authors' code changes nothing but this. */
static inline void greg_move_statistics(net *n, tensor *x)
{
    int recording = ad_record(0);
    nn_body(n, x);
    ad_record(recording);
}

static inline tensor *greg_loss(const struct greg *s, run *r, const batch *b, tensor *outliers)
{
    net *n = run_net(r);
    tensor *x = ad_leaf(tx_concat(b->x, outliers)), *z = nn_forward(n, x);
    int64_t count = tx_rows(z);
    tensor *z_in = tx_slice(z, 0, b->n), *in = energies(z_in), *out = energies(tx_slice(z, b->n, count - b->n));
    tensor *ce = tx_nll(z_in, b->y), *margins = energy_margins(in, out, s->m_in, s->m_out);
    tensor *loss = tx_add(ce, tx_scale(margins, s->weight));
    if (s->bn_update == BN_TWICE)
        greg_move_statistics(n, x);
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "energy_loss", margins);
    run_note_tensor(r, "energy_in", tx_mean(in));
    run_note_tensor(r, "energy_out", tx_mean(out));
    if (s->penalty > 0) { /* code: norms of an averaged function, averaged; summed they are the paper's */
        tensor *norms = gradient_norms(settled(in, out, s->m_in, s->m_out), x);
        run_note_tensor(r, "gradient_norm", run_sum(r, norms));
        tensor *reduced = s->grad_reduction == REDUCE_PAPER ? run_sum(r, norms) : tx_mean(norms);
        loss = tx_add(loss, tx_scale(reduced, s->penalty));
    }
    return loss;
}

#endif
