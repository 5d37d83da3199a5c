/* residual.c - minus the length of the part of a feature that lies outside the
 * principal subspace of the training features: ViM without its logits. The
 * benchmark takes the subspace of the few validation features instead. */
#include "subspace.h"

struct residual {
    int64_t dim;
    bool parity;
    struct subspace known;
};

static const param params[] = {
    PARAM(struct residual, dim, .init = 256, .min = 1, .max = 65536, .refit = true,
          .help = "principal directions left out; less than the features have"),
    PARAM(struct residual, parity, .refit = true, .help = "as the benchmark: the subspace of the validation set"),
};

static void fit(void *self, run *r)
{
    struct residual *s = self;
    tensor *f = samples_features(run_split(r, s->parity ? RUN_VAL : RUN_TRAIN));
    subspace_fit(&s->known, r, f, s->dim);
}

static tensor *score(void *self, run *r, samples *q)
{
    struct residual *s = self;
    (void)r;
    return tx_scale(subspace_residual(&s->known, samples_features(q)), -1);
}

const method method_entry = {
    METHOD_HEAD, .name = "residual", .cite = "Wang et al. 2022", PARAMS(struct residual, params),
    .fit = fit,  .score = score};
