/* fill.h - computes the images of a split by as many threads as there are cores
 * and hands them to a store, block by block. */
#ifndef FILL_H
#define FILL_H

#include "store.h"

/* Where images come from. `make` fills in image i, px[side][side][3], and its label; it
 * is called by several threads, each with an `own` of its own, which `open` makes (both
 * may be NULL). It returns 0, or -1 with fault().
 *
 * Images that lie as files can be kept as such: `size` tells how long file i is, and `file`
 * copies its bytes, as many, when they can be decoded, and sets its label. */
typedef struct fill {
    const void *what;
    int64_t n, side;
    int (*open)(const void *what, void **own);
    int (*make)(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label);
    void (*close)(void *own);
    int files;      /* they are to be kept as files, */
    int64_t resize; /* which are shown so (schema.h) */
    int (*size)(const void *what, void *own, int64_t i, uint64_t *bytes);
    int (*file)(const void *what, void *own, int64_t i, uint8_t *out, uint64_t size, int32_t *label);
} fill;

/* Where each of the files begins behind the one before, at[n+1], which the caller frees; 0, or -1
 * with fault(). */
int fill_offsets(const fill *f, uint64_t **at);

/* The whole of a split that was begun in the store: of pixels, or of files as fill_offsets() has
 * them. Of several failures the one with the lowest i is reported. `done` images came before
 * those of this split: for the progress line. */
int fill_store(store *s, const fill *f, const uint64_t *at, int64_t done);

#endif
