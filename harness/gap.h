/* gap.h - how far apart two samples of points are, where distances have a
 * meaning: among the points themselves, not in a picture of them. */
#ifndef GAP_H
#define GAP_H

#include <stdint.h>

typedef struct gap {
    double centroid; /* between the two means */
    double energy;   /* 2 E|X-Y| - E|X-X'| - E|Y-Y'|: zero only for equal distributions */
    double share;    /* energy / 2 E|X-Y|, from 0 to 1, whatever the unit (Szekely and Rizzo 2013) */
    double within;   /* E|X-X'|: what the others can be held against */
} gap;

/* Of x[n][d] and y[m][d]; the same bits with any number of threads (0: all). */
gap gap_between(const float *x, int64_t n, const float *y, int64_t m, int64_t d, int threads);

#endif
