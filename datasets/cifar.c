/* cifar.c - CIFAR-10 and CIFAR-100 as their authors publish them: binary batches
 * (records of a label, or two, and 3072 bytes) and Python's pickles, in their
 * folder, in the .tar.gz itself, or one batch alone. */
#include "cifar.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = 3 * 32 * 32, MOST_BATCHES = 5, CLASSES = 100 };

typedef struct variant {
    const char *folder; /* what the archive unpacks to */
    const char *train[MOST_BATCHES + 1], *test[2];
    const char *names; /* of the classes */
    int before;        /* bytes before an image, the label being the last of them; 0: pickles */
} variant;

static const variant variants[] = {
    {"cifar-10-batches-bin",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
     {"test_batch.bin"},
     "batches.meta.txt",
     1},
    {"cifar-100-binary", {"train.bin"}, {"test.bin"}, "fine_label_names.txt", 2},
    {"cifar-10-batches-py",
     {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
     {"test_batch"},
     "batches.meta",
     0},
    {"cifar-100-python", {"train"}, {"test"}, "meta", 0},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* --- where its files are --- */

typedef struct shelf {
    opened *f;
    const char *path; /* a folder or, with members in f, a tar */
    char folder[PATH_MAX];
} shelf;

static const char *base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Writes the folder that holds the variant's files: `path` or the one in it; 0: neither. */
static int folder_of(const variant *v, const char *path, char folder[PATH_MAX])
{
    char file[PATH_MAX], below[PATH_MAX];
    file_join(below, sizeof below, path, v->folder);
    for (int i = 0; i < 2; i++) {
        snprintf(folder, PATH_MAX, "%s", i ? below : path);
        int there = file_exists(file_join(file, sizeof file, folder, v->names)) ||
                    file_exists(file_join(file, sizeof file, folder, v->train[0]));
        if (there && file_exists(file_join(file, sizeof file, folder, v->test[0])) && !format_is_folder(file))
            return 1;
    }
    return 0;
}

/* The bytes of a file of that name: 1, 0 when there is none, -1. */
static int take_file(const shelf *s, const char *name, blob *out)
{
    char path[PATH_MAX];
    const tar *t = &s->f->members;
    for (int64_t i = 0; i < t->n; i++)
        if (strcmp(base(t->members[i].name), name) == 0) {
            *out = (blob){t->members[i].at, t->members[i].size};
            return 1;
        }
    if (t->n || !file_exists(file_join(path, sizeof path, s->folder, name)))
        return 0;
    const blob *b = opened_file(s->f, path);
    if (b)
        *out = *b;
    return b ? 1 : -1;
}

static int has_file(const shelf *s, const char *name)
{
    for (int64_t i = 0; i < s->f->members.n; i++)
        if (strcmp(base(s->f->members.members[i].name), name) == 0)
            return 1;
    return 0;
}

static const variant *variant_of(shelf *s)
{
    for (int i = 0; i < VARIANTS; i++) {
        const variant *v = &variants[i];
        if (s->f->members.n ? has_file(s, v->test[0]) && has_file(s, v->train[0])
                            : folder_of(v, s->path, s->folder))
            return v;
    }
    return NULL;
}

/* --- batches --- */

typedef struct labels {
    int64_t *at, n;
} labels;

static void more_labels(labels *y, int64_t n)
{
    y->at = text_more(y->at, (size_t)(y->n + n + 1) * sizeof *y->at);
}

static piece piece_of(const uint8_t *at, int64_t n, int64_t step)
{
    return (piece){.at = at, .n = n, .h = 32, .w = 32, .step_n = step, .step_y = 32, .step_x = 1, .step_c = 1024};
}

static int take_binary(opened *f, labels *y, const char *name, const blob *b, int before)
{
    int64_t record = before + PIXELS, n = b->n / record;
    if (b->n % record != 0 || n == 0)
        return fault("%s has %lld bytes, expected records of %lld: it is truncated, or no batch of CIFAR", name,
                     (long long)b->n, (long long)record);
    piece p = piece_of(b->at + before, n, record);
    pixels_add(&f->px, &p);
    more_labels(y, n);
    for (int64_t i = 0; i < n; i++)
        y->at[y->n++] = b->at[before - 1 + i * record];
    return 0;
}

/* The images lie in the file, but where they were written as text. */
static const uint8_t *keep(opened *f, const batch *p, const blob *b)
{
    spill s;
    if (p->px >= b->at && p->px < b->at + b->n)
        return p->px;
    if (spill_begin(&s) != 0)
        return NULL;
    if (spill_write(&s, p->px, (size_t)(p->n * p->row)) != 0) {
        spill_drop(&s);
        return NULL;
    }
    const blob *kept = opened_spill(f, &s);
    return kept ? kept->at : NULL;
}

static int add_pickled(opened *f, labels *y, const char *name, const batch *p, const blob *b)
{
    if (p->row != PIXELS || !p->px || !p->labels)
        return fault("%s: images of %lld bytes and %s labels: expected %d, and labels", name, (long long)p->row,
                     p->labels ? "its" : "no", PIXELS);
    const uint8_t *at = keep(f, p, b);
    if (!at)
        return -1;
    piece more = piece_of(at, p->n, PIXELS);
    pixels_add(&f->px, &more);
    more_labels(y, p->n);
    for (int64_t i = 0; i < p->n; i++)
        y->at[y->n++] = p->labels[i];
    return 0;
}

static int take_pickle(opened *f, labels *y, const char *name, const blob *b)
{
    batch p;
    int rc = batch_read(&p, name, b->at, b->n);
    if (rc == 0)
        rc = add_pickled(f, y, name, &p, b);
    batch_close(&p);
    return rc;
}

static int take_batch(opened *f, labels *y, const char *name, const blob *b, int before)
{
    return before ? take_binary(f, y, name, b, before) : take_pickle(f, y, name, b);
}

static void take_lines(opened *f, const blob *b)
{
    for (int64_t at = 0, n; at < b->n; at += n + 1) {
        const uint8_t *end = memchr(b->at + at, '\n', (size_t)(b->n - at));
        n = end ? end - (b->at + at) : b->n - at;
        int64_t size = n && b->at[at + n - 1] == '\r' ? n - 1 : n;
        if (size > 0 && size < 64 && f->n_classes < CLASSES)
            opened_class(f, (const char *)b->at + at, (size_t)size);
    }
}

/* The names of the classes: nothing else depends on them, so they may be missing. */
static int take_names(const shelf *s, const variant *v)
{
    batch p;
    blob b;
    int there = take_file(s, v->names, &b);
    if (there <= 0)
        return there;
    if (v->before) {
        take_lines(s->f, &b);
        return 0;
    }
    int rc = batch_read(&p, v->names, b.at, b.n);
    for (int i = 0; rc == 0 && i < p.n_names; i++)
        opened_class(s->f, p.names[i], strlen(p.names[i]));
    batch_close(&p);
    return rc;
}

static int take_split(const shelf *s, const variant *v, const wanted *w, labels *y)
{
    const char *const *names = strcmp(w->split, "test") == 0 ? v->test : v->train;
    for (int i = 0; names[i]; i++) {
        char what[PATH_MAX];
        blob b;
        int there = take_file(s, names[i], &b);
        snprintf(what, sizeof what, "%.4000s: %s", w->path, names[i]);
        if (there == 0)
            return fault("%s holds no file %s: expected all of %s", w->path, names[i], v->folder);
        if (there < 0 || take_batch(s->f, y, what, &b, v->before) != 0)
            return -1;
    }
    return take_names(s, v);
}

/* One file that is a batch, by its first byte and size. */
static int take_alone(opened *f, labels *y, const char *path, const blob *b)
{
    if (b->n > 2 && b->at[0] == 0x80)
        return take_batch(f, y, path, b, 0);
    return take_batch(f, y, path, b, b->n % (PIXELS + 1) == 0 ? 1 : 2);
}

static int take_all(opened *f, const wanted *w, labels *y)
{
    shelf s = {.f = f, .path = w->path};
    const blob *b = NULL;
    if (!format_is_folder(w->path) && !(b = opened_file(f, w->path)))
        return -1;
    if (b && !tar_recognise(b->at, b->n))
        return take_alone(f, y, w->path, b);
    if (b && tar_read(&f->members, w->path, b->at, b->n, "") != 0)
        return -1;
    const variant *v = variant_of(&s);
    if (!v)
        return fault("%s holds no batches of CIFAR: expected the files of cifar-10-batches-bin, "
                     "cifar-10-batches-py, cifar-100-binary or cifar-100-python",
                     w->path);
    text_add(&f->note, "%s", v->folder);
    return take_split(&s, v, w, y);
}

static int open_cifar(opened *f, const wanted *w)
{
    labels y = {0};
    int rc = take_all(f, w, &y);
    if (rc == 0)
        rc = opened_labels(f, w, y.at, y.n, w->path);
    free(y.at);
    return rc == 0 ? opened_arrays(f, w, w->path) : -1;
}

/* --- telling it --- */

static unsigned splits(const char *path)
{
    uint8_t head[512];
    if (format_is_folder(path))
        return 1 | 4;
    int64_t n = blob_peek(path, head, sizeof head);
    return n > 0 && tar_recognise(head, n) ? 1 | 4 : 0;
}

static int names_variant(const char *name)
{
    for (int i = 0; i < VARIANTS; i++)
        if (strncmp(name, variants[i].folder, strlen(variants[i].folder)) == 0)
            return 1;
    return 0;
}

/* By the first member's name, which may come behind a header of its own. */
static int unpacks_to_variant(const uint8_t *head, int64_t n)
{
    for (int64_t at = 0; at + 512 <= n; at += 512)
        if (names_variant((const char *)head + at + (memcmp(head + at, "./", 2) == 0 ? 2 : 0)))
            return 1;
    return 0;
}

/* A folder by its files, a tar by the folder that it unpacks to, a pickle by how it begins, a
 * binary batch, which has no mark, by its name and size. */
static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    char folder[PATH_MAX];
    const char *name = base(path);
    size_t k = strlen(name);
    for (int i = 0; n == 0 && i < VARIANTS; i++)
        if (folder_of(&variants[i], path, folder))
            return 1;
    if (n == 0)
        return 0;
    if (tar_recognise(head, n))
        return unpacks_to_variant(head, n);
    if (head[0] == 0x80 && n > 4 && head[1] >= 2 && head[1] <= 5 &&
        (head[2] == '}' || head[2] == '(' || head[2] == 0x95))
        return 1;
    return k > 4 && strcmp(name + k - 4, ".bin") == 0 && n > 1000;
}

const format format_cifar = {.name = "cifar",
                             .what = "batches of CIFAR-10 or CIFAR-100, binary or Python's, or their .tar.gz",
                             .recognise = recognise,
                             .splits = splits,
                             .open = open_cifar};
