/* stored.h - what the readers of the two families of files (safetensors.c,
 * torchfile.c) hand to checkpoint.c, which alone knows what a checkpoint is.
 * Functions return 0, or -1 with fault() set. */
#ifndef STORED_H
#define STORED_H

#include "checkpoint.h"

typedef struct bytes {
    const unsigned char *at;
    size_t n;
} bytes;

/* A tensor as a file describes it: a view of a storage of `bytes`. Strides and
 * the offset count elements; strides NULL means dense and row-major. Nothing
 * in it is believed before stored_add has checked it. */
typedef struct stored_view {
    bytes name;
    const char *dtype;
    int ndims;
    const int64_t *dims, *strides;
    int64_t offset;
    bytes storage;
} stored_view;

int stored_add(checkpoint *c, const stored_view *v);

/* Takes over malloc'd memory that views point into, also when it fails. */
int stored_keep(checkpoint *c, void *memory);

/* The storages are those of a big-endian machine. */
void stored_swapped(checkpoint *c);

/* What the file is called in messages, and how many bytes it has: no reader
 * allocates more than a small multiple of that. */
const char *stored_path(const checkpoint *c);
size_t stored_size(const checkpoint *c);

/* Bytes of one element, 0 for an unknown dtype. The names are safetensors'. */
size_t stored_dtype_size(const char *dtype);

/* Text from a file made fit to print: one line of ASCII, at most cap - 1 bytes. */
const char *stored_plain(char *out, size_t cap, bytes text);

/* The readers. The file is mapped, read whole, or left to libzip. */
int safetensors_read(checkpoint *c, bytes file);
int torch_read_legacy(checkpoint *c, bytes file);
int torch_read_zip(checkpoint *c);

#endif
