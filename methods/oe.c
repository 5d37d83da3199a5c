/* oe.c - outlier exposure: cross-entropy on the classes, plus cross-entropy to
 * the uniform distribution on auxiliary outliers. From scratch, or ten epochs
 * of fine-tuning at 0.001; score with msp. */
#include "losses.h"

struct oe {
    double weight;
};

static const param params[] = {
    PARAM(struct oe, weight, .init = 0.5, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1 2",
          .help = "lambda, of the outliers' term"),
};

static tensor *loss(void *self, run *r, const batch *b)
{
    const struct oe *s = self;
    pair z = forward_pair(run_net(r), b->x, run_outliers(r, run_outlier_batch(r))->x);
    tensor *ce = tx_nll(z.in, b->y), *uniform = uniform_cross_entropy(z.out);
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "uniform", uniform);
    run_note_tensor(r, "msp_out", mean_confidence(z.out));
    return tx_add(ce, tx_scale(uniform, s->weight));
}

const method method_entry = {METHOD_HEAD,
                             .name = "oe",
                             .outliers = true,
                             .ranks = true,
                             .cite = "Hendrycks et al. 2019",
                             .loss = loss,
                             PARAMS(struct oe, params)};
