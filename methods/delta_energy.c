/* delta_energy.c - how much the energy changes when the best match is taken
 * away: the largest cosine similarities to the classes are lowered.
 *
 * Similarities are those of a feature to the head's weights: text embeddings
 * where the head is a CLIP model's. With z = (s - max s) / tau, T the sum of
 * exp z over those lowered, L what each becomes and R the sum over all others,
 * the change is log((T + R) / (c L + R)) = log1p((T - c L) / (c L + R)), which
 * loses no digits at either end; the few numbers that are left of a sample are
 * finished on the host, in double. Known from an abstract and summaries only. */
#include "method.h"

struct delta_energy {
    int64_t top;
    double tau, low;
    int mode;
};
enum { JOINT, MEAN };

static const param params[] = {
    PARAM(struct delta_energy, top, .init = 1, .min = 1, .max = 100, .sweep = "1 2 5 10",
          .help = "how many of the largest similarities are lowered; at most one per class"),
    PARAM(struct delta_energy, tau, .init = 0.01, .min = 0.005, .max = 1e3, .sweep = "0.01 0.05 0.1 1",
          .help = "temperature, divides the similarities"),
    PARAM(struct delta_energy, low, .init = 0, .min = -1, .max = 1, .help = "what they are lowered to"),
    PARAM(struct delta_energy, mode, .init = JOINT, .choices = "joint mean",
          .help = "all at once, or one by one, and the mean of it"),
};

static tensor *similarities(run *r, samples *s)
{
    return tx_matmul(tx_unit_rows(samples_features(s)), tx_unit_rows(nn_head_weight(run_net(r))), 0, 1);
}

/* All at once. lowered[c]: their exp z; `low` and `rest` as above. */
static double change(const double *lowered, int64_t c, double low, double rest)
{
    double gone = 0;
    for (int64_t i = 0; i < c; i++)
        gone += lowered[i];
    double less = gone - (double)c * low, left = (double)c * low + rest;
    return less > -0.5 * left ? log1p(less / left) : log((gone + rest) / left); /* similarities below `low` */
}

static double mean_change(const double *lowered, int64_t c, double low, double rest)
{
    double sum = 0;
    for (int64_t i = 0; i < c; i++) {
        double others = rest;
        for (int64_t j = 0; j < c; j++)
            others += j == i ? 0 : lowered[j];
        sum += change(lowered + i, 1, low, others);
    }
    return sum / (double)c;
}

/* best: a row of the largest similarities; rest: the logarithm of R. */
static double finish(const struct delta_energy *e, const real *best, double rest, double *lowered)
{
    double low = exp((e->low - (double)best[0]) / e->tau);
    for (int64_t i = 0; i < e->top; i++)
        lowered[i] = exp(((double)best[i] - (double)best[0]) / e->tau);
    return (e->mode == JOINT ? change : mean_change)(lowered, e->top, low, exp(rest));
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct delta_energy *e = self;
    tensor *s = similarities(r, q);
    int64_t n = tx_rows(s), classes = tx_cols(s), c = e->top;
    if (c > classes)
        run_refuse(r, "delta_energy.top is %lld, but there are only %lld classes: choose a smaller one",
                   (long long)c, (long long)classes);
    tensor *sorted = tx_topk(s, classes, NULL), *best = tx_slice_cols(sorted, 0, c);
    tensor *z = tx_scale(tx_sub(sorted, tx_slice_cols(sorted, 0, 1)), 1 / e->tau);
    tensor *rest = c < classes ? tx_lse(tx_slice_cols(z, c, classes - c)) : tx_full(DIMS(n, 1), -HUGE_VAL);

    real *rows = run_scratch(r, (size_t)(n * c) * sizeof *rows), *out = run_scratch(r, (size_t)n * sizeof *out);
    double *lowered = run_scratch(r, (size_t)c * sizeof *lowered);
    tx_read(best, rows);
    tx_read(rest, out);
    for (int64_t i = 0; i < n; i++)
        out[i] = (real)finish(e, rows + i * c, (double)out[i], lowered);
    return tx_from(DIMS(n, 1), out);
}

const method method_entry = {METHOD_HEAD,
                             .name = "delta_energy",
                             .score = score,
                             .reconstruction = true,
                             PARAMS(struct delta_energy, params),
                             .cite = "Zhu et al. 2025"};
