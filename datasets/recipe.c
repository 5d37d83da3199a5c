/* recipe.c - finds what a set is made from, compares it with what was made, and
 * makes it. */
#include "recipe.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_DRAWN 10000000

const char *const recipe_splits[RECIPE_SPLITS] = {"train", "val", "test"};

/* Images in one .npy file are what tests, training or searches look at, by their group. */
static const char *npy_split(const set *s)
{
    return strcmp(s->group, "outliers") == 0 ? "train" : strcmp(s->group, "tune") == 0 ? "val" : "test";
}

const char *recipe_split(const benchmark *b, const set *s, int i)
{
    char key[160];
    if (s->parts.n)
        return i < s->parts.n ? s->parts.at[i].name : NULL;
    if (s->npy)
        return i == 0 ? npy_split(s) : NULL;
    for (int k = 0; k < RECIPE_SPLITS; k++)
        if (benchmark_text(b, s->name, recipe_splits[k], key) && i-- == 0)
            return recipe_splits[k];
    return NULL;
}

/* --- one split --- */

static int needs_data(const benchmark *b, const set *s, const char *what)
{
    return b->data ? 0
                   : fault("the set %s needs %s: give the folder that holds them with --data or OODBENCH_DATA",
                           s->name, what);
}

static int find_list(const benchmark *b, const set *s, const char *file, origin *o)
{
    char folder[PATH_MAX], path[PATH_MAX], what[PATH_MAX];
    snprintf(what, sizeof what, "the list %s/%s and its images", config_text(b->c, "lists"), file);
    if (needs_data(b, s, what) != 0)
        return -1;
    file_join(folder, sizeof folder, b->data, config_text(b->c, "lists"));
    file_join(path, sizeof path, folder, file);
    o->root = text_copy(file_join(folder, sizeof folder, b->data, config_text(b->c, "images")));
    int inside = strcmp(s->group, "id") == 0 || strcmp(s->group, "csid") == 0;
    if (list_read(&o->l, path, inside ? LIST_CLASSES : LIST_OUTSIDE, b->n_classes) != 0)
        return -1;
    o->im = (images){.l = &o->l, .root = o->root, .resize = b->resize, .side = b->side};
    o->source = images_source(&o->im);
    return o->source ? 0 : -1;
}

static int find_drawn(const benchmark *b, const set *s, const char *split, origin *o)
{
    char key[160];
    int at = 0;
    while (strcmp(recipe_splits[at], split) != 0)
        at++;
    o->sh = (shapes){.kind = s->drawn, .seed = b->seed, .split = (uint64_t)at};
    benchmark_text(b, s->name, split, key);
    if (config_int(b->c, key, &o->sh.n, 1, MOST_DRAWN) != 0)
        return -1;
    o->source = shapes_source(&o->sh);
    return 0;
}

static void find_corrupted(const set *s, int i, const dataset *whole, origin *o)
{
    const part *p = &s->parts.at[i];
    o->co = (corrupted){.d = whole, .c = p->c, .severity = p->severity, .seed = s->seed};
    o->source = corrupted_source(&o->co);
}

/* One corruption's file holds its severities in order, each as long as the others. */
static int find_published(const char *folder, const part *p, int64_t side, recipe *r, origin *o)
{
    char path[PATH_MAX], name[80];
    snprintf(name, sizeof name, "%s.npy", p->corruption);
    if (npy_open(&o->px, file_join(path, sizeof path, folder, name)) != 0 || npy_is_images(&o->px, side) != 0)
        return -1;
    int64_t n = o->px.shape[0];
    if (n % PARTS_SEVERITIES != 0)
        return fault("%s holds %lld images, expected as many for each of %d severities", path, (long long)n,
                     PARTS_SEVERITIES);
    if (r->labels.shape[0] != n)
        return fault("%s holds %lld images and %s %lld labels: expected as many", path, (long long)n,
                     r->labels.path, (long long)r->labels.shape[0]);
    n /= PARTS_SEVERITIES;
    o->np = (npy_images){.px = &o->px, .labels = &r->labels, .first = (p->severity - 1) * n, .n = n};
    o->source = npy_source(&o->np);
    return 0;
}

static int find_array(const char *path, int64_t side, origin *o)
{
    if (npy_open(&o->px, path) != 0 || npy_is_images(&o->px, side) != 0)
        return -1;
    o->np = (npy_images){.px = &o->px, .n = o->px.shape[0]};
    o->source = npy_source(&o->np);
    return 0;
}

static fill fill_of(const set *s, const origin *o)
{
    return s->corrupt      ? corrupted_fill(&o->co)
           : s->npy        ? npy_fill(&o->np)
           : s->drawn >= 0 ? shapes_fill(&o->sh)
                           : images_fill(&o->im);
}

static int find_split(recipe *r, const benchmark *b, const set *s, int i)
{
    origin *o = &r->origins[i];
    char key[160], path[PATH_MAX];
    const char *split = recipe_split(b, s, i);
    int rc = 0;
    if (s->corrupt)
        find_corrupted(s, i, r->whole, o);
    else if (s->npy && s->parts.n)
        rc = find_published(file_join(path, sizeof path, b->data, s->npy), &s->parts.at[i], b->side, r, o);
    else if (s->npy)
        rc = find_array(file_join(path, sizeof path, b->data, s->npy), b->side, o);
    else if (s->drawn >= 0)
        rc = find_drawn(b, s, split, o);
    else
        rc = find_list(b, s, benchmark_text(b, s->name, split, key), o);
    if (rc == 0)
        r->splits[i] = (make_split){.name = split, .source = o->source, .f = fill_of(s, o)};
    return rc;
}

/* --- all of them --- */

void recipe_free(recipe *r)
{
    for (int i = 0; r->origins && i < r->n; i++) {
        list_free(&r->origins[i].l);
        npy_close(&r->origins[i].px);
        free(r->origins[i].root);
        free(r->origins[i].source);
    }
    free(r->origins);
    free(r->splits);
    dataset_close(r->whole);
    npy_close(&r->labels);
    *r = (recipe){0};
}

/* What the splits share: the images to corrupt, or the labels of the published ones. */
static int find_shared(recipe *r, const benchmark *b, const set *s)
{
    char path[PATH_MAX], folder[PATH_MAX];
    if (s->corrupt &&
        (benchmark_path(b, s->corrupt, path, sizeof path) != 0 || dataset_open(&r->whole, path, "test") != 0))
        return -1;
    if (!s->npy)
        return 0;
    snprintf(path, sizeof path, "%s", s->npy);
    if (needs_data(b, s, path) != 0)
        return -1;
    if (!s->parts.n)
        return 0;
    file_join(folder, sizeof folder, b->data, s->npy);
    if (!file_exists(folder))
        return fault("the set %s: there is no folder %s: expected the published .npy files in it", s->name, folder);
    if (npy_open(&r->labels, file_join(path, sizeof path, folder, "labels.npy")) != 0)
        return -1;
    return npy_is_labels(&r->labels, r->labels.shape[0], b->n_classes);
}

int recipe_find(recipe *r, const benchmark *b, const set *s)
{
    int n = 0;
    while (recipe_split(b, s, n))
        n++;
    *r = (recipe){.n = n};
    if (n == 0)
        return fault("%s: the set %s has no split: give `train`, `val` or `test`", b->file, s->name);
    r->origins = text_more(NULL, (size_t)n * sizeof *r->origins);
    r->splits = text_more(NULL, (size_t)n * sizeof *r->splits);
    memset(r->origins, 0, (size_t)n * sizeof *r->origins);
    int rc = find_shared(r, b, s);
    for (int i = 0; rc == 0 && i < n; i++)
        rc = find_split(r, b, s, i);
    if (rc != 0)
        recipe_free(r);
    return rc;
}

/* --- what was made of it --- */

/* Is the split of this file made from `source`, or whole at all when source is NULL? */
static int matches(const char *path, const char *split, const char *source)
{
    dataset *d;
    if (dataset_open(&d, path, split) != 0)
        return 0;
    int same = !source || strcmp(dataset_source(d), source) == 0;
    dataset_close(d);
    return same;
}

/* Without the user's images nothing can be compared: what was imported before is taken as it is. */
static int imported_before(const benchmark *b, const set *s, const char *path)
{
    int n = 0;
    for (const char *split; (split = recipe_split(b, s, n)) != NULL; n++)
        if (!matches(path, split, NULL))
            return 0;
    return n > 0;
}

/* benchmark_fresh() of what s is made from, where that is another set. */
static int whole_fresh(const benchmark *b, const set *s)
{
    return s->corrupt ? benchmark_fresh(b, s->corrupt) : 1;
}

static int unless_imported(const benchmark *b, const set *s, const char *path)
{
    char why[1024];
    snprintf(why, sizeof why, "%s%s%s%s", s->corrupt ? "it is made from " : "", s->corrupt ? s->corrupt : "",
             s->corrupt ? ": " : "", fault_text());
    return imported_before(b, s, path) ? 1 : fault("%s", why);
}

int benchmark_fresh(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    recipe r;
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    const set *s = benchmark_find(b, name);
    int whole = whole_fresh(b, s);
    if (whole == 0)
        return 0;
    if (whole < 0 || recipe_find(&r, b, s) != 0)
        return unless_imported(b, s, path);
    int fresh = file_exists(path);
    for (int i = 0; fresh && i < r.n; i++)
        fresh = matches(path, r.splits[i].name, r.splits[i].source);
    recipe_free(&r);
    return fresh;
}

int benchmark_import(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    recipe r;
    store_header h = {
        .name = name, .classes = b->classes, .n_classes = b->n_classes, .mean = b->mean, .std = b->std};
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    const set *s = benchmark_find(b, name);
    if (whole_fresh(b, s) == 0) {
        int fresh = benchmark_import(b, s->corrupt) == 0 ? benchmark_fresh(b, name) : -1;
        if (fresh != 0) /* the same images as before: what was made of them is good still */
            return fresh < 0 ? -1 : 0;
    }
    if (recipe_find(&r, b, s) != 0)
        return -1;
    int rc = make_file(path, &h, r.splits, r.n);
    recipe_free(&r);
    return rc;
}
