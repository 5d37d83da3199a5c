/* screen.h - the rows of a bank that may be among a query's k nearest, found by
 * products of bytes (bytes.h) and judged by exact ones.
 *
 * A product of bytes differs from the float product by no more than a margin that
 * follows from the norms of what rounding lost. Whatever reaches the k-th largest
 * lower end of these ranges with its upper end is multiplied again in floats:
 * the answer does not depend on the rounding, which only says where not to look. */
#ifndef SCREEN_H
#define SCREEN_H

#include "device.h"

/* Whether it is worth a try for a bank of such a size, on this processor. */
int screen_suits(int64_t n, int64_t d, int64_t k);
/* As `nearest` of backend.h. Queries for which too many rows came into question
 * are left unanswered: their numbers are in left[], which has room for m; returns
 * how many. Which ones depends on the query and the bank alone. */
int64_t screen_nearest(bk *b, real *y, int32_t *at, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                       int64_t k, int64_t *left);

#endif
