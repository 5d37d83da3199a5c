/* vim.c - virtual-logit matching: the energy of the logits, less the length of
 * the part of a feature that lies outside the principal subspace of the
 * training features, scaled to the size of a logit. */
#include "bank.h"
#include "subspace.h"

struct vim {
    int64_t dim;
    double alpha;
    struct subspace train;
};

static const param params[] = {
    PARAM(struct vim, dim, .init = 256, .min = 1, .max = 65536, .refit = true, .sweep = "256 1000",
          .help = "principal directions left out; less than the features have"),
};

/* The quotient of the sums over all training samples of the largest logit and of the residual. */
static double scale(const struct vim *s, run *r)
{
    double logits = 0, residuals = 0;
    int64_t n = samples_count(run_split(r, RUN_TRAIN));
    for (int64_t first = 0; first < n; first += BANK_TILE) {
        samples *part = run_part(r, RUN_TRAIN, first, bank_tile(first, n));
        tx_open();
        logits += tx_item(tx_sum(tx_rowmax(samples_logits(part))));
        residuals += tx_item(tx_sum(subspace_residual(&s->train, samples_features(part))));
        tx_close();
    }
    return logits / residuals;
}

static void fit(void *self, run *r)
{
    struct vim *s = self;
    subspace_fit(&s->train, r, samples_features(run_split(r, RUN_TRAIN)), s->dim);
    s->alpha = scale(s, r);
}

static tensor *score(void *self, run *r, samples *q)
{
    struct vim *s = self;
    tensor *residual = subspace_residual(&s->train, samples_features(q));
    (void)r;
    return tx_sub(tx_lse(samples_logits(q)), tx_scale(residual, s->alpha));
}

const method method_entry = {METHOD_HEAD, .name = "vim", .cite = "Wang et al. 2022", PARAMS(struct vim, params),
                             .fit = fit,  .score = score};
