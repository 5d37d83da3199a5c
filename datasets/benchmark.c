/* benchmark.c - reads datasets/<name>.yml and makes its sets. The keys:
 *
 *   classes: [airplane, ...]    names, in the order of the labels
 *   side: 32                    height and width of the images
 *   resize: 32                  their shorter side before the centre crop
 *   mean, std: [r, g, b]        of values in 0..1
 *   lists, images: FOLDER       below the user's data folder; or else
 *   generator: shapes, seed: 1  the program draws the images itself
 *   sets.<set>.group: near      id near far csid outliers tune
 *   sets.<set>.test: FILE.txt   also train, val: a list, or how many to draw
 *   sets.<set>.draw: plasma     what to draw, when it is not called as the set */
#include "benchmark.h"
#include "../harness/config.h"
#include "../harness/data.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "images.h"
#include "make.h"
#include "shapes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DRAWN 10000000

static const char *const keys[] = {"classes", "side",   "resize",    "mean", "std",
                                   "lists",   "images", "generator", "seed", "sets"};
static const char *const set_keys[] = {"group", "train", "val", "test", "draw"};
static const char *const groups[] = {"id", "near", "far", "csid", "outliers", "tune"};
static const char *const splits[] = {"train", "val", "test"};
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

typedef struct set {
    char *name;
    const char *group;
    int drawn; /* shapes_kind(), or -1: from a list */
} set;

struct benchmark {
    char *name, *file, *data, *imported;
    config *c;
    const char **classes;
    set *sets;
    int n;
    int64_t n_classes, side, resize;
    uint64_t seed;
    double mean[3], std[3];
};

/* --- reading the file --- */

static int find(const char *word, const char *const known[], int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(word, known[i]) == 0)
            return i;
    return -1;
}

static int misspelt(const benchmark *b, const char *key, const char *what, const char *word,
                    const char *const known[], int n)
{
    const char *near = config_nearest(word, known, n);
    return fault("%s: unknown %s `%s`%s%s%s", config_origin(b->c, key), what, word, near ? "; did you mean `" : "",
                 near ? near : "", near ? "`?" : "");
}

/* "sets.tin.test" -> "test", and the set's name if asked for; NULL for other keys. */
static const char *set_key(const char *key, char name[64])
{
    if (strncmp(key, "sets.", 5) != 0)
        return NULL;
    size_t n = strcspn(key + 5, ".");
    snprintf(name, 64, "%.*s", (int)n, key + 5);
    return key[5 + n] ? key + 5 + n + 1 : "";
}

static int check_keys(const benchmark *b)
{
    for (int i = 0; i < config_count(b->c); i++) {
        const char *key = config_key(b->c, i);
        char name[64];
        const char *below = set_key(key, name);
        if (below && find(below, set_keys, COUNT(set_keys)) < 0)
            return misspelt(b, key, "key of a set", below, set_keys, COUNT(set_keys));
        if (below && !config_text(b->c, key))
            return fault("%s: `%s` has no value, or several: expected one", config_origin(b->c, key), key);
        if (!below && find(key, keys, COUNT(keys)) < 0)
            return misspelt(b, key, "key", key, keys, COUNT(keys));
    }
    return 0;
}

static const set *find_set(const benchmark *b, const char *name)
{
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->sets[i].name, name) == 0)
            return &b->sets[i];
    return NULL;
}

/* The value of `sets.<set>.<below>`, or NULL; its key goes to `key`. */
static const char *set_text(const benchmark *b, const char *name, const char *below, char key[160])
{
    snprintf(key, 160, "sets.%s.%s", name, below);
    return config_text(b->c, key);
}

static int read_group(const benchmark *b, set *s)
{
    char key[160];
    const char *group = set_text(b, s->name, "group", key);
    if (!group)
        return fault("%s: the set %s has no `group`: expected id, near, far, csid, outliers or tune", b->file,
                     s->name);
    int g = find(group, groups, COUNT(groups));
    if (g < 0)
        return misspelt(b, key, "group", group, groups, COUNT(groups));
    s->group = groups[g];
    return 0;
}

/* A set is drawn when the benchmark has a generator; then its splits are counts. */
static int read_drawn(const benchmark *b, set *s)
{
    char key[160];
    s->drawn = -1;
    if (!config_text(b->c, "generator"))
        return 0;
    const char *kind = set_text(b, s->name, "draw", key);
    s->drawn = shapes_kind(kind ? kind : s->name);
    if (s->drawn < 0)
        return fault("%s: the set %s: nothing called `%s` can be drawn: give `draw`", b->file, s->name,
                     kind ? kind : s->name);
    for (int i = 0; i < COUNT(splits); i++) {
        int64_t n = 0;
        if (set_text(b, s->name, splits[i], key) && config_int(b->c, key, &n, 1, MOST_DRAWN) != 0)
            return -1;
    }
    return 0;
}

static int read_sets(benchmark *b)
{
    char name[64];
    for (int i = 0; i < config_count(b->c); i++) {
        if (!set_key(config_key(b->c, i), name) || find_set(b, name))
            continue;
        b->sets = text_more(b->sets, (size_t)(b->n + 1) * sizeof *b->sets);
        b->sets[b->n] = (set){.name = text_copy(name)};
        b->n++;
        if (read_group(b, &b->sets[b->n - 1]) != 0 || read_drawn(b, &b->sets[b->n - 1]) != 0)
            return -1;
    }
    return b->n ? 0 : fault("%s: there are no `sets`", b->file);
}

static int read_triple(const benchmark *b, const char *key, double out[3])
{
    if (config_items(b->c, key) != 3)
        return fault("%s: `%s` is a list of three numbers (red, green, blue)", b->file, key);
    for (int i = 0; i < 3; i++) {
        char *end;
        const char *item = config_item(b->c, key, i);
        out[i] = strtod(item, &end);
        if (*end || end == item || !(out[i] > 0) || out[i] > 1)
            return fault("%s: `%s`: expected three numbers in 0..1, found %s", config_origin(b->c, key), key, item);
    }
    return 0;
}

static int read_settings(benchmark *b)
{
    int64_t seed = 0;
    b->side = b->resize = 32;
    if (config_int(b->c, "side", &b->side, 1, 1024) != 0 || config_int(b->c, "seed", &seed, 0, INT64_MAX) != 0)
        return -1;
    b->seed = (uint64_t)seed;
    b->resize = b->side;
    if (config_int(b->c, "resize", &b->resize, 1, 4096) != 0)
        return -1;
    b->n_classes = config_items(b->c, "classes");
    if (b->n_classes < 2)
        return fault("%s: `classes` is a list of at least two names", b->file);
    b->classes = text_more(NULL, (size_t)b->n_classes * sizeof *b->classes);
    for (int i = 0; i < b->n_classes; i++)
        b->classes[i] = config_item(b->c, "classes", i);
    if (read_triple(b, "mean", b->mean) != 0 || read_triple(b, "std", b->std) != 0)
        return -1;
    const char *generator = config_text(b->c, "generator");
    if (!generator && (!config_text(b->c, "lists") || !config_text(b->c, "images")))
        return fault("%s: expected `lists` and `images`, folders below the data folder, or a `generator`", b->file);
    if (!generator)
        return 0;
    if (strcmp(generator, "shapes") != 0)
        return fault("%s: unknown generator `%s`: there is `shapes`", config_origin(b->c, "generator"), generator);
    if (b->side != SHAPES_SIDE || b->n_classes != SHAPES_CLASSES)
        return fault("%s: the generator draws %d classes of %d x %d pixels", b->file, SHAPES_CLASSES, SHAPES_SIDE,
                     SHAPES_SIDE);
    return 0;
}

int benchmark_open(benchmark **out, const char *folder, const char *name, const char *data, const char *imported)
{
    benchmark *b = text_more(NULL, sizeof *b);
    *b = (benchmark){.name = text_copy(name),
                     .file = text_format("%s/%s.yml", folder, name),
                     .data = data ? text_copy(data) : NULL,
                     .imported = text_copy(imported),
                     .c = config_new()};
    int rc = 0;
    if (strchr(name, '/') || !file_exists(b->file))
        rc = fault("there is no benchmark %s: expected the file %s", name, b->file);
    if (rc != 0 || config_read(b->c, b->file) != 0 || check_keys(b) != 0 || read_settings(b) != 0 ||
        read_sets(b) != 0) {
        benchmark_close(b);
        return -1;
    }
    *out = b;
    return 0;
}

void benchmark_close(benchmark *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->n; i++)
        free(b->sets[i].name);
    free(b->sets);
    free(b->classes);
    config_free(b->c);
    free(b->name);
    free(b->file);
    free(b->data);
    free(b->imported);
    free(b);
}

/* --- what it says --- */

int64_t benchmark_classes(const benchmark *b)
{
    return b->n_classes;
}

int64_t benchmark_side(const benchmark *b)
{
    return b->side;
}

const char *benchmark_class(const benchmark *b, int64_t i)
{
    return b->classes[i];
}

const double *benchmark_mean(const benchmark *b)
{
    return b->mean;
}

const double *benchmark_std(const benchmark *b)
{
    return b->std;
}

int benchmark_sets(const benchmark *b)
{
    return b->n;
}

const char *benchmark_set(const benchmark *b, int i)
{
    return b->sets[i].name;
}

const char *benchmark_group(const benchmark *b, const char *name)
{
    const set *s = find_set(b, name);
    return s ? s->group : NULL;
}

const char *benchmark_nearest(const benchmark *b, const char *name)
{
    const char **names = text_more(NULL, (size_t)b->n * sizeof *names);
    for (int i = 0; i < b->n; i++)
        names[i] = b->sets[i].name;
    const char *near = config_nearest(name, names, b->n);
    free(names);
    return near;
}

int benchmark_path(const benchmark *b, const char *name, char *path, size_t cap)
{
    const set *s = find_set(b, name);
    if (!s)
        return fault("the benchmark %s has no set `%s`", b->name, name);
    if ((size_t)snprintf(path, cap, "%s/%s/%s.h5", b->imported, b->name, s->name) >= cap)
        return fault("the path %s/%s/%s.h5 is too long", b->imported, b->name, s->name);
    return 0;
}

/* --- making the sets --- */

typedef struct origin { /* where one split comes from */
    list l;
    char root[PATH_MAX];
    images im;
    shapes sh;
    char *source;
} origin;

typedef struct plan { /* a set's splits, ready to be made */
    make_split splits[COUNT(splits)];
    origin origins[COUNT(splits)];
    int n;
} plan;

static int find_list(const benchmark *b, const set *s, const char *file, origin *o)
{
    char folder[PATH_MAX], path[PATH_MAX];
    if (!b->data)
        return fault("the set %s needs the list %s/%s and its images: give the folder that holds them with --data "
                     "or OODBENCH_DATA",
                     s->name, config_text(b->c, "lists"), file);
    file_join(folder, sizeof folder, b->data, config_text(b->c, "lists"));
    file_join(path, sizeof path, folder, file);
    file_join(o->root, sizeof o->root, b->data, config_text(b->c, "images"));
    int inside = strcmp(s->group, "id") == 0 || strcmp(s->group, "csid") == 0;
    if (list_read(&o->l, path, inside ? LIST_CLASSES : LIST_OUTSIDE, b->n_classes) != 0)
        return -1;
    o->im = (images){.l = &o->l, .root = o->root, .resize = b->resize, .side = b->side};
    o->source = images_source(&o->im);
    return o->source ? 0 : -1;
}

static int find_drawn(const benchmark *b, const set *s, const char *key, int split, origin *o)
{
    o->sh = (shapes){.kind = s->drawn, .seed = b->seed, .split = (uint64_t)split};
    if (config_int(b->c, key, &o->sh.n, 1, MOST_DRAWN) != 0)
        return -1;
    o->source = shapes_source(&o->sh);
    return 0;
}

static void plan_free(plan *p)
{
    for (int i = 0; i < p->n; i++) {
        list_free(&p->origins[i].l);
        free(p->origins[i].source);
    }
}

/* Finds lists and images, or how many to draw. `p` stays where it is: its parts point at each other. */
static int plan_set(plan *p, const benchmark *b, const char *name)
{
    const set *s = find_set(b, name);
    char key[160];
    *p = (plan){0};
    if (!s)
        return fault("the benchmark %s has no set `%s`", b->name, name);
    for (int i = 0; i < COUNT(splits); i++) {
        const char *value = set_text(b, name, splits[i], key);
        if (!value)
            continue;
        origin *o = &p->origins[p->n];
        make_split *m = &p->splits[p->n];
        p->n++;
        if ((s->drawn >= 0 ? find_drawn(b, s, key, i, o) : find_list(b, s, value, o)) != 0) {
            plan_free(p);
            return -1;
        }
        *m = (make_split){
            .name = splits[i], .source = o->source, .f = s->drawn >= 0 ? shapes_fill(&o->sh) : images_fill(&o->im)};
    }
    return p->n ? 0 : fault("%s: the set %s has no split: give `train`, `val` or `test`", b->file, name);
}

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
static int imported_before(const benchmark *b, const char *name, const char *path)
{
    char key[160];
    int n = 0;
    for (int i = 0; i < COUNT(splits); i++) {
        if (!set_text(b, name, splits[i], key))
            continue;
        if (!matches(path, splits[i], NULL))
            return 0;
        n++;
    }
    return n > 0;
}

int benchmark_fresh(const benchmark *b, const char *name)
{
    char path[PATH_MAX], why[1024];
    plan p;
    if (benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    if (plan_set(&p, b, name) != 0) {
        snprintf(why, sizeof why, "%s", fault_text());
        return imported_before(b, name, path) ? 1 : fault("%s", why);
    }
    int fresh = file_exists(path);
    for (int i = 0; fresh && i < p.n; i++)
        fresh = matches(path, p.splits[i].name, p.splits[i].source);
    plan_free(&p);
    return fresh;
}

int benchmark_import(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    plan p;
    store_header h = {
        .name = name, .classes = b->classes, .n_classes = b->n_classes, .mean = b->mean, .std = b->std};
    if (benchmark_path(b, name, path, sizeof path) != 0 || plan_set(&p, b, name) != 0)
        return -1;
    int rc = make_file(path, &h, p.splits, p.n);
    plan_free(&p);
    return rc;
}
