/* norm.h - batch-norm by columns (channels) of x[rows][cols], for norm.cu's own
 * entries and for plans; images float or bfloat16, everything per channel float.
 * All are enqueued. Statistics are summed in one pass over x, in a fixed order. */
#ifndef CUDA_NORM_H
#define CUDA_NORM_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct norm_shape {
    int64_t rows, cols;
    int bf16; /* x, y, plus, g, dx and added are bfloat16, else float */
    real eps;
} norm_shape;

/* mean[cols], var[cols] (of the population) of x. */
void norm_statistics(bk *b, const norm_shape *s, real *mean, real *var, const void *x);

/* y = relu((x - mean) / sqrt(var + eps) * gamma + beta + plus); plus may be NULL,
 * relu 0. y may be x or plus. */
void norm_apply(bk *b, const norm_shape *s, void *y, const void *x, const real *mean, const real *var,
                const real *gamma, const real *beta, const void *plus, int relu);

/* Back through norm_apply with the batch's own statistics. g arrived at y, and
 * `added` (NULL: nothing) besides it, to be added first; where y was cut by the
 * ReLU both count as zero: where y <= 0, or with y NULL and beta not, where nothing
 * was added, as follows from x again, which saves reading y. Both NULL: nowhere.
 * Writes dx, dgamma, dbeta, and to dplus, unless it is NULL, the gradient of plus,
 * which is the masked sum. dx may be g or added, and so may dplus, but not the
 * same as dx. */
void norm_back(bk *b, const norm_shape *s, void *dx, void *dplus, real *dgamma, real *dbeta, const void *g,
               const void *added, const void *y, const void *x, const real *gamma, const real *mean,
               const real *var, const real *beta);

#ifdef __cplusplus
}
#endif
#endif
