/* blob.h - the bytes of a file, mapped. What is packed is unpacked first into a
 * file without a name, in TMPDIR or /tmp, which is gone when it is closed: memory
 * stays small whatever comes out. Functions return 0, or -1 with fault(). */
#ifndef BLOB_H
#define BLOB_H

#include <stddef.h>
#include <stdint.h>

typedef struct blob {
    const uint8_t *at;
    int64_t n;
} blob;

/* Deflate makes at most this of a byte: more is promised by damaged files only. */
#define BLOB_MOST_RATIO 1040

/* A whole file, through gzip if its first bytes say so. */
int blob_open(blob *b, const char *path);
void blob_close(blob *b); /* also one that was never opened, all zero */

/* The first bytes of a file, at most n, unpacked; how many there are, or -1. */
int64_t blob_peek(const char *path, uint8_t *out, int64_t n);

/* Bytes that come one after the other, to be mapped in the end. */
typedef struct spill {
    int fd;
    int64_t n;
} spill;

int spill_begin(spill *s);
int spill_write(spill *s, const void *bytes, size_t n);
int spill_end(spill *s, blob *b);
void spill_drop(spill *s); /* in place of spill_end */

#endif
