/* subset.h - a fixed random subset of a data set on the device, normalised once,
 * and the loss of a network on it: what analyses that look at many weights on the
 * same images go by. The loss is the mean cross-entropy, summed in double; the
 * network's mode is the caller's. */
#ifndef SUBSET_H
#define SUBSET_H

#include "data.h"
#include "features.h"

typedef struct subset {
    int64_t n, batch; /* images; in a batch, the last one filled up with its last image */
    int batches;
    tensor **x;      /* [batches], [batch,side,side,channels] */
    tensor **y;      /* [batches], labels of the images that count, [rows,1] */
    int32_t *labels; /* [n] */
} subset;

/* Of all images of these splits (ends with NULL) together, at most `images`, drawn
 * by (seed `draw`, how many there are), in the order of the data. They live until
 * subset_close(), in a scope that this opens. -1 with fault() set. */
int subset_open(subset *s, const extractor *e, const char *path, const char *const splits[], int64_t images,
                uint64_t draw);
void subset_close(subset *s);

/* What the network says of the subset as it is now; no gradients. Infinite where
 * an image's is not finite. right: how many labels the largest logit names. */
double subset_loss(const subset *s, net *n, int64_t *right);

/* The same loss, and its gradient by all parameters into nn_grads(). */
double subset_gradient(const subset *s, net *n);

#endif
