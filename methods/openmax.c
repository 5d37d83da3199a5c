/* openmax.c - OpenMax: the strongest classes give a share of their logits to an
 * unknown class, the more the farther the logits lie from their usual place.
 *
 * That place is the mean of a class's correct training samples, and the largest
 * of their distances to it follow a Weibull distribution, shifted so that the
 * smallest of them becomes weibull_shift. A distance is kept as its difference
 * to the shifted scale, and those as floats: no shift, however large, costs
 * digits. The rest is in double. */
#include "openmax.h"
#include "labels.h"
#include <stdlib.h>

enum { FEWEST = 3, PART = 16384, LOCATION = 0, SCALE, SHAPE, NUMBERS };

struct openmax {
    int64_t alpha, tail;
    double weibull_shift;
    tensor *means, *fits; /* [classes,classes]; [classes,NUMBERS], shape 0: too few samples */
};

static const param params[] = {
    PARAM(struct openmax, alpha, .init = 3, .min = 1, .max = 1000, .sweep = "3 5 10",
          .help = "the strongest classes, which give to the unknown one"),
    PARAM(struct openmax, tail, .init = 20, .min = 3, .max = 1e6, .refit = true, .sweep = "20 50",
          .help = "the largest distances of a class, to which a Weibull distribution is fitted"),
    PARAM(struct openmax, weibull_shift, .init = 1, .min = 1e-3, .max = 1e5, .refit = true,
          .help = "what the smallest of them is moved to; 10000 is the reference library's"),
};

typedef struct far {
    int32_t class; /* -1: classified wrongly */
    float distance;
} far;

static int by_class_then_farthest(const void *a, const void *b)
{
    const far *x = a, *y = b;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return (x->distance < y->distance) - (x->distance > y->distance);
}

/* Of each row to the mean of its class. */
static tensor *distances(tensor *f, tensor *means, tensor *class)
{
    return tx_rownorm(tx_sub(f, tx_take(means, class)));
}

/* All samples with their distances; the wrong ones' mean nothing. */
static far *measure(struct openmax *s, run *r, samples *train)
{
    tensor *f = samples_logits(train);
    int64_t n = tx_rows(f);
    int32_t *label = checked_labels(r, train), *seen = run_scratch(r, (size_t)n * sizeof *seen);
    real *distance = run_scratch(r, (size_t)n * sizeof *distance);
    far *all = run_scratch(r, (size_t)n * sizeof *all);
    tx_read(tx_argmax(f), seen);
    for (int64_t i = 0; i < n; i++)
        all[i].class = seen[i] = seen[i] == label[i] ? label[i] : -1;
    s->means = tx_means(f, tx_index(DIMS(n, 1), seen), tx_cols(f));
    for (int64_t first = 0; first < n; first += PART) {
        int64_t rows = n - first < PART ? n - first : PART;
        tx_open();
        tensor *class = tx_index(DIMS(rows, 1), label + first);
        tx_read(distances(tx_slice(f, first, rows), s->means, class), distance + first);
        tx_close();
    }
    for (int64_t i = 0; i < n; i++)
        all[i].distance = (float)distance[i];
    return all;
}

/* Of n samples of a class, farthest first. */
static void fit_class(const struct openmax *s, run *r, real *fit, const far *of, int64_t n)
{
    int64_t tail = n < s->tail ? n : s->tail;
    double *logs = run_scratch(r, (size_t)tail * sizeof *logs), least = (double)of[tail - 1].distance;
    for (int64_t i = 0; i < tail; i++)
        logs[i] = log((double)of[i].distance - least + s->weibull_shift);
    struct weibull w = weibull_fit(logs, tail);
    fit[LOCATION] = (real)(least + w.scale - s->weibull_shift);
    fit[SCALE] = (real)w.scale;
    fit[SHAPE] = (real)w.shape;
}

static void fit(void *self, run *r)
{
    struct openmax *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    int64_t n = samples_count(train), classes = run_classes(r), last;
    far *all = measure(s, r, train);
    real *fits = run_scratch(r, (size_t)(classes * NUMBERS) * sizeof *fits);
    qsort(all, (size_t)n, sizeof *all, by_class_then_farthest);
    for (int64_t first = 0; first < n; first = last) {
        for (last = first + 1; last < n && all[last].class == all[first].class;)
            last++;
        if (all[first].class >= 0 && last - first >= FEWEST)
            fit_class(s, r, fits + all[first].class * NUMBERS, all + first, last - first);
    }
    s->fits = tx_from(DIMS(classes, NUMBERS), fits);
}

/* The share of its logit that a class at this distance gives. */
static double share(const real *fit, double distance)
{
    if (fit[SHAPE] == 0)
        return 0;
    return weibull_below((double)fit[SHAPE], (double)fit[SCALE], distance - (double)fit[LOCATION]);
}

static tensor *score(void *self, run *r, samples *q)
{
    const struct openmax *s = self;
    tensor *f = samples_logits(q), *i;
    int64_t n = tx_rows(f), classes = tx_cols(f), k = s->alpha < classes ? s->alpha : classes;
    real *fits = run_scratch(r, (size_t)(classes * NUMBERS) * sizeof *fits);
    real *given = run_scratch(r, (size_t)(n * k) * sizeof *given),
         *distance = run_scratch(r, (size_t)n * sizeof *distance);
    int32_t *class = run_scratch(r, (size_t)(n * k) * sizeof *class),
            *ranked = run_scratch(r, (size_t)n * sizeof *ranked);
    tx_read(s->fits, fits);
    tx_read(tx_topk(f, k, &i), given);
    tx_read(i, class);
    for (int64_t rank = 0; rank < k; rank++) {
        for (int64_t row = 0; row < n; row++)
            ranked[row] = class[row * k + rank];
        tx_read(distances(f, s->means, tx_index(DIMS(n, 1), ranked)), distance);
        for (int64_t row = 0; row < n; row++)
            given[row * k + rank] *= (real)(share(fits + ranked[row] * NUMBERS, (double)distance[row]) *
                                            (double)(s->alpha - rank) / (double)s->alpha);
    }
    return tx_scale(openmax_unknown(f, tx_from(DIMS(n, k), given), i), -1);
}

const method method_entry = {
    METHOD_HEAD, .name = "openmax", .cite = "Bendale and Boult 2016", PARAMS(struct openmax, params),
    .fit = fit,  .score = score};
