/* pca.h - points on the host, seen along their principal directions. */
#ifndef PCA_H
#define PCA_H

#include <stdint.h>

/* Out of [n][d], the `keep` components of the largest variance, largest first,
 * of the points less their mean: out[keep][n], variances[keep]. keep <= d. The
 * bits do not depend on how many threads BLAS has. -1 with fault() set for
 * values that are not finite. */
int pca(double *out, double *variances, const float *x, int64_t n, int64_t d, int64_t keep);

#endif
