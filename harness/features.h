/* features.h - what a network makes of a data set: penultimate features and
 * logits of every image, computed once per checkpoint and set, then cached. */
#ifndef FEATURES_H
#define FEATURES_H

#include "data.h"
#include "models.h"

#include <stddef.h>

/* The network as an extractor, with all that its outputs depend on. */
typedef struct extractor {
    net *net;
    const char *cache;     /* folder; NULL: nothing is kept */
    const char *backend;   /* "cpu" */
    const char *precision; /* "f32", "tf32", "bf16" */
    int fast;
    double mean[3], std[3];
    const struct given *given; /* a file of features in place of images; NULL: none */
    char weights[65];          /* nn_digest of the net: call extractor_weights after changing it */
} extractor;

typedef struct features { /* rows in the order of the data set */
    int64_t n, width, classes;
    float *values;   /* [n][width] */
    float *logits;   /* [n][classes] */
    int32_t *labels; /* [n] */
} features;

void extractor_weights(extractor *e);

/* From the cache, or by a forward pass that then fills it (with progress under
 * the set's name). -1 with fault() set. */
int features_get(features *f, const extractor *e, const char *path, const char *split);
/* From the cache alone: 1 found, 0 not there, -1 with fault() set. Of the extractor's
 * device the name is enough. */
int features_kept(features *f, const extractor *e, const char *path, const char *split);
void features_free(features *f);

/* A forward pass over the images of an open set from `first` to before `last`,
 * cached nowhere; their logits go to their places among those of the set. The net
 * must be in the mode wanted. -1 with fault() where an image cannot be decoded. */
int features_forward(net *n, const dataset *d, int64_t first, int64_t last, const double mean[3],
                     const double std[3], float *logits);

/* How many labels the largest logit names; ties go to the lower class. */
int64_t features_correct(const float *logits, const int32_t *labels, int64_t n, int64_t classes);

#endif
