/* losses.h - terms that losses with auxiliary outliers share. Logits are
 * [n,classes]; energies are E = -log sum exp, low for what a network knows;
 * every term is one element, a mean over the rows it is taken on. */
#ifndef LOSSES_H
#define LOSSES_H

#include "method.h"

/* Logits of two sets of images that pass the network as one batch, so that
 * batch-norm sees their mixture, as the authors' codes have it. */
typedef struct pair {
    tensor *in, *out;
} pair;

static inline pair forward_pair(net *n, tensor *in, tensor *out)
{
    int64_t first = tx_dims(in).d[0];
    tensor *z = nn_forward(n, tx_concat(in, out));
    return (pair){tx_slice(z, 0, first), tx_slice(z, first, tx_dims(out).d[0])};
}

static inline tensor *energies(tensor *z)
{
    return tx_scale(tx_lse(z), -1);
}

/* Cross-entropy to the uniform distribution (Hendrycks et al. 2019): the mean
 * of -log p over rows and classes. Its gradient is (p_k - 1/C) / n. */
static inline tensor *uniform_cross_entropy(tensor *z)
{
    return tx_sub(tx_mean(tx_lse(z)), tx_mean(z));
}

/* Cross-entropy to keep * onehot(y) + (1 - keep) / C (Zhang et al. 2023). */
static inline tensor *mixed_cross_entropy(tensor *z, tensor *y, double keep)
{
    return tx_add(tx_scale(tx_nll(z, y), keep), tx_scale(uniform_cross_entropy(z), 1 - keep));
}

/* mean relu(E_in - m_in)^2 + mean relu(m_out - E_out)^2 (Liu et al. 2020, eq. 8). */
static inline tensor *energy_margins(tensor *in, tensor *out, double m_in, double m_out)
{
    tensor *high = tx_relu(tx_affine(in, 1, -m_in)), *low = tx_relu(tx_affine(out, -1, m_out));
    return tx_add(tx_mean(tx_square(high)), tx_mean(tx_square(low)));
}

/* The mean over rows of the largest softmax probability: a diagnostic, never
 * recorded. */
static inline tensor *mean_confidence(tensor *z)
{
    int recording = ad_record(0);
    tensor *p = tx_mean(tx_exp(tx_sub(tx_rowmax(z), tx_lse(z))));
    ad_record(recording);
    return p;
}

#endif
