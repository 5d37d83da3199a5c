/* line.c - energy over the neurons that matter to the predicted class: features
 * clipped from above, then only those features and weights whose contribution to
 * that class, averaged over its training samples, lies above a percentile.
 *
 * The contribution of feature j to class c is R_cj = W_cj mean h_j. The weights
 * of class c are ranked by |R_cj| W_kj. Masks for all classes would take
 * classes x classes x features; they are drawn again for each logit instead. */
#include "shaping.h"

struct line {
    double p_w, p_a, delta;
    tensor *contribution, *size, *limit; /* R, |R|, both [classes,features]; [classes,1], of the weights */
};

static const param params[] = {
    PARAM(struct line, p_w, .init = 90, .min = 0, .max = 100, .refit = true, .sweep = "10 30 50 70 90",
          .help = "percentile, at or below which a class drops a weight; 90 on CIFAR, 10 on ImageNet"),
    PARAM(struct line, p_a, .init = 90, .min = 0, .max = 100, .sweep = "10 30 50 70 90",
          .help = "the same of features; 90 on CIFAR-10, 10 on CIFAR-100 and ImageNet"),
    PARAM(struct line, delta, .init = 1, .min = 0, .max = 1e10, .sweep = "0.6 0.8 1 1.2 1e10",
          .help = "above which features are clipped; 0.8 on ImageNet"),
};

/* The weights' percentile is one of classes x features values for each class, and
 * is taken once; that of the features, of so many fewer, when scores are. */
static void fit(void *self, run *r)
{
    struct line *s = self;
    tensor *w = nn_head_weight(run_net(r));
    int64_t classes = tx_rows(w);
    samples *train = run_split(r, RUN_TRAIN);
    real *limit = run_scratch(r, (size_t)classes * sizeof *limit);
    s->contribution = tx_mul(w, tx_means(samples_features(train), samples_labels(train), classes));
    s->size = tx_map(BK_ABS, s->contribution);
    for (int64_t c = 0; c < classes; c++) {
        tx_open();
        tensor *size = tx_reshape(tx_slice(s->size, c, 1), DIMS(tx_cols(w)));
        limit[c] = shaping_floor(tx_quantile(tx_mul(w, size), s->p_w / 100));
        tx_close();
    }
    s->limit = tx_from(DIMS(classes, 1), limit);
}

/* [classes,features]: 1 where a feature matters to a class, else 0. */
static tensor *active(const struct line *s, run *r)
{
    int64_t classes = tx_rows(s->contribution);
    real *limit = run_scratch(r, (size_t)classes * sizeof *limit);
    for (int64_t c = 0; c < classes; c++)
        limit[c] = shaping_floor(tx_quantile(tx_slice(s->contribution, c, 1), s->p_a / 100));
    tensor *over = tx_sub(s->contribution, tx_from(DIMS(classes, 1), limit));
    return tx_within(tx_full(tx_dims(over), 1), over, 0, TX_HUGE);
}

/* [n,classes]: h times the weights that count for each row's class, [n,1]. */
static tensor *products(const struct line *s, tensor *h, tensor *class, tensor *w)
{
    int64_t classes = tx_rows(w);
    tensor *size = tx_take(s->size, class), *limit = tx_take(s->limit, class);
    tensor *f = tx_full(DIMS(tx_rows(h), classes), 0);
    for (int64_t k = 0; k < classes; k++) {
        tx_open();
        tensor *row = tx_reshape(tx_slice(w, k, 1), DIMS(tx_cols(w)));
        tensor *over = tx_sub(tx_mul(size, row), limit);
        tensor *one = tx_rowsum(tx_within(tx_mul(h, row), over, 0, TX_HUGE));
        tx_axpy(f, 1, tx_embed_cols(one, k, classes));
        tx_close();
    }
    return f;
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct line *s = self;
    tensor *w = nn_head_weight(run_net(r)), *b = nn_head_bias(run_net(r));
    tensor *h = tx_clamp(samples_features(q), -TX_HUGE, s->delta);
    tensor *class = tx_argmax(tx_add(tx_matmul(h, w, 0, 1), b));
    tensor *f = products(s, tx_mul(h, tx_take(active(s, r), class)), class, w);
    return tx_lse(tx_add(f, b));
}

const method method_entry = {METHOD_HEAD, .name = "line", .cite = "Ahn et al. 2023", PARAMS(struct line, params),
                             .fit = fit,  .score = score};
