/* guarded.h - arrays on the device under test, between guards that tell what was
 * written outside of them. */
#ifndef GUARDED_H
#define GUARDED_H

#include "backends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { GUARD = 64 };

static device dev; /* under test */

typedef struct array {
    char *base;
    size_t bytes;
} array;

static array device_array(size_t bytes, const void *host)
{
    array a = {dev.f->alloc(dev.b, bytes + 2 * GUARD), bytes};
    char *fill = malloc(bytes + 2 * GUARD);
    assert_non_null(a.base);
    memset(fill, 0xa5, bytes + 2 * GUARD);
    if (host)
        memcpy(fill + GUARD, host, bytes);
    else
        memset(fill + GUARD, 0xff, bytes); /* a NaN wherever a float is read */
    dev.f->write(dev.b, a.base, fill, bytes + 2 * GUARD);
    free(fill);
    return a;
}

static void *inside(const array *a)
{
    return a->base + GUARD;
}

/* Its contents; the guards must be as they were. Frees the array if last. */
static void *taken(array *a, int last)
{
    char *all = malloc(a->bytes + 2 * GUARD);
    dev.f->read(dev.b, all, a->base, a->bytes + 2 * GUARD);
    for (int i = 0; i < GUARD; i++)
        if ((unsigned char)all[i] != 0xa5 || (unsigned char)all[GUARD + (size_t)i + a->bytes] != 0xa5)
            fail_msg("written outside of an array of %zu bytes", a->bytes);
    memmove(all, all + GUARD, a->bytes);
    if (last) {
        dev.f->free(dev.b, a->base, a->bytes + 2 * GUARD);
        a->base = NULL;
    }
    return all;
}

#endif
