/* operating.h - curves over all thresholds that scores can be cut at. */
#ifndef OPERATING_H
#define OPERATING_H

#include "kept.h"

#define OPERATING_OPTIONS                                                                                          \
    KEPT_OPTIONS,                                                                                                  \
    {                                                                                                              \
        "by", "set", "set scorer", "what the lines of a panel are"                                                 \
    }

typedef struct operating_point {  /* of accepting what scores at or above a threshold */
    int64_t id, ood, n_id, n_ood; /* how many of each are accepted, and are there */
} operating_point;

typedef void operating_axes(const operating_point *p, double *x, double *y); /* in percent */

/* Rows `panel line value x y` for every chosen scorer and set; value: this column of its
 * results. Points too close to the one before to be seen are left out. */
int operating_data(const figure_input *in, figure_data *out, enum result_column value, operating_axes *axes);

#endif
