/* affinity.h - how near points are to each other, as t-SNE sees it: p_ij, the
 * chance that i and j pick each other as neighbours, each point with a Gaussian
 * so wide that its choice is as uncertain as among `perplexity` equals. */
#ifndef AFFINITY_H
#define AFFINITY_H

#include <stdint.h>

/* p_ij = p_ji, p_ii = 0, all of them add up to one. Either every pair is kept or
 * each point's 3 * perplexity nearest, outside of which p is nothing. */
typedef struct affinity {
    int64_t n;
    int64_t stride; /* of `all`: n rounded up to whole vectors, zeros behind n */
    float *all;     /* [n][stride]; NULL: those of `some` */
    int64_t *start; /* [n + 1]: the partners of i are some[start[i]] up to start[i + 1], by number */
    struct partner {
        int32_t to;
        float p;
    } * some;
    int64_t crowded; /* points with so many copies that their choice is wider than asked for */
    double worst;    /* the others' entropy is that far from log2(perplexity) at most, in bits */
} affinity;

/* x[d][n]: a coordinate of all points after the other. Which are kept: all when
 * `every`. n > 3 * perplexity. */
void affinity_of(affinity *a, const double *x, int64_t n, int64_t d, double perplexity, int every, int threads);
void affinity_free(affinity *a);

#endif
