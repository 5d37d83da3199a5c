/* make.c - from splits to a file. */
#include "make.h"
#include "../harness/fault.h"
#include "../harness/progress.h"
#include "interrupt.h"
#include "schema.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static int write_splits(store *s, const make_split *splits, int n)
{
    int64_t done = 0;
    for (int i = 0; i < n; i++) {
        const make_split *m = &splits[i];
        if (store_split(s, m->name, m->f.n, m->f.side, m->source) != 0 || fill_store(s, &m->f, done) != 0)
            return -1;
        done += m->f.n;
    }
    return 0;
}

static int write_file(const char *path, const store_header *h, const make_split *splits, int n)
{
    store *s;
    if (store_create(&s, path, h) != 0)
        return -1;
    if (write_splits(s, splits, n) == 0)
        return store_commit(s);
    store_discard(s);
    return -1;
}

/* Pixels of large images are many: better refused now than when the disk is full. */
static int check_room(const char *path, const make_split *splits, int n)
{
    char folder[PATH_MAX];
    struct statvfs v;
    double need = 0;
    for (int i = 0; i < n; i++)
        need += (double)splits[i].f.n * (double)splits[i].f.side * (double)splits[i].f.side * SCHEMA_CHANNELS;
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash; (slash = strrchr(folder, '/')) != NULL && slash != folder;) {
        *slash = '\0';
        if (statvfs(folder, &v) == 0)
            break;
    }
    if (statvfs(*folder ? folder : ".", &v) != 0 || need <= (double)v.f_bavail * (double)v.f_frsize)
        return 0;
    return fault("%s would take %.1f GB as pixels, and %.1f GB are free in %s: name another folder with --imported",
                 path, need / 1e9, (double)v.f_bavail * (double)v.f_frsize / 1e9, folder);
}

int make_file(const char *path, const store_header *h, const make_split *splits, int n)
{
    char label[64];
    int64_t total = 0;
    for (int i = 0; i < n; i++)
        total += splits[i].f.n;
    if (check_room(path, splits, n) != 0)
        return -1;
    snprintf(label, sizeof label, "making %s", h->name);
    interrupt_begin();
    progress_begin(label, "images", total);
    int rc = write_file(path, h, splits, n);
    progress_end();
    interrupt_end();
    return rc;
}
