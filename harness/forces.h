/* forces.h - the divergence that t-SNE makes small, and its gradient: points that
 * should be neighbours attract, all points repel each other. */
#ifndef FORCES_H
#define FORCES_H

#include "affinity.h"

typedef struct forces forces;

/* On the points of `a`, which lives longer. Where `a` has all pairs they are
 * exact, else Barnes and Hut's with an angle of 0.5. */
forces *forces_new(const affinity *a, int threads);
void forces_free(forces *f);

/* gradient[n][2], at at[n][2], of the divergence of q from p, p times `exaggeration`. */
void forces_gradient(forces *f, const double *at, double exaggeration, double *gradient);

/* Sum of p log(p / q), in nats. */
double forces_divergence(forces *f, const double *at);

#endif
