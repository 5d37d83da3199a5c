/* whitelist.h - the globals of a PyTorch pickle that are data, and what they
 * build. Everything else is refused by name. */
#ifndef WHITELIST_H
#define WHITELIST_H

#include "pickle.h"

typedef struct storage { /* what a persistent id names */
    bytes key;
    const char *dtype;
    int64_t whole;        /* elements under the key */
    int64_t first, count; /* those this view of it has */
    bytes data;           /* filled in by the file's layout */
    struct storage *next; /* of all that were met, latest first */
} storage;

typedef struct tensor_value { /* own of a VALUE_TENSOR */
    storage *storage;
    int64_t offset;
    int ndims;
    int64_t dims[8], strides[8];
} tensor_value;

/* For pickle_open: own is a `storage *` that collects what is met. */
extern const pickle_reader whitelist;

/* The dictionary with the tensors: the whole value, or what lies under one of
 * the usual keys. NULL with fault() set. */
const value *whitelist_state_dict(const char *path, const value *v);

#endif
