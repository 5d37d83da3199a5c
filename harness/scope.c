/* scope.c - the lives of tensors: born in the innermost open scope, gone with
 * it. Their storage is counted, so views outlive what they look at. */
#define TX_PLAIN
#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define DEPTH 64 /* of nested scopes */
#define SLAB 128 /* tensors per piece of host memory */

enum { DEAD = -1, DISOWNED = -2 }; /* scopes of tensors that are in none */

static struct scope {
    tensor *first;
    int64_t tape; /* its length when the scope opened */
} scopes[DEPTH];
static int depth;
static tensor *spare; /* ended tensors, to be born again */
static int64_t alive;

int pool_depth(void)
{
    return depth;
}

int64_t scope_tensors(void)
{
    return alive;
}

/* --- One tensor --- */

static void link_to(tensor *t, int scope)
{
    t->scope = scope;
    t->prev = NULL;
    t->next = scopes[scope].first;
    if (t->next)
        t->next->prev = t;
    scopes[scope].first = t;
}

static void unlink_from(tensor *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        scopes[t->scope].first = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

static tensor *born(dims d)
{
    tensor *t;

    if (d.n < 1 || d.n > 4)
        tx_die("tensor", "%d extents, 1 to 4 are possible", d.n);
    if (!spare) {
        tensor *slab = pool_host(SLAB * sizeof *slab);
        for (int i = 0; i < SLAB; i++) {
            slab[i].scope = DEAD;
            slab[i].next = spare;
            spare = &slab[i];
        }
    }
    t = spare;
    spare = t->next;
    *t = (tensor){.d = d, .rows = 1, .order = -1};
    for (int i = 0; i < d.n - 1; i++)
        t->rows *= d.d[i];
    t->cols = d.d[d.n - 1];
    t->count = t->rows * t->cols;
    for (int i = 0; i < d.n; i++)
        if (d.d[i] < 0)
            tx_die("tensor", "extent %d of %s is negative", i, tx_text(t));
    link_to(t, depth);
    alive++;
    return t;
}

tensor *tx_new(dims d)
{
    tensor *t = born(d);

    t->mem = pool_take((size_t)t->count * sizeof(real));
    return t;
}

tensor *tx_new_index(dims d)
{
    tensor *t = born(d);

    t->integer = true;
    t->mem = pool_take((size_t)t->count * sizeof(int32_t));
    return t;
}

tensor *tx_bytes(size_t bytes)
{
    tensor *t = born(DIMS(0));

    t->mem = pool_take(bytes);
    return t;
}

tensor *tx_view(tensor *base, int64_t offset, dims d)
{
    tensor *t = born(d);

    tx_data(base);
    if (offset < 0 || offset + t->count > base->count)
        tx_die("view", "%s from element %lld is not within %s", tx_text(t), (long long)offset, tx_text(base));
    t->integer = base->integer;
    t->mem = base->mem;
    t->mem->refs++;
    t->offset = base->offset + offset;
    return t;
}

void tx_drop(tensor *t)
{
    tape_forget(t);
    if (t->scope >= 0)
        unlink_from(t);
    if (t->mem)
        pool_release(t->mem);
    t->mem = NULL;
    t->scope = DEAD;
    t->next = spare;
    spare = t;
    alive--;
}

void scope_disown(tensor *t)
{
    unlink_from(t);
    t->scope = DISOWNED;
}

tensor *tx_keep(tensor *t)
{
    if (t->scope == DEAD)
        tx_die("tx_keep", "the tensor's scope was closed before");
    if (t->scope == depth && depth > 0) {
        unlink_from(t);
        link_to(t, depth - 1);
    }
    return t;
}

/* --- Scopes --- */

void tx_open(void)
{
    if (depth + 1 == DEPTH)
        tx_die("tx_open", "%d scopes are open: is one never closed?", DEPTH);
    scopes[++depth] = (struct scope){NULL, tape_length()};
}

void tx_close(void)
{
    if (depth == 0)
        tx_die("tx_close", "no scope is open");
    tape_cut(scopes[depth].tape, depth);
    while (scopes[depth].first)
        tx_drop(scopes[depth].first);
    depth--;
}

/* Its own piece of memory for what alone looks at a much larger one. */
static void shrink(tensor *t)
{
    size_t each = t->integer ? sizeof(int32_t) : sizeof(real), bytes = (size_t)t->count * each;

    if (!t->mem || t->mem->refs > 1 || t->mem->bytes / 2 <= bytes)
        return;
    storage *own = pool_take(bytes);
    if (bytes)
        engine.api->copy(engine.b, own->at, t->mem->at + (size_t)t->offset * each, bytes);
    pool_release(t->mem);
    t->mem = own;
    t->offset = 0;
}

static bool among(const tensor *t, const void *bytes, size_t n)
{
    for (size_t at = 0; at + sizeof t <= n; at += sizeof t)
        if (memcmp((const char *)bytes + at, &t, sizeof t) == 0)
            return true;
    return false;
}

void scope_close_but(const void *bytes, size_t n)
{
    int64_t kept = 0;

    for (tensor *t = scopes[depth].first, *next; t; t = next) {
        next = t->next;
        if (among(t, bytes, n)) {
            tx_keep(t);
            kept++;
        }
    }
    tx_close();
    for (tensor *t = scopes[depth].first; kept > 0; t = t->next, kept--)
        shrink(t);
}

void scope_end_all(void)
{
    if (depth > 0)
        tx_die("device_close", "%d scopes are still open", depth);
    while (scopes[0].first)
        tx_drop(scopes[0].first);
    tape_cut(0, 0);
}
