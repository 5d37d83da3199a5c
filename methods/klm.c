/* klm.c - KL matching: minus the Kullback-Leibler divergence of the softmax from
 * the nearest of the classes' templates, where a template is the mean softmax of
 * the validation samples that were predicted to be of that class.
 *
 * Templates are summed in double, where the most improbable class keeps a finite
 * logarithm. A class that nothing was predicted to be has its one-hot vector,
 * which is infinitely far from all but itself: ZERO stands for log 0, so that
 * no infinity meets a zero. */
#include "method.h"

#define ZERO (-3e38)

struct klm {
    tensor *templates; /* [classes,classes], logarithms */
};

/* Adds the softmax of f[c] to `sum`, the predicted class's row of [c][c]. Returns that class. */
static int64_t add_softmax(const real *f, int64_t c, double *sum)
{
    int64_t top = 0;
    double all = 0;
    for (int64_t k = 1; k < c; k++)
        top = f[k] > f[top] ? k : top;
    for (int64_t k = 0; k < c; k++)
        all += exp((double)f[k] - (double)f[top]);
    for (int64_t k = 0; k < c; k++)
        sum[top * c + k] += exp((double)f[k] - (double)f[top]) / all;
    return top;
}

static void fit(void *self, run *r)
{
    struct klm *s = self;
    samples *val = run_split(r, RUN_VAL);
    int64_t n = samples_count(val), c = run_classes(r);
    real *f = run_scratch(r, (size_t)(n * c) * sizeof *f), *logs = run_scratch(r, (size_t)(c * c) * sizeof *logs);
    double *sum = run_scratch(r, (size_t)(c * c) * sizeof *sum), *size = run_scratch(r, (size_t)c * sizeof *size);
    tx_read(samples_logits(val), f);
    for (int64_t i = 0; i < n; i++)
        size[add_softmax(f + i * c, c, sum)]++;
    for (int64_t k = 0; k < c; k++) {
        if (size[k] == 0)
            sum[k * c + k] = size[k] = 1;
        for (int64_t j = 0; j < c; j++)
            logs[k * c + j] = (real)fmax(log(sum[k * c + j] / size[k]), ZERO);
    }
    s->templates = tx_from(DIMS(c, c), logs);
}

/* Products rank the templates; the divergence itself is then taken anew from the
 * differences, which loses no digits when the two are close. */
static tensor *score(void *self, run *r, samples *q)
{
    const struct klm *s = self;
    tensor *log_p = tx_log_softmax(samples_logits(q)), *p = tx_exp(log_p);
    (void)r;
    tensor *nearest = tx_take(s->templates, tx_argmax(tx_matmul(p, s->templates, 0, 1)));
    return tx_rowsum(tx_mul(p, tx_sub(nearest, log_p)));
}

const method method_entry = {
    METHOD_HEAD, .name = "klm", .cite = "Hendrycks et al. 2022", .self_bytes = sizeof(struct klm),
    .fit = fit,  .score = score};
