/* cifar_pickle.c - what a pickle of CIFAR names: arrays of NumPy, as their bytes
 * and extents, and nothing else. harness/pickle.c runs the pickle itself. */
#include "../harness/fault.h"
#include "../harness/pickle.h"
#include "../harness/text.h"
#include "cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIMS = 4 };

typedef struct ndarray { /* own of a VALUE_TENSOR */
    bytes data;
    int dims;
    int64_t extent[MOST_DIMS];
    int width, whole; /* bytes of a number; not a real one */
    int is_signed;
} ndarray;

enum role { RECONSTRUCT, ARRAY, DTYPE, ENCODE, FROM_BUFFER };
static const struct known {
    const char *module, *name;
    enum role role;
} known[] = {
    {"numpy.core.multiarray", "_reconstruct", RECONSTRUCT},
    {"numpy._core.multiarray", "_reconstruct", RECONSTRUCT},
    {"numpy.core.numeric", "_frombuffer", FROM_BUFFER}, /* protocol 5 */
    {"numpy._core.numeric", "_frombuffer", FROM_BUFFER},
    {"numpy", "ndarray", ARRAY},
    {"numpy", "dtype", DTYPE},
    {"_codecs", "encode", ENCODE}, /* bytes, as protocol 2 of Python 3 writes them */
};

static int same(bytes b, const char *word)
{
    return b.n == strlen(word) && memcmp(b.at, word, b.n) == 0;
}

static value *refuse(pickle *p, const char *what)
{
    pickle_fault(p, what);
    return NULL;
}

static value *find_global(pickle *p, bytes module, bytes name)
{
    char where[128], what[128];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (same(module, known[i].module) && same(name, known[i].name))
            return pickle_value(p, VALUE_GLOBAL, (void *)(uintptr_t)&known[i]);
    fault(
        "%s: refuses to execute %s.%s: of a batch of CIFAR only numbers, text, lists and arrays of NumPy are read",
        pickle_path(p), stored_plain(where, sizeof where, module), stored_plain(what, sizeof what, name));
    return NULL;
}

static value *item(const value *list, size_t i, enum value_kind kind)
{
    value *v = i < list->list.n ? list->list.item[i] : NULL;
    return v && v->kind == kind ? v : NULL;
}

/* "u1", "i8": a type of numbers, told by text. */
static value *make_dtype(pickle *p, const value *args)
{
    const value *word = item(args, 0, VALUE_TEXT);
    word = word ? word : item(args, 0, VALUE_BYTES);
    if (!word || word->text.n < 2)
        return refuse(p, "a type of NumPy without a name");
    ndarray *a = pickle_alloc(p, sizeof *a);
    if (!a)
        return NULL;
    size_t skip = strchr("<>|=", word->text.at[0]) != NULL;
    char kind = (char)word->text.at[skip];
    a->width = word->text.n == skip + 2 ? word->text.at[skip + 1] - '0' : 0;
    a->whole = kind == 'u' || kind == 'i' || kind == 'b';
    a->is_signed = kind == 'i';
    return pickle_value(p, VALUE_STORAGE, a);
}

/* Text of the codes 0 to 255 back to the bytes that it stands for. */
static value *encode(pickle *p, const value *args)
{
    const value *word = item(args, 0, VALUE_TEXT);
    uint8_t *out = word ? pickle_alloc(p, word->text.n + 1) : NULL;
    size_t n = 0;
    if (!word)
        return refuse(p, "bytes of what is no text");
    for (size_t i = 0; out && i < word->text.n; i++) {
        uint8_t c = word->text.at[i];
        if (c >= 0x80 && (c & 0xfc) == 0xc0 && i + 1 < word->text.n)
            c = (uint8_t)(c << 6 | (word->text.at[++i] & 0x3f));
        else if (c >= 0x80)
            return refuse(p, "bytes of text that is not Latin");
        out[n++] = c;
    }
    value *v = out ? pickle_value(p, VALUE_BYTES, NULL) : NULL;
    if (v)
        v->text = (bytes){out, n};
    return v;
}

/* Type, extents and bytes, from two places where NumPy keeps them. 0, or -1 with fault(). */
static int fill_array(pickle *p, ndarray *a, const value *dtype, const value *extents, const value *data)
{
    uint64_t need;
    if (!dtype || !extents || !data || extents->list.n > MOST_DIMS)
        return pickle_fault(p, "an array without type, extents or bytes");
    *a = *(const ndarray *)dtype->own;
    need = (uint64_t)a->width;
    a->dims = (int)extents->list.n;
    for (int i = 0; i < a->dims; i++) {
        const value *e = item(extents, (size_t)i, VALUE_INT);
        if (!e || e->whole < 0 || (e->whole && need > (uint64_t)INT64_MAX / (uint64_t)e->whole))
            return pickle_fault(p, "an array of impossible extents");
        a->extent[i] = e->whole;
        need *= (uint64_t)e->whole;
    }
    a->data = data->text;
    return a->width > 0 && data->text.n == need ? 0 : pickle_fault(p, "an array of another length than it says");
}

static value *text_or_bytes(const value *list, size_t i)
{
    value *v = item(list, i, VALUE_BYTES);
    return v ? v : item(list, i, VALUE_TEXT);
}

/* _frombuffer(bytes, dtype, extents, order) */
static value *from_buffer(pickle *p, const value *args)
{
    ndarray *a = pickle_alloc(p, sizeof *a);
    const value *order = text_or_bytes(args, 3);
    if (order && same(order->text, "F"))
        return refuse(p, "an array in Fortran order");
    if (!a ||
        fill_array(p, a, item(args, 1, VALUE_STORAGE), item(args, 2, VALUE_TUPLE), text_or_bytes(args, 0)) != 0)
        return NULL;
    return pickle_value(p, VALUE_TENSOR, a);
}

/* An array whose state comes later. */
static value *make_empty(pickle *p)
{
    ndarray *a = pickle_alloc(p, sizeof *a);
    return a ? pickle_value(p, VALUE_TENSOR, a) : NULL;
}

static value *call(pickle *p, value *what, value *args)
{
    switch (((const struct known *)what->own)->role) {
    case RECONSTRUCT:
        return make_empty(p);
    case DTYPE:
        return make_dtype(p, args);
    case ENCODE:
        return encode(p, args);
    case FROM_BUFFER:
        return from_buffer(p, args);
    case ARRAY:
        break;
    }
    return refuse(p, "a call of a type");
}

static value *persistent(pickle *p, value *id)
{
    (void)id;
    return refuse(p, "something kept outside");
}

/* ndarray.__setstate__((version, extents, dtype, in Fortran order?, bytes)); a dtype's own tells its byte order. */
static int build(pickle *p, value *object, const value *state)
{
    if (object->kind == VALUE_STORAGE) {
        const value *order = state->kind == VALUE_TUPLE ? text_or_bytes(state, 1) : NULL;
        return order && same(order->text, ">") ? pickle_fault(p, "numbers with the highest byte first") : 0;
    }
    if (object->kind != VALUE_TENSOR)
        return 0;
    const value *fortran = state->kind == VALUE_TUPLE ? item(state, 3, VALUE_INT) : NULL;
    if (!fortran || fortran->whole)
        return pickle_fault(p, "an array in Fortran order, or of no order,");
    return fill_array(p, object->own, item(state, 2, VALUE_STORAGE), item(state, 1, VALUE_TUPLE),
                      text_or_bytes(state, 4));
}

static const pickle_reader reader = {
    .global = find_global, .call = call, .persistent = persistent, .build = build, .kind = "batch of CIFAR"};

/* --- what is in it --- */

/* By a key that is text, or bytes where Python 3 saved again what Python 2 had saved. */
static const value *get(const value *dict, const char *key)
{
    for (size_t i = 0; i + 1 < dict->list.n; i += 2) {
        const value *k = dict->list.item[i];
        if ((k->kind == VALUE_TEXT || k->kind == VALUE_BYTES) && same(k->text, key))
            return dict->list.item[i + 1];
    }
    return NULL;
}

static const value *first_of(const value *dict, const char *a, const char *b)
{
    const value *v = get(dict, a);
    return v ? v : get(dict, b);
}

static int64_t number_at(const ndarray *a, int64_t i)
{
    uint64_t bits = 0;
    const unsigned char *at = a->data.at + i * a->width;
    for (int b = a->width - 1; b >= 0; b--)
        bits = bits << 8 | at[b];
    if (a->is_signed && a->width < 8 && bits >> (8 * a->width - 1))
        bits |= ~UINT64_C(0) << 8 * a->width;
    return (int64_t)bits;
}

static int take_labels(batch *b, const char *path, const value *v)
{
    const ndarray *a = v && v->kind == VALUE_TENSOR ? v->own : NULL;
    int64_t n = a && a->dims ? a->extent[0] : v && v->kind == VALUE_LIST ? (int64_t)v->list.n : -1;
    if (!v)
        return 0;
    if (n != b->n || (a && (!a->whole || a->dims != 1)))
        return fault("%s: expected %lld labels, a list or an array of whole numbers, found %lld", path,
                     (long long)b->n, (long long)n);
    b->labels = text_more(NULL, (size_t)(n + 1) * sizeof *b->labels);
    for (int64_t i = 0; i < n; i++) {
        const value *number = a ? NULL : v->list.item[i];
        if (number && number->kind != VALUE_INT)
            return fault("%s: label %lld is no whole number", path, (long long)i);
        b->labels[i] = a ? number_at(a, i) : number->whole;
    }
    return 0;
}

static void take_names(batch *b, const value *v)
{
    if (!v || v->kind != VALUE_LIST)
        return;
    for (size_t i = 0; i < v->list.n; i++) {
        const value *name = text_or_bytes(v, i);
        char plain[128];
        b->names = text_more(b->names, (size_t)(b->n_names + 1) * sizeof *b->names);
        b->names[b->n_names++] = text_copy(name ? stored_plain(plain, sizeof plain, name->text) : "?");
    }
}

static int take(batch *b, const char *path, const value *v)
{
    if (v->kind != VALUE_DICT)
        return fault("%s is a pickle, but of no dictionary: expected a batch of CIFAR", path);
    take_names(b, first_of(v, "fine_label_names", "label_names"));
    const value *data = get(v, "data");
    const ndarray *a = data && data->kind == VALUE_TENSOR ? data->own : NULL;
    if (!data && b->n_names)
        return 0;
    if (!a || a->dims != 2 || a->width != 1 || !a->whole || a->is_signed)
        return fault("%s: no `data` that is an array of bytes, n x 3072: expected a batch of CIFAR", path);
    b->px = a->data.at;
    b->n = a->extent[0];
    b->row = a->extent[1];
    return take_labels(b, path, first_of(v, "fine_labels", "labels"));
}

int batch_read(batch *b, const char *path, const uint8_t *at, int64_t n)
{
    *b = (batch){0};
    if (pickle_open(&b->p, path, (bytes){at, (size_t)n}, &reader, NULL) != 0)
        return -1;
    const value *v = pickle_load(b->p);
    return v ? take(b, path, v) : -1;
}

void batch_close(batch *b)
{
    for (int i = 0; i < b->n_names; i++)
        free(b->names[i]);
    free(b->names);
    free(b->labels);
    pickle_close(b->p);
    *b = (batch){0};
}
