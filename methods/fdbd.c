/* fdbd.c - distance to the decision boundaries: how far the feature may move before
 * each other class wins, summed over them, and measured against its own distance
 * from the mean training feature (or from the origin). */
#include "method.h"

#define SAME 1e-11 /* rows of weights this close have no boundary between them; tx_rownorm gives 1e-12 for 0 */

struct fdbd {
    int by;
    tensor *mean, *nearness; /* [d]; [classes,classes] */
};

static const param params[] = {
    PARAM(struct fdbd, by, .init = 0, .choices = "mean origin", .sweep = "mean origin",
          .help = "where the feature's own distance is measured from"),
};

/* 1 / |w_k - w_j| for each pair, 0 where the two are the same: taken from the
 * differences, a class at a time, for products would cancel. */
static tensor *nearness(run *r, tensor *w)
{
    int64_t c = tx_rows(w);
    real *all = run_scratch(r, (size_t)(c * c) * sizeof *all);
    for (int64_t k = 0; k < c; k++) {
        tx_open();
        tensor *apart = tx_rownorm(tx_sub(w, tx_reshape(tx_slice(w, k, 1), DIMS(tx_cols(w)))));
        tx_read(tx_within(tx_map(BK_RECIP, apart), apart, SAME, TX_HUGE), all + k * c);
        tx_close();
    }
    return tx_from(DIMS(c, c), all);
}

static void fit(void *self, run *r)
{
    struct fdbd *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    s->mean = tx_scale(tx_colsum(samples_features(train)), 1 / (double)samples_count(train));
    s->nearness = nearness(r, nn_head_weight(run_net(r)));
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct fdbd *s = self;
    tensor *f = samples_logits(q), *h = samples_features(q), *winner = tx_argmax(f);
    (void)r;
    tensor *ahead = tx_sub(f, tx_pick(f, winner)); /* 0 or less */
    tensor *sum = tx_rowsum(tx_mul(ahead, tx_take(s->nearness, winner)));
    return tx_scale(tx_div(sum, tx_rownorm(s->by ? h : tx_sub(h, s->mean))), -1);
}

const method method_entry = {METHOD_HEAD, .name = "fdbd", .cite = "Liu and Qin 2024", PARAMS(struct fdbd, params),
                             .fit = fit,  .score = score};
