/* nnguide.c - energy, guided: times the mean of the largest cosines to a small
 * bank of training features, each weighted by that feature's own energy. */
#include "bank.h"

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

/* [n]: which rows are among so many, drawn by the first steps of a shuffle. */
static bool *draw(run *r, int64_t n, int64_t size)
{
    bool *drawn = run_scratch(r, (size_t)n * sizeof *drawn);
    int32_t *row = run_scratch(r, (size_t)n * sizeof *row);
    for (int64_t i = 0; i < n; i++)
        row[i] = (int32_t)i;
    for (int64_t i = 0; i < size; i++) {
        int64_t j = i + run_int(r, n - i);
        int32_t chosen = row[j];
        row[j] = row[i];
        row[i] = chosen;
        drawn[chosen] = true;
    }
    return drawn;
}

/* From row `first` on the bank gets those of the part that are chosen; returns how many. */
static int64_t add(tensor *bank, int64_t first, samples *part, const bool *chosen, int32_t *row)
{
    int64_t n = 0;
    for (int64_t i = 0; i < samples_count(part); i++)
        if (chosen[i])
            row[n++] = (int32_t)i;
    tx_open();
    tensor *rows = tx_index(DIMS(n, 1), row);
    tensor *f = tx_take(samples_features(part), rows), *logits = tx_take(samples_logits(part), rows);
    tx_assign(tx_slice(bank, first, n), tx_mul(directions(f), tx_lse(logits)));
    tx_close();
    return n;
}

static void fit(void *self, run *r)
{
    struct nnguide *s = self;
    int64_t n = samples_count(run_split(r, RUN_TRAIN)), size = bank_size(s, n), filled = 0;
    bool *chosen = s->parity ? run_scratch(r, (size_t)n * sizeof *chosen) : draw(r, n, size);
    int32_t *row = run_scratch(r, BANK_TILE * sizeof *row);
    for (int64_t i = 0; s->parity && i < size; i++)
        chosen[i] = true;
    s->bank = tx_full(DIMS(size, tx_cols(nn_head_weight(run_net(r)))), 0);
    for (int64_t first = 0; filled < size; first += BANK_TILE)
        filled += add(s->bank, filled, run_part(r, RUN_TRAIN, first, bank_tile(first, n)), chosen + first, row);
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
