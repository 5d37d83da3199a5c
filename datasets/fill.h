/* fill.h - computes the images of a split by as many threads as there are cores
 * and hands them to a store, block by block. */
#ifndef FILL_H
#define FILL_H

#include "store.h"

/* Where images come from. `make` fills in image i, px[side][side][3], and its label; it
 * is called by several threads, each with an `own` of its own, which `open` makes (both
 * may be NULL). It returns 0, or -1 with fault(). */
typedef struct fill {
    const void *what;
    int64_t n, side;
    int (*open)(const void *what, void **own);
    int (*make)(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label);
    void (*close)(void *own);
} fill;

/* The whole of a split that store_split() began. Of several failures the one with the
 * lowest i is reported. `done` images came before those of this split: for the progress line. */
int fill_store(store *s, const fill *f, int64_t done);

#endif
