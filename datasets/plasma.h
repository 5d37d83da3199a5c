/* plasma.h - the cloud-like field that fog and frost are made of. */
#ifndef PLASMA_H
#define PLASMA_H

#include <stdint.h>

/* Values 0 to 1, both reached, on a torus of size x size points, by diamonds and
 * squares (Fournier, Fussell, Carpenter 1982): a point is the mean of the four about
 * it and a uniform draw whose range shrinks by decay^2 from one scale to the
 * next, so that a greater decay is a smoother field. size is a power of two, at least 2. */
void plasma_field(double *p, int size, double decay, uint64_t seed);

/* The least size that covers an image. */
int plasma_size(int side);

#endif
