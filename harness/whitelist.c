/* whitelist.c - the few functions and classes a PyTorch pickle may name, each
 * done here as plain data, and where in what comes out the state dict lies. */
#include "whitelist.h"
#include "fault.h"

#include <stdio.h>
#include <string.h>

enum role {
    DICT,      /* called with nothing, or with a list of pairs */
    REBUILD,   /* of a tensor: storage, offset, size, stride, ... */
    PARAMETER, /* a tensor, and whether it wants a gradient */
    STORAGE,   /* the first word of a persistent id, never called */
    OPAQUE,    /* beside the weights: schedulers, arguments, best accuracies */
};

static const struct known {
    const char *module, *name;
    enum role role;
    const char *dtype;
} known[] = {
    {"collections", "OrderedDict", DICT, NULL},
    {"torch._utils", "_rebuild_tensor", REBUILD, NULL},
    {"torch._utils", "_rebuild_tensor_v2", REBUILD, NULL},
    {"torch._utils", "_rebuild_parameter", PARAMETER, NULL},
    {"torch._utils", "_rebuild_parameter_with_state", PARAMETER, NULL},
    {"torch", "DoubleStorage", STORAGE, "F64"},
    {"torch", "FloatStorage", STORAGE, "F32"},
    {"torch", "HalfStorage", STORAGE, "F16"},
    {"torch", "BFloat16Storage", STORAGE, "BF16"},
    {"torch", "LongStorage", STORAGE, "I64"},
    {"torch", "IntStorage", STORAGE, "I32"},
    {"torch", "ShortStorage", STORAGE, "I16"},
    {"torch", "CharStorage", STORAGE, "I8"},
    {"torch", "ByteStorage", STORAGE, "U8"},
    {"torch", "BoolStorage", STORAGE, "BOOL"},
    {"torch", "UntypedStorage", STORAGE, "U8"},
    {"torch.storage", "UntypedStorage", STORAGE, "U8"},
    {"torch.storage", "_UntypedStorage", STORAGE, "U8"},
    {"torch", "Size", OPAQUE, NULL},
    {"torch", "device", OPAQUE, NULL},
    {"torch", "float64", OPAQUE, NULL},
    {"torch", "float32", OPAQUE, NULL},
    {"torch", "float16", OPAQUE, NULL},
    {"torch", "bfloat16", OPAQUE, NULL},
    {"torch", "int64", OPAQUE, NULL},
    {"torch", "int32", OPAQUE, NULL},
    {"torch", "int16", OPAQUE, NULL},
    {"torch", "int8", OPAQUE, NULL},
    {"torch", "uint8", OPAQUE, NULL},
    {"torch", "bool", OPAQUE, NULL},
    {"collections", "Counter", OPAQUE, NULL},
    {"collections", "defaultdict", OPAQUE, NULL},
    {"argparse", "Namespace", OPAQUE, NULL},
    {"_codecs", "encode", OPAQUE, NULL}, /* bytes, as protocol 2 writes them */
    {"numpy", "dtype", OPAQUE, NULL},
    {"numpy", "ndarray", OPAQUE, NULL},
    {"numpy.core.multiarray", "scalar", OPAQUE, NULL},
    {"numpy.core.multiarray", "_reconstruct", OPAQUE, NULL},
    {"numpy._core.multiarray", "scalar", OPAQUE, NULL},
    {"numpy._core.multiarray", "_reconstruct", OPAQUE, NULL},
    {"builtins", "set", OPAQUE, NULL},
    {"builtins", "dict", OPAQUE, NULL},
    {"builtins", "list", OPAQUE, NULL},
    {"builtins", "int", OPAQUE, NULL},
    {"builtins", "float", OPAQUE, NULL},
    {"__builtin__", "set", OPAQUE, NULL}, /* Python 2, and protocol 2 of Python 3 */
    {"__builtin__", "dict", OPAQUE, NULL},
    {"__builtin__", "list", OPAQUE, NULL},
    {"__builtin__", "int", OPAQUE, NULL},
    {"__builtin__", "float", OPAQUE, NULL},
};

static int same(bytes text, const char *word)
{
    return text.n == strlen(word) && memcmp(text.at, word, text.n) == 0;
}

static value *find_global(pickle *p, bytes module, bytes name)
{
    char where[128], what[128];
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (same(module, known[i].module) && same(name, known[i].name))
            return pickle_value(p, VALUE_GLOBAL, (void *)&known[i]);
    fault("%s: refuses to execute %s.%s: only tensors, numbers, strings and containers of them are read. If the "
          "file holds a whole model, save its state_dict() instead",
          pickle_path(p), stored_plain(where, sizeof where, module), stored_plain(what, sizeof what, name));
    return NULL;
}

static value *bad(pickle *p, const char *what)
{
    pickle_fault(p, what);
    return NULL;
}

static value *item(const value *list, size_t i)
{
    return i < list->list.n ? list->list.item[i] : NULL;
}

static int is(const value *v, enum value_kind kind)
{
    return v && v->kind == kind;
}

/* OrderedDict() or OrderedDict([(key, value), ...]), the latter from Python 2. */
static value *make_dict(pickle *p, const value *args)
{
    value *dict = pickle_value(p, VALUE_DICT, NULL), *pairs = item(args, 0);
    if (!dict || !pairs)
        return dict;
    if (!is(pairs, VALUE_LIST))
        return bad(p, "a dictionary of what is no list");
    size_t n = pairs->list.n;
    dict->list.item = pickle_alloc(p, 2 * n * sizeof *dict->list.item);
    if (!dict->list.item)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const value *pair = pairs->list.item[i];
        if ((!is(pair, VALUE_TUPLE) && !is(pair, VALUE_LIST)) || pair->list.n != 2)
            return bad(p, "a dictionary of what are no pairs");
        memcpy(dict->list.item + 2 * i, pair->list.item, 2 * sizeof *dict->list.item);
    }
    dict->list.n = dict->list.cap = 2 * n;
    pairs->kind = VALUE_OPAQUE; /* or one list could be made into many dictionaries by a few bytes each */
    return dict;
}

/* A tuple of at most eight numbers. */
static int extents(const value *v, int64_t out[8])
{
    if (!is(v, VALUE_TUPLE) || v->list.n > 8)
        return -1;
    for (size_t i = 0; i < v->list.n; i++) {
        if (!is(v->list.item[i], VALUE_INT))
            return -1;
        out[i] = v->list.item[i]->whole;
    }
    return (int)v->list.n;
}

static value *make_tensor(pickle *p, const value *args)
{
    const value *from = item(args, 0), *offset = item(args, 1);
    tensor_value *t = pickle_alloc(p, sizeof *t);
    if (!t)
        return NULL;
    if (!is(from, VALUE_STORAGE) || !is(offset, VALUE_INT))
        return bad(p, "a tensor without storage or offset");
    t->storage = from->own;
    t->offset = offset->whole;
    t->ndims = extents(item(args, 2), t->dims);
    if (t->ndims < 0 || extents(item(args, 3), t->strides) != t->ndims)
        return bad(p, "a tensor of more than 8 dimensions, or without extents and strides,");
    return pickle_value(p, VALUE_TENSOR, t);
}

static value *call(pickle *p, value *what, value *args)
{
    const struct known *k = what->own;
    switch (k->role) {
    case DICT:
        return make_dict(p, args);
    case REBUILD:
        return make_tensor(p, args);
    case PARAMETER:
        return is(item(args, 0), VALUE_TENSOR) ? item(args, 0) : bad(p, "a parameter that is no tensor");
    case OPAQUE:
        return pickle_value(p, VALUE_OPAQUE, NULL);
    case STORAGE:
        break;
    }
    return bad(p, "a call of a storage type");
}

/* Old files share storages through views: (key of the view, offset, size). */
static int view(storage *s, const value *v)
{
    if (!v || v->kind == VALUE_NONE)
        return 0;
    const value *first = is(v, VALUE_TUPLE) ? item(v, 1) : NULL, *count = first ? item(v, 2) : NULL;
    if (!is(first, VALUE_INT) || !is(count, VALUE_INT))
        return -1;
    s->first = first->whole;
    s->count = count->whole;
    return 0;
}

/* ('storage', type, key, device, elements[, view]) */
static value *persistent(pickle *p, value *id)
{
    storage **met = pickle_own(p);
    const value *type = is(id, VALUE_TUPLE) ? item(id, 1) : NULL, *key = type ? item(id, 2) : NULL;
    const value *count = key ? item(id, 4) : NULL;
    if (!is(type, VALUE_GLOBAL) || !is(key, VALUE_TEXT) || !is(count, VALUE_INT) ||
        !value_is(item(id, 0), "storage"))
        return bad(p, "a persistent id that names no storage");
    const struct known *k = type->own;
    storage *s = pickle_alloc(p, sizeof *s);
    if (!s)
        return NULL;
    if (k->role != STORAGE)
        return bad(p, "a storage of an unknown type");
    s->key = key->text;
    s->dtype = k->dtype;
    s->whole = s->count = count->whole;
    if (view(s, item(id, 5)) != 0 || s->first < 0 || s->count < 0 || s->whole < s->count ||
        s->first > s->whole - s->count)
        return bad(p, "a storage of an impossible size");
    s->next = *met;
    *met = s;
    return pickle_value(p, VALUE_STORAGE, s);
}

const pickle_reader whitelist = {.global = find_global, .call = call, .persistent = persistent};

static int holds_tensors(const value *dict)
{
    for (size_t i = 0; i + 1 < dict->list.n; i += 2)
        if (dict->list.item[i]->kind == VALUE_TEXT && dict->list.item[i + 1]->kind == VALUE_TENSOR)
            return 1;
    return 0;
}

/* The first few keys, for the message. */
static void list_keys(char *out, size_t cap, const value *dict)
{
    char plain[64];
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i + 1 < dict->list.n && i < 16 && n < cap; i += 2)
        if (dict->list.item[i]->kind == VALUE_TEXT)
            n += (size_t)snprintf(out + n, cap - n, " %s",
                                  stored_plain(plain, sizeof plain, dict->list.item[i]->text));
}

const value *whitelist_state_dict(const char *path, const value *v)
{
    static const char *const keys[] = {"state_dict", "model_state_dict", "model", "net"};
    char found[512];
    for (int depth = 0; depth < 4 && v->kind == VALUE_DICT; depth++) {
        const value *inner = NULL;
        for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !inner; i++) {
            inner = value_get(v, keys[i]);
            inner = is(inner, VALUE_DICT) ? inner : NULL;
        }
        if (!inner && holds_tensors(v))
            return v;
        if (!inner) {
            list_keys(found, sizeof found, v);
            fault("%s holds no tensors by name: expected a state dict, or one under state_dict, model_state_dict, "
                  "model or net; found the keys%s",
                  path, found[0] ? found : " of an empty dictionary");
            return NULL;
        }
        v = inner;
    }
    fault("%s holds no dictionary of tensors: expected a state dict; save model.state_dict()", path);
    return NULL;
}
