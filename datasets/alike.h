/* alike.h - what images are compared by, to find those that are there twice: pixels by
 * their pixels, files by their bytes (one picture that was saved in two ways counts as
 * two), and pixels with files by a digest of the pixels that are shown, for which the
 * files are decoded. */
#ifndef ALIKE_H
#define ALIKE_H

#include "../harness/data.h"

enum alike { ALIKE_PIXELS, ALIKE_FILES, ALIKE_SHOWN, ALIKE_KINDS };

/* What the images of all of these can be compared by. */
enum alike alike_by(dataset *const d[], int n);

typedef struct likeness {
    enum alike by;
    const dataset *d;
    uint8_t *digests; /* [count][32]; NULL: the images themselves */
} likeness;

/* 0, or -1 with fault() where an image cannot be decoded. d must outlive it. */
int likeness_open(likeness *l, const dataset *d, enum alike by);
void likeness_close(likeness *l);

/* Bytes that are the same when the images are, as long as `l` is open. */
const void *likeness_of(const likeness *l, int64_t i, size_t *size);

#endif
