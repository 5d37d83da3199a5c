/* pickle.h - Python's pickles as data. A stack machine builds numbers, strings
 * and containers of them; which globals are known, and what calling one or
 * meeting a persistent id yields, its reader decides. Nothing is executed, and
 * memory stays below a fixed multiple of the bytes read. */
#ifndef PICKLE_H
#define PICKLE_H

#include "stored.h"

enum value_kind {
    VALUE_NONE,
    VALUE_INT, /* also False and True */
    VALUE_REAL,
    VALUE_LONG, /* more than 8 bytes: `text` holds them, lowest first */
    VALUE_TEXT, /* of Python 2 and 3 */
    VALUE_BYTES,
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_DICT,   /* items: key, value, key, value ... */
    VALUE_OPAQUE, /* something harmless nobody asks about; takes any item */
    VALUE_GLOBAL, /* `own` belongs to the reader, in this kind and the next two */
    VALUE_STORAGE,
    VALUE_TENSOR,
};

typedef struct value value;
struct value {
    enum value_kind kind;
    union {
        int64_t whole;
        double real;
        bytes text;
        struct {
            value **item;
            size_t n, cap;
        } list;
        void *own;
    };
};

/* What a reader knows. Each returns NULL with fault() set when it refuses. */
typedef struct pickle pickle;
typedef struct pickle_reader {
    value *(*global)(pickle *p, bytes module, bytes name);
    value *(*call)(pickle *p, value *what, value *args); /* what: VALUE_GLOBAL, args: VALUE_TUPLE */
    value *(*persistent)(pickle *p, value *id);
    int (*build)(pickle *p, value *object, const value *state); /* attributes; 0 or -1. NULL: nobody reads them */
    const char *kind; /* what the file should be, for messages; NULL: "checkpoint" */
} pickle_reader;

/* Values live until pickle_close and point into `content`. */
int pickle_open(pickle **p, const char *path, bytes content, const pickle_reader *reader, void *own);
void pickle_close(pickle *p);

/* Builds the next value of the file; NULL with fault() set. */
value *pickle_load(pickle *p);

/* What lies behind the values loaded so far. */
bytes pickle_rest(const pickle *p);

void *pickle_own(const pickle *p);
const char *pickle_path(const pickle *p);

/* For readers: zeroed memory, and a value of a kind; NULL with fault() set. */
void *pickle_alloc(pickle *p, size_t size);
value *pickle_value(pickle *p, enum value_kind kind, void *own);

/* Calls fault() with the place in the pickle before `what`. */
int pickle_fault(const pickle *p, const char *what);

int value_is(const value *v, const char *text);             /* equal text? */
const value *value_get(const value *dict, const char *key); /* or NULL */

#endif
