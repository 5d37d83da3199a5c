/* ebo.c - energy: T log sum exp(f / T), the free energy with its sign turned. */
#include "method.h"

struct ebo {
    double temperature;
};

static const param params[] = {
    PARAM(struct ebo, temperature, .init = 1, .min = 1e-3, .max = 1e4, .help = "divides the logits"),
};

static tensor *score(void *self, run *r, samples *s)
{
    struct ebo *e = self;
    (void)r;
    return tx_scale(tx_lse(tx_scale(samples_logits(s), 1 / e->temperature)), e->temperature);
}

const method method_entry = {METHOD_HEAD, .name = "ebo", .cite = "Liu et al. 2020", PARAMS(struct ebo, params),
                             .score = score};
