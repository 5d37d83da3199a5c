/* sources.c - finds what a set is made from, compares it with what was made, and
 * makes it. */
#include "sources.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sources_splits[SOURCES_SPLITS] = {"train", "val", "test"};

/* Images in one .npy file are what tests, training or searches look at, by their group. */
static const char *npy_split(const bench_set *s)
{
    return strcmp(s->group, "outliers") == 0 ? "train" : strcmp(s->group, "tune") == 0 ? "val" : "test";
}

static int inside(const bench_set *s)
{
    return strcmp(s->group, "id") == 0 || strcmp(s->group, "csid") == 0;
}

enum { TRAIN = 1, VAL = 2, TEST = 4 };

/* Of folders called train, val, test those that hold the classes. */
static unsigned with_classes(const benchmark *b, const char *path, unsigned bits)
{
    char below[PATH_MAX], folder[PATH_MAX];
    for (unsigned k = 0; k < SOURCES_SPLITS; k++) {
        file_join(below, sizeof below, path, sources_splits[k]);
        if (bits & 1u << k && !file_exists(file_join(folder, sizeof folder, below, b->classes[0])))
            bits &= ~(1u << k);
    }
    return bits;
}

/* The splits of a set in a published form: of the in-distribution one those that its files tell apart,
 * and images for validation whoever published it, which sets *held; else one. */
static unsigned form_bits(const benchmark *b, const bench_set *s, int *held)
{
    char path[PATH_MAX];
    const char *split = npy_split(s);
    unsigned bits = 0;
    *held = 0;
    if (strcmp(s->group, "id") != 0)
        return strcmp(split, "train") == 0 ? TRAIN : strcmp(split, "val") == 0 ? VAL : TEST;
    if (b->data)
        bits = format_splits(s->form, file_join(path, sizeof path, b->data, s->path));
    if (b->data && s->take)
        bits = with_classes(b, path, bits);
    if ((bits & (VAL | TEST)) == VAL) /* nobody publishes the labels of ImageNet's test images */
        bits = (bits & TRAIN) | TEST;
    bits = bits ? bits : TEST;
    *held = (bits & (VAL | TEST)) == TEST;
    return *held ? bits | VAL : bits;
}

const char *sources_split(const benchmark *b, const bench_set *s, int i)
{
    char key[160];
    if (s->parts.n)
        return i < s->parts.n ? s->parts.at[i].name : NULL;
    if (s->npy)
        return i == 0 ? npy_split(s) : NULL;
    int held;
    unsigned bits = s->form ? form_bits(b, s, &held) : 0;
    for (unsigned k = 0; s->form && k < SOURCES_SPLITS; k++)
        if (bits & 1u << k && i-- == 0)
            return sources_splits[k];
    if (s->form)
        return NULL;
    for (int k = 0; k < SOURCES_SPLITS; k++)
        if (!(k == 0 && s->trainless) && benchmark_text(b, s->name, sources_splits[k], key) && i-- == 0)
            return sources_splits[k];
    return NULL;
}

/* --- one split --- */

static int needs_data(const benchmark *b, const bench_set *s, const char *what)
{
    return b->data ? 0
                   : fault("the set %s needs %s: give the folder that holds them with --data or OODBENCH_DATA",
                           s->name, what);
}

static int read_list(const benchmark *b, const bench_set *s, const char *file, origin *o)
{
    char folder[PATH_MAX], path[PATH_MAX], what[PATH_MAX];
    snprintf(what, sizeof what, "the list %s/%s and its images", config_text(b->c, "lists"), file);
    if (needs_data(b, s, what) != 0)
        return -1;
    file_join(folder, sizeof folder, b->data, config_text(b->c, "lists"));
    file_join(path, sizeof path, folder, file);
    return list_read(&o->l, path, inside(s) ? LIST_CLASSES : LIST_OUTSIDE, b->n_classes);
}

static int find_list(const benchmark *b, const bench_set *s, const char *file, origin *o)
{
    char folder[PATH_MAX], key[160];
    const char *below = benchmark_text(b, s->name, "images", key);
    if (read_list(b, s, file, o) != 0)
        return -1;
    o->root = text_copy(file_join(folder, sizeof folder, b->data, below ? below : config_text(b->c, "images")));
    o->im = (images){
        .l = &o->l, .root = o->root, .resize = s->resize < 0 ? 0 : s->resize, .side = b->side, .files = s->files};
    o->source = images_source(&o->im);
    return o->source ? 0 : -1;
}

static int find_drawn(const benchmark *b, const bench_set *s, const char *split, origin *o)
{
    char key[160];
    int at = 0;
    while (strcmp(sources_splits[at], split) != 0)
        at++;
    o->sh = (shapes){.kind = s->drawn, .seed = b->seed, .split = (uint64_t)at};
    benchmark_text(b, s->name, split, key);
    if (config_int(b->c, key, &o->sh.n, 1, SOURCES_MOST_DRAWN) != 0)
        return -1;
    o->source = shapes_source(&o->sh);
    return 0;
}

static int find_split(const benchmark *b, const bench_set *s, const char *split, origin *o)
{
    char key[160];
    return s->drawn >= 0 ? find_drawn(b, s, split, o) : find_list(b, s, benchmark_text(b, s->name, split, key), o);
}

/* The first image tells: a folder, or the zip that holds the other splits, may be there without. */
static int read_first(const char *root, const char *file)
{
    archive *a;
    const void *bytes;
    char *line = NULL;
    size_t cap = 0, n;
    FILE *f = fopen(file, "r");
    if (!f)
        return fault("cannot read %s: %s", file, strerror(errno));
    int rc = getline(&line, &cap, f) > 0 && strrchr(line, ' ') && archive_open(&a, root) == 0 ? 0 : 1;
    fclose(f);
    if (rc == 0) {
        *strrchr(line, ' ') = '\0';
        rc = archive_read(a, line, &bytes, &n);
        archive_close(a);
    }
    free(line);
    return rc < 0 ? -1 : 0; /* a list that is not one is refused when it is read whole */
}

char *sources_trainless(const benchmark *b, const bench_set *s)
{
    char key[160], folder[PATH_MAX], file[PATH_MAX], root[PATH_MAX];
    const char *train = benchmark_text(b, s->name, "train", key);
    const char *below = benchmark_text(b, s->name, "images", key);
    int tested = benchmark_text(b, s->name, "val", key) && benchmark_text(b, s->name, "test", key);
    if (!b->data || !train || !tested || s->drawn >= 0 || strcmp(s->group, "id") != 0)
        return NULL;
    file_join(folder, sizeof folder, b->data, config_text(b->c, "lists"));
    file_join(root, sizeof root, b->data, below ? below : config_text(b->c, "images"));
    return read_first(root, file_join(file, sizeof file, folder, train)) == 0 ? NULL : text_copy(fault_text());
}

/* --- all of them --- */

void sources_free(sources *r)
{
    for (int i = 0; r->origins && i < r->n; i++) {
        list_free(&r->origins[i].l);
        npy_close(&r->origins[i].px);
        if (r->origins[i].fo)
            opened_close(r->origins[i].fo);
        free(r->origins[i].fo);
        free(r->origins[i].root);
        free(r->origins[i].source);
    }
    free(r->origins);
    free(r->splits);
    dataset_close(r->whole);
    npy_close(&r->labels);
    *r = (sources){0};
}

static void begin(sources *r, int n)
{
    *r = (sources){.n = n};
    r->origins = text_more(NULL, (size_t)n * sizeof *r->origins);
    r->splits = text_more(NULL, (size_t)n * sizeof *r->splits);
    memset(r->origins, 0, (size_t)n * sizeof *r->origins);
}

/* What was begun is freed when rc is not 0. */
static int finish(sources *r, int rc)
{
    if (rc != 0)
        sources_free(r);
    return rc;
}

int sources_corrupted(sources *r, const char *path, const char *split, const parts *p, uint64_t seed)
{
    begin(r, p->n);
    if (dataset_open(&r->whole, path, split) != 0)
        return finish(r, -1);
    for (int i = 0; i < p->n; i++) {
        origin *o = &r->origins[i];
        o->co = (corrupted){.d = r->whole, .c = p->at[i].c, .severity = p->at[i].severity, .seed = seed};
        o->source = corrupted_source(&o->co);
        r->splits[i] = (make_split){.name = p->at[i].name, .source = o->source, .f = corrupted_fill(&o->co)};
    }
    return 0;
}

static void take_images(sources *r, int i, const char *split, const npy *labels, int64_t first, int64_t n)
{
    origin *o = &r->origins[i];
    o->np = (npy_images){.px = &o->px, .labels = labels, .first = first, .n = n};
    o->source = npy_source(&o->np);
    r->splits[i] = (make_split){.name = split, .source = o->source, .f = npy_fill(&o->np)};
}

/* One corruption's file holds its severities in order, each as long as the others. */
static int find_published(sources *r, int i, const char *folder, const part *p, int64_t side)
{
    char path[PATH_MAX], name[80];
    npy *px = &r->origins[i].px;
    snprintf(name, sizeof name, "%s.npy", p->corruption);
    if (npy_open(px, file_join(path, sizeof path, folder, name)) != 0 || npy_is_images(px, side) != 0)
        return -1;
    int64_t n = px->shape[0];
    if (n % PARTS_SEVERITIES != 0)
        return fault("%s holds %lld images, expected as many for each of %d severities", path, (long long)n,
                     PARTS_SEVERITIES);
    if (r->labels.shape[0] != n)
        return fault("%s holds %lld images and %s %lld labels: expected as many", path, (long long)n,
                     r->labels.path, (long long)r->labels.shape[0]);
    n /= PARTS_SEVERITIES;
    take_images(r, i, p->name, &r->labels, (p->severity - 1) * n, n);
    return 0;
}

int sources_published(sources *r, const char *folder, const parts *p, int64_t side, int64_t classes)
{
    char path[PATH_MAX];
    begin(r, p->n);
    int rc = file_exists(folder) ? 0
                                 : fault("there is no folder %s: expected the published .npy files in it", folder);
    if (rc == 0)
        rc = npy_open(&r->labels, file_join(path, sizeof path, folder, "labels.npy"));
    if (rc == 0)
        rc = npy_is_labels(&r->labels, r->labels.shape[0], classes);
    for (int i = 0; rc == 0 && i < p->n; i++)
        rc = find_published(r, i, folder, &p->at[i], side);
    return finish(r, rc);
}

int sources_array(sources *r, const char *path, const char *split, int64_t side)
{
    begin(r, 1);
    npy *px = &r->origins[0].px;
    if (npy_open(px, path) != 0 || npy_is_images(px, side) != 0)
        return finish(r, -1);
    take_images(r, 0, split, NULL, 0, px->shape[0]);
    return 0;
}

/* Split k, by name; its images are those of `want.split`. */
static int find_opened(origin *o, make_split *m, const wanted *w, unsigned k, int held)
{
    int shared = held && (1u << k & (VAL | TEST)) != 0;
    o->want = *w;
    o->want.path = o->root = text_copy(w->path);
    o->want.split = shared ? "test" : sources_splits[k];
    o->shared = shared;
    o->part.held = 1u << k == VAL;
    char *source = format_source(o->form, &o->want);
    if (!source)
        return -1;
    o->source = text_format("%s%s", source,
                            !shared        ? ""
                            : o->part.held ? "share every tenth\n"
                                           : "share without every tenth\n");
    free(source);
    *m = (make_split){.name = sources_splits[k], .source = o->source};
    return 0;
}

int sources_form(sources *r, const format *form, const wanted *w, unsigned bits, int held)
{
    int n = 0;
    for (unsigned k = 0; k < SOURCES_SPLITS; k++)
        n += (bits >> k & 1) != 0;
    begin(r, n);
    n = 0;
    for (unsigned k = 0; k < SOURCES_SPLITS; k++) {
        if (!(bits & 1u << k))
            continue;
        r->origins[n].form = form;
        if (find_opened(&r->origins[n], &r->splits[n], w, k, held) != 0)
            return finish(r, -1);
        n++;
    }
    return 0;
}

int sources_load(sources *r)
{
    for (int i = 0; i < r->n; i++) {
        origin *o = &r->origins[i];
        if (!o->form || o->fo)
            continue;
        o->fo = text_more(NULL, sizeof *o->fo);
        if (format_open(o->fo, o->form, &o->want, i ? r->origins[0].fo : NULL) != 0)
            return -1;
        o->part.of = &o->fo->f;
        r->splits[i].f = o->shared ? share_fill(&o->part) : o->fo->f;
    }
    return 0;
}

static int find_form(sources *r, const benchmark *b, const bench_set *s)
{
    char path[PATH_MAX], key[160];
    if (needs_data(b, s, s->path) != 0)
        return -1;
    file_join(path, sizeof path, b->data, s->path);
    wanted w = {.path = path,
                .images = benchmark_text(b, s->name, "images", key),
                .labels = benchmark_text(b, s->name, "labels", key),
                .side = b->side,
                .resize = s->resize,
                .files = s->files,
                .outside = !inside(s),
                .classes = b->n_classes,
                .names = b->classes,
                .take = s->take};
    int held;
    unsigned bits = form_bits(b, s, &held);
    return sources_form(r, s->form, &w, bits, held);
}

static int find_npy(sources *r, const benchmark *b, const bench_set *s)
{
    char path[PATH_MAX];
    if (needs_data(b, s, s->npy) != 0)
        return -1;
    file_join(path, sizeof path, b->data, s->npy);
    if (s->parts.n)
        return sources_published(r, path, &s->parts, b->side, b->n_classes);
    return sources_array(r, path, npy_split(s), b->side);
}

int sources_find(sources *r, const benchmark *b, const bench_set *s)
{
    char path[PATH_MAX];
    int n = 0, rc = 0;
    if (s->corrupt)
        return benchmark_path(b, s->corrupt, path, sizeof path) != 0
                   ? -1
                   : sources_corrupted(r, path, "test", &s->parts, s->seed);
    if (s->npy)
        return find_npy(r, b, s);
    if (s->form)
        return find_form(r, b, s);
    while (sources_split(b, s, n))
        n++;
    if (n == 0)
        return fault("%s: the set %s has no split: give `train`, `val` or `test`", b->file, s->name);
    begin(r, n);
    for (int i = 0; rc == 0 && i < n; i++) {
        origin *o = &r->origins[i];
        const char *split = sources_split(b, s, i);
        rc = find_split(b, s, split, o);
        if (rc == 0)
            r->splits[i] = (make_split){split, o->source,
                                        s->drawn >= 0 ? shapes_fill(&o->sh) : images_fill(&o->im)};
    }
    return finish(r, rc);
}

int sources_lists(sources *r, const benchmark *b, const bench_set *s)
{
    char key[160];
    int n = 0, rc = 0;
    while (sources_split(b, s, n))
        n++;
    begin(r, n);
    for (int i = 0; rc == 0 && i < n; i++)
        rc = read_list(b, s, benchmark_text(b, s->name, sources_split(b, s, i), key), &r->origins[i]);
    return finish(r, rc);
}

/* --- what was made of it --- */

int sources_match(const char *path, const char *split, const char *source)
{
    dataset *d;
    if (dataset_open(&d, path, split) != 0)
        return 0;
    int same = !source || strcmp(dataset_source(d), source) == 0;
    dataset_close(d);
    return same;
}

/* Without the user's images nothing can be compared: what was imported before is taken as it is,
 * of the ID set also without images to train with. */
static int imported_before(const benchmark *b, const bench_set *s, const char *path)
{
    int n = 0;
    for (const char *split; (split = sources_split(b, s, n)) != NULL; n++)
        if (!sources_match(path, split, NULL) && !(inside(s) && strcmp(split, "train") == 0))
            return 0;
    return n > 0;
}

/* benchmark_fresh() of what s is made from, where that is another set. */
static int whole_fresh(const benchmark *b, const bench_set *s)
{
    return s->corrupt ? benchmark_fresh(b, s->corrupt) : 1;
}

static int unless_imported(const benchmark *b, const bench_set *s, const char *path)
{
    char why[1024];
    if (s->corrupt)
        snprintf(why, sizeof why, "it is made from %s: %.900s", s->corrupt, fault_text());
    else
        snprintf(why, sizeof why, "%s", fault_text());
    return imported_before(b, s, path) ? 1 : fault("%s", why);
}

int benchmark_fresh(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    sources r;
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    const bench_set *s = benchmark_find(b, name);
    int whole = whole_fresh(b, s);
    if (whole == 0)
        return 0;
    if (whole < 0 || sources_find(&r, b, s) != 0)
        return unless_imported(b, s, path);
    int fresh = file_exists(path);
    for (int i = 0; fresh && i < r.n; i++)
        fresh = sources_match(path, r.splits[i].name, r.splits[i].source);
    sources_free(&r);
    return fresh;
}

int benchmark_found_fresh(benchmark *b, const char *name)
{
    bench_set *s = NULL;
    for (int i = 0; i < b->n && !s; i++)
        s = strcmp(b->sets[i].name, name) == 0 ? &b->sets[i] : NULL;
    if (s && s->fresh)
        return 1;
    int fresh = benchmark_fresh(b, name);
    if (s)
        s->fresh = fresh == 1;
    return fresh;
}

int benchmark_import(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    sources r;
    store_header h = {
        .name = name, .classes = b->classes, .n_classes = b->n_classes, .mean = b->mean, .std = b->std};
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    const bench_set *s = benchmark_find(b, name);
    int whole = whole_fresh(b, s);
    if (whole < 0)
        return fault("it is made from %s: %s", s->corrupt, fault_text());
    if (whole == 0) {
        int fresh = benchmark_import(b, s->corrupt) == 0 ? benchmark_fresh(b, name) : -1;
        if (fresh != 0) /* the same images as before: what was made of them is good still */
            return fresh < 0 ? -1 : 0;
    }
    if (sources_find(&r, b, s) != 0)
        return -1;
    int rc = sources_load(&r) == 0 ? make_file(path, &h, r.splits, r.n) : -1;
    sources_free(&r);
    return rc;
}
