/* tolerance.c - variances of what is counted, and the probabilities of differences. */
#include "tolerance.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>

/* DeLong. */

typedef struct ranked {
    float score;
    int32_t ood; /* its side */
    int64_t at;  /* its place there */
} ranked;

static int upwards(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return (x->score > y->score) - (x->score < y->score);
}

/* Of each sample the share of the other side that it is right about, ties half: place[0] of
 * the ID samples, those OOD that lie below; place[1] of the OOD ones, those ID above. */
static void place(ranked *all, int64_t n, int64_t m, double *place[2])
{
    int64_t below[2] = {0, 0}, count[2] = {n, m};
    for (int64_t first = 0, last; first < n + m; first = last) {
        int64_t tied[2] = {0, 0};
        for (last = first; last < n + m && all[last].score == all[first].score; last++)
            tied[all[last].ood]++;
        for (int64_t i = first; i < last; i++) {
            int side = all[i].ood, other = !side;
            double lower = (double)below[other] + 0.5 * (double)tied[other];
            place[side][all[i].at] = (side ? (double)count[other] - lower : lower) / (double)count[other];
        }
        below[0] += tied[0];
        below[1] += tied[1];
    }
}

/* Of the mean of n values: their variance over n. */
static double variance_of_mean(const double *v, int64_t n, double *mean)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (v[i] - *mean) * (v[i] - *mean);
    return n > 1 ? squares / (double)(n - 1) / (double)n : 0;
}

double tolerance_delong(const float *id, int64_t n, const float *ood, int64_t m, double *auroc)
{
    ranked *all = text_more(NULL, (size_t)(n + m) * sizeof *all);
    double *values = text_more(NULL, (size_t)(n + m) * sizeof *values), *places[2] = {values, values + n}, same;
    for (int64_t i = 0; i < n; i++)
        all[i] = (ranked){id[i], 0, i};
    for (int64_t i = 0; i < m; i++)
        all[n + i] = (ranked){ood[i], 1, i};
    qsort(all, (size_t)(n + m), sizeof *all, upwards);
    place(all, n, m, places);
    double variance = variance_of_mean(places[0], n, auroc) + variance_of_mean(places[1], m, &same);
    free(values);
    free(all);
    return variance;
}

/* Near 0 and 1 an estimate is held half a sample of the smaller side away, or it would be certain. */
double tolerance_hanley_mcneil(double auroc, double n, double m)
{
    double edge = 0.5 / fmin(n, m), a = fmin(fmax(auroc, edge), 1 - edge);
    double q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    return (a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m);
}

double tolerance_binomial(double share, double n)
{
    double p = fmin(fmax(share, 0.5 / n), 1 - 0.5 / n);
    return p * (1 - p) / n;
}

/* Probabilities. */

double tolerance_normal(double difference, double se)
{
    return se > 0 ? erfc(fabs(difference) / se / sqrt(2)) : difference == 0;
}

/* The incomplete beta function's continued fraction, by Lentz's method. */
static double fraction(double a, double b, double x)
{
    enum { STEPS = 300 };
    const double least = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), f;
    d = 1 / (fabs(d) < least ? least : d);
    f = d;
    for (int i = 1; i <= STEPS; i++) {
        double m = i, even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < least ? least : d);
            c = fabs(c) < least ? least : c;
            f *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return f;
}

/* Both tails of Student's distribution: the incomplete beta function of freedom/2, 1/2. */
double tolerance_student(double difference, double se, double freedom)
{
    if (!(se > 0))
        return difference == 0;
    double t = difference / se, x = freedom / (freedom + t * t), a = freedom / 2, b = 0.5;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (t == 0)
        return 1;
    return x < (a + 1) / (a + b + 2) ? front * fraction(a, b, x) / a : 1 - front * fraction(b, a, 1 - x) / b;
}

/* Many comparisons. */

static const double *sorted_by; /* qsort has no argument for it */

static int by_probability(const void *a, const void *b)
{
    double x = sorted_by[*(const int *)a], y = sorted_by[*(const int *)b];
    return (x > y) - (x < y);
}

void tolerance_holm(const double p[], int n, double level, char found[])
{
    int *order = text_more(NULL, (size_t)n * sizeof *order), known = 0;
    for (int i = 0; i < n; i++) {
        found[i] = 0;
        if (!isnan(p[i]))
            order[known++] = i;
    }
    sorted_by = p;
    qsort(order, (size_t)known, sizeof *order, by_probability);
    for (int i = 0; i < known && p[order[i]] < level / (known - i); i++)
        found[order[i]] = 1;
    free(order);
}

void tolerance_bonferroni(const double p[], int n, double level, char found[])
{
    int known = 0;
    for (int i = 0; i < n; i++)
        known += !isnan(p[i]);
    for (int i = 0; i < n; i++)
        found[i] = !isnan(p[i]) && p[i] < level / known;
}
