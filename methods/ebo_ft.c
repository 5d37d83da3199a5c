/* ebo_ft.c - fine-tuning with energy margins: classes are pushed below m_in,
 * outliers above m_out, by squared hinges. Ten epochs at 0.001 from a trained
 * network, whose energies of about -10 make the first hinges large; score with
 * ebo. The margins are those of the authors' script for CIFAR-10. */
#include "losses.h"

struct ebo_ft {
    double weight, m_in, m_out;
};

static const param params[] = {
    PARAM(struct ebo_ft, weight, .init = 0.1, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1 2",
          .help = "lambda, of the energy term"),
    PARAM(struct ebo_ft, m_in, .init = -23, .min = -1000, .max = 1000, .sweep = "-27 -25 -23 -19 -15",
          .help = "classes' energies belong below (CIFAR-100: -27; the authors' code without arguments: -25)"),
    PARAM(struct ebo_ft, m_out, .init = -5, .min = -1000, .max = 1000, .sweep = "-7 -5 -3",
          .help = "outliers' energies belong above (the authors' code without arguments: -7)"),
};

static tensor *loss(void *self, run *r, const batch *b)
{
    const struct ebo_ft *s = self;
    pair z = forward_pair(run_net(r), b->x, run_outliers(r, run_outlier_batch(r))->x);
    tensor *in = energies(z.in), *out = energies(z.out);
    tensor *ce = tx_nll(z.in, b->y), *margins = energy_margins(in, out, s->m_in, s->m_out);
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "energy_loss", margins);
    run_note_tensor(r, "energy_in", tx_mean(in));
    run_note_tensor(r, "energy_out", tx_mean(out));
    return tx_add(ce, tx_scale(margins, s->weight));
}

const method method_entry = {METHOD_HEAD,
                             .name = "ebo_ft",
                             .outliers = true,
                             .ranks = true,
                             .cite = "Liu et al. 2020",
                             .loss = loss,
                             PARAMS(struct ebo_ft, params)};
