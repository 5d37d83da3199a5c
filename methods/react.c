/* react.c - energy with features clipped from above, at a percentile of all
 * features of a split. The paper clips at one of the training features; the
 * benchmark, as here by default, at one of the validation features. */
#include "shaping.h"

struct react {
    double percentile;
    int from;
    double limit;
};

static const param params[] = {
    PARAM(struct react, percentile, .init = 90, .min = 0, .max = 100, .refit = true, .sweep = "85 90 95 99",
          .help = "of all features, above which they are clipped"),
    PARAM(struct react, from, .init = 0, .choices = "val train", .refit = true,
          .help = "the split whose percentile it is; the paper's is train"),
};

static void fit(void *self, run *r)
{
    struct react *s = self;
    samples *from = run_split(r, s->from ? RUN_TRAIN : RUN_VAL);
    s->limit = tx_quantile(samples_features(from), s->percentile / 100);
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct react *s = self;
    return shaped_energy(r, tx_clamp(samples_features(q), -TX_HUGE, s->limit), NULL);
}

const method method_entry = {METHOD_HEAD, .name = "react", .cite = "Sun et al. 2021", PARAMS(struct react, params),
                             .fit = fit,  .score = score};
