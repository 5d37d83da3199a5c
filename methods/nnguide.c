/* nnguide.c - energy, guided: times the mean of the largest cosines to a small
 * bank of training features, each weighted by that feature's own energy. */
#include "method.h"

struct nnguide {
    int64_t k;
    double alpha;
    bool parity;
    tensor *bank; /* [samples,d], directions times energies */
};

static const param params[] = {
    PARAM(struct nnguide, k, .init = 100, .min = 1, .max = 10000,
          .help = "neighbours; all, where the bank has less"),
    PARAM(struct nnguide, alpha, .init = 0.01, .min = 0, .max = 1, .refit = true,
          .help = "of the training samples that the bank holds, drawn at random; at least k"),
    PARAM(struct nnguide, parity, .refit = true,
          .help = "as the benchmark: the first of the training samples, in batches of 200, until they are more"),
};

enum { BATCH = 200 }; /* of the benchmark's evaluator */

/* The benchmark adds 1e-10 to every normalised coordinate. */
static tensor *directions(tensor *f)
{
    return tx_affine(tx_unit_rows(f), 1, 1e-10);
}

static int64_t bank_size(const struct nnguide *s, int64_t n)
{
    int64_t whole = (int64_t)(s->alpha * (double)n), least = (int64_t)ceil(s->alpha * (double)n);
    int64_t size = s->parity ? (whole / BATCH + 1) * BATCH : s->k > least ? s->k : least;
    return size < n ? size : n;
}

/* [size,1]: so many of n rows, by the first steps of a shuffle. */
static tensor *draw(run *r, int64_t n, int64_t size)
{
    int32_t *row = run_scratch(r, (size_t)n * sizeof *row);
    for (int64_t i = 0; i < n; i++)
        row[i] = (int32_t)i;
    for (int64_t i = 0; i < size; i++) {
        int64_t j = i + run_int(r, n - i);
        int32_t chosen = row[j];
        row[j] = row[i];
        row[i] = chosen;
    }
    return tx_index(DIMS(size, 1), row);
}

static void fit(void *self, run *r)
{
    struct nnguide *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    tensor *f = samples_features(train), *logits = samples_logits(train);
    int64_t n = tx_rows(f), size = bank_size(s, n);
    tensor *rows = s->parity ? NULL : draw(r, n, size);
    f = rows ? tx_take(f, rows) : tx_slice(f, 0, size);
    logits = rows ? tx_take(logits, rows) : tx_slice(logits, 0, size);
    s->bank = tx_mul(directions(f), tx_lse(logits));
}

static tensor *score(void *self, run *r, samples *q)
{
    struct nnguide *s = self;
    int64_t k = s->k < tx_rows(s->bank) ? s->k : tx_rows(s->bank);
    tensor *near = tx_nearest(directions(samples_features(q)), s->bank, k, NULL);
    (void)r;
    return tx_mul(tx_lse(samples_logits(q)), tx_scale(tx_rowsum(near), 1.0 / (double)k));
}

const method method_entry = {
    METHOD_HEAD, .name = "nnguide", .cite = "Park et al. 2023", PARAMS(struct nnguide, params),
    .fit = fit,  .score = score};
