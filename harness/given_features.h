/* given_features.h - a file of features in the place of a network's own: what
 * features.h has of images, and the network that is left, a head. Arrays are read
 * when a scorer first asks for them. Functions return 0, or -1 with fault() set; what
 * the file does not have begins with "needs: ", as run_refuse() passes it on. */
#ifndef GIVEN_FEATURES_H
#define GIVEN_FEATURES_H

#include "features.h"
#include "given.h"

#define GIVEN_ID "." /* as the path of a set: train, val and test, by split */

/* The classes and the head of the file; zeros where there is none: see given_needs_head. */
int given_net(net **n, const given *g);
/* -1 unless the file has a head. */
int given_needs_head(const given *g);
int given_needs_images(const given *g);

/* How many there are, and their labels. Of a set with a name, split `val` is
 * tune/NAME, any other near/NAME, far/NAME or csid/NAME. */
int given_begin(features *f, const extractor *e, const char *path, const char *split);

/* Can they be fetched? */
int given_knows(const given *g, const char *path, const char *split, enum given_piece piece);

/* f->values, or f->logits: read, or else computed by the head. */
int given_fetch(features *f, const extractor *e, const char *path, const char *split, enum given_piece piece);

#endif
