/* edges.h - what spatter asks of grey images [side][side]: edges, distances to
 * them and an even histogram, each as OpenCV computes it. */
#ifndef EDGES_H
#define EDGES_H

#include <stdint.h>

/* Canny's detector: 3 x 3 Sobel gradients measured as |gx| + |gy|, thinned across
 * their direction; those above `high`, and those above `low` that touch an edge,
 * are edges. 255 on an edge, 0 elsewhere. */
void edges_find(uint8_t *edge, const uint8_t *grey, int side, int low, int high);

/* Distance in pixels to the nearest edge, added up from steps of 1, 1.4 and 2.1969
 * (Borgefors 1986, 5 x 5): within 2.5 % of the Euclidean. 8192 where there is no edge. */
void edges_distance(float *distance, const uint8_t *edge, int side);

/* The levels of n pixels spread evenly over 0..255; one level alone stays. In place. */
void edges_equalise(uint8_t *px, int n);

#endif
