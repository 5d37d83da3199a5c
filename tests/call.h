/* call.h - one call of a backend entry, as backend.c makes it: which arrays it
 * takes, how many values each has, and what the inputs hold. */
#ifndef CALL_H
#define CALL_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../kernels/random.h"
#include "cases.h"

enum { ARGS = 10 };

enum use { IN, OUT, BOTH };
enum values {
    EVEN,      /* between -2 and 2 */
    GRID,      /* -2 .. 2 in quarters: exact products, many ties */
    ODD,       /* stretches of NaN, of zeros of both signs, of these and infinities mixed */
    POSITIVE,  /* 0.1 and more */
    LOG_PROBS, /* 0 and less */
    INDICES,
};

typedef struct arg {
    enum use use;
    int integer;
    int64_t count;
    size_t bytes;
    void *data;    /* what it holds before the call; NULL for OUT */
    double *slack; /* reals that come out: the largest error allowed */
} arg;

/* One call of one entry. The functions run_ENTRY below are each used in two
 * ways: with f NULL they only declare the arrays; else in(), out() and both()
 * return the addresses on the device, in the same order, and the entry is called. */
typedef struct call {
    const struct case_entry *e;
    const struct driver *driver;
    const int64_t *d;
    bk_window g;
    int64_t xs, ys, ws; /* values of a window's input, output and filters */
    int empty;
    arg a[ARGS];
    int n, next;
    uint8_t *px; /* host arrays of images, and of cut */
    int32_t *moves, *cuts;
    uint64_t seed;
    const bk_api *f;
    bk *b;
    void *p[ARGS];
    void *want[ARGS]; /* what ref made of it */
} call;

#define CALL(c, entry, ...)                                                                                        \
    do {                                                                                                           \
        if ((c)->f)                                                                                                \
            (c)->f->entry((c)->b, __VA_ARGS__);                                                                    \
    } while (0)

static inline void *need(size_t bytes)
{
    void *p = calloc(bytes ? bytes : 1, 1);
    assert_non_null(p);
    return p;
}

static inline real draw(enum values kind, uint64_t seed, int64_t i)
{
    double z = 4.0 * random_uniform(seed, (uint64_t)i) - 2;
    if (kind == GRID)
        return (real)((double)random_below(seed, (uint64_t)i, 17) / 4 - 2);
    if (kind == ODD) {
        static const real odd[] = {-0.0f, 0, -INFINITY, INFINITY, NAN};
        int64_t stretch = i / 512 % 4;
        return stretch == 0 ? (real)NAN : odd[random_below(seed, (uint64_t)i, stretch == 1 ? 2 : 5)];
    }
    return (real)(kind == POSITIVE ? fabs(z) + 0.1 : kind == LOG_PROBS ? -4 * fabs(z) : z);
}

/* The next array of a call. `below`: indices are 0 .. below-1. */
static inline void *array(call *c, enum use use, int64_t count, enum values kind, int64_t below)
{
    int i = c->next++;
    if (c->f)
        return c->p[i];
    assert_true(i < ARGS);
    arg *a = &c->a[i];
    *a = (arg){.use = use, .integer = kind == INDICES, .count = count};
    a->bytes = (size_t)count * (a->integer ? sizeof(int32_t) : sizeof(real));
    c->n = i + 1;
    if (use == OUT)
        return NULL;
    a->data = need(a->bytes);
    uint64_t seed = random_stream(c->seed, (uint64_t)i);
    for (int64_t j = 0; j < count; j++)
        if (a->integer)
            ((int32_t *)a->data)[j] = below > 0 ? (int32_t)random_below(seed, (uint64_t)j, below) : 0;
        else
            ((real *)a->data)[j] = draw(kind, seed, j);
    return NULL;
}

static inline real *out(call *c, int64_t count)
{
    return array(c, OUT, count, EVEN, 0);
}

static inline int32_t *out_indices(call *c, int64_t count)
{
    return array(c, OUT, count, INDICES, 0);
}

static inline real *both(call *c, int64_t count)
{
    return array(c, BOTH, count, EVEN, 0);
}

static inline const real *in(call *c, int64_t count, enum values kind)
{
    return array(c, IN, count, kind, 0);
}

static inline const int32_t *indices(call *c, int64_t count, int64_t below)
{
    return array(c, IN, count, INDICES, below);
}

#endif
