/* pca.c - eigenvectors of the covariance, through LAPACK and in double. A BLAS of
 * several threads adds up in another order, so it gets one while this runs. */
#include "pca.h"
#include "engine.h"
#include "fault.h"

#include <dlfcn.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

/* OpenBLAS's switch, where that is the BLAS; others are taken as they are. */
static int blas_threads(int n)
{
    int before = 1;
    void *get = dlsym(RTLD_DEFAULT, "openblas_get_num_threads"),
         *set = dlsym(RTLD_DEFAULT, "openblas_set_num_threads");
    if (get && set) {
        before = (*(int (**)(void)) & get)();
        (*(void (**)(int)) & set)(n);
    }
    return before;
}

/* The points less their mean, [n][d]; NULL with fault() set. */
static double *centred(const float *x, int64_t n, int64_t d)
{
    double *c = pool_host((size_t)(n * d) * sizeof *c), *mean = pool_host((size_t)d * sizeof *mean);
    int64_t bad = -1;
    for (int64_t i = 0; i < n * d; i++) {
        bad = bad < 0 && !isfinite(x[i]) ? i / d : bad;
        mean[i % d] += (double)x[i] / (double)n;
    }
    for (int64_t i = 0; i < n * d; i++)
        c[i] = (double)x[i] - mean[i % d];
    free(mean);
    if (bad < 0)
        return c;
    fault(
        "features are finite numbers; sample %lld of %lld has one that is not: look at the checkpoint they are of",
        (long long)bad + 1, (long long)n);
    free(c);
    return NULL;
}

/* The covariance [d][d] of centred points, overwritten by its eigenvectors as
 * rows, the smallest first. */
static int directions(double *a, double *values, const double *c, int64_t n, int64_t d)
{
    lapack_int m = (lapack_int)d;
    double *packed = pool_host((size_t)(d * (d + 1) / 2) * sizeof *packed);
    LAPACKE_dsfrk(LAPACK_COL_MAJOR, 'N', 'U', 'N', m, (lapack_int)n, 1 / (double)n, c, m, 0, packed);
    LAPACKE_dtfttr(LAPACK_COL_MAJOR, 'N', 'U', m, packed, a, m);
    free(packed);
    if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', m, a, m, values) != 0)
        return fault("LAPACK found no principal directions of %lld features: their range is too wide",
                     (long long)d);
    return 0;
}

/* An eigenvector's sign is arbitrary: its largest component is made positive. */
static double sign_of(const double *v, int64_t d)
{
    int64_t top = 0;
    for (int64_t j = 1; j < d; j++)
        top = fabs(v[j]) > fabs(v[top]) ? j : top;
    return v[top] < 0 ? -1 : 1;
}

static void project(double *out, const double *v, const double *c, int64_t n, int64_t d)
{
    double sign = sign_of(v, d);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < d; j++)
            sum += v[j] * c[i * d + j];
        out[i] = sign * sum;
    }
}

int pca(double *out, double *variances, const float *x, int64_t n, int64_t d, int64_t keep)
{
    double *c = centred(x, n, d);
    if (!c)
        return -1;
    double *a = pool_host((size_t)(d * d) * sizeof *a), *values = pool_host((size_t)d * sizeof *values);
    int before = blas_threads(1);
    int rc = directions(a, values, c, n, d);
    blas_threads(before);
    for (int64_t k = 0; k < keep && rc == 0; k++) {
        variances[k] = values[d - 1 - k] > 0 ? values[d - 1 - k] : 0;
        project(out + k * n, a + (d - 1 - k) * d, c, n, d);
    }
    free(a);
    free(values);
    free(c);
    return rc;
}
