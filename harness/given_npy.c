/* given_npy.c - arrays of NumPy: a folder of .npy, mapped, and the members of a .npz,
 * which are read from front to back, packed or not. */
#include "../datasets/npy.h"
#include "fault.h"
#include "file.h"
#include "given_reader.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum { DEPTH = 4, BLOCK = 1 << 16 };

/* The name without .npy, to be freed; NULL: it is something else. */
static char *array_name(const char *file)
{
    size_t n = strlen(file);
    return n > 4 && strcmp(file + n - 4, ".npy") == 0 ? text_format("%.*s", (int)n - 4, file) : NULL;
}

static void add(given *g, const char *name, const npy *n, int64_t index)
{
    given_array *a = given_add(g, name);
    a->real = npy_is_real(n->type);
    a->dims = n->dims;
    a->index = index;
    memcpy(a->shape, n->shape, sizeof n->shape);
}

static void convert(enum npy_type type, const void *from, int64_t n, void *out, int64_t at)
{
    if (npy_is_real(type))
        npy_floats(type, from, n, (float *)out + at);
    else
        npy_integers(type, from, n, (int64_t *)out + at);
}

/* --- a folder --- */

typedef struct folder {
    npy *files;
    int64_t n;
} folder;

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_file(given *g, const char *path, const char *name)
{
    folder *f = g->open;
    f->files = text_more(f->files, (size_t)(f->n + 1) * sizeof *f->files);
    if (npy_open(&f->files[f->n], path) != 0)
        return -1;
    add(g, name, &f->files[f->n], f->n);
    f->n++;
    return 0;
}

static int list(given *g, const char *path, const char *prefix, int depth);

static int look_at(given *g, const char *path, const char *prefix, const char *entry, int depth)
{
    char below[PATH_MAX];
    struct stat s;
    char *full = text_format("%s%s%s", prefix, *prefix ? "/" : "", entry), *name = array_name(full);
    file_join(below, sizeof below, path, entry);
    int rc = stat(below, &s) != 0 ? fault("cannot read %s: %s", below, strerror(errno)) : 0;
    if (rc == 0 && S_ISDIR(s.st_mode) && depth < DEPTH)
        rc = list(g, below, full, depth + 1);
    else if (rc == 0 && S_ISREG(s.st_mode) && name)
        rc = add_file(g, below, name);
    free(full);
    free(name);
    return rc;
}

static int list(given *g, const char *path, const char *prefix, int depth)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, by_name), rc = 0;
    if (n < 0)
        return fault("cannot read the folder %s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == 0 && entries[i]->d_name[0] != '.')
            rc = look_at(g, path, prefix, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int open_folder(given *g)
{
    g->open = text_more(NULL, sizeof(folder));
    *(folder *)g->open = (folder){0};
    return list(g, g->path, "", 1);
}

static void close_folder(given *g)
{
    folder *f = g->open;
    for (int64_t i = 0; i < f->n; i++)
        npy_close(&f->files[i]);
    free(f->files);
    free(f);
}

static int read_folder(const given *g, const given_array *a, int64_t first, int64_t n, void *out)
{
    const folder *f = g->open;
    const npy *file = &f->files[a->index];
    int64_t row = given_row(a);
    convert(file->type, (const char *)file->data + first * row * npy_type_bytes(file->type), n * row, out, 0);
    return 0;
}

const given_reader given_folder = {"a folder of .npy", open_folder, close_folder, read_folder};

/* --- an archive --- */

typedef struct member {
    int64_t start; /* of the array, behind its header */
    enum npy_type type;
} member;

typedef struct npz {
    zip_t *zip;
    member *members;  /* by given_array.index, which is the archive's */
    zip_file_t *file; /* the one that is being read, or NULL */
    int64_t index, at;
} npz;

/* As many bytes as there are, up to n; -1 when the archive is damaged. */
static int64_t take(zip_file_t *f, void *out, int64_t n)
{
    int64_t have = 0;
    while (have < n) {
        zip_int64_t got = zip_fread(f, (char *)out + have, (zip_uint64_t)(n - have));
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += got;
    }
    return have;
}

static int damaged(const given *g, const char *name)
{
    return fault("%s: %s cannot be read: the archive is damaged or cut short", g->path, name);
}

static int add_member(given *g, int64_t i, const char *name, int64_t bytes)
{
    static char beginning[NPY_MOST_HEADER];
    npz *z = g->open;
    npy header;
    zip_file_t *f = zip_fopen_index(z->zip, (zip_uint64_t)i, 0);
    int64_t have = f ? take(f, beginning, NPY_MOST_HEADER) : -1;
    if (f)
        zip_fclose(f);
    if (have < 0)
        return damaged(g, name);
    char *called = text_format("%s: %s", g->path, name);
    int64_t start = npy_header(&header, called, beginning, have, bytes);
    free(called);
    if (start < 0)
        return -1;
    z->members[i] = (member){start, header.type};
    add(g, name, &header, i);
    return 0;
}

static int open_npz(given *g)
{
    int why = 0, rc = 0;
    npz *z = text_more(NULL, sizeof *z);
    *z = (npz){.zip = zip_open(g->path, ZIP_RDONLY, &why)};
    g->open = z;
    if (!z->zip)
        return fault("%s: the archive cannot be opened: it is damaged or cut short", g->path);
    int64_t n = zip_get_num_entries(z->zip, 0);
    z->members = text_more(NULL, (size_t)n * sizeof *z->members);
    for (int64_t i = 0; i < n && rc == 0; i++) {
        zip_stat_t s;
        if (zip_stat_index(z->zip, (zip_uint64_t)i, 0, &s) != 0 || !(s.valid & ZIP_STAT_SIZE))
            return damaged(g, "a member");
        char *name = array_name(s.name);
        if (name)
            rc = add_member(g, i, name, (int64_t)s.size);
        free(name);
    }
    return rc;
}

static void close_npz(given *g)
{
    npz *z = g->open;
    if (z->file)
        zip_fclose(z->file);
    if (z->zip)
        zip_discard(z->zip);
    free(z->members);
    free(z);
}

/* Stands at byte `at` of a member; going back means from the front. */
static int seek(npz *z, int64_t index, int64_t at)
{
    static char block[BLOCK];
    if (!z->file || z->index != index || z->at > at) {
        if (z->file)
            zip_fclose(z->file);
        z->file = zip_fopen_index(z->zip, (zip_uint64_t)index, 0);
        z->index = index;
        z->at = 0;
    }
    while (z->file && z->at < at) {
        int64_t n = at - z->at < BLOCK ? at - z->at : BLOCK;
        if (take(z->file, block, n) != n)
            return -1;
        z->at += n;
    }
    return z->file ? 0 : -1;
}

static int read_npz(const given *g, const given_array *a, int64_t first, int64_t n, void *out)
{
    static char block[BLOCK];
    npz *z = g->open;
    const member *m = &z->members[a->index];
    int64_t size = npy_type_bytes(m->type), total = n * given_row(a);
    if (seek(z, a->index, m->start + first * given_row(a) * size) != 0)
        return damaged(g, a->name);
    for (int64_t done = 0, some; done < total; done += some) {
        some = total - done < BLOCK / size ? total - done : BLOCK / size;
        if (take(z->file, block, some * size) != some * size)
            return damaged(g, a->name);
        convert(m->type, block, some, out, done);
        z->at += some * size;
    }
    return 0;
}

const given_reader given_npz = {"a .npz", open_npz, close_npz, read_npz};
