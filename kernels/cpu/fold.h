/* fold.h - sums down the columns of an array [rows][cols], for fold.c and norm.c. */
#ifndef FOLD_H
#define FOLD_H

#include "device.h"

enum fold_kind {
    FOLD_SUM,     /* x */
    FOLD_MAX,     /* x; NaN if any is */
    FOLD_MOMENTS, /* d and d d, where d = x - centre */
    FOLD_COSTS,   /* z and z (x - centre) */
};

typedef struct fold_job {
    enum fold_kind kind;
    const float *x, *z, *centre; /* arrays, and a vector of cols */
    int64_t rows, cols;
} fold_job;

/* Writes the first and, where the kind has one, the second result of each
 * column; both live in the device's scratch until the next call. Rounded as if
 * few values were added at a time in float and the rest in double; the same for
 * any number of threads. */
void fold_columns(bk *b, const fold_job *job, double **first, double **second);

#endif
