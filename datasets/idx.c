/* idx.c - MNIST's files: two zeros, the type, how many extents, the extents with
 * the highest byte first, then the bytes; gzip or not. Labels lie in a file of
 * their own beside the images, called `...labels-idx1...` for `...images-idx3...`. */
#include "../harness/fault.h"
#include "../harness/file.h"
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UINT8 = 8, MOST_DIMS = 4 };

typedef struct idx {
    int dims;
    int64_t extent[MOST_DIMS];
    const uint8_t *at;
} idx;

static int64_t big_endian(const uint8_t *p)
{
    return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static int has_magic(const uint8_t *p, int64_t n)
{
    return n >= 8 && p[0] == 0 && p[1] == 0 && p[2] >= UINT8 && p[2] <= 14 && p[3] >= 1 && p[3] <= MOST_DIMS;
}

static int read_idx(idx *x, const blob *b, const char *path)
{
    if (!has_magic(b->at, b->n))
        return fault("%s is no IDX file: expected 0 0 8 3 as its first bytes, as MNIST has them", path);
    if (b->at[2] != UINT8)
        return fault("%s holds numbers of IDX type %d, expected bytes (type 8)", path, b->at[2]);
    x->dims = b->at[3];
    int64_t header = 4 + 4 * x->dims, need = 1;
    for (int i = 0; i < x->dims && b->n >= header; i++) {
        x->extent[i] = big_endian(b->at + 4 + 4 * i);
        if (x->extent[i] && need > INT64_MAX / 2 / x->extent[i])
            return fault("%s: the extents in its header are larger than any file", path);
        need *= x->extent[i];
    }
    x->at = b->at + header;
    if (b->n == header + need)
        return 0;
    return fault("%s %s: %lld bytes, expected %lld of its header and array", path,
                 b->n < header + need ? "is truncated" : "is too long", (long long)b->n,
                 (long long)(header + need));
}

/* --- names --- */

static const char *const stems[][2] = {{"train", "train"}, {"t10k", "test"}, {"test", "test"}, {"val", "val"}};
enum { STEMS = sizeof stems / sizeof *stems };

/* `train-images-idx3-ubyte` and its like in a folder or below MNIST/raw, as torchvision puts them. */
static int find_images(const char *folder, const char *split, char path[PATH_MAX])
{
    static const char *const patterns[] = {"%s%s-images-idx3-ubyte", "%s%s-images-idx3-ubyte.gz",
                                           "%s%s-images.idx3-ubyte", "%s%s-images.idx3-ubyte.gz"};
    static const char *const below[] = {"", "raw/", "MNIST/raw/"};
    for (size_t i = 0; i < STEMS * 12; i++) {
        char name[128];
        if (strcmp(stems[i / 12][1], split) != 0)
            continue;
        snprintf(name, sizeof name, patterns[i % 4], below[i / 4 % 3], stems[i / 12][0]);
        if (file_exists(file_join(path, PATH_MAX, folder, name)))
            return 1;
    }
    return 0;
}

static void replace(char *name, size_t cap, const char *from, const char *to)
{
    char tail[PATH_MAX], *at = strstr(name, from);
    if (!at)
        return;
    snprintf(tail, sizeof tail, "%s", at + strlen(from));
    snprintf(at, cap - (size_t)(at - name), "%s%s", to, tail);
}

/* Of `file` the labels, packed or not; "" when there is no such file. */
static void find_labels(const char *file, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s", file);
    char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t room = PATH_MAX - (size_t)(name - path);
    replace(name, room, "images", "labels");
    replace(name, room, "idx3", "idx1");
    size_t n = strlen(path);
    if (strcmp(path, file) != 0 && file_exists(path))
        return;
    if (n > 3 && strcmp(path + n - 3, ".gz") == 0)
        path[n - 3] = '\0';
    else
        snprintf(path + n, PATH_MAX - n, ".gz");
    if (!strstr(name, "labels") || !file_exists(path))
        path[0] = '\0';
}

static int images_of(const wanted *w, char path[PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s", w->path);
    if (!format_is_folder(w->path))
        return 1;
    return find_images(w->path, w->split, path) ||
           (strcmp(w->split, "val") == 0 && find_images(w->path, "train", path));
}

/* Labels that were named lie where they say, or beside the images. */
static void labels_of(const wanted *w, const char *file, char path[PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    if (!w->labels)
        find_labels(file, path);
    else if (file_exists(w->labels) || !slash)
        snprintf(path, PATH_MAX, "%s", w->labels);
    else
        snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - file), file, w->labels);
}

static void beside(const wanted *w, char other[PATH_MAX])
{
    other[0] = '\0';
    if (w->labels || !format_is_folder(w->path))
        labels_of(w, w->path, other);
}

static unsigned splits(const char *path)
{
    static const char *const names[] = {"train", "val", "test"};
    char file[PATH_MAX];
    unsigned bits = 0;
    for (unsigned i = 0; format_is_folder(path) && i < 3; i++)
        bits |= find_images(path, names[i], file) ? 1u << i : 0;
    return bits;
}

static int recognise(const char *path, const uint8_t *head, int64_t n)
{
    return n == 0 ? splits(path) != 0 : has_magic(head, n) && head[2] == UINT8 && head[3] >= 3;
}

/* --- opening --- */

static int open_labels(opened *f, const wanted *w, const char *file)
{
    char path[PATH_MAX];
    idx y;
    labels_of(w, file, path);
    if (!*path || w->outside)
        return opened_labels(f, w, NULL, 0, file);
    const blob *b = opened_file(f, path);
    if (!b || read_idx(&y, b, path) != 0)
        return -1;
    if (y.dims != 1)
        return fault("%s has %d extents, expected labels: one", path, y.dims);
    int64_t *values = text_more(NULL, (size_t)(y.extent[0] + 1) * sizeof *values);
    for (int64_t i = 0; i < y.extent[0]; i++)
        values[i] = y.at[i];
    int rc = opened_labels(f, w, values, y.extent[0], path);
    free(values);
    return rc;
}

static int open_idx(opened *f, const wanted *w)
{
    char path[PATH_MAX];
    idx x;
    piece p;
    if (!images_of(w, path))
        return fault(
            "%s holds no %s images in IDX files, such as t10k-images-idx3-ubyte or train-images-idx3-ubyte",
            w->path, w->split);
    const blob *b = opened_file(f, path);
    if (!b || read_idx(&x, b, path) != 0 || pixels_shape(&p, x.at, x.extent, x.dims, PIXELS_C, path) != 0)
        return -1;
    pixels_add(&f->px, &p);
    return open_labels(f, w, path) != 0 ? -1 : opened_arrays(f, w, path);
}

const format format_idx = {.name = "idx",
                           .what = "MNIST's IDX files, or their folder",
                           .recognise = recognise,
                           .splits = splits,
                           .open = open_idx,
                           .beside = beside};
