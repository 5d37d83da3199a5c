/* torchfiles.h - writes what torch.save() writes, byte by byte, for the tests:
 * pickles from their opcodes, and both layouts around them. */
#ifndef TORCHFILES_H
#define TORCHFILES_H

#include "bytes.h"

#include <zip.h>

static inline void put_text(buffer *b, const char *word)
{
    OPS(b, "X");
    put_number(b, strlen(word), 4);
    put(b, word, strlen(word));
}

static inline void put_int(buffer *b, int64_t i)
{
    OPS(b, "\x8a\x08");
    put_number(b, (uint64_t)i, 8);
}

static inline void put_tuple(buffer *b, const int64_t *values, int n)
{
    OPS(b, "(");
    for (int i = 0; i < n; i++)
        put_int(b, values[i]);
    OPS(b, "t");
}

typedef struct picture {       /* of a tensor */
    const char *storage, *key; /* "FloatStorage" "0" */
    int64_t elements, offset;
    int ndims;
    int64_t dims[9], strides[9];
} picture;

/* torch._utils._rebuild_tensor_v2(storage, offset, size, stride, False, OrderedDict()) */
static inline void put_tensor(buffer *b, const picture *t)
{
    OPS(b, "ctorch._utils\n_rebuild_tensor_v2\n((");
    put_text(b, "storage");
    OPS(b, "ctorch\n");
    put(b, t->storage, strlen(t->storage));
    OPS(b, "\n");
    put_text(b, t->key);
    put_text(b, "cpu");
    put_int(b, t->elements);
    OPS(b, "tQ");
    put_int(b, t->offset);
    put_tuple(b, t->dims, t->ndims);
    put_tuple(b, t->strides, t->ndims);
    OPS(b, "\x89"
           "ccollections\nOrderedDict\n)RtR");
}

typedef struct content { /* of a storage */
    const char *key;
    const void *bytes;
    int64_t elements;
    size_t size; /* of an element */
} content;

/* The layout before 1.6: five pickles, and the storages. */
static inline void legacy_bytes(buffer *b, const buffer *object, const content *c, int n)
{
    b->n = 0;
    OPS(b, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}(");
    put_text(b, "protocol_version");
    OPS(b, "M\xe9\x03");
    put_text(b, "little_endian");
    OPS(b, "\x88u.");
    put(b, object->at, object->n);
    OPS(b, "\x80\x02](");
    for (int i = 0; i < n; i++)
        put_text(b, c[i].key);
    OPS(b, "e.");
    for (int i = 0; i < n; i++) {
        put_number(b, (uint64_t)c[i].elements, 8);
        put(b, c[i].bytes, (size_t)c[i].elements * c[i].size);
    }
}

static inline void add_member(zip_t *z, const char *name, const void *bytes, size_t n, int method)
{
    zip_source_t *s = zip_source_buffer(z, bytes, n, 0);
    zip_int64_t i = s ? zip_file_add(z, name, s, 0) : -1;
    if (i < 0 || zip_set_file_compression(z, (zip_uint64_t)i, method, 0) != 0)
        abort();
}

/* The layout since 1.6. method: ZIP_CM_STORE, or what torch.save() never does. */
static inline void write_zip(const char *to, const buffer *object, const content *c, int n, const char *order,
                             int method)
{
    char name[128];
    int error;
    zip_t *z = zip_open(to, ZIP_CREATE | ZIP_TRUNCATE, &error);
    if (!z)
        abort();
    add_member(z, "archive/data.pkl", object->at, object->n, ZIP_CM_STORE);
    add_member(z, "archive/byteorder", order, strlen(order), ZIP_CM_STORE);
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "archive/data/%s", c[i].key);
        add_member(z, name, c[i].bytes, (size_t)c[i].elements * c[i].size, method);
    }
    add_member(z, "archive/version", "3\n", 2, ZIP_CM_STORE);
    if (zip_close(z) != 0)
        abort();
}

#endif
