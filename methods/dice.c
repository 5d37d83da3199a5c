/* dice.c - energy over a sparser head: of all weights only those count whose
 * contribution, times the mean training feature, lies above a percentile. */
#include "shaping.h"

struct dice {
    double percentile;
    tensor *weight; /* [classes,features], zero where it does not count */
};

static const param params[] = {
    PARAM(struct dice, percentile, .init = 90, .min = 0, .max = 100, .refit = true, .sweep = "30 50 70 90",
          .help = "of all contributions, at or below which a weight is dropped; the paper's is 70 on ImageNet"),
};

static void fit(void *self, run *r)
{
    struct dice *s = self;
    tensor *f = samples_features(run_split(r, RUN_TRAIN)), *w = nn_head_weight(run_net(r));
    tensor *contribution = tx_mul(w, tx_scale(tx_colsum(f), 1 / (double)tx_rows(f)));
    double cut = tx_quantile(contribution, s->percentile / 100);
    s->weight = tx_within(w, contribution, shaping_floor(cut), TX_HUGE);
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct dice *s = self;
    tensor *f = tx_matmul(samples_features(q), s->weight, 0, 1);
    return tx_lse(tx_add(f, nn_head_bias(run_net(r))));
}

const method method_entry = {METHOD_HEAD, .name = "dice", .cite = "Sun and Li 2022", PARAMS(struct dice, params),
                             .fit = fit,  .score = score};
