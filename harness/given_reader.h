/* given_reader.h - what given.c asks of those who read one kind of file each. Functions
 * return 0, or -1 with fault() set, which names the file and the array. */
#ifndef GIVEN_READER_H
#define GIVEN_READER_H

#include "given.h"

typedef struct given_reader {
    const char *kind;
    int (*open)(given *g); /* sets g->open, calls given_add for every array */
    void (*close)(given *g);
    /* Rows of an array, dense: float, or int64_t where it is not real. */
    int (*read)(const given *g, const given_array *a, int64_t first, int64_t n, void *out);
} given_reader;

extern const given_reader given_hdf, given_npz, given_folder, given_tensors;

/* Appends an array; returns it, to be filled in. Earlier ones may move. */
given_array *given_add(given *g, const char *name);

/* Elements of a row. */
static inline int64_t given_row(const given_array *a)
{
    int64_t n = 1;
    for (int i = 1; i < a->dims; i++)
        n *= a->shape[i];
    return n;
}

#endif
