/* vra.c - energy with features bounded on both sides, at two percentiles of all
 * validation features. Below the lower one the paper makes them zero; the
 * benchmark, as here by default, raises them to it. */
#include "shaping.h"

struct vra {
    double q_hi, q_lo;
    int low;
    double most, least;
};

static const param params[] = {
    PARAM(struct vra, q_hi, .init = 90, .min = 0, .max = 100, .refit = true, .sweep = "85 90 95 99",
          .help = "percentile of all features, above which they are clipped"),
    PARAM(struct vra, q_lo, .init = 10, .min = 0, .max = 100, .refit = true, .sweep = "1 5 10 15",
          .help = "percentile of all features, below which they are raised or dropped; at most q_hi"),
    PARAM(struct vra, low, .init = 0, .choices = "clip zero",
          .help = "features under the lower bound are raised to it, or zero as in the paper"),
};

static void fit(void *self, run *r)
{
    struct vra *s = self;
    if (s->q_lo > s->q_hi)
        run_refuse(r, "vra.q_lo is %g and vra.q_hi %g: the lower percentile must not exceed the higher one",
                   s->q_lo, s->q_hi);
    tensor *f = samples_features(run_split(r, RUN_VAL));
    s->most = tx_quantile(f, s->q_hi / 100);
    s->least = tx_quantile(f, s->q_lo / 100);
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct vra *s = self;
    tensor *h = samples_features(q);
    if (s->low == 0)
        return shaped_energy(r, tx_clamp(h, s->least, s->most), NULL);
    double under = shaping_floor(nextafter(s->least, -INFINITY)); /* what equals the percentile stays */
    return shaped_energy(r, tx_within(tx_clamp(h, -TX_HUGE, s->most), h, under, TX_HUGE), NULL);
}

const method method_entry = {METHOD_HEAD, .name = "vra", .cite = "Xu et al. 2023", PARAMS(struct vra, params),
                             .fit = fit,  .score = score};
