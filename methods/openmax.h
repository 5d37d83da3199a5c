/* openmax.h - the two halves of OpenMax: the Weibull distribution of large
 * distances to a class, and the probability of the class that nobody knows. */
#ifndef OPENMAX_H
#define OPENMAX_H

#include "method.h"

struct weibull {
    double shape, scale;
};

/* The derivative of the log-likelihood in the shape, but for its sign and a
 * factor; it rises. logs: of the values, `most` the largest of them, which keeps
 * the powers below 1. */
static inline double weibull_slope(const double *logs, int64_t n, double most, double shape)
{
    double weights = 0, weighted = 0, mean = 0;
    for (int64_t i = 0; i < n; i++) {
        double power = exp(shape * (logs[i] - most));
        weights += power;
        weighted += power * (logs[i] - most);
        mean += (logs[i] - most) / (double)n;
    }
    return weighted / weights - 1 / shape - mean;
}

/* The likeliest for n > 0 values, given by their logarithms. Equal values ask
 * for an endless shape and get the largest. */
static inline struct weibull weibull_fit(const double *logs, int64_t n)
{
    double low = 1e-3, high = 1e6, most = logs[0], mean = 0;
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, logs[i]);
    for (int step = 0; step < 100; step++) {
        double middle = (low + high) / 2;
        if (weibull_slope(logs, n, most, middle) < 0)
            low = middle;
        else
            high = middle;
    }
    for (int64_t i = 0; i < n; i++)
        mean += exp(high * (logs[i] - most)) / (double)n;
    return (struct weibull){high, exp(most + log(mean) / high)};
}

/* The share of values below scale + beyond, which may be far below or above.
 * Said in this way, it also holds for values that are all nearly the scale. */
static inline double weibull_below(double shape, double scale, double beyond)
{
    return beyond <= -scale ? 0 : -expm1(-exp(shape * log1p(beyond / scale)));
}

/* [n,1]: the probability of the unknown class, whose logit is what the k classes
 * of each row, in i[n,k], had to give, [n,k]. Relative to that logit, so that
 * probabilities near 1 keep their digits. */
static inline tensor *openmax_unknown(tensor *f, tensor *given, tensor *i)
{
    tensor *unknown = tx_rowsum(given), *none = tx_full(DIMS(tx_rows(f), 1), 0);
    tensor *left = tx_sub(f, tx_place(given, i, tx_cols(f)));
    return tx_exp(tx_scale(tx_lse(tx_concat_cols(tx_sub(left, unknown), none)), -1));
}

#endif
