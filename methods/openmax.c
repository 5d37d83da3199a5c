/* openmax.c - OpenMax: the strongest classes give a share of their logits to an
 * unknown class, the more the farther the logits lie from their usual place.
 *
 * That place is the mean of a class's correct training samples, and the largest
 * of their distances to it follow a Weibull distribution, shifted so that the
 * smallest of them becomes weibull_shift. A share is a steep function of a small
 * difference of large distances, so these are in double, on the host; there are
 * few of them, as only the strongest classes give. The score is minus the unknown
 * class's probability; the benchmark's is the largest of all, the unknown class's
 * included, which calls a sample that is surely unknown in-distribution: `parity`. */
#include "openmax.h"
#include "labels.h"
#include <stdlib.h>

enum { FEWEST = 3, PART = 16384 };

/* What is known of a class; its mean is the row of another array. */
typedef struct tail {
    struct weibull w; /* shape 0: too few samples */
    double location;  /* where the values that w describes are as large as its scale */
} tail;

struct openmax {
    int64_t alpha, tail;
    double weibull_shift;
    bool parity;
    tensor *means, *tails; /* doubles of [classes,classes]; [classes] of tail */
};

static const param params[] = {
    PARAM(struct openmax, alpha, .init = 3, .min = 1, .max = 1000, .sweep = "3 5 10",
          .help = "the strongest classes, which give to the unknown one"),
    PARAM(struct openmax, tail, .init = 20, .min = 3, .max = 1e6, .refit = true, .sweep = "20 50",
          .help = "the largest distances of a class, to which a Weibull distribution is fitted"),
    PARAM(struct openmax, weibull_shift, .init = 1, .min = 1e-3, .max = 1e5, .refit = true,
          .help = "what the smallest of them is moved to; the larger, the closer to a Gumbel distribution"),
    PARAM(struct openmax, parity, .help = "as the benchmark: the largest probability, be it the unknown class's"),
};

/* Anything outlives its callback as the bits of a tensor. */
static tensor *keep_bits(const void *from, size_t bytes)
{
    return tx_index(DIMS((int64_t)(bytes / sizeof(int32_t))), from);
}

static void *get_bits(run *r, tensor *t)
{
    void *to = run_scratch(r, (size_t)tx_cols(t) * sizeof(int32_t));
    tx_read(t, to);
    return to;
}

typedef struct outlying {
    int64_t class; /* -1: classified wrongly */
    double distance;
} outlying;

static int by_class_then_farthest(const void *a, const void *b)
{
    const outlying *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->distance < y->distance) - (x->distance > y->distance);
}

static double distance(const real *f, const double *mean, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += ((double)f[i] - mean[i]) * ((double)f[i] - mean[i]);
    return sqrt(sum);
}

/* One pass over the correct samples' logits: adds them to their classes' sums,
 * or, when those have become means, takes the distances. */
static void look(run *r, tensor *f, outlying *all, double *means, bool measure)
{
    int64_t n = tx_rows(f), classes = tx_cols(f);
    real *part = run_scratch(r, (size_t)((n < PART ? n : PART) * classes) * sizeof *part);
    for (int64_t i = 0; i < n; i++) {
        const real *at = part + i % PART * classes;
        double *mean = means + (all[i].class < 0 ? 0 : all[i].class) * classes;
        if (i % PART == 0)
            tx_read(tx_slice(f, i, n - i < PART ? n - i : PART), part);
        if (measure)
            all[i].distance = distance(at, mean, classes);
        for (int64_t j = 0; j < classes && !measure && all[i].class >= 0; j++)
            mean[j] += (double)at[j];
    }
}

/* All samples with their distances; the wrong ones' mean nothing. */
static outlying *measure(run *r, samples *train, double *means)
{
    tensor *f = samples_logits(train);
    int64_t n = tx_rows(f), classes = tx_cols(f);
    int32_t *label = checked_labels(r, train), *seen = run_scratch(r, (size_t)n * sizeof *seen);
    double *count = run_scratch(r, (size_t)classes * sizeof *count);
    outlying *all = run_scratch(r, (size_t)n * sizeof *all);
    tx_read(tx_argmax(f), seen);
    for (int64_t i = 0; i < n; i++) {
        all[i].class = seen[i] == label[i] ? label[i] : -1;
        count[label[i]] += seen[i] == label[i];
    }
    look(r, f, all, means, false);
    for (int64_t i = 0; i < classes * classes; i++)
        means[i] /= fmax(count[i / classes], 1);
    look(r, f, all, means, true);
    return all;
}

/* Of n samples of a class, farthest first. */
static tail fit_class(const struct openmax *s, run *r, const outlying *of, int64_t n)
{
    int64_t most = n < s->tail ? n : s->tail;
    double *logs = run_scratch(r, (size_t)most * sizeof *logs), least = of[most - 1].distance;
    for (int64_t i = 0; i < most; i++)
        logs[i] = log(of[i].distance - least + s->weibull_shift);
    struct weibull w = weibull_fit(logs, most);
    return (tail){w, least + w.scale - s->weibull_shift};
}

static void fit(void *self, run *r)
{
    struct openmax *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    int64_t n = samples_count(train), last;
    size_t classes = (size_t)run_classes(r);
    double *means = run_scratch(r, classes * classes * sizeof *means);
    tail *tails = run_scratch(r, classes * sizeof *tails);
    outlying *all = measure(r, train, means);
    qsort(all, (size_t)n, sizeof *all, by_class_then_farthest);
    for (int64_t first = 0; first < n; first = last) {
        for (last = first + 1; last < n && all[last].class == all[first].class;)
            last++;
        if (all[first].class >= 0 && last - first >= FEWEST)
            tails[all[first].class] = fit_class(s, r, all + first, last - first);
    }
    s->means = keep_bits(means, classes * classes * sizeof *means);
    s->tails = keep_bits(tails, classes * sizeof *tails);
}

/* A part of the samples, and the k strongest classes of each. */
typedef struct strongest {
    int64_t n, classes, k;
    real *f, *own;  /* logits: [n,classes], [n,k] */
    int32_t *class; /* [n,k] */
    double *share;  /* of its logit that each gives, [n,k] */
} strongest;

/* What a class at this distance gives, were it the first. */
static double share(const tail *t, double distance)
{
    return t->w.shape > 0 ? weibull_below(t->w.shape, t->w.scale, distance - t->location) : 0;
}

static strongest find_shares(const struct openmax *s, run *r, tensor *logits, tensor **i)
{
    strongest t = {.n = tx_rows(logits), .classes = tx_cols(logits)};
    const double *means = get_bits(r, s->means);
    const tail *tails = get_bits(r, s->tails);
    t.k = s->alpha < t.classes ? s->alpha : t.classes;
    t.f = run_scratch(r, (size_t)(t.n * t.classes) * sizeof *t.f);
    t.own = run_scratch(r, (size_t)(t.n * t.k) * sizeof *t.own);
    t.class = run_scratch(r, (size_t)(t.n * t.k) * sizeof *t.class);
    t.share = run_scratch(r, (size_t)(t.n * t.k) * sizeof *t.share);
    tx_read(logits, t.f);
    tx_read(tx_topk(logits, t.k, i), t.own);
    tx_read(*i, t.class);
    for (int64_t j = 0; j < t.n * t.k; j++) {
        double away = distance(t.f + j / t.k * t.classes, means + t.class[j] * t.classes, t.classes);
        t.share[j] = share(&tails[t.class[j]], away) * (double)(s->alpha - j % t.k) / (double)s->alpha;
    }
    return t;
}

/* The largest probability of sample i, the unknown class's among them. Rounded
 * once, to float: confident samples tie at 1, and ties are part of the numbers. */
static real largest(const strongest *t, int64_t i, double *logit)
{
    double most, all = 0, *unknown = &logit[t->classes];
    *unknown = 0;
    for (int64_t c = 0; c < t->classes; c++)
        logit[c] = (double)t->f[i * t->classes + c];
    for (int64_t j = i * t->k; j < (i + 1) * t->k; j++) {
        double given = (double)t->own[j] * t->share[j];
        logit[t->class[j]] -= given;
        *unknown += given;
    }
    most = *unknown;
    for (int64_t c = 0; c < t->classes; c++)
        most = fmax(most, logit[c]);
    for (int64_t c = 0; c <= t->classes; c++)
        all += exp(logit[c] - most);
    return (real)(1 / all);
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct openmax *s = self;
    tensor *logits = samples_logits(q), *i;
    strongest t = find_shares(s, r, logits, &i);
    real *out = run_scratch(r, (size_t)t.n * sizeof *out);
    double *logit = run_scratch(r, (size_t)(t.classes + 1) * sizeof *logit);
    for (int64_t j = 0; j < t.n && s->parity; j++)
        out[j] = largest(&t, j, logit);
    if (s->parity)
        return tx_from(DIMS(t.n, 1), out);
    for (int64_t j = 0; j < t.n * t.k; j++)
        t.own[j] *= (real)t.share[j];
    return tx_scale(openmax_unknown(logits, tx_from(DIMS(t.n, t.k), t.own), i), -1);
}

const method method_entry = {
    METHOD_HEAD, .name = "openmax", .cite = "Bendale and Boult 2016", PARAMS(struct openmax, params),
    .fit = fit,  .score = score};
