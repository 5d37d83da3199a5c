/* npy.h - arrays as NumPy saves them (.npy, versions 1 and 2 of its format:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), mapped.
 * The header is text that is matched, never run. Read are plain numbers in C order
 * and the byte order of this machine; what they are for is checked where it is known. */
#ifndef NPY_H
#define NPY_H

#include "fill.h"

#include <time.h>

enum npy_type { NPY_U8, NPY_I32, NPY_I64, NPY_I8, NPY_I16, NPY_U16, NPY_U32, NPY_F16, NPY_F32, NPY_F64 };

typedef struct npy {
    char *path;
    enum npy_type type;
    int dims;
    int64_t shape[4];
    const void *data; /* inside the map; may be unaligned. NULL where the header alone was read */
    int64_t bytes;    /* of the file */
    struct timespec time;
    void *map;
} npy;

#define NPY_MOST_HEADER 65536 /* bytes; NumPy's own is some 128 */

/* Returns 0, or -1 with fault() that names the file: no .npy, another version, type or
 * order, more than four dimensions, a size that does not fit the shape. */
int npy_open(npy *a, const char *path);
void npy_close(npy *a); /* also one that was never opened, all zero */

/* Of an array in an archive: `have` bytes of its beginning, as many as there are or
 * at least NPY_MOST_HEADER, of `bytes` in all. Where the array begins, or -1 as above. */
int64_t npy_header(npy *a, const char *path, const void *beginning, int64_t have, int64_t bytes);

const char *npy_type_name(enum npy_type type); /* "float32" */
int64_t npy_type_bytes(enum npy_type type);
int npy_is_real(enum npy_type type); /* else whole numbers */
/* n numbers in a row, from anywhere; reals as float, whole numbers as int64_t. */
void npy_floats(enum npy_type type, const void *from, int64_t n, float *out);
void npy_integers(enum npy_type type, const void *from, int64_t n, int64_t *out);

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
