/* nci.c - neural collapse: how far the feature, seen from the mean training
 * feature, points along the weights of its predicted class, and how long it is. */
#include "method.h"

struct nci {
    double alpha;
    tensor *mean; /* [d] */
};

static const param params[] = {
    PARAM(struct nci, alpha, .init = 1e-4, .min = 0, .max = 1e3, .sweep = "1e-4 1e-3 1e-2 1e-1",
          .help = "how much the L1 norm of the feature counts"),
};

static void fit(void *self, run *r)
{
    struct nci *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    s->mean = tx_scale(tx_colsum(samples_features(train)), 1 / (double)samples_count(train));
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct nci *s = self;
    tensor *h = samples_features(q), *from = tx_sub(h, s->mean);
    tensor *w = tx_take(nn_head_weight(run_net(r)), tx_argmax(samples_logits(q)));
    tensor *along = tx_div(tx_rowsum(tx_mul(w, from)), tx_rownorm(from));
    return tx_add(along, tx_scale(tx_rowsum(tx_map(BK_ABS, h)), s->alpha));
}

const method method_entry = {METHOD_HEAD, .name = "nci", .cite = "Liu and Qin 2025", PARAMS(struct nci, params),
                             .fit = fit,  .score = score};
