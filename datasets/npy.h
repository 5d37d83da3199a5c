/* npy.h - arrays as NumPy saves them (.npy, versions 1 and 2 of its format:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), mapped.
 * The header is text that is matched, never run. Only what the published image sets
 * use is read: C order, bytes of pixels, labels of 8, 32 or 64 bits. */
#ifndef NPY_H
#define NPY_H

#include "fill.h"

#include <time.h>

enum npy_type { NPY_U8, NPY_I32, NPY_I64 };

typedef struct npy {
    char *path;
    enum npy_type type;
    int dims;
    int64_t shape[4];
    const void *data; /* inside the map; may be unaligned */
    int64_t bytes;    /* of the file */
    struct timespec time;
    void *map;
} npy;

/* Returns 0, or -1 with fault() that names the file: no .npy, another version, type or
 * order, more than four dimensions, a size that does not fit the shape. */
int npy_open(npy *a, const char *path);
void npy_close(npy *a); /* also one that was never opened, all zero */

/* Bytes [n][side][side][3]; side 0: any. */
int npy_is_images(const npy *a, int64_t side);
/* Integers [n], each 0 .. classes-1. */
int npy_is_labels(const npy *a, int64_t n, int64_t classes);
int64_t npy_integer(const npy *a, int64_t i);

/* A stretch of images with their labels as a split; it must outlive the fill. */
typedef struct npy_images {
    const npy *px, *labels; /* labels NULL: all -1, outside the classes */
    int64_t first, n;
} npy_images;

fill npy_fill(const npy_images *what);
/* One `key value` a line: name, size and time of the files; the caller frees it. */
char *npy_source(const npy_images *what);

#endif
