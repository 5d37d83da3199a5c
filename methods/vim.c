/* vim.c - virtual-logit matching: the energy of the logits, less the length of
 * the part of a feature that lies outside the principal subspace of the
 * training features, scaled to the size of a logit. */
#include "method.h"

struct vim {
    int64_t dim;
    double alpha;
    tensor *origin, *outside; /* [d]; [d-dim,d], one direction per row */
};

static const param params[] = {
    PARAM(struct vim, dim, .init = 256, .min = 1, .max = 65536, .refit = true, .sweep = "256 1000",
          .help = "principal directions left out; less than the features have"),
};

/* Projected on the residual directions themselves: the difference of the
 * whole length and the principal one would cancel. */
static tensor *residual(const struct vim *s, tensor *features)
{
    return tx_rownorm(tx_matmul(tx_sub(features, s->origin), s->outside, 0, 1));
}

static void fit(void *self, run *r)
{
    struct vim *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    tensor *f = samples_features(train), *w = nn_head_weight(run_net(r));
    int64_t d = tx_cols(f);
    if (s->dim >= d)
        run_refuse(r,
                   "vim.dim is %lld, but the features have %lld dimensions and none would be left over: "
                   "choose less, half of them is usual",
                   (long long)s->dim, (long long)d);

    /* The point that every logit ignores. */
    tensor *b = tx_reshape(nn_head_bias(run_net(r)), DIMS(tx_rows(w), 1));
    s->origin = tx_reshape(tx_scale(tx_matmul(tx_pinv(w), b, 0, 0), -1), DIMS(d));
    tensor *v = tx_principal(tx_sub(f, s->origin), NULL);
    s->outside = tx_slice(v, s->dim, d - s->dim);
    s->alpha = tx_item(tx_mean(tx_rowmax(samples_logits(train)))) / tx_item(tx_mean(residual(s, f)));
}

static tensor *score(void *self, run *r, samples *q)
{
    struct vim *s = self;
    (void)r;
    return tx_sub(tx_lse(samples_logits(q)), tx_scale(residual(s, samples_features(q)), s->alpha));
}

const method method_entry = {METHOD_HEAD, .name = "vim", .cite = "Wang et al. 2022", PARAMS(struct vim, params),
                             .fit = fit,  .score = score};
