/* landscape.h - two random directions in the space of a network's weights, scaled
 * filter by filter, and the network at points of the plane that they span. Batch
 * normalisation's running statistics stay where they are. */
#ifndef LANDSCAPE_H
#define LANDSCAPE_H

#include "models.h"

#include <stdbool.h>

typedef struct landscape_options {
    uint64_t draw; /* seed: equal for all networks that are compared */
    bool bn, bias; /* batch normalisation's scale and shift move, too; so does the head's bias */
} landscape_options;

typedef struct landscape {
    net *n;
    tensor *home, *along[2];
    double cosine; /* of the angle between the directions */
} landscape;

/* Draws both directions. Each filter (a row of the head) of a direction gets the
 * norm of the same filter of the weights; a vector that moves gets the norm of the
 * vector; other vectors do not move. They live in a scope that this opens. */
void landscape_open(landscape *l, net *n, landscape_options o);
void landscape_close(landscape *l); /* the weights are what they were, to the bit */

/* The network's weights become home + alpha * along[0] + beta * along[1]. */
void landscape_go(const landscape *l, double alpha, double beta);

#endif
