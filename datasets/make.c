/* make.c - from splits to a file. */
#include "make.h"
#include "../harness/progress.h"
#include "interrupt.h"

#include <stdio.h>

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

int make_file(const char *path, const store_header *h, const make_split *splits, int n)
{
    char label[64];
    int64_t total = 0;
    for (int i = 0; i < n; i++)
        total += splits[i].f.n;
    snprintf(label, sizeof label, "making %s", h->name);
    interrupt_begin();
    progress_begin(label, "images", total);
    int rc = write_file(path, h, splits, n);
    progress_end();
    interrupt_end();
    return rc;
}
