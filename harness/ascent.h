/* ascent.h - the largest value of a loss near a point: projected gradient ascent
 * from radius to radius. Plain vectors in double; what the loss is, is the caller's. */
#ifndef ASCENT_H
#define ASCENT_H

#include <stdint.h>

typedef struct ascent {
    int64_t n;
    int64_t steps; /* at each radius */
    /* The loss at theta + eps; its gradient there too, unless g is NULL. */
    double (*loss)(void *self, const double *eps, double *g);
    void *self;
    double base; /* the loss at theta */
} ascent;

/* Goes on from eps, which lies in the ball of the last radius: steps of 2.5 rho /
 * steps along the gradient, back to the sphere where they leave it. `increase` is
 * the largest that was seen so far, at eps; both are replaced where a larger one is
 * found, so what is found at growing radii never falls. A loss that is not finite
 * counts as infinite and ends the search. */
void ascend(const ascent *a, double rho, double *eps, double *increase);

/* The increase after one step of length rho along g, the gradient at theta: the
 * value that sharpness-aware minimisation goes by. 0 where g is. */
double ascend_once(const ascent *a, double rho, const double *g);

/* The same vector with the norm `rho`; zeros stay. */
void ascent_scale(double *eps, int64_t n, double rho);
double ascent_norm(const double *v, int64_t n);

#endif
