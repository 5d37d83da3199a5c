/* store.h - writes a data set to HDF5 as schema.h says, aside and renamed: the
 * file is whole or absent. Images arrive in blocks, in order, so a set may be
 * larger than memory. Functions return 0, or -1 with fault(). */
#ifndef STORE_H
#define STORE_H

#include <stddef.h>
#include <stdint.h>

typedef struct store store;

typedef struct store_header {
    const char *name;
    const char *const *classes; /* their names */
    int64_t n_classes;
    const double *mean, *std; /* [3] */
} store_header;

/* The header of a file that is there, for another made from it: 0, or -1 with fault().
 * store_header_free() frees what it points at. */
int store_header_read(store_header *h, const char *path);
void store_header_free(store_header *h);

int store_create(store **s, const char *path, const store_header *h);

/* A split of n images of side x side, then their labels in order; store_images takes the bytes of
 * `count` more of them, and the split is complete when n have come. */
int store_split(store *s, const char *split, int64_t n, int64_t side, const char *source);
/* The same of images as files: i takes the bytes at[i] to at[i+1], which are the caller's until the
 * split is complete, and is shown as `resize` and `side` say (schema.h). */
int store_files(store *s, const char *split, int64_t n, const uint64_t *at, int64_t side, int64_t resize,
                const char *source);
int store_images(store *s, const uint8_t *bytes, const int32_t *labels, int64_t count);

/* Renames the finished file to its name, or removes what there is. Both free s. */
int store_commit(store *s);
void store_discard(store *s);

#endif
