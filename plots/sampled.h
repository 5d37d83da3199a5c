/* sampled.h - penultimate features of some images of a model's sets, from the cache of the
 * experiment that computed them. */
#ifndef SAMPLED_H
#define SAMPLED_H

#include "models.h"

#include <stdint.h>

typedef struct sampled_set {
    char *name;
    const char *group;       /* id csid near far */
    int64_t first, n, whole; /* rows of `x`; how many images the set has */
} sampled_set;

typedef struct sampled {
    sampled_set *sets; /* [nsets], sets[0] the ID test set */
    int nsets;
    int64_t n, width;
    float *x;         /* [n][width], the sets one after the other */
    int32_t *classes; /* [n]; -1: none of the ID set's */
} sampled;

/* Equal shares of `n` images for what is in-distribution, covariate-shifted and
 * semantically shifted, then equal shares for each set of these; the same images for
 * every model. names: "cifar10c,mnist"; "": the first shifted and the first far set.
 * m is of accuracies. -1 with fault() set. */
int sampled_make(sampled *s, const figure_input *in, const models *m, int model, const char *names, int64_t n,
                 uint64_t seed);
void sampled_free(sampled *s);

#endif
