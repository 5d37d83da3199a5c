/* npy.c - the header is a Python dict of three keys, followed by the array:
 * {'descr': '|u1', 'fortran_order': False, 'shape': (50000, 32, 32, 3), } */
#include "npy.h"
#include "../harness/fault.h"
#include "../harness/text.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SIDE 16384 /* as harness/data.c */
#define MOST_BYTES (INT64_MAX / 2)

static const struct {
    const char *descr, *name;
    int64_t bytes;
    int real, is_signed;
} types[] = {
    [NPY_U8] = {"|u1", "uint8", 1, 0, 0},    [NPY_I8] = {"|i1", "int8", 1, 0, 1},
    [NPY_U16] = {"<u2", "uint16", 2, 0, 0},  [NPY_I16] = {"<i2", "int16", 2, 0, 1},
    [NPY_U32] = {"<u4", "uint32", 4, 0, 0},  [NPY_I32] = {"<i4", "int32", 4, 0, 1},
    [NPY_I64] = {"<i8", "int64", 8, 0, 1},   [NPY_F16] = {"<f2", "float16", 2, 1, 1},
    [NPY_F32] = {"<f4", "float32", 4, 1, 1}, [NPY_F64] = {"<f8", "float64", 8, 1, 1},
};
enum { TYPES = sizeof types / sizeof *types };

/* --- the header: a reader of just this dict --- */

typedef struct reader {
    const char *at;
    const char *path;
} reader;

static void blanks(reader *r)
{
    r->at += strspn(r->at, " \t\r\n");
}

/* Skips blanks and then the character if it is next. */
static int next(reader *r, char c)
{
    blanks(r);
    if (*r->at != c)
        return 0;
    r->at++;
    return 1;
}

static int malformed(const reader *r)
{
    return fault("%s: the .npy header is not as expected at `%.20s`: expected {'descr': ..., 'fortran_order': ..., "
                 "'shape': ...}",
                 r->path, r->at);
}

/* 'word' or "word" */
static int quoted(reader *r, char out[32])
{
    blanks(r);
    char quote = *r->at;
    if (quote != '\'' && quote != '"')
        return malformed(r);
    size_t n = strcspn(r->at + 1, quote == '"' ? "\"" : "'");
    if (r->at[1 + n] != quote || n >= 32)
        return malformed(r);
    memcpy(out, r->at + 1, n);
    out[n] = '\0';
    r->at += n + 2;
    return 0;
}

static int read_type(reader *r, npy *a)
{
    char descr[32];
    blanks(r);
    if (*r->at == '[')
        return fault("%s holds records, expected plain numbers", r->path);
    if (quoted(r, descr) != 0)
        return -1;
    for (int t = 0; t < TYPES; t++)
        if (strcmp(descr, types[t].descr) == 0) {
            a->type = (enum npy_type)t;
            return 0;
        }
    if (descr[0] == '>')
        return fault("%s is big-endian (`%s`): save it again with .astype('<%s')", r->path, descr, descr + 1);
    return fault("%s holds numbers of type `%s`, expected uint8, int32, int64, float16, float32 or float64",
                 r->path, descr);
}

static int read_order(reader *r)
{
    blanks(r);
    if (strncmp(r->at, "True", 4) == 0)
        return fault("%s is in Fortran order: save it again with numpy.ascontiguousarray", r->path);
    if (strncmp(r->at, "False", 5) != 0)
        return malformed(r);
    r->at += 5;
    return 0;
}

static int read_shape(reader *r, npy *a)
{
    if (!next(r, '('))
        return malformed(r);
    while (!next(r, ')')) {
        char *end;
        blanks(r);
        errno = 0;
        long long n = *r->at >= '0' && *r->at <= '9' ? strtoll(r->at, &end, 10) : -1;
        if (n < 0 || errno)
            return malformed(r);
        if (a->dims == 4)
            return fault("%s has more than four dimensions", r->path);
        a->shape[a->dims++] = n;
        r->at = end;
        if (!next(r, ',') && (blanks(r), *r->at != ')'))
            return malformed(r);
    }
    return a->dims ? 0 : fault("%s holds a single number, expected an array", r->path);
}

static int read_dict(reader *r, npy *a)
{
    int seen[3] = {0};
    if (!next(r, '{'))
        return malformed(r);
    while (!next(r, '}')) {
        static const char *const keys[] = {"descr", "fortran_order", "shape"};
        char key[32];
        int k = 0;
        if (quoted(r, key) != 0)
            return -1;
        while (k < 3 && strcmp(key, keys[k]) != 0)
            k++;
        if (k == 3 || seen[k]++ || !next(r, ':'))
            return malformed(r);
        if ((k == 0 ? read_type(r, a) : k == 1 ? read_order(r) : read_shape(r, a)) != 0)
            return -1;
        if (!next(r, ',') && (blanks(r), *r->at != '}'))
            return malformed(r);
    }
    blanks(r);
    return seen[0] && seen[1] && seen[2] && !*r->at ? 0 : malformed(r);
}

/* --- the file --- */

/* Where the array begins, or -1; the header's text goes to `header`. */
static int64_t read_start(const npy *a, int64_t have, char header[NPY_MOST_HEADER])
{
    const unsigned char *b = a->map;
    if (have < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return fault("%s is not a .npy file", a->path);
    int version = b[6];
    if (version != 1 && version != 2)
        return fault("%s has version %d of the .npy format, expected 1 or 2", a->path, version);
    int64_t start = version == 1 ? 10 : 12, n = b[8] | b[9] << 8;
    if (version == 2 && have >= 12)
        n |= (int64_t)b[10] << 16 | (int64_t)b[11] << 24;
    if (n >= NPY_MOST_HEADER)
        return fault("%s: a header of %lld bytes, expected some hundred", a->path, (long long)n);
    if (have < start + n)
        return fault("%s is truncated: %lld bytes end inside its header", a->path, (long long)have);
    memcpy(header, b + start, (size_t)n);
    header[n] = '\0';
    return start + n;
}

static int check_size(const npy *a, int64_t start)
{
    int64_t need = types[a->type].bytes;
    for (int i = 0; i < a->dims; i++) {
        if (a->shape[i] == 0)
            return fault("%s is empty", a->path);
        if (need > MOST_BYTES / a->shape[i])
            return fault("%s: the shape in its header is larger than any file", a->path);
        need *= a->shape[i];
    }
    if (a->bytes == start + need)
        return 0;
    return fault("%s %s: %lld bytes, expected %lld of its header and array", a->path,
                 a->bytes < start + need ? "is truncated" : "is too long", (long long)a->bytes,
                 (long long)(start + need));
}

/* The map holds the header, maybe not all of a->bytes. */
static int64_t read_whole_header(npy *a, int64_t have)
{
    char header[NPY_MOST_HEADER];
    int64_t start = read_start(a, have, header);
    reader r = {header, a->path};
    return start < 0 || read_dict(&r, a) != 0 || check_size(a, start) != 0 ? -1 : start;
}

static int read_file(npy *a)
{
    int64_t start = read_whole_header(a, a->bytes);
    if (start < 0)
        return -1;
    a->data = (const char *)a->map + start;
    return 0;
}

int64_t npy_header(npy *a, const char *path, const void *beginning, int64_t have, int64_t bytes)
{
    *a = (npy){.path = text_copy(path), .bytes = bytes, .map = (void *)(uintptr_t)beginning};
    int64_t start = read_whole_header(a, have);
    a->map = NULL;
    free(a->path);
    a->path = NULL;
    return start;
}

static int map(npy *a)
{
    struct stat s;
    int fd = open(a->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &s) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return fault("cannot read %s: %s", a->path, strerror(why));
    }
    a->bytes = s.st_size;
    a->time = s.st_mtim;
    void *at = S_ISREG(s.st_mode) && s.st_size > 0 ? mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_SHARED, fd, 0)
                                                   : MAP_FAILED;
    close(fd);
    if (at == MAP_FAILED)
        return fault("%s is not a .npy file", a->path);
    a->map = at;
    return 0;
}

int npy_open(npy *a, const char *path)
{
    *a = (npy){.path = text_copy(path)};
    if (map(a) == 0 && read_file(a) == 0)
        return 0;
    npy_close(a);
    return -1;
}

void npy_close(npy *a)
{
    if (a->map)
        munmap(a->map, (size_t)a->bytes);
    free(a->path);
    *a = (npy){0};
}

/* --- numbers --- */

const char *npy_type_name(enum npy_type type)
{
    return types[type].name;
}

int64_t npy_type_bytes(enum npy_type type)
{
    return types[type].bytes;
}

int npy_is_real(enum npy_type type)
{
    return types[type].real;
}

static float half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    double magnitude = exponent == 31  ? mantissa ? (double)NAN : HUGE_VAL
                       : exponent == 0 ? ldexp(mantissa, -24)
                                       : ldexp(mantissa + 1024, exponent - 25);
    return (float)(bits >> 15 ? -magnitude : magnitude);
}

void npy_floats(enum npy_type type, const void *from, int64_t n, float *out)
{
    const char *at = from;
    for (int64_t i = 0; i < n && type == NPY_F16; i++) {
        uint16_t bits;
        memcpy(&bits, at + 2 * i, 2);
        out[i] = half(bits);
    }
    for (int64_t i = 0; i < n && type == NPY_F64; i++) {
        double wide;
        memcpy(&wide, at + 8 * i, 8);
        out[i] = (float)wide;
    }
    if (type == NPY_F32)
        memcpy(out, at, (size_t)n * sizeof *out);
}

void npy_integers(enum npy_type type, const void *from, int64_t n, int64_t *out)
{
    const unsigned char *at = from;
    int64_t bytes = types[type].bytes;
    for (int64_t i = 0; i < n; i++) {
        uint64_t bits = 0;
        for (int64_t b = 0; b < bytes; b++)
            bits |= (uint64_t)at[i * bytes + b] << 8 * b;
        if (types[type].is_signed && bytes < 8 && bits >> (8 * bytes - 1))
            bits |= ~UINT64_C(0) << 8 * bytes;
        out[i] = (int64_t)bits;
    }
}

int64_t npy_integer(const npy *a, int64_t i)
{
    int64_t value;
    npy_integers(a->type, (const char *)a->data + types[a->type].bytes * i, 1, &value);
    return value;
}

static char *shape_text(const npy *a, text *t)
{
    for (int i = 0; i < a->dims; i++)
        text_add(t, "%s%lld", i ? " x " : "", (long long)a->shape[i]);
    return t->bytes;
}

int npy_is_images(const npy *a, int64_t side)
{
    int fits = a->dims == 4 && a->shape[1] == a->shape[2] && a->shape[3] == 3 && a->shape[1] <= MOST_SIDE &&
               (side == 0 || a->shape[1] == side);
    if (fits && a->type == NPY_U8 && a->shape[0] <= INT32_MAX)
        return 0;
    text t = {0};
    char sides[64] = "n x side x side x 3";
    if (side)
        snprintf(sides, sizeof sides, "n x %lld x %lld x 3", (long long)side, (long long)side);
    int rc = fault("%s is %s of type %s, expected images: %s of type uint8", a->path, shape_text(a, &t),
                   types[a->type].name, sides);
    text_free(&t);
    return rc;
}

int npy_is_labels(const npy *a, int64_t n, int64_t classes)
{
    text t = {0};
    int rc = 0;
    if (a->dims != 1 || a->shape[0] != n)
        rc = fault("%s is %s, expected %lld labels, one for each image", a->path, shape_text(a, &t), (long long)n);
    else if (types[a->type].real)
        rc = fault("%s is of type %s, expected labels: whole numbers", a->path, types[a->type].name);
    text_free(&t);
    for (int64_t i = 0; rc == 0 && i < n; i++)
        if (npy_integer(a, i) < 0 || npy_integer(a, i) >= classes)
            rc = fault("%s: label %lld is %lld, expected 0 to %lld", a->path, (long long)i,
                       (long long)npy_integer(a, i), (long long)classes - 1);
    return rc;
}

/* --- a stretch of images --- */

static int make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    const npy_images *w = what;
    int64_t image = w->px->shape[1] * w->px->shape[2] * 3, k = w->first + i;
    (void)own;
    memcpy(px, (const uint8_t *)w->px->data + k * image, (size_t)image);
    *label = w->labels ? (int32_t)npy_integer(w->labels, k) : -1;
    return 0;
}

fill npy_fill(const npy_images *what)
{
    return (fill){.what = what, .n = what->n, .side = what->px->shape[1], .make = make};
}

static void add_file(text *t, const char *key, const npy *a)
{
    const char *slash = strrchr(a->path, '/');
    text_add(t, "%s %s %lld %lld.%09ld\n", key, slash ? slash + 1 : a->path, (long long)a->bytes,
             (long long)a->time.tv_sec, a->time.tv_nsec);
}

char *npy_source(const npy_images *w)
{
    text t = {0};
    add_file(&t, "npy", w->px);
    if (w->labels)
        add_file(&t, "labels", w->labels);
    text_add(&t, "first %lld\nimages %lld\n", (long long)w->first, (long long)w->n);
    return t.bytes;
}
