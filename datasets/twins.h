/* twins.h - identical images within and across splits, by content (alike.h). */
#ifndef TWINS_H
#define TWINS_H

#include "../harness/data.h"

typedef struct twins { /* of one split with an earlier one, or with itself */
    int of, in;        /* split numbers: images of `of` that are in `in` already */
    int64_t count;
    int64_t image, twin; /* the first, and what it equals */
} twins;

/* Every image is compared with all that come before it, in the order of the splits, and counted
 * where it was first. Returns how many pairs of splits have some, or -1 with fault(); *out is the
 * caller's to free. */
int twins_find(twins **out, dataset *const d[], int n);

#endif
