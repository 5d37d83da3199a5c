/* torchfile.c - the two layouts of torch.save(): since 1.6 a zip file with a
 * pickle and one member for each storage; before, five pickles in a row and
 * the storages behind them. */
#include "fault.h"
#include "whitelist.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

typedef struct layout {
    checkpoint *c;
    storage *met;
    int (*fetch)(struct layout *l, storage *s); /* fills in s->data */
    /* the zip layout only: */
    zip_t *zip;
    char prefix[256]; /* "archive/" */
    bytes *members;   /* those read so far, by number */
    size_t budget;    /* bytes that may still be read: members that overlap would exceed the file */
} layout;

static int add_tensor(layout *l, bytes name, const tensor_value *t)
{
    char plain[256];
    storage *s = t->storage;
    size_t size = stored_dtype_size(s->dtype);
    if (!s->data.at && l->fetch(l, s) != 0)
        return -1;
    if ((uint64_t)s->whole != s->data.n / size || s->data.n % size)
        return fault("%s: the storage of %s should have %lld elements of %zu bytes, it has %zu bytes; the file is "
                     "damaged",
                     stored_path(l->c), stored_plain(plain, sizeof plain, name), (long long)s->whole, size,
                     s->data.n);
    stored_view v = {.name = name, .dtype = s->dtype, .ndims = t->ndims};
    v.dims = t->dims;
    v.strides = t->strides;
    v.offset = t->offset;
    v.storage = (bytes){s->data.at + (size_t)s->first * size, (size_t)s->count * size};
    return stored_add(l->c, &v);
}

/* What is no tensor, or has no name, is no part of the network. */
static int add_tensors(layout *l, const value *top)
{
    const value *dict = whitelist_state_dict(stored_path(l->c), top);
    if (!dict)
        return -1;
    for (size_t i = 0; i + 1 < dict->list.n; i += 2) {
        const value *name = dict->list.item[i], *v = dict->list.item[i + 1];
        if (name->kind == VALUE_TEXT && v->kind == VALUE_TENSOR && add_tensor(l, name->text, v->own) != 0)
            return -1;
    }
    return 0;
}

/* ---- zip ---- */

static int read_member(layout *l, zip_uint64_t i, const char *name, bytes *out)
{
    zip_stat_t s;
    const char *path = stored_path(l->c);
    const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(l->zip, i, 0, &s) != 0 || (s.valid & need) != need)
        return fault("%s: the member %s is damaged", path, name);
    if (s.comp_method != ZIP_CM_STORE || s.encryption_method != ZIP_EM_NONE)
        return fault("%s: the member %s is compressed or encrypted, torch.save() only stores", path, name);
    if (s.size > l->budget)
        return fault("%s: its members claim more bytes than the file has; it is damaged", path);
    l->budget -= (size_t)s.size;
    unsigned char *content = malloc((size_t)s.size + 1), beyond;
    if (!content)
        return fault("%s: out of memory", path);
    zip_file_t *f = zip_fopen_index(l->zip, i, 0);
    int good = f && zip_fread(f, content, s.size) == (zip_int64_t)s.size &&
               zip_fread(f, &beyond, 1) == 0; /* where the checksum is compared */
    if (f)
        zip_fclose(f);
    *out = (bytes){content, (size_t)s.size};
    if (stored_keep(l->c, content) != 0)
        return -1;
    return good
               ? 0
               : fault("%s: the member %s is cut short, or its checksum is wrong; the file is damaged", path, name);
}

static int fetch_member(layout *l, storage *s)
{
    char name[512], key[128];
    stored_plain(key, sizeof key, s->key);
    snprintf(name, sizeof name, "%sdata/%s", l->prefix, key);
    zip_int64_t i = zip_name_locate(l->zip, name, 0);
    if (i < 0)
        return fault("%s: the member %s is missing; the file is damaged", stored_path(l->c), name);
    bytes *member = &l->members[i];
    if (!member->at && read_member(l, (zip_uint64_t)i, name, member) != 0)
        return -1;
    s->data = *member;
    return 0;
}

/* The folder of the pickle, which is the archive's own name. */
static zip_int64_t find_pickle(layout *l, zip_int64_t n)
{
    static const char tail[] = "/data.pkl";
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(l->zip, (zip_uint64_t)i, 0);
        size_t k = name ? strlen(name) : 0;
        if (k < sizeof tail || k >= sizeof l->prefix || strcmp(name + k - (sizeof tail - 1), tail) != 0)
            continue;
        snprintf(l->prefix, sizeof l->prefix, "%.*s", (int)(k - (sizeof tail - 2)), name);
        return i;
    }
    return fault("%s is a zip file without the data.pkl that torch.save() puts there", stored_path(l->c));
}

static int read_byteorder(layout *l)
{
    char name[512];
    bytes order;
    snprintf(name, sizeof name, "%sbyteorder", l->prefix);
    zip_int64_t i = zip_name_locate(l->zip, name, 0);
    if (i < 0) /* not written before 2.1 */
        return 0;
    if (read_member(l, (zip_uint64_t)i, name, &order) != 0)
        return -1;
    if (order.n == 3 && memcmp(order.at, "big", 3) == 0)
        stored_swapped(l->c);
    return 0;
}

static int read_archive(layout *l)
{
    bytes content;
    pickle *p = NULL;
    int rc = -1;
    zip_int64_t n = zip_get_num_entries(l->zip, 0), i = find_pickle(l, n);
    if (i < 0 || read_byteorder(l) != 0 || read_member(l, (zip_uint64_t)i, "data.pkl", &content) != 0)
        return -1;
    l->members = calloc((size_t)n, sizeof *l->members);
    if (!l->members)
        return fault("%s: out of memory", stored_path(l->c));
    if (pickle_open(&p, stored_path(l->c), content, &whitelist, &l->met) == 0) {
        const value *top = pickle_load(p);
        rc = top ? add_tensors(l, top) : -1;
    }
    pickle_close(p);
    free(l->members);
    return rc;
}

int torch_read_zip(checkpoint *c)
{
    int error = 0;
    layout l = {.c = c, .fetch = fetch_member, .budget = stored_size(c)};
    l.zip = zip_open(stored_path(c), ZIP_RDONLY, &error);
    if (!l.zip) {
        zip_error_t e;
        zip_error_init_with_code(&e, error);
        fault("%s starts like a zip file but cannot be opened (%s); it is cut short or damaged", stored_path(c),
              zip_error_strerror(&e));
        zip_error_fini(&e);
        return -1;
    }
    int rc = read_archive(&l);
    zip_discard(l.zip);
    return rc;
}

/* ---- before 1.6 ---- */

static int compare_keys(bytes a, bytes b)
{
    int order = memcmp(a.at, b.at, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_key(const void *a, const void *b)
{
    return compare_keys((*(storage *const *)a)->key, (*(storage *const *)b)->key);
}

/* All storages met, sorted by key; the caller frees the list. */
static storage **sorted_storages(const layout *l, size_t *n)
{
    *n = 0;
    for (storage *s = l->met; s; s = s->next)
        ++*n;
    storage **all = malloc((*n + 1) * sizeof *all);
    size_t i = 0;
    for (storage *s = l->met; s && all; s = s->next)
        all[i++] = s;
    if (all)
        qsort(all, *n, sizeof *all, by_key);
    return all;
}

/* The first of the storages under a key; several views may share it. */
static size_t first_under(storage *const *all, size_t n, bytes key)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_keys(all[mid]->key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Steps over one storage: its count of elements in eight bytes, and those. */
static int place(const layout *l, bytes key, storage **all, size_t n, bytes *rest)
{
    const char *path = stored_path(l->c);
    size_t i = first_under(all, n, key);
    uint64_t count = 0;
    if (i == n || compare_keys(all[i]->key, key) != 0 || all[i]->data.at)
        return fault("%s: lists a storage twice, or one that no tensor uses; the file is damaged", path);
    if (rest->n < 8)
        return fault("%s: the file ends before its last tensor; it is cut short", path);
    for (int b = 7; b >= 0; b--)
        count = count << 8 | rest->at[b];
    *rest = (bytes){rest->at + 8, rest->n - 8};
    size_t size = stored_dtype_size(all[i]->dtype);
    if (count > rest->n / size)
        return fault("%s: a storage should have %llu elements of %zu bytes, %zu bytes are left; the file is cut "
                     "short or damaged",
                     path, (unsigned long long)count, size, rest->n);
    for (size_t k = i; k < n && compare_keys(all[k]->key, key) == 0; k++) {
        if (strcmp(all[k]->dtype, all[i]->dtype) != 0)
            return fault("%s: one storage has two element types; the file is damaged", path);
        all[k]->data = (bytes){rest->at, (size_t)count * size};
    }
    *rest = (bytes){rest->at + count * size, rest->n - (size_t)count * size};
    return 0;
}

static int place_storages(layout *l, pickle *p)
{
    size_t n;
    const value *keys = pickle_load(p);
    if (!keys)
        return -1;
    if (keys->kind != VALUE_LIST)
        return pickle_fault(p, "no list of storages");
    bytes rest = pickle_rest(p);
    storage **all = sorted_storages(l, &n);
    if (!all)
        return fault("%s: out of memory", stored_path(l->c));
    int rc = 0;
    for (size_t i = 0; i < keys->list.n && rc == 0; i++) {
        const value *key = keys->list.item[i];
        rc = key->kind == VALUE_TEXT ? place(l, key->text, all, n, &rest)
                                     : pickle_fault(p, "a storage without a name");
    }
    free(all);
    return rc;
}

static int fetch_nothing(layout *l, storage *s)
{
    char key[128];
    return fault("%s: the storage %s is missing; the file is damaged", stored_path(l->c),
                 stored_plain(key, sizeof key, s->key));
}

static int is_int(const value *v, int64_t i)
{
    return v && v->kind == VALUE_INT && v->whole == i;
}

/* A magic number, the protocol, the machine, the object, the storages' keys. */
static int read_pickles(layout *l, pickle *p)
{
    const value *magic = pickle_load(p), *protocol = magic ? pickle_load(p) : NULL;
    const value *machine = protocol ? pickle_load(p) : NULL;
    if (!machine)
        return -1;
    if (!is_int(protocol, 1001) || machine->kind != VALUE_DICT)
        return fault("%s: a version of torch.save() that is not known", stored_path(l->c));
    const value *little = value_get(machine, "little_endian");
    if (little && is_int(little, 0))
        stored_swapped(l->c);
    const value *top = pickle_load(p);
    if (!top || place_storages(l, p) != 0)
        return -1;
    return add_tensors(l, top);
}

int torch_read_legacy(checkpoint *c, bytes file)
{
    pickle *p = NULL;
    layout l = {.c = c, .fetch = fetch_nothing};
    int rc = -1;
    if (pickle_open(&p, stored_path(c), file, &whitelist, &l.met) == 0)
        rc = read_pickles(&l, p);
    pickle_close(p);
    return rc;
}
