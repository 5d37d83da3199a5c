/* opcodes.h - the inside of the pickle machine, shared by pickle.c (the
 * machine) and opcodes.c (what each opcode does to it). */
#ifndef OPCODES_H
#define OPCODES_H

#include "pickle.h"

typedef struct row { /* of values, growing */
    value **at;
    size_t n, cap;
} row;

struct pickle {
    const char *path;
    bytes content;
    size_t at, ops; /* bytes and opcodes done */
    const pickle_reader *reader;
    void *own;
    struct block *memory;
    row stack, memo;
    size_t *marks, nmarks, marks_cap; /* depths of the stack */
    int stop;
};

/* An opcode returns 0, or -1 with fault() set; `arg` is the table's. */
typedef struct opcode {
    int (*run)(pickle *p, int arg);
    int arg;
} opcode;
extern const opcode opcodes[256];

/* The stack. What lies below the last mark is out of reach. push passes on a
 * NULL as the failure it is. */
int pickle_push(pickle *p, value *v);
value *pickle_pop(pickle *p);
value *pickle_top(pickle *p);
size_t pickle_depth(const pickle *p);

/* Takes the values above the last mark, and the mark; they stay where they are
 * until the next push. */
int pickle_pop_mark(pickle *p, value ***items, size_t *n);
int pickle_mark(pickle *p);

/* Stores the top under a number. */
int pickle_remember(pickle *p, uint64_t i);

/* The bytes that follow: n of them, a number of `width` bytes, a line. */
int pickle_take(pickle *p, uint64_t n, bytes *out);
int pickle_number(pickle *p, int width, uint64_t *n);
int pickle_line(pickle *p, bytes *out);

int pickle_append(pickle *p, value *to, value *const *items, size_t n);

#endif
