/* doctor_sets.c - one benchmark examined: every set as a run would find it. Nothing is
 * written and no network is used. */
#include "../datasets/sources.h"
#include "doctor.h"
#include "fault.h"
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sentence of a fault without the data folder, which is said once above. */
static char *shortened(const char *sentence, const char *data)
{
    text t = {0};
    size_t n = data ? strlen(data) : 0;
    for (const char *p = sentence; *p;)
        if (n && strncmp(p, data, n) == 0 && p[n] == '/')
            p += n + 1;
        else
            text_char(&t, *p++);
    return t.bytes ? t.bytes : text_copy("");
}

static const char *images_folder(const benchmark *b, const bench_set *s)
{
    char key[160];
    const char *own = benchmark_text(b, s->name, "images", key);
    return own ? own : config_text(b->c, "images");
}

static int is_listed(const bench_set *s)
{
    return s->drawn < 0 && !s->corrupt && !s->npy && !s->form;
}

/* The lists that are not there: the first by name, and how many more. */
static char *missing_lists(const benchmark *b, const bench_set *s)
{
    char key[160], path[PATH_MAX], first[PATH_MAX] = "";
    int n = 0;
    for (int i = 0; i < SOURCES_SPLITS; i++) {
        const char *file = benchmark_text(b, s->name, sources_splits[i], key);
        if (!file)
            continue;
        char *below = text_format("%s/%s", config_text(b->c, "lists"), file);
        if (!b->data || !file_exists(file_join(path, sizeof path, b->data, below)))
            if (n++ == 0)
                snprintf(first, sizeof first, "%s", below);
        free(below);
    }
    return n == 0   ? NULL
           : n == 1 ? text_format("list %s", first)
                    : text_format("list %s and %d more", first, n - 1);
}

/* The first folder or zip that a list names and that is not there; NULL: it is something else. */
static char *missing_images(const benchmark *b, const list *l, const char *below)
{
    char folder[PATH_MAX], zip[PATH_MAX + 8];
    const char *before = "";
    size_t n = 0;
    for (int64_t i = 0; i < l->n; i++) {
        const char *path = l->lines[i].path;
        if (strncmp(before, path, n) == 0 && path[n] == '/')
            continue;
        before = path;
        n = strcspn(path, "/");
        snprintf(folder, sizeof folder, "%.2000s/%.500s/%.*s", b->data, below, (int)n, path);
        snprintf(zip, sizeof zip, "%s.zip", folder);
        if (!file_exists(folder) && !file_exists(zip))
            return text_format("images %s/%.*s, a folder or .zip", below, (int)n, path);
    }
    return NULL;
}

static char *missing_of_lists(const benchmark *b, const bench_set *s)
{
    char key[160], path[PATH_MAX];
    char *lacks = NULL;
    for (int i = 0; i < SOURCES_SPLITS && !lacks; i++) {
        const char *file = benchmark_text(b, s->name, sources_splits[i], key);
        list l;
        if (!file)
            continue;
        char *below = text_format("%s/%s", config_text(b->c, "lists"), file);
        if (list_read(&l, file_join(path, sizeof path, b->data, below), LIST_OUTSIDE, b->n_classes) == 0) {
            lacks = missing_images(b, &l, images_folder(b, s));
            list_free(&l);
        }
        free(below);
    }
    return lacks;
}

/* In words; the last fault is what a run would have said. */
static void diagnose(checked_set *f, const benchmark *b, const bench_set *s)
{
    char path[PATH_MAX];
    char *said = shortened(fault_text(), b->data);
    const char *given = s->form ? s->path : s->npy;
    if (given && (!b->data || !file_exists(file_join(path, sizeof path, b->data, given))))
        f->lacks = text_copy(given);
    else if (is_listed(s) && (f->lacks = missing_lists(b, s)) != NULL)
        f->list = 1;
    else if (is_listed(s))
        f->lacks = missing_of_lists(b, s);
    if (!f->lacks && s->corrupt)
        f->lacks = text_format("%s, which it is made from", s->corrupt);
    if (!f->lacks)
        f->lacks = text_copy(said);
    free(said);
}

static char *missing_training(const benchmark *b, const bench_set *s)
{
    char key[160], path[PATH_MAX];
    char *train = text_format("%s/%s", config_text(b->c, "lists"), benchmark_text(b, s->name, "train", key));
    int there = file_exists(file_join(path, sizeof path, b->data, train));
    char *lacks = text_format(there ? "images to train with, of the list %s" : "list %s", train);
    free(train);
    return lacks;
}

/* What importing a split writes: pixels, or the files as they are. */
static int64_t weigh_split(const fill *f, int64_t side)
{
    uint64_t *at;
    if (!f->files)
        return f->n * side * side * 3;
    if (fill_offsets(f, &at) != 0)
        return 0;
    int64_t bytes = (int64_t)at[f->n];
    free(at);
    return bytes;
}

static int64_t weigh(const benchmark *b, const bench_set *s)
{
    sources r;
    int64_t bytes = 0;
    if (s->corrupt || sources_find(&r, b, s) != 0)
        return 0;
    for (int i = 0; i < r.n; i++)
        bytes += weigh_split(&r.splits[i].f, b->side);
    sources_free(&r);
    return bytes;
}

static void check_set(checked_set *f, const benchmark *b, const bench_set *s)
{
    char key[160];
    *f = (checked_set){.name = s->name, .group = s->group, .from = benchmark_text(b, s->name, "from", key)};
    int fresh = benchmark_fresh(b, s->name);
    f->state = fresh > 0 ? SET_IMPORTED : fresh == 0 ? SET_HERE : SET_LACKING;
    if (fresh < 0)
        diagnose(f, b, s);
    if (fresh >= 0 && s->trainless)
        f->lacks = missing_training(b, s);
    if (fresh == 0)
        f->bytes = weigh(b, s);
    if (is_listed(s))
        f->place = images_folder(b, s);
    else if (s->form || s->npy)
        f->place = "";
}

void checkup_make(checkup *c, const char *named, const char *data, const char *imported)
{
    *c = (checkup){.name = text_copy(named)};
    if (benchmark_named(&c->b, named, data, imported) != 0) {
        c->unreadable = text_copy(fault_text());
        return;
    }
    c->lists = config_text(c->b->c, "lists");
    c->lists_from = config_text(c->b->c, "from");
    c->n = c->b->n;
    c->sets = text_more(NULL, (size_t)c->n * sizeof *c->sets);
    for (int i = 0; i < c->n; i++)
        check_set(&c->sets[i], c->b, &c->b->sets[i]);
}

void checkup_free(checkup *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->sets[i].lacks);
    free(c->sets);
    free(c->name);
    free(c->unreadable);
    benchmark_close(c->b);
}

void checkup_count(const checkup *c, const char *group, int *here, int *all)
{
    *here = *all = 0;
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->sets[i].group, group) == 0) {
            ++*all;
            *here += c->sets[i].state != SET_LACKING;
        }
}

enum verdict checkup_verdict(const checkup *c)
{
    int id, ids, near, nears, far, fars;
    checkup_count(c, "id", &id, &ids);
    checkup_count(c, "near", &near, &nears);
    checkup_count(c, "far", &far, &fars);
    if (!id || near + far == 0)
        return CANNOT_RUN;
    return near + far == nears + fars ? COMPLETE : RUNS_PARTLY;
}
