/* quadtree.h - points of a plane in nested squares, so that a far square counts
 * as one heavy point (Barnes and Hut 1986). */
#ifndef QUADTREE_H
#define QUADTREE_H

#include <stdint.h>

typedef struct quadtree quadtree;

quadtree *quadtree_new(int64_t n); /* room for n points */
void quadtree_free(quadtree *t);
void quadtree_build(quadtree *t, const double *at); /* [n][2]; in place of what was built before */

/* Of all points y, this one included: the sum of w, and into force[2] that of
 * w^2 (at - y), where w = 1 / (1 + |at - y|^2). Squares that are seen under
 * less than `theta` (their side by the distance) count as one point. */
double quadtree_repulsion(const quadtree *t, const double at[2], double theta, double force[2]);

/* Numbers of the points in the order of squares: neighbours visit the same ones. */
const int32_t *quadtree_order(const quadtree *t);

#endif
