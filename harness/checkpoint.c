/* checkpoint.c - named tensors of a file, whichever format it has: checks what
 * the readers found, looks names up and converts to float. Assumes, as every
 * backend does, a little-endian machine. */
#include "fault.h"
#include "file.h"
#include "stored.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct entry {
    checkpoint_tensor t; /* first: callers hold pointers to it */
    char *name;          /* as the file has it; t.name may start behind a prefix */
    int64_t strides[8], offset;
    const unsigned char *storage;
    const struct dtype *type;
} entry;

struct checkpoint {
    char *path;
    size_t size, names; /* bytes of the file, and of all names */
    int swapped;
    entry *entries;
    entry **sorted; /* by name */
    int64_t count, cap;
    void **kept;
    size_t nkept;
    void *map; /* the file, where it is mapped */
};

/* One element, its bits in the low bytes. */
static double from_f64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static double from_f32(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float x;
    memcpy(&x, &low, sizeof x);
    return (double)x;
}
static double from_bf16(uint64_t bits)
{
    return from_f32(bits << 16);
}
static double from_f16(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 31);
    double mantissa = (double)(bits & 1023), sign = bits >> 15 & 1 ? -1 : 1;
    if (exponent == 31)
        return mantissa == 0 ? sign * HUGE_VAL : (double)NAN;
    return sign * (exponent == 0 ? ldexp(mantissa, -24) : ldexp(mantissa + 1024, exponent - 25));
}
static double from_unsigned(uint64_t bits)
{
    return (double)bits;
}
static double from_i8(uint64_t bits)
{
    return (double)(int8_t)bits;
}
static double from_i16(uint64_t bits)
{
    return (double)(int16_t)bits;
}
static double from_i32(uint64_t bits)
{
    return (double)(int32_t)bits;
}
static double from_i64(uint64_t bits)
{
    return (double)(int64_t)bits;
}

static const struct dtype {
    const char *name;
    size_t size;
    double (*value)(uint64_t bits);
} dtypes[] = {
    {"F64", 8, from_f64},       {"F32", 4, from_f32},      {"F16", 2, from_f16},      {"BF16", 2, from_bf16},
    {"I64", 8, from_i64},       {"I32", 4, from_i32},      {"I16", 2, from_i16},      {"I8", 1, from_i8},
    {"U64", 8, from_unsigned},  {"U32", 4, from_unsigned}, {"U16", 2, from_unsigned}, {"U8", 1, from_unsigned},
    {"BOOL", 1, from_unsigned},
};

static const struct dtype *dtype_of(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

size_t stored_dtype_size(const char *dtype)
{
    const struct dtype *d = dtype_of(dtype);
    return d ? d->size : 0;
}

const char *stored_path(const checkpoint *c)
{
    return c->path;
}

size_t stored_size(const checkpoint *c)
{
    return c->size;
}

void stored_swapped(checkpoint *c)
{
    c->swapped = 1;
}

const char *stored_plain(char *out, size_t cap, bytes text)
{
    size_t n = text.n < cap ? text.n : cap - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = text.at[i] < ' ' || text.at[i] > '~' ? '?' : (char)text.at[i];
    out[n] = '\0';
    return out;
}

int stored_keep(checkpoint *c, void *memory)
{
    void **larger = realloc(c->kept, (c->nkept + 1) * sizeof *larger);
    if (!larger) {
        free(memory);
        return fault("%s: out of memory", c->path);
    }
    c->kept = larger;
    c->kept[c->nkept++] = memory;
    return 0;
}

static int grow(checkpoint *c)
{
    if (c->count < c->cap)
        return 0;
    int64_t cap = c->cap ? 2 * c->cap : 64;
    entry *larger = realloc(c->entries, (size_t)cap * sizeof *larger);
    if (!larger)
        return fault("%s: out of memory", c->path);
    c->entries = larger;
    c->cap = cap;
    return 0;
}

/* Fills in extents and strides; says through *last which element of the
 * storage the view reaches furthest (-1: none). 0 when it all fits an int64. */
static int measure(entry *e, const stored_view *v, int64_t *last)
{
    int64_t count = 1, reach = v->offset, step;
    e->t.ndims = v->ndims;
    e->offset = v->offset;
    for (int i = v->ndims - 1; i >= 0; i--) {
        e->t.dims[i] = v->dims[i];
        e->strides[i] = v->strides ? v->strides[i] : count;
        if (v->dims[i] < 0 || e->strides[i] < 0 || __builtin_mul_overflow(count, v->dims[i], &count))
            return -1;
        if (v->dims[i] > 0 && (__builtin_mul_overflow(v->dims[i] - 1, e->strides[i], &step) ||
                               __builtin_add_overflow(reach, step, &reach)))
            return -1;
    }
    e->t.count = count;
    *last = count ? reach : -1;
    return v->offset < 0 ? -1 : 0;
}

static int check(checkpoint *c, entry *e, const stored_view *v)
{
    char plain[256];
    int64_t last;
    stored_plain(plain, sizeof plain, v->name);
    e->type = dtype_of(v->dtype);
    if (!e->type)
        return fault("%s: %s has the element type %s, which is not supported", c->path, plain, v->dtype);
    if (v->name.n == 0 || memchr(v->name.at, '\0', v->name.n))
        return fault("%s: a tensor's name is empty or holds a zero byte; the file is damaged", c->path);
    if (v->ndims < 0 || v->ndims > 8)
        return fault("%s: %s has %d dimensions, at most 8 are supported", c->path, plain, v->ndims);
    if (measure(e, v, &last) != 0)
        return fault("%s: the extents of %s are impossible; the file is damaged", c->path, plain);
    /* An expanded view (stride 0) has more elements than its storage: no reason to let it claim any number. */
    if (last >= (int64_t)(v->storage.n / e->type->size) || (uint64_t)e->t.count > c->size)
        return fault("%s: %s reaches beyond the %zu bytes stored for it; the file is damaged", c->path, plain,
                     v->storage.n);
    return 0;
}

int stored_add(checkpoint *c, const stored_view *v)
{
    if (grow(c) != 0)
        return -1;
    entry *e = &c->entries[c->count];
    memset(e, 0, sizeof *e);
    if (check(c, e, v) != 0)
        return -1;
    e->t.dtype = e->type->name;
    e->storage = v->storage.at;
    c->names += v->name.n;
    if (c->names > c->size) /* a pickle can repeat a long name by two bytes */
        return fault("%s: its tensors' names repeat; the file is damaged", c->path);
    e->name = malloc(v->name.n + 1);
    if (!e->name)
        return fault("%s: out of memory", c->path);
    memcpy(e->name, v->name.at, v->name.n);
    e->name[v->name.n] = '\0';
    c->count++;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(entry *const *)a)->t.name, (*(entry *const *)b)->t.name);
}

static int all_begin_with(const checkpoint *c, const char *prefix)
{
    size_t n = strlen(prefix);
    for (int64_t i = 0; i < c->count; i++)
        if (strncmp(c->entries[i].t.name, prefix, n) != 0 || c->entries[i].t.name[n] == '\0')
            return 0;
    return c->count > 0;
}

/* What wrappers put before every name: nn.DataParallel, torch.compile, Lightning's
 * modules, OpenOOD's; one may be inside of another. */
static void drop_prefixes(checkpoint *c)
{
    static const char *const prefixes[] = {"module.", "_orig_mod.", "model.", "net.", "network.", "backbone."};
    for (int64_t i = 0; i < c->count; i++)
        c->entries[i].t.name = c->entries[i].name;
    for (size_t k = 0; k < sizeof prefixes / sizeof prefixes[0];) {
        if (!all_begin_with(c, prefixes[k])) {
            k++;
            continue;
        }
        for (int64_t i = 0; i < c->count; i++)
            c->entries[i].t.name += strlen(prefixes[k]);
        k = 0;
    }
}

static int sort(checkpoint *c)
{
    char plain[256];
    if (c->count == 0)
        return fault("%s holds no tensors", c->path);
    c->sorted = malloc((size_t)c->count * sizeof(entry *));
    if (!c->sorted)
        return fault("%s: out of memory", c->path);
    for (int64_t i = 0; i < c->count; i++)
        c->sorted[i] = &c->entries[i];
    qsort(c->sorted, (size_t)c->count, sizeof(entry *), by_name);
    for (int64_t i = 1; i < c->count; i++)
        if (by_name(&c->sorted[i - 1], &c->sorted[i]) == 0) {
            const char *twice = c->sorted[i]->t.name;
            bytes name = {(const unsigned char *)twice, strlen(twice)};
            return fault("%s holds two tensors named %s", c->path, stored_plain(plain, sizeof plain, name));
        }
    return 0;
}

static int read_whole(checkpoint *c, int (*reader)(checkpoint *, bytes))
{
    char *content;
    size_t n;
    if (file_read(c->path, &content, &n) != 0 || stored_keep(c, content) != 0)
        return -1;
    c->size = n;
    return reader(c, (bytes){(unsigned char *)content, n});
}

/* Of a file larger than memory, only what is asked for is ever read. */
static int map_whole(checkpoint *c, int (*reader)(checkpoint *, bytes))
{
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, c->size, PROT_READ, MAP_PRIVATE, fd, 0);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return fault("cannot read the checkpoint %s: %s", c->path, strerror(why));
    c->map = at;
    return reader(c, (bytes){at, c->size});
}

static int read_any(checkpoint *c)
{
    static const unsigned char zip[] = {'P', 'K', 3, 4};
    static const unsigned char magic[] = {0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    unsigned char head[32] = {0}; /* the magic number is behind at most 11 bytes of framing */
    char plain[sizeof head + 1];
    struct stat s;
    FILE *f = fopen(c->path, "rb");
    if (!f)
        return fault("cannot read the checkpoint %s: %s", c->path, strerror(errno));
    int known = fstat(fileno(f), &s) == 0;
    size_t n = known && S_ISREG(s.st_mode) ? fread(head, 1, sizeof head, f) : 0;
    fclose(f);
    if (!known || !S_ISREG(s.st_mode))
        return fault("the checkpoint %s is not a regular file", c->path);
    c->size = (size_t)s.st_size;
    if (n >= sizeof zip && memcmp(head, zip, sizeof zip) == 0)
        return torch_read_zip(c);
    if (n > 0 && head[0] == 0x80 && memmem(head, n, magic, sizeof magic))
        return read_whole(c, torch_read_legacy);
    if (n > 8 && head[8] == '{')
        return map_whole(c, safetensors_read);
    return fault("%s is neither a .safetensors file nor one that torch.save() wrote: it has %zu bytes and starts "
                 "with '%s'; check where it came from",
                 c->path, c->size, stored_plain(plain, sizeof plain, (bytes){head, n}));
}

int checkpoint_open(checkpoint **out, const char *path)
{
    checkpoint *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c || !(c->path = strdup(path))) {
        free(c);
        return fault("%s: out of memory", path);
    }
    if (read_any(c) == 0) {
        drop_prefixes(c);
        if (sort(c) == 0) {
            *out = c;
            return 0;
        }
    }
    checkpoint_close(c);
    return -1;
}

void checkpoint_close(checkpoint *c)
{
    if (!c)
        return;
    for (int64_t i = 0; i < c->count; i++)
        free(c->entries[i].name);
    for (size_t i = 0; i < c->nkept; i++)
        free(c->kept[i]);
    if (c->map)
        munmap(c->map, c->size);
    free(c->kept);
    free(c->sorted);
    free(c->entries);
    free(c->path);
    free(c);
}

int64_t checkpoint_count(const checkpoint *c)
{
    return c->count;
}

const checkpoint_tensor *checkpoint_at(const checkpoint *c, int64_t i)
{
    return &c->entries[i].t;
}

const checkpoint_tensor *checkpoint_find(const checkpoint *c, const char *name)
{
    entry key = {.t.name = name}, *wanted = &key;
    entry **hit = bsearch(&wanted, c->sorted, (size_t)c->count, sizeof(entry *), by_name);
    return hit ? &(*hit)->t : NULL;
}

static double element(const entry *e, int64_t i, int swapped)
{
    size_t n = e->type->size;
    const unsigned char *p = e->storage + (size_t)i * n;
    uint64_t bits = 0;
    for (size_t b = 0; b < n; b++)
        bits |= (uint64_t)p[swapped ? n - 1 - b : b] << 8 * b;
    return e->type->value(bits);
}

static int dense(const entry *e)
{
    int64_t step = 1;
    for (int i = e->t.ndims - 1; i >= 0; i--) {
        if (e->t.dims[i] > 1 && e->strides[i] != step)
            return 0;
        step *= e->t.dims[i];
    }
    return 1;
}

/* Where element number `first` is, and its index in each dimension. */
static int64_t place(const entry *e, int64_t first, int64_t at[8])
{
    int64_t i = e->offset;
    for (int d = e->t.ndims - 1; d >= 0; d--) {
        at[d] = first % e->t.dims[d];
        first /= e->t.dims[d];
        i += at[d] * e->strides[d];
    }
    return i;
}

int checkpoint_part(const checkpoint *c, const checkpoint_tensor *t, int64_t first, int64_t count, float *out)
{
    const entry *e = (const entry *)t;
    int64_t at[8] = {0};
    if (first < 0 || count < 0 || first > t->count - count)
        return fault("%s: %s has %lld elements, not %lld and %lld more", c->path, t->name, (long long)t->count,
                     (long long)first, (long long)count);
    if (count == 0)
        return 0;
    if (e->type->value == from_f32 && !c->swapped && dense(e)) {
        memcpy(out, e->storage + 4 * (e->offset + first), (size_t)count * sizeof(float));
        return 0;
    }
    int64_t i = place(e, first, at);
    for (int64_t n = 0; n < count; n++) {
        out[n] = (float)element(e, i, c->swapped);
        for (int d = t->ndims - 1; d >= 0; d--) { /* an odometer */
            i += e->strides[d];
            if (++at[d] < t->dims[d])
                break;
            i -= e->strides[d] * at[d];
            at[d] = 0;
        }
    }
    return 0;
}

int checkpoint_floats(const checkpoint *c, const checkpoint_tensor *t, float *out)
{
    return checkpoint_part(c, t, 0, t->count, out);
}
