/* models.h - networks by name, their parameters by name, and their files: what
 * the host knows of a net beyond net.h. */
#ifndef MODELS_H
#define MODELS_H

#include "net.h"

/* Names: "resnet20" ... ; NULL past the last. */
const char *nn_known(int i);

/* Builds a network with He-initialised weights drawn from (seed, parameter
 * number): the same on every backend. -1 with fault() set for an unknown name. */
int nn_build(net **n, const char *name, int64_t classes, uint64_t seed);
/* The same with the weights of a file (nn_load), none of which need be drawn before. The
 * network is there, and to be freed, also when only the file is at fault; else NULL. */
int nn_read(net **n, const char *name, int64_t classes, const char *path);
/* A head by itself, all zeros, for features that are not this program's. */
void nn_build_head(net **n, int64_t classes, int64_t features);
void nn_free(net *n);

const char *nn_name(const net *n);
int64_t nn_classes(const net *n);
int64_t nn_features(const net *n);   /* width of the penultimate layer */
int64_t nn_side(const net *n);       /* height and width of its input images: 32, 64 or 224 */
int64_t nn_parameters(const net *n); /* length of nn_weights() */
tensor *nn_stats(net *n);            /* running means and variances, one vector */

/* Reads or writes every parameter and running statistic under the names that
 * the PyTorch original uses. A tensor that is missing, left over or of the
 * wrong shape is a fault that names it, with both shapes. */
int nn_load(net *n, const char *path);
int nn_save(net *n, const char *path, const char *const metadata[]);

/* The content of weights and statistics as 64 hex digits: what caches go by. */
void nn_digest(net *n, char digest[65]);

/* bf16 in the backend's plans, where it has such: for evaluation most do. */
void nn_precision(net *n, int bf16);

/* What training has computed products in so far: "f32" ("tf32" if the device
 * was opened so), "bf16", or both. */
enum nn_trained { NN_TRAINED_F32 = 1, NN_TRAINED_BF16 = 2 };
unsigned nn_trained(const net *n);

#endif
