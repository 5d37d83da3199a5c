/* npz.c - several arrays of NumPy in one file: a zip of .npy, packed or not. */
#include "../harness/fault.h"
#include "arrays.h"
#include "npy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { BLOCK = 1 << 16 };

static zip_t *open_zip(const char *path)
{
    int code;
    zip_t *z = zip_open(path, ZIP_RDONLY, &code);
    if (z)
        return z;
    zip_error_t e;
    zip_error_init_with_code(&e, code);
    fault("%s: not a readable .npz: %s; is it complete?", path, zip_error_strerror(&e));
    zip_error_fini(&e);
    return NULL;
}

/* Reads a member from the start: its beginning, or all of it into `s`. Returns the bytes, or -1. */
static int64_t read_member(zip_t *z, const char *path, int64_t index, uint8_t *head, int64_t room, spill *s)
{
    static _Thread_local uint8_t block[BLOCK];
    zip_file_t *file = zip_fopen_index(z, (zip_uint64_t)index, 0);
    int64_t n = 0, got = 0;
    if (!file)
        return fault("%s: %s", path, zip_strerror(z));
    uint8_t *to = head ? head : block;
    while ((!head || n < room) && (got = zip_fread(file, to, (zip_uint64_t)(head ? room - n : BLOCK))) > 0) {
        n += got;
        to += head ? got : 0;
        if (!head && spill_write(s, block, (size_t)got) != 0) {
            zip_fclose(file);
            return -1;
        }
    }
    if (got < 0)
        fault("%s: member %lld: %s; is it complete?", path, (long long)index, zip_file_strerror(file));
    zip_fclose(file);
    return got < 0 ? -1 : n;
}

static int list_member(arrays *a, zip_t *z, int64_t i)
{
    zip_stat_t s;
    npy h;
    if (zip_stat_index(z, (zip_uint64_t)i, ZIP_FL_ENC_RAW, &s) != 0 || !(s.valid & ZIP_STAT_SIZE))
        return 0;
    size_t n = strlen(s.name);
    if (n < 5 || strcmp(s.name + n - 4, ".npy") != 0 || s.size > INT64_MAX)
        return 0;
    char *name = text_format("%.*s", (int)n - 4, s.name), *what = text_format("%s: %s", a->path, s.name);
    uint8_t *head = text_more(NULL, NPY_MOST_HEADER + 16);
    int64_t got = read_member(z, a->path, i, head, NPY_MOST_HEADER + 16, NULL);
    array *x = got < 0 ? NULL : arrays_add(a, name);
    if (x && npy_header(&h, what, head, got, (int64_t)s.size) >= 0) { /* what else there is stays without extents */
        x->dims = h.dims;
        x->bytes = h.type == NPY_U8;
        memcpy(x->extent, h.shape, sizeof x->extent);
    }
    if (x)
        x->index = i;
    free(head);
    free(name);
    free(what);
    return got < 0 ? -1 : 0;
}

/* The array that begins the member, unpacked. */
static const uint8_t *unpack(const arrays *a, opened *f, const array *which, npy *h)
{
    spill s;
    if (spill_begin(&s) != 0)
        return NULL;
    if (read_member(a->own, a->path, which->index, NULL, 0, &s) < 0) {
        spill_drop(&s);
        return NULL;
    }
    const blob *b = opened_spill(f, &s);
    char *what = text_format("%s: %s", a->path, which->name);
    int64_t start = b ? npy_header(h, what, b->at, b->n, b->n) : -1;
    free(what);
    return start < 0 ? NULL : b->at + start;
}

static const uint8_t *pixels_of(const arrays *a, opened *f, const array *which)
{
    npy h;
    const uint8_t *at = unpack(a, f, which, &h);
    if (at && (h.type != NPY_U8 || h.dims != which->dims || memcmp(h.shape, which->extent, sizeof h.shape) != 0)) {
        fault("%s is being changed", a->path);
        return NULL;
    }
    return at;
}

static int numbers_of(const arrays *a, opened *f, const array *which, int64_t *out)
{
    npy h;
    const uint8_t *at = unpack(a, f, which, &h);
    if (!at)
        return -1;
    if (npy_is_real(h.type))
        return fault("%s: %s is of type %s, expected labels: whole numbers", a->path, which->name,
                     npy_type_name(h.type));
    npy_integers(h.type, at, array_count(which), out);
    return 0;
}

static int list_all(arrays *a, const char *path)
{
    *a = (arrays){.path = path, .order = PIXELS_C, .pixels = pixels_of, .numbers = numbers_of};
    a->own = open_zip(path);
    if (!a->own)
        return -1;
    int64_t n = zip_get_num_entries(a->own, 0);
    int rc = 0;
    for (int64_t i = 0; rc == 0 && i < n; i++)
        rc = list_member(a, a->own, i);
    return rc;
}

static void close_all(arrays *a)
{
    if (a->own)
        zip_discard(a->own);
    arrays_free(a);
}

static unsigned splits(const char *path)
{
    arrays a;
    unsigned bits = list_all(&a, path) == 0 ? arrays_splits(&a) : 0;
    close_all(&a);
    return bits;
}

static int open_npz(opened *f, const wanted *w)
{
    arrays a;
    int rc = list_all(&a, w->path);
    if (rc == 0)
        rc = arrays_open(f, w, &a);
    close_all(&a);
    return rc;
}

/* A zip whose first member is an array. */
static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    (void)path;
    int64_t name = n >= 30 ? head[26] | head[27] << 8 : 0;
    return n >= 34 && memcmp(head, "PK\3\4", 4) == 0 && name > 4 && 30 + name <= n &&
           memcmp(head + 30 + name - 4, ".npy", 4) == 0;
}

const format format_npz = {.name = "npz",
                           .what = "several arrays of NumPy (.npz)",
                           .recognise = recognise,
                           .splits = splits,
                           .open = open_npz};
