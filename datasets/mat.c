/* mat.c - MATLAB's files of level 5 (version 6 plain, version 7 packed by zlib):
 * elements of a type, a size and that many bytes, padded to eight; an array is an
 * element that holds its flags, extents, name and numbers as elements of its own.
 * Read front to back, which is all it takes, and bounded by what the file holds;
 * a file of version 7.3 is HDF5. */
#include "../harness/fault.h"
#include "arrays.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 128, MATRIX = 14, PACKED = 15, PREFIX = 512, BLOCK = 1 << 16 };
enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 9, INT64 = 12, UINT64 };
enum { FIRST_NUMERIC_CLASS = 6, LAST_NUMERIC_CLASS = 15, COMPLEX = 8 };

static const int widths[] = {[INT8] = 1,   [UINT8] = 1,  [INT16] = 2,  [UINT16] = 2, [INT32] = 4,
                             [UINT32] = 4, [SINGLE] = 4, [DOUBLE] = 8, [INT64] = 8,  [UINT64] = 8};

typedef struct element {
    uint32_t type;
    int64_t size;
    int64_t data, next; /* where its bytes lie, and the next element */
} element;

typedef struct variable { /* where an array's numbers are */
    int64_t at, size;     /* of the outer element's bytes in the file */
    int packed;
    int type;            /* of the numbers */
    int64_t data, bytes; /* within the element, unpacked */
} variable;

typedef struct mat {
    const char *path;
    const uint8_t *at;
    int64_t n;
    variable *vars;
} mat;

static uint32_t word(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The element at `at`; only its tag need lie within n. Small ones keep their bytes in the tag. */
static int read_tag(element *e, const uint8_t *p, int64_t n, int64_t at)
{
    if (at + 8 > n)
        return -1;
    uint32_t first = word(p + at);
    int small = first >> 16 != 0;
    *e = (element){.type = small ? first & 0xffff : first,
                   .size = small ? first >> 16 : word(p + at + 4),
                   .data = at + (small ? 4 : 8)};
    e->next = small ? at + 8 : e->data + (e->size + 7) / 8 * 8;
    return small && e->size > 4 ? -1 : 0;
}

/* --- unpacking --- */

static int z_begin(z_stream *z, const mat *m, const variable *v)
{
    *z = (z_stream){.next_in = (Bytef *)(uintptr_t)(m->at + v->at), .avail_in = (uInt)v->size};
    return inflateInit(z) == Z_OK ? 0 : fault("no memory to unpack %s", m->path);
}

/* The first bytes of an element that is packed or not; how many, or -1. */
static int64_t peek(const mat *m, const variable *v, uint8_t out[PREFIX])
{
    z_stream z;
    if (!v->packed) {
        int64_t n = v->size < PREFIX ? v->size : PREFIX;
        memcpy(out, m->at + v->at, (size_t)n);
        return n;
    }
    if (z_begin(&z, m, v) != 0)
        return -1;
    z.next_out = out;
    z.avail_out = PREFIX;
    int rc = inflate(&z, Z_SYNC_FLUSH);
    int64_t n = PREFIX - z.avail_out;
    inflateEnd(&z);
    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR
               ? n
               : fault("%s: broken zlib data at byte %lld", m->path, (long long)v->at);
}

/* All of it, through to the checksum behind the last byte. */
static int inflate_all(const mat *m, z_stream *z, int64_t most, spill *s)
{
    static _Thread_local uint8_t block[BLOCK];
    int rc;
    do {
        z->next_out = block;
        z->avail_out = BLOCK;
        rc = inflate(z, Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return fault("%s: broken zlib data%s%s", m->path, z->msg ? ": " : "; is the file complete?",
                         z->msg ? z->msg : "");
        if (s->n + (BLOCK - z->avail_out) > most)
            return fault("%s: an array is longer than it says", m->path);
        if (spill_write(s, block, BLOCK - z->avail_out) != 0)
            return -1;
    } while (rc != Z_STREAM_END);
    return 0;
}

/* The bytes of an array's numbers, kept by `f`. */
static const uint8_t *data_of(const mat *m, opened *f, const variable *v)
{
    z_stream z;
    spill s;
    if (!v->packed)
        return m->at + v->at + v->data;
    if (z_begin(&z, m, v) != 0)
        return NULL;
    int rc = spill_begin(&s);
    if (rc == 0 && (rc = inflate_all(m, &z, v->data + v->bytes + 4096, &s)) != 0)
        spill_drop(&s);
    inflateEnd(&z);
    const blob *b = rc == 0 ? opened_spill(f, &s) : NULL;
    if (b && b->n < v->data + v->bytes) {
        fault("%s: an array is shorter than it says: the file is damaged", m->path);
        return NULL;
    }
    return b ? b->at + v->data : NULL;
}

/* --- arrays --- */

static int damaged(const mat *m, int64_t at)
{
    return fault("%s: no array as MATLAB writes it at byte %lld: the file is damaged", m->path, (long long)at);
}

/* Flags, extents, name, numbers; `p` holds the beginning. 1: taken, 0: something else, -1. */
static int read_array(const mat *m, arrays *a, variable *v, const uint8_t *p, int64_t n, int64_t whole)
{
    element tag, flags, extents, name, data;
    char title[64];
    int64_t at = v->packed ? 8 : 0; /* a packed one begins with its own tag */
    if (v->packed && (read_tag(&tag, p, n, 0) != 0 || tag.type != MATRIX))
        return 0;
    if (v->packed)
        whole = tag.data + tag.size;
    if (read_tag(&flags, p, n, at) != 0 || flags.size != 8 || flags.next > n ||
        read_tag(&extents, p, n, flags.next) != 0 || extents.next > n || extents.size % 4 != 0 ||
        read_tag(&name, p, n, extents.next) != 0 || name.next > n)
        return 0;
    int class = p[flags.data];
    snprintf(title, sizeof title, "%.*s", (int)name.size, (const char *)p + name.data);
    if (class < FIRST_NUMERIC_CLASS || class > LAST_NUMERIC_CLASS || p[flags.data + 1] & COMPLEX)
        return 0;
    if (read_tag(&data, p, n, name.next) != 0 || data.type >= sizeof widths / sizeof *widths || !widths[data.type])
        return damaged(m, v->at);
    array *x = arrays_add(a, title);
    x->dims = extents.size / 4 <= ARRAYS_DIMS ? (int)(extents.size / 4) : 0;
    for (int i = 0; i < x->dims; i++)
        x->extent[i] = word(p + extents.data + 4 * i);
    x->bytes = data.type == UINT8;
    x->index = a->n - 1;
    v->type = (int)data.type;
    v->data = data.data;
    v->bytes = data.size;
    int64_t count = array_count(x);
    int fits = !x->dims || (count >= 0 && count == data.size / widths[data.type] && data.data + data.size <= whole);
    if (!fits || (v->packed && data.size / BLOB_MOST_RATIO > v->size))
        return fault("%s: the array %s is not as long as its extents say: the file is damaged", m->path, title);
    return 1;
}

static int list_one(mat *m, arrays *a, const element *e)
{
    uint8_t head[PREFIX];
    variable v = {.at = e->data, .size = e->size, .packed = e->type == PACKED};
    if (e->type != MATRIX && e->type != PACKED)
        return 0;
    int64_t n = peek(m, &v, head);
    int rc = n < 0 ? -1 : read_array(m, a, &v, head, n, v.size);
    if (rc > 0) {
        m->vars = text_more(m->vars, (size_t)a->n * sizeof *m->vars);
        m->vars[a->n - 1] = v;
    }
    return rc < 0 ? -1 : 0;
}

static int list_all(mat *m, arrays *a)
{
    if (m->n < HEADER || memcmp(m->at, "MATLAB 5.0", 10) != 0)
        return fault("%s is no MATLAB file of level 5: save it again with `save -v7`", m->path);
    if (memcmp(m->at + 126, "IM", 2) != 0)
        return fault("%s is big-endian: save it again on a machine of today", m->path);
    for (int64_t at = HEADER; at < m->n;) {
        element e;
        if (read_tag(&e, m->at, m->n, at) != 0 || e.size > m->n - e.data)
            return fault("%s is truncated: the element at byte %lld of %lld is not whole", m->path, (long long)at,
                         (long long)m->n);
        if (list_one(m, a, &e) != 0)
            return -1;
        at = e.type == PACKED ? e.data + e.size : e.next; /* packed ones are not padded */
    }
    return 0;
}

/* --- what is asked of it --- */

static const uint8_t *pixels_of(const arrays *a, opened *f, const array *which)
{
    const mat *m = a->own;
    return data_of(m, f, &m->vars[which->index]);
}

/* MATLAB stores whole numbers of any class in the smallest type that takes them. */
static double number(const uint8_t *p, int type)
{
    uint64_t bits = 0;
    float single;
    double real;
    for (int i = widths[type] - 1; i >= 0; i--)
        bits = bits << 8 | p[i];
    memcpy(&real, &bits, 8);
    uint32_t low = (uint32_t)bits;
    memcpy(&single, &low, 4);
    switch (type) {
    case SINGLE:
        return (double)single;
    case DOUBLE:
        return real;
    case INT8:
        return (int8_t)bits;
    case INT16:
        return (int16_t)bits;
    case INT32:
        return (int32_t)bits;
    case INT64:
        return (double)(int64_t)bits;
    default:
        return (double)bits;
    }
}

static int numbers_of(const arrays *a, opened *f, const array *which, int64_t *out)
{
    const mat *m = a->own;
    const variable *v = &m->vars[which->index];
    const uint8_t *p = data_of(m, f, v);
    int64_t n = array_count(which);
    for (int64_t i = 0; p && i < n; i++) {
        double value = number(p + i * widths[v->type], v->type);
        if (!(value > -1e15 && value < 1e15) || value != (double)(int64_t)value)
            return fault("%s: %s holds %g, expected labels: whole numbers", a->path, which->name, value);
        out[i] = (int64_t)value;
    }
    return p ? 0 : -1;
}

static int open_mat(opened *f, const wanted *w)
{
    mat m = {.path = w->path};
    arrays a = {.path = w->path, .order = PIXELS_FORTRAN, .own = &m, .pixels = pixels_of, .numbers = numbers_of};
    const blob *b = opened_file(f, w->path);
    if (!b)
        return -1;
    m.at = b->at;
    m.n = b->n;
    int rc = list_all(&m, &a);
    if (rc == 0)
        rc = arrays_open(f, w, &a);
    arrays_free(&a);
    free(m.vars);
    return rc;
}

static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    (void)path;
    return n >= HEADER && memcmp(head, "MATLAB 5.0", 10) == 0;
}

const format format_mat = {.name = "mat", .what = "MATLAB arrays (.mat)", .recognise = recognise, .open = open_mat};
