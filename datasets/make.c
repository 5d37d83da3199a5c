/* make.c - from splits to a file. */
#include "make.h"
#include "../harness/fault.h"
#include "../harness/progress.h"
#include "../harness/text.h"
#include "interrupt.h"
#include "schema.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

/* at[i]: where the files of split i begin, if it is made of files. */
static int write_splits(store *s, const make_split *splits, uint64_t *const at[], int n)
{
    int64_t done = 0;
    for (int i = 0; i < n; i++) {
        const fill *f = &splits[i].f;
        const char *name = splits[i].name, *source = splits[i].source;
        int rc = at[i] ? store_files(s, name, f->n, at[i], f->side, f->resize, source)
                       : store_split(s, name, f->n, f->side, source);
        if (rc != 0 || fill_store(s, f, at[i], done) != 0)
            return -1;
        done += f->n;
    }
    return 0;
}

static int write_file(const char *path, const store_header *h, const make_split *splits, uint64_t *const at[],
                      int n)
{
    store *s;
    if (store_create(&s, path, h) != 0)
        return -1;
    if (write_splits(s, splits, at, n) == 0)
        return store_commit(s);
    store_discard(s);
    return -1;
}

/* Large images take much room: better refused now than when the disk is full. */
static int check_room(const char *path, const make_split *splits, uint64_t *const at[], int n)
{
    char folder[PATH_MAX];
    struct statvfs v;
    double need = 0;
    for (int i = 0; i < n; i++) {
        const fill *f = &splits[i].f;
        need += at[i] ? (double)at[i][f->n] : (double)f->n * (double)f->side * (double)f->side * SCHEMA_CHANNELS;
    }
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL && slash != folder;) {
        *slash = '\0';
        if (statvfs(folder, &v) == 0)
            break;
    }
    if (statvfs(*folder ? folder : ".", &v) != 0 || need <= (double)v.f_bavail * (double)v.f_frsize)
        return 0;
    return fault("%s would take %.1f GB as %s, and %.1f GB are free in %s: name another folder with --imported",
                 path, need / 1e9, splits[0].f.files ? "files" : "pixels",
                 (double)v.f_bavail * (double)v.f_frsize / 1e9, folder);
}

static int find_offsets(const make_split *splits, uint64_t *at[], int n)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < n; i++)
        if (splits[i].f.files) {
            progress_begin("measuring", "images", splits[i].f.n);
            rc = fill_offsets(&splits[i].f, &at[i]);
            progress_end();
        }
    return rc;
}

static int make_splits(const char *path, const store_header *h, const make_split *splits, uint64_t *const at[],
                       int n)
{
    char label[64];
    int64_t total = 0;
    for (int i = 0; i < n; i++)
        total += splits[i].f.n;
    if (check_room(path, splits, at, n) != 0)
        return -1;
    snprintf(label, sizeof label, "making %s", h->name);
    progress_begin(label, "images", total);
    int rc = write_file(path, h, splits, at, n);
    progress_end();
    return rc;
}

int make_file(const char *path, const store_header *h, const make_split *splits, int n)
{
    uint64_t **at = text_more(NULL, (size_t)n * sizeof *at);
    for (int i = 0; i < n; i++)
        at[i] = NULL;
    interrupt_begin();
    int rc = find_offsets(splits, at, n);
    if (rc == 0)
        rc = make_splits(path, h, splits, at, n);
    for (int i = 0; i < n; i++)
        free(at[i]);
    free(at);
    interrupt_end();
    return rc;
}
