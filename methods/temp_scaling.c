/* temp_scaling.c - the winner's probability at the temperature that makes the
 * validation set most likely.
 *
 * Likelihood has one peak in the temperature, so its slope tells on which side of
 * any temperature the peak lies, and halving finds it; the ends hold where a set
 * is separated perfectly and every lower temperature is better. The reference
 * takes 50 steps of L-BFGS, each a hundredth of what the secant proposes, and
 * stops less than halfway from 1.5: `parity` does the same. */
#include "method.h"

struct temp_scaling {
    bool parity;
    double temperature;
};

static const param params[] = {
    PARAM(struct temp_scaling, parity, .init = 0, .refit = true,
          .help = "fit as the reference does, which stops early"),
};

typedef struct labelled { /* the validation split */
    const real *logits;   /* [n][c] */
    const int32_t *label;
    int64_t n, c;
} labelled;

/* The mean softmax at temperature t finds in f[c], less the label's own logit. */
static double excess(const real *f, int64_t c, int32_t label, double t)
{
    double top = (double)f[0], all = 0, sum = 0;
    for (int64_t k = 1; k < c; k++)
        top = fmax(top, (double)f[k]);
    for (int64_t k = 0; k < c; k++) {
        double e = exp(((double)f[k] - top) / t);
        all += e;
        sum += e * ((double)f[k] - (double)f[label]);
    }
    return sum / all;
}

/* The derivative, with respect to t, of the mean negative log-likelihood. */
static double slope(const labelled *v, double t)
{
    double sum = 0;
    for (int64_t i = 0; i < v->n; i++)
        sum += excess(v->logits + i * v->c, v->c, v->label[i], t);
    return -sum / (double)v->n / (t * t);
}

static double peak(const labelled *v)
{
    double low = log(0.05), high = log(20);
    while (high - low > 1e-8) {
        double middle = (low + high) / 2;
        if (slope(v, exp(middle)) < 0)
            low = middle;
        else
            high = middle;
    }
    return exp((low + high) / 2);
}

/* torch.optim.LBFGS(lr=0.01, max_iter=50) in one dimension, where its history
 * comes to the last secant; with its own limits. */
static double reference(const labelled *v)
{
    double t = 1.5, g = slope(v, t), secant = 1, rate = 0.01 * fmin(1, 1 / fabs(g));
    for (int i = 0; i < 50 && fabs(g) > 1e-7 && g * g * secant >= 1e-9; i++) {
        double step = -rate * secant * g, next = slope(v, t + step);
        t += step;
        if (fabs(step) <= 1e-9 || fabs(step * (g + next) / 2) < 1e-9) /* the change of the loss */
            break;
        if ((next - g) * step > 1e-10)
            secant = step / (next - g);
        g = next;
        rate = 0.01;
    }
    return t;
}

static void fit(void *self, run *r)
{
    struct temp_scaling *s = self;
    samples *val = run_split(r, RUN_VAL);
    int64_t n = samples_count(val), c = run_classes(r);
    real *logits = run_scratch(r, (size_t)(n * c) * sizeof *logits);
    int32_t *label = run_scratch(r, (size_t)n * sizeof *label);
    tx_read(samples_logits(val), logits);
    tx_read(samples_labels(val), label);
    const labelled v = {.logits = logits, .label = label, .n = n, .c = c};
    s->temperature = s->parity ? reference(&v) : peak(&v);
}

/* In float, as the benchmark does: see msp. */
static tensor *score(void *self, run *r, samples *q)
{
    const struct temp_scaling *s = self;
    tensor *f = tx_scale(samples_logits(q), 1 / s->temperature);
    (void)r;
    return tx_map(BK_RECIP, tx_rowsum(tx_exp(tx_sub(f, tx_rowmax(f)))));
}

const method method_entry = {
    METHOD_HEAD, .name = "temp_scaling", .cite = "Guo et al. 2017", PARAMS(struct temp_scaling, params),
    .fit = fit,  .score = score};
