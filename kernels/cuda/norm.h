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
 * same as dx, which may be NULL if the sums are all that is wanted, then without
 * dplus. */
void norm_back(bk *b, const norm_shape *s, void *dx, void *dplus, real *dgamma, real *dbeta, const void *g,
               const void *added, const void *y, const void *x, const real *gamma, const real *mean,
               const real *var, const real *beta);

/* norm_bend.cu: differentiating norm_back, for float images. h = (x - mean) /
 * sqrt(var + eps); means are over the rows. */
enum norm_sums { NORM_MOMENT, NORM_SUM, NORM_T, NORM_TH, NORM_GT, NORM_QH, NORM_SUMS };
typedef struct norm_bends {
    /* sums[NORM_SUMS][cols]: norm_back's dgamma and dbeta of g, to be there before; the
     * means of t, t h and g t, by norm_tangent; the sum of q h, by norm_bend. */
    real *out, *sums;
    real *dgamma, *dbeta;
    const real *x, *t, *g, *q, *plus, *cut;
    const real *gamma, *beta, *mean, *var; /* beta: NULL unless the ReLU's mask follows from x */
} norm_bends;

/* To out what moves norm_apply's result when t moves x, and `plus` (may be NULL)
 * what was added. It is zero where the ReLU cut: where cut <= 0, or with cut NULL
 * and beta not, as follows from x; with both NULL nowhere. g is what norm_back
 * made NORM_MOMENT and NORM_SUM of; it counts where x lets it through. */
void norm_tangent(bk *b, const norm_shape *s, const norm_bends *n);

/* q (NULL: nothing) arrived at the result of the norm itself, to be masked as g. To
 * out, dgamma and dbeta: its gradients, and those of t . (norm_back's dx of g).
 * out may be q. */
void norm_bend(bk *b, const norm_shape *s, const norm_bends *n);

#ifdef __cplusplus
}
#endif
#endif
