/* she.c - simplified Hopfield energy: how much the feature is like the pattern of
 * its predicted class, the mean of the training features that were classified
 * correctly. A class without any takes the mean of all of its features. */
#include "method.h"

struct she {
    int metric;
    tensor *patterns; /* [classes,d] */
};

enum { INNER_PRODUCT, EUCLIDEAN, COSINE };

static const param params[] = {
    PARAM(struct she, metric, .init = INNER_PRODUCT, .choices = "inner_product euclidean cosine",
          .sweep = "inner_product euclidean cosine", .help = "what likeness is; euclidean is minus the distance"),
};

/* The class whose pattern a sample is part of, `c` for none. size: how many have it, at least 1. */
static tensor *membership(run *r, samples *train, int64_t c, real *size)
{
    int64_t n = samples_count(train);
    int32_t *label = run_scratch(r, (size_t)n * sizeof *label), *guess = run_scratch(r, (size_t)n * sizeof *guess);
    int64_t *correct = run_scratch(r, (size_t)c * sizeof *correct);
    tx_read(samples_labels(train), label);
    tx_read(tx_argmax(samples_logits(train)), guess);
    for (int64_t i = 0; i < n; i++)
        correct[label[i]] += guess[i] == label[i];
    for (int64_t i = 0; i < n; i++) {
        if (guess[i] != label[i] && correct[label[i]])
            label[i] = (int32_t)c;
        else
            size[label[i]]++;
    }
    for (int64_t k = 0; k < c; k++)
        size[k] = size[k] > 1 ? size[k] : 1;
    return tx_index(DIMS(n, 1), label);
}

static void fit(void *self, run *r)
{
    struct she *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    int64_t c = run_classes(r);
    real *size = run_scratch(r, (size_t)c * sizeof *size);
    tensor *sums = tx_put(samples_features(train), membership(r, train, c, size), c + 1);
    s->patterns = tx_div(tx_slice(sums, 0, c), tx_from(DIMS(c, 1), size));
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct she *s = self;
    tensor *h = samples_features(q), *m = tx_take(s->patterns, tx_argmax(samples_logits(q)));
    (void)r;
    if (s->metric == EUCLIDEAN)
        return tx_scale(tx_rownorm(tx_sub(h, m)), -1);
    if (s->metric == COSINE)
        h = tx_unit_rows(h), m = tx_unit_rows(m);
    return tx_rowsum(tx_mul(h, m));
}

const method method_entry = {METHOD_HEAD, .name = "she", .cite = "Zhang et al. 2023", PARAMS(struct she, params),
                             .fit = fit,  .score = score};
