/* vim.c - virtual-logit matching: the energy of the logits, less the length of
 * the part of a feature that lies outside the principal subspace of the
 * training features, scaled to the size of a logit. */
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

static void fit(void *self, run *r)
{
    struct vim *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    tensor *f = samples_features(train);
    subspace_fit(&s->train, r, f, s->dim);
    s->alpha = tx_item(tx_mean(tx_rowmax(samples_logits(train)))) /
               tx_item(tx_mean(subspace_residual(&s->train, f)));
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
