/* saft.c - sharpness-aware fine-tuning for detection, from its abstract alone: a
 * trained network is tuned for one epoch with sam's step in place of SGD's, and
 * a loss that drives classes and outliers apart. The outliers are made of the
 * batch itself: cells of a grid in random order, colours in another order. With
 * auxiliary outliers in their place it is sam over ebo_ft or oe (`sam.base`).
 * Rates of ours: 0.001 for CIFAR, 0.0001 for ImageNet; score with ebo or msp. */
#include "ascent.h"
#include "losses.h"
#include "scramble.h"

struct saft {
    double rho, energy_weight, uniform_weight, m_in, m_out;
    int64_t grid;
    int loss;
};
enum { ENERGY, UNIFORM, NONE };

static const param params[] = {
    PARAM(struct saft, rho, .init = 0.05, .min = 0, .max = 10, .sweep = "0.01 0.05 0.1 0.5",
          .help = "radius of the neighbourhood"),
    PARAM(struct saft, loss, .init = ENERGY, .choices = "energy oe none", .help = "what is added to cross-entropy"),
    PARAM(struct saft, energy_weight, .init = 0.1, .min = 0, .max = 100, .help = "lambda, of the energy margins"),
    PARAM(struct saft, uniform_weight, .init = 0.5, .min = 0, .max = 100, .help = "lambda, of outlier exposure"),
    PARAM(struct saft, m_in, .init = -25, .min = -1000, .max = 1000, .help = "classes' energies belong below"),
    PARAM(struct saft, m_out, .init = -7, .min = -1000, .max = 1000, .help = "outliers' energies belong above"),
    PARAM(struct saft, grid, .init = 4, .min = 2, .max = 16, .sweep = "2 4",
          .help = "cells of a side that are shuffled"),
};

static tensor *loss(const struct saft *s, run *r, const batch *b, tensor *outliers)
{
    if (!outliers)
        return tx_nll(nn_forward(run_net(r), b->x), b->y);
    pair z = forward_pair(run_net(r), b->x, outliers);
    tensor *apart = s->loss == ENERGY ? tx_scale(energy_margins(energies(z.in), energies(z.out), s->m_in, s->m_out),
                                                 s->energy_weight)
                                      : tx_scale(uniform_cross_entropy(z.out), s->uniform_weight);
    return tx_add(tx_nll(z.in, b->y), apart);
}

static void step(void *self, run *r, const batch *b)
{
    const struct saft *s = self;
    net *n = run_net(r);
    tensor *outliers = s->loss == NONE ? NULL : scrambled(r, b->x, s->grid);
    run_backward(r, loss(s, r, b, outliers));
    tensor *home = ascent_climb(n, s->rho, ASCENT_PLAIN);

    enum nn_mode mode = nn_mode(n, NN_FROZEN);
    tensor *perturbed = loss(s, r, b, outliers);
    run_note_tensor(r, "perturbed_loss", perturbed);
    nn_mode(n, mode);
    ascent_descend(r, perturbed, home);
}

const method method_entry = {METHOD_HEAD,
                             .name = "saft",
                             .reconstruction = true,
                             .cite = "Zhang et al. 2026",
                             PARAMS(struct saft, params),
                             .step = step,
                             .family = FAMILY_SHARPNESS};
