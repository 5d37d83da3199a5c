/* relation.c - relation graph: the sum of a sample's ties to all training
 * samples, each the cosine of the features times the inner product of the
 * softmax outputs; weak ties do not count.
 *
 * The bank passes by in tiles. Ties of a million samples are summed with the
 * rounding errors carried along (Kahan), so the sum is as good as in double. */
#include "bank.h"

struct relation {
    int64_t power;
    tensor *features, *outputs; /* [train,d] on the unit sphere; [train,classes] */
};

enum { TILE = 512 };

static const param params[] = {
    PARAM(struct relation, power, .init = 1, .min = 1, .max = 64, .sweep = "1 2 4 6 8",
          .help = "exponent of a tie"),
};

static tensor *directions(samples *s)
{
    tensor *f = samples_features(s);
    return tx_div(f, tx_sqrt(tx_affine(tx_rowsum(tx_square(f)), 1, 1e-10)));
}

static tensor *outputs(samples *s)
{
    return tx_exp(tx_log_softmax(samples_logits(s)));
}

static void fit(void *self, run *r)
{
    struct relation *s = self;
    s->features = bank_of(r, directions);
    s->outputs = bank_of(r, outputs);
}

/* By squares: each bit of the exponent is one. */
static tensor *power(tensor *x, int64_t exponent)
{
    tensor *y = NULL;
    for (;; x = tx_square(x)) {
        if (exponent & 1)
            y = y ? tx_mul(y, x) : x;
        exponent >>= 1;
        if (!exponent)
            return y;
    }
}

/* [n,1]: the sum over rows first to first + rows of the bank. A negative cosine
 * makes a negative tie, which is as weak as any. */
static tensor *ties(const struct relation *s, tensor *z, tensor *p, int64_t first, int64_t rows)
{
    tensor *cosine = tx_matmul(z, tx_slice(s->features, first, rows), 0, 1);
    tensor *tie = tx_mul(cosine, tx_matmul(p, tx_slice(s->outputs, first, rows), 0, 1));
    return tx_rowsum(power(tx_within(tie, tie, 0.03, TX_HUGE), s->power));
}

static tensor *score(void *self, run *r, samples *q)
{
    struct relation *s = self;
    tensor *z = directions(q), *p = outputs(q);
    int64_t n = tx_rows(s->features);
    tensor *sum = tx_full(DIMS(tx_rows(z), 1), 0), *lost = tx_full(DIMS(tx_rows(z), 1), 0);
    (void)r;
    for (int64_t first = 0; first < n; first += TILE) {
        tx_open();
        tensor *more = tx_sub(ties(s, z, p, first, n - first < TILE ? n - first : TILE), lost);
        tensor *total = tx_add(sum, more);
        tx_assign(lost, tx_sub(tx_sub(total, sum), more));
        tx_assign(sum, total);
        tx_close();
    }
    return sum;
}

const method method_entry = {
    METHOD_HEAD, .name = "relation", .cite = "Kim et al. 2023", PARAMS(struct relation, params),
    .fit = fit,  .score = score};
