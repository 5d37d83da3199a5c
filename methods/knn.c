/* knn.c - minus the squared distance to the k-th nearest training feature, all
 * on the unit sphere.
 *
 * The k largest of z b - |b|^2 / 2 are the k nearest b, also where a training
 * feature is zero and has no direction. That ranks in float; the distance
 * itself is then taken anew from the difference, which loses no digits when
 * the two are close. The benchmark adds 1e-10 to every normalised coordinate. */
#include "bank.h"

struct knn {
    int64_t k;
    tensor *bank; /* [train,d+1]: b, and -|b|^2 / 2 behind it */
};

static const param params[] = {
    PARAM(struct knn, k, .init = 50, .min = 1, .max = 10000, .sweep = "50 100 200 500 1000",
          .help = "which neighbour's distance counts"),
};

static tensor *directions(tensor *f)
{
    return tx_affine(tx_unit_rows(f), 1, 1e-10);
}

static tensor *targets(samples *train)
{
    tensor *b = directions(samples_features(train));
    return tx_concat_cols(b, tx_scale(tx_rowsum(tx_square(b)), -0.5));
}

static void fit(void *self, run *r)
{
    struct knn *s = self;
    s->bank = bank_of(r, targets);
}

/* Of each row's k neighbours, the last: the row of the bank it stands in. */
static tensor *farthest(const struct knn *s, run *r, tensor *neighbours, int64_t n)
{
    int32_t *all = run_scratch(r, (size_t)(n * s->k) * sizeof *all);
    tx_read(neighbours, all);
    for (int64_t i = 0; i < n; i++)
        all[i] = all[i * s->k + s->k - 1];
    return tx_index(DIMS(n, 1), all);
}

static tensor *score(void *self, run *r, samples *q)
{
    struct knn *s = self;
    if (s->k > tx_rows(s->bank))
        run_refuse(r, "knn.k is %lld, but there are only %lld training features: choose a smaller one",
                   (long long)s->k, (long long)tx_rows(s->bank));
    tensor *z = directions(samples_features(q)), *i;
    int64_t n = tx_rows(z);
    tx_nearest(tx_concat_cols(z, tx_full(DIMS(n, 1), 1)), s->bank, s->k, &i);
    tensor *b = tx_slice_cols(tx_take(s->bank, farthest(s, r, i, n)), 0, tx_cols(z));
    return tx_scale(tx_rowsum(tx_square(tx_sub(z, b))), -1);
}

const method method_entry = {METHOD_HEAD, .name = "knn", .cite = "Sun et al. 2022", PARAMS(struct knn, params),
                             .fit = fit,  .score = score};
