/* arrays.h - files that hold several arrays by name (.npz, .mat, HDF5): which of
 * them are the images and the labels of a split, and both opened. */
#ifndef ARRAYS_H
#define ARRAYS_H

#include "format.h"

enum { ARRAYS_DIMS = 4 };

typedef struct array {
    char *name;
    int dims; /* 0: more than ARRAYS_DIMS, or no array of numbers */
    int64_t extent[ARRAYS_DIMS];
    int bytes;     /* values are 0..255, a byte each */
    int64_t index; /* the reader's own */
} array;

typedef struct arrays {
    const char *path;
    array *at;
    int n;
    enum pixels_order order;
    void *own;
    /* The bytes of an array as they lie in the file, kept by `f`; NULL with fault(). */
    const uint8_t *(*pixels)(const struct arrays *a, opened *f, const array *which);
    /* All numbers of an array, whole; 0, or -1 with fault(). */
    int (*numbers)(const struct arrays *a, opened *f, const array *which, int64_t *out);
} arrays;

array *arrays_add(arrays *a, const char *name); /* zeroed but for its name */
void arrays_free(arrays *a);
int64_t array_count(const array *a); /* of numbers; -1: more than fit */

unsigned arrays_splits(const arrays *a);                      /* as format.splits */
int arrays_open(opened *f, const wanted *w, const arrays *a); /* as format.open */

#endif
