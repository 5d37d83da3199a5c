/* make.h - one HDF5 file from its splits: aside, renamed when whole, with a
 * progress line; nothing is left after a failure or an interruption. */
#ifndef MAKE_H
#define MAKE_H

#include "fill.h"

typedef struct make_split {
    const char *name;   /* "train" "val" "test" "fog_3" */
    const char *source; /* what it is made from, one `key value` a line */
    fill f;
} make_split;

int make_file(const char *path, const store_header *h, const make_split *splits, int n);

#endif
