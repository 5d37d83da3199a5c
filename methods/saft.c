/* saft.c - sharpness-aware fine-tuning for detection, from its abstract alone: a
 * trained network is tuned for one epoch with sam's step in place of SGD's, and
 * a loss that drives classes and outliers apart. The outliers are made of the
 * batch itself: cells of a grid in random order, colours in another order. With
 * auxiliary outliers in their place it is sam over ebo_ft or oe (`sam.base`).
 * Rates of ours: 0.001 for CIFAR, 0.0001 for ImageNet; score with ebo or msp. */
#include "ascent.h"
#include "losses.h"

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

static void shuffle(run *r, int32_t *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = run_int(r, i + 1);
        int32_t held = v[i];
        v[i] = v[j];
        v[j] = held;
    }
}

/* Where each value of one image comes from, [h][w][3]. Channels do not keep
 * their places, all three at least not at once. */
static void scramble(run *r, int32_t *from, int32_t *cells, int64_t side, int64_t grid)
{
    int32_t channels[3] = {0, 1, 2};
    int64_t cell = side / grid;
    shuffle(r, cells, grid * grid);
    while (channels[0] == 0 && channels[1] == 1)
        shuffle(r, channels, 3);
    for (int64_t i = 0; i < side * side * 3; i++) {
        int64_t y = i / (side * 3), x = i / 3 % side;
        int32_t source = cells[y / cell * grid + x / cell];
        int64_t sy = source / grid * cell + y % cell, sx = source % grid * cell + x % cell;
        from[i] = (int32_t)((sy * side + sx) * 3 + channels[i % 3]);
    }
}

/* The images scrambled as pixels: a channel's mean and deviation stay with its
 * place, not with its values. */
static tensor *pseudo_outliers(const struct saft *s, run *r, const batch *b)
{
    dims d = tx_dims(b->x);
    int64_t values = d.d[1] * d.d[2] * d.d[3];
    if (d.d[1] != d.d[2] || d.d[3] != 3 || d.d[1] % s->grid != 0)
        run_refuse(
            r,
            "saft.grid is %lld, which does not divide images of %lld x %lld x %lld into equal cells of three "
            "colours: choose another",
            (long long)s->grid, (long long)d.d[1], (long long)d.d[2], (long long)d.d[3]);
    int32_t *from = run_scratch(r, (size_t)(b->n * values) * sizeof *from);
    int32_t *cells = run_scratch(r, (size_t)(s->grid * s->grid) * sizeof *cells);
    for (int64_t i = 0; i < b->n; i++)
        scramble(r, from + i * values, cells, d.d[1], s->grid);
    tensor *pixels = tx_add(tx_mul(b->x, run_input_std(r)), run_input_mean(r));
    tensor *moved = tx_reshape(tx_pick(tx_flat(pixels), tx_index(DIMS(b->n, values), from)), d);
    return tx_div(tx_sub(moved, run_input_mean(r)), run_input_std(r));
}

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
    tensor *outliers = s->loss == NONE ? NULL : pseudo_outliers(s, r, b);
    run_backward(r, loss(s, r, b, outliers));
    tensor *home = ascent_climb(n, s->rho, ASCENT_PLAIN);

    enum nn_mode mode = nn_mode(n, NN_FROZEN);
    tensor *perturbed = loss(s, r, b, outliers);
    run_note_tensor(r, "perturbed_loss", perturbed);
    run_backward(r, perturbed);
    nn_mode(n, mode);
    ascent_return(n, home);
    run_update(r);
}

const method method_entry = {
    METHOD_HEAD, .name = "saft", .reconstruction = true, .cite = "Zhang et al. 2026", PARAMS(struct saft, params),
    .step = step};
