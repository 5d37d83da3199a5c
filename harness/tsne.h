/* tsne.h - t-SNE: points of many dimensions in a plane, so that neighbours stay
 * neighbours (van der Maaten and Hinton 2008). Distances between clusters of the
 * plane mean nothing: gap.h measures those where they do. */
#ifndef TSNE_H
#define TSNE_H

#include <stdint.h>

enum { TSNE_DIMENSIONS = 50 /* principal components that are kept */, TSNE_EXACT = 5000, TSNE_STEPS = 1000 };

typedef struct tsne_options {
    double perplexity;
    int64_t steps;     /* TSNE_STEPS; exaggeration takes the first quarter */
    int64_t exact;     /* up to so many points all pairs count; beyond, 3 * perplexity neighbours and a quadtree */
    uint64_t seed;     /* for points on a line, which need a push: elsewhere nothing is drawn */
    int threads;       /* 0: as many as there are processors. They change no bit of the result. */
    const char *label; /* of the progress line; NULL: none */
} tsne_options;
#define TSNE_USUAL                                                                                                 \
    {                                                                                                              \
        .perplexity = 30, .steps = TSNE_STEPS, .exact = TSNE_EXACT                                                 \
    }

typedef struct tsne_fit {
    double divergence; /* of the plane's neighbours from the points', in nats: lower is better */
    int64_t crowded;   /* points with more copies of themselves than the perplexity */
} tsne_fit;

/* at[n][2] of x[n][d]. -1 with fault() set: values that are not finite, points
 * that are all the same, or too few of them. */
int tsne(double *at, tsne_fit *fit, const float *x, int64_t n, int64_t d, const tsne_options *o);

#endif
