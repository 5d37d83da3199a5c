/* corrupted.h - the images of a split, corrupted, as a fill. */
#ifndef CORRUPTED_H
#define CORRUPTED_H

#include "../harness/data.h"
#include "corruption.h"
#include "fill.h"

typedef struct corrupted {
    const dataset *d;
    const corruption *c;
    int severity;  /* 1 to 5 */
    uint64_t seed; /* image i takes the stream of (seed, corruption, severity, i) */
} corrupted;

fill corrupted_fill(const corrupted *what); /* what must outlive it */

/* What the pixels depend on, one `key value` a line; the caller frees it. It holds the
 * digest of a corrupted test card, so that a change of the corruption itself shows. */
char *corrupted_source(const corrupted *what);

#endif
