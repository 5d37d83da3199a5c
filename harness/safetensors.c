/* safetensors.c - reads and writes .safetensors: eight bytes with the length of
 * a JSON header, the header, the data. As strict as the format's own reader:
 * every byte of the data belongs to exactly one tensor. */
#include "fault.h"
#include "file.h"
#include "stored.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define HEADER_MAX 100000000 /* the limit the format sets */

/* The header's JSON under the cursor. Only what the format allows is parsed:
 * an object of objects, strings, whole numbers and lists of those. */
typedef struct json {
    const char *path;
    const unsigned char *start, *at, *end;
    unsigned char *spare; /* where strings are decoded to; as long as the header */
} json;

typedef struct span { /* of one tensor in the data */
    uint64_t first, last;
    bytes name;
} span;

#define CHECKSUM "oodbench_crc32" /* among the metadata: of the data, in files of ours */

typedef struct header {
    checkpoint *c;
    bytes checksum; /* NULL: somebody else's file */
    json j;
    bytes data;
    span *spans;
    size_t n, cap;
} header;

static int damaged(const json *j, const char *what)
{
    return fault("%s: %s at byte %td of the header; the file is damaged", j->path, what, j->at - j->start);
}

static void blank(json *j)
{
    while (j->at < j->end && memchr(" \t\r\n", *j->at, 4))
        j->at++;
}

/* Whether the next sign is `sign`, and steps over it. */
static int next_is(json *j, char sign)
{
    blank(j);
    if (j->at == j->end || *j->at != (unsigned char)sign)
        return 0;
    j->at++;
    return 1;
}

static int expect(json *j, char sign)
{
    char what[] = "no '?'";
    what[4] = sign;
    return next_is(j, sign) ? 0 : damaged(j, what);
}

static int hex4(json *j, uint32_t *code)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    *code = 0;
    for (int i = 0; i < 4; i++) {
        const char *d = j->at < j->end && *j->at ? strchr(digits, *j->at) : NULL;
        if (!d)
            return damaged(j, "a broken escape");
        *code = *code << 4 | (uint32_t)(d - digits < 16 ? d - digits : d - digits - 6);
        j->at++;
    }
    return 0;
}

/* Never longer than the escape it comes from. */
static void put_utf8(json *j, uint32_t code)
{
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    *j->spare++ = (unsigned char)(lead[more] | code >> 6 * more);
    while (more-- > 0)
        *j->spare++ = (unsigned char)(0x80 | (code >> 6 * more & 0x3f));
}

static int escape(json *j)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t code, low;
    const char *simple;
    if (j->at == j->end)
        return damaged(j, "a string without an end");
    unsigned char sign = *j->at++;
    if (sign && (simple = strchr(from, sign))) {
        *j->spare++ = (unsigned char)to[simple - from];
        return 0;
    }
    if (sign != 'u' || hex4(j, &code) != 0)
        return damaged(j, "a broken escape");
    if (code >= 0xd800 && code < 0xe000) { /* half of a pair */
        if (code >= 0xdc00 || j->end - j->at < 6 || *j->at++ != '\\' || *j->at++ != 'u' || hex4(j, &low) != 0 ||
            low < 0xdc00 || low >= 0xe000)
            return damaged(j, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(j, code);
    return 0;
}

static int string(json *j, bytes *text)
{
    if (expect(j, '"') != 0)
        return -1;
    text->at = j->spare;
    while (j->at < j->end && *j->at != '"') {
        if (*j->at < ' ')
            return damaged(j, "a control character in a string");
        if (*j->at != '\\')
            *j->spare++ = *j->at++;
        else if (j->at++, escape(j) != 0)
            return -1;
    }
    text->n = (size_t)(j->spare - text->at);
    return expect(j, '"');
}

static int whole(json *j, int64_t *value)
{
    blank(j);
    const unsigned char *first = j->at;
    *value = 0;
    for (; j->at < j->end && *j->at >= '0' && *j->at <= '9'; j->at++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *j->at - '0', value))
            return damaged(j, "a number that is too large");
    return j->at > first ? 0 : damaged(j, "no whole number");
}

/* A list of at most `cap` whole numbers. */
static int wholes(json *j, int64_t *values, int cap, int *n)
{
    *n = 0;
    if (expect(j, '[') != 0)
        return -1;
    if (next_is(j, ']'))
        return 0;
    do {
        if (*n == cap)
            return damaged(j, "a list that is too long");
        if (whole(j, &values[(*n)++]) != 0)
            return -1;
    } while (next_is(j, ','));
    return expect(j, ']');
}

static int same(bytes text, const char *word)
{
    return text.n == strlen(word) && memcmp(text.at, word, text.n) == 0;
}

static int metadata(json *j, bytes *checksum)
{
    bytes key, value;
    if (expect(j, '{') != 0)
        return -1;
    if (next_is(j, '}'))
        return 0;
    do {
        if (string(j, &key) != 0 || expect(j, ':') != 0 || string(j, &value) != 0)
            return -1;
        if (same(key, CHECKSUM))
            *checksum = value;
    } while (next_is(j, ','));
    return expect(j, '}');
}

/* {"dtype": .., "shape": [..], "data_offsets": [first, last]}, in any order. */
static int description(json *j, char dtype[16], int64_t dims[8], int *ndims, int64_t offsets[2])
{
    bytes key, text;
    int seen = 0, n = 0;
    if (expect(j, '{') != 0)
        return -1;
    do {
        int what, rc;
        if (string(j, &key) != 0 || expect(j, ':') != 0)
            return -1;
        if (same(key, "dtype")) {
            what = 1;
            rc = string(j, &text);
            if (rc == 0)
                stored_plain(dtype, 16, text);
        } else if (same(key, "shape")) {
            what = 2;
            rc = wholes(j, dims, 8, ndims);
        } else if (same(key, "data_offsets")) {
            what = 4;
            rc = wholes(j, offsets, 2, &n);
        } else {
            return damaged(j, "an unknown key");
        }
        if (rc != 0)
            return -1;
        if (seen & what)
            return damaged(j, "a key given twice");
        seen |= what;
    } while (next_is(j, ','));
    if (seen != 7 || n != 2)
        return damaged(j, "a tensor without dtype, shape or both offsets");
    return expect(j, '}');
}

static int add_span(header *h, span s)
{
    if (h->n == h->cap) {
        size_t cap = h->cap ? 2 * h->cap : 64;
        span *larger = realloc(h->spans, cap * sizeof *larger);
        if (!larger)
            return fault("%s: out of memory", h->j.path);
        h->spans = larger;
        h->cap = cap;
    }
    h->spans[h->n++] = s;
    return 0;
}

static int tensor_entry(header *h, bytes name)
{
    char dtype[16], plain[256];
    int64_t dims[8], offsets[2], count = 1, size;
    int ndims = 0;
    if (description(&h->j, dtype, dims, &ndims, offsets) != 0)
        return -1;
    stored_plain(plain, sizeof plain, name);
    size = (int64_t)stored_dtype_size(dtype);
    if (size == 0)
        return fault("%s: %s has the element type %s, which is not supported", h->j.path, plain, dtype);
    for (int i = 0; i < ndims; i++)
        if (__builtin_mul_overflow(count, dims[i], &count))
            return fault("%s: the extents of %s are impossible; the file is damaged", h->j.path, plain);
    if (offsets[0] > offsets[1] || (uint64_t)offsets[1] > h->data.n)
        return fault("%s: %s lies at bytes %lld to %lld of %zu bytes of data; the file is cut short or damaged",
                     h->j.path, plain, (long long)offsets[0], (long long)offsets[1], h->data.n);
    if (__builtin_mul_overflow(count, size, &size) || offsets[1] - offsets[0] != size)
        return fault("%s: %s has %lld bytes of data, its extents ask for another number; the file is damaged",
                     h->j.path, plain, (long long)(offsets[1] - offsets[0]));
    stored_view v = {.name = name, .dtype = dtype, .ndims = ndims, .dims = dims};
    v.storage = (bytes){h->data.at + offsets[0], (size_t)size};
    if (stored_add(h->c, &v) != 0)
        return -1;
    return add_span(h, (span){(uint64_t)offsets[0], (uint64_t)offsets[1], name});
}

static int entries(header *h)
{
    bytes name;
    if (expect(&h->j, '{') != 0)
        return -1;
    if (!next_is(&h->j, '}')) {
        do {
            if (string(&h->j, &name) != 0 || expect(&h->j, ':') != 0)
                return -1;
            if ((same(name, "__metadata__") ? metadata(&h->j, &h->checksum) : tensor_entry(h, name)) != 0)
                return -1;
        } while (next_is(&h->j, ','));
        if (expect(&h->j, '}') != 0)
            return -1;
    }
    blank(&h->j);
    return h->j.at == h->j.end ? 0 : damaged(&h->j, "something behind the last brace");
}

static int by_place(const void *a, const void *b)
{
    const span *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->last > y->last) - (x->last < y->last);
}

/* Neither gaps nor overlaps: what a hostile or truncated file has. */
static int covered(header *h)
{
    char plain[256];
    uint64_t at = 0;
    if (h->n)
        qsort(h->spans, h->n, sizeof *h->spans, by_place);
    for (size_t i = 0; i < h->n; at = h->spans[i++].last)
        if (h->spans[i].first != at)
            return fault("%s: %s starts at byte %llu of the data, where %llu was expected; the file is damaged",
                         h->j.path, stored_plain(plain, sizeof plain, h->spans[i].name),
                         (unsigned long long)h->spans[i].first, (unsigned long long)at);
    if (at != h->data.n)
        return fault("%s: its tensors take %llu bytes, the file holds %zu; the file is damaged", h->j.path,
                     (unsigned long long)at, h->data.n);
    return 0;
}

static uint32_t add_checksum(uint32_t sum, const void *data, size_t n)
{
    return (uint32_t)crc32_z(sum, data, n);
}

/* A bit that fell over would only make a network a little worse. */
static int whole_data(const header *h)
{
    char found[9];
    if (!h->checksum.at)
        return 0;
    snprintf(found, sizeof found, "%08x", (unsigned)add_checksum(0, h->data.at, h->data.n));
    if (same(h->checksum, found))
        return 0;
    return fault("%s: its data are damaged (checksum %.*s when they were written, %s now): delete it, and the run "
                 "that made it makes it again",
                 h->j.path, (int)(h->checksum.n < 8 ? h->checksum.n : 8), (const char *)h->checksum.at, found);
}

int safetensors_read(checkpoint *c, bytes file)
{
    uint64_t n = 0;
    if (file.n < 8)
        return fault("%s: %zu bytes are no .safetensors file", stored_path(c), file.n);
    for (int i = 7; i >= 0; i--)
        n = n << 8 | file.at[i];
    if (n > HEADER_MAX || n > file.n - 8)
        return fault("%s: its header should have %llu bytes, %zu are there; the file is cut short or damaged",
                     stored_path(c), (unsigned long long)n, file.n - 8);
    header h = {.c = c, .data = {file.at + 8 + n, file.n - 8 - (size_t)n}};
    unsigned char *spare = malloc((size_t)n + 1);
    if (!spare)
        return fault("%s: out of memory", stored_path(c));
    h.j = (json){stored_path(c), file.at + 8, file.at + 8, file.at + 8 + n, spare};
    int rc = entries(&h) == 0 && covered(&h) == 0 ? whole_data(&h) : -1;
    free(spare);
    free(h.spans);
    return rc;
}

/* ---- writing ---- */

static void write_string(FILE *f, const char *s)
{
    fputc('"', f);
    for (; *s; s++) {
        if ((unsigned char)*s < ' ')
            fprintf(f, "\\u%04x", (unsigned)*s);
        else
            fprintf(f, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
    }
    fputc('"', f);
}

static void write_metadata(FILE *f, const char *const pairs[], uint32_t sum)
{
    fprintf(f, "\"__metadata__\":{");
    for (int i = 0; pairs && pairs[i]; i += 2) {
        write_string(f, pairs[i]);
        fputc(':', f);
        write_string(f, pairs[i + 1]);
        fputc(',', f);
    }
    fprintf(f, "\"%s\":\"%08x\"}", CHECKSUM, (unsigned)sum);
}

/* The header as text; padded so that the data starts at a multiple of eight. */
static char *write_header(const checkpoint_tensor t[], int64_t n, const char *const pairs[], uint32_t sum,
                          size_t *size)
{
    char *text = NULL;
    uint64_t at = 0;
    FILE *f = open_memstream(&text, size);
    if (!f)
        return NULL;
    fputc('{', f);
    write_metadata(f, pairs, sum);
    for (int64_t i = 0; i < n; i++) {
        fputc(',', f);
        write_string(f, t[i].name);
        fprintf(f, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int d = 0; d < t[i].ndims; d++)
            fprintf(f, d ? ",%lld" : "%lld", (long long)t[i].dims[d]);
        fprintf(f, "],\"data_offsets\":[%llu,", (unsigned long long)at);
        at += (uint64_t)t[i].count * sizeof(float);
        fprintf(f, "%llu]}", (unsigned long long)at);
    }
    fputc('}', f);
    for (long end = ftell(f); end % 8; end++)
        fputc(' ', f);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

int checkpoint_save(const char *path, const checkpoint_tensor t[], const float *const values[], int64_t n,
                    const char *const pairs[])
{
    char aside[4096];
    unsigned char length[8];
    size_t size = 0;
    uint32_t sum = add_checksum(0, NULL, 0);
    for (int64_t i = 0; i < n; i++)
        sum = add_checksum(sum, values[i], (size_t)t[i].count * sizeof(float));
    char *text = write_header(t, n, pairs, sum, &size);
    if (!text)
        return fault("cannot write %s: out of memory", path);
    if (file_aside(aside, sizeof aside, path) != 0) {
        free(text);
        return -1;
    }
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(size >> 8 * i);
    FILE *f = fopen(aside, "wb");
    int good = f && fwrite(length, 1, 8, f) == 8 && fwrite(text, 1, size, f) == size;
    for (int64_t i = 0; i < n && good; i++)
        good = fwrite(values[i], sizeof(float), (size_t)t[i].count, f) == (size_t)t[i].count;
    int why = errno;
    if (f && fclose(f) != 0 && good) {
        good = 0;
        why = errno;
    }
    free(text);
    if (good)
        return file_commit(aside, path);
    unlink(aside);
    return fault("cannot write %s: %s", path, strerror(why));
}
