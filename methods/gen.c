/* gen.c - generalised entropy: minus the sum of (p (1 - p))^gamma over the m most
 * probable classes.
 *
 * A small gamma lifts probabilities far below float's range into view, so powers
 * are taken of logarithms: log p is a difference of logits, and log(1 - p) loses no
 * digits while p <= 1/2. Only the winner can be more probable; what it leaves is
 * the sum over the other classes. */
#include "method.h"

#define OUT_OF_SIGHT 1e30f /* taken from a logit, leaves it no probability */

struct gen {
    double gamma;
    int64_t m;
};

static const param params[] = {
    PARAM(struct gen, gamma, .init = 0.1, .min = 1e-4, .max = 100, .sweep = "0.01 0.1 0.5 1 2 5 10",
          .help = "the power; the smaller, the more improbable classes count"),
    PARAM(struct gen, m, .init = 100, .min = 1, .max = 1e6, .sweep = "10 50 100 200 500 1000",
          .help = "how many of the most probable classes count; all where there are fewer"),
};

/* log(1 - p) of each row's winner. */
static tensor *log_rest(tensor *f, tensor *all)
{
    tensor *winner = tx_place(tx_full(DIMS(tx_rows(f), 1), OUT_OF_SIGHT), tx_argmax(f), tx_cols(f));
    return tx_sub(tx_lse(tx_sub(f, winner)), all);
}

static tensor *score(void *self, run *r, samples *s)
{
    const struct gen *g = self;
    tensor *f = samples_logits(s), *all = tx_lse(f), *rest = log_rest(f, all);
    int64_t m = g->m < run_classes(r) ? g->m : run_classes(r);
    tensor *p = tx_sub(tx_topk(f, m, NULL), all); /* logarithms, falling */
    if (m > 1) {
        tensor *q = tx_exp(tx_slice_cols(p, 1, m - 1));
        rest = tx_concat_cols(rest, tx_map(BK_LOG, tx_affine(q, -1, 1)));
    }
    return tx_scale(tx_rowsum(tx_exp(tx_scale(tx_add(p, rest), g->gamma))), -1);
}

const method method_entry = {METHOD_HEAD, .name = "gen", .cite = "Liu et al. 2023", PARAMS(struct gen, params),
                             .score = score};
