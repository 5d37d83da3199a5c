/* benchmark.c - reads datasets/<name>.yml and makes its sets. The keys:
 *
 *   classes: [airplane, ...]    names, in the order of the labels; or how many
 *   side: 32                    height and width of the images
 *   resize: 32                  their shorter side before the centre crop
 *   mean, std: [r, g, b]        of values in 0..1
 *   store: pixels               as they are shown, or `files`: images of lists and of trees are
 *                               kept as the files they are and decoded when they are read
 *   lists, images: FOLDER       below the user's data folder; or else
 *   generator: shapes, seed: 1  the program draws the images itself
 *   sets.<set>.group: near      id near far csid outliers tune
 *   sets.<set>.test: FILE.txt   also train, val: a list, or how many to draw
 *   sets.<set>.images: FOLDER   of its lists, where they are not in `images`
 *   sets.<set>.resize: 224      of its images, where it is not `resize`; none: only cropped
 *   sets.<set>.store: files     where it is not `store`
 *   from, sets.<set>.from: URL  where people get the lists, the images of the set
 *   sets.<set>.draw: plasma     what to draw, when it is not called as the set
 *
 * Covariate-shifted sets, a split for each corruption and severity:
 *   sets.<set>.corrupt: cifar10     its test images, corrupted by the program, or
 *   sets.<set>.npy: FOLDER          the published files below the user's data folder
 *   sets.<set>.corruptions: [main]  names, main, extra, all
 *   sets.<set>.severities: [1, 3]   all five
 *   sets.<set>.seed: 0              of the corruptions
 * and images that somebody saved in one array:
 *   sets.<set>.npy: FILE.npy        near, far, tune, outliers
 * and sets as others publish them, below the user's data folder (format.h):
 *   sets.<set>.mat: SVHN/test_32x32.mat     also cifar, idx, npz, hdf5, tree
 *                                           (of id without val, every tenth test image is)
 *   sets.<set>.take: classes                of a tree only the folders that `classes` names (id, csid);
 *                                           others: all but those (near, far, tune, outliers)
 *   sets.<set>.images, labels: NAME         arrays inside, where they are not called as usual */
#include "benchmark.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/layout.h"
#include "../harness/text.h"
#include "sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"classes", "side",      "resize", "mean", "std",  "lists",
                                   "images",  "generator", "seed",   "sets", "from", "store"};
static const char *const set_keys[] = {
    "group", "train", "val", "test", "draw", "corrupt", "npy",    "corruptions", "severities", "seed", "cifar",
    "idx",   "npz",   "mat", "hdf5", "tree", "images",  "labels", "resize",      "from",       "take", "store"};
static const char *const groups[] = {"id", "near", "far", "csid", "outliers", "tune"};
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

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
        if (below && strcmp(below, "corruptions") != 0 && strcmp(below, "severities") != 0 &&
            !config_text(b->c, key))
            return fault("%s: `%s` has no value, or several: expected one", config_origin(b->c, key), key);
        if (!below && find(key, keys, COUNT(keys)) < 0)
            return misspelt(b, key, "key", key, keys, COUNT(keys));
    }
    return 0;
}

const bench_set *benchmark_find(const benchmark *b, const char *name)
{
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->sets[i].name, name) == 0)
            return &b->sets[i];
    return NULL;
}

const char *benchmark_text(const benchmark *b, const char *name, const char *below, char key[160])
{
    snprintf(key, 160, "sets.%s.%s", name, below);
    return config_text(b->c, key);
}

static int read_group(const benchmark *b, bench_set *s)
{
    char key[160];
    const char *group = benchmark_text(b, s->name, "group", key);
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
static int read_drawn(const benchmark *b, bench_set *s)
{
    char key[160];
    if (!config_text(b->c, "generator"))
        return 0;
    const char *kind = benchmark_text(b, s->name, "draw", key);
    s->drawn = shapes_kind(kind ? kind : s->name);
    if (s->drawn < 0)
        return fault("%s: the set %s: nothing called `%s` can be drawn: give `draw`", b->file, s->name,
                     kind ? kind : s->name);
    for (int i = 0; i < SOURCES_SPLITS; i++) {
        int64_t n = 0;
        if (benchmark_text(b, s->name, sources_splits[i], key) &&
            config_int(b->c, key, &n, 1, SOURCES_MOST_DRAWN) != 0)
            return -1;
    }
    return 0;
}

static int has(const benchmark *b, const bench_set *s, const char *below)
{
    char key[160];
    snprintf(key, sizeof key, "sets.%s.%s", s->name, below);
    return config_has(b->c, key);
}

/* The items of `sets.<set>.<below>`; the caller frees the array, not what it points at. */
static const char **words(const benchmark *b, const bench_set *s, const char *below, int *n)
{
    char key[160];
    snprintf(key, sizeof key, "sets.%s.%s", s->name, below);
    *n = config_items(b->c, key);
    const char **w = text_more(NULL, (size_t)(*n + 1) * sizeof *w);
    for (int i = 0; i < *n; i++)
        w[i] = config_item(b->c, key, i);
    return w;
}

static int read_parts(const benchmark *b, bench_set *s)
{
    char key[160];
    parts_wish w = {.published = s->npy != NULL};
    const char **c = words(b, s, "corruptions", &w.n_corruptions);
    const char **v = words(b, s, "severities", &w.n_severities);
    w.corruptions = c;
    w.severities = v;
    int rc = parts_choose(&s->parts, &w);
    if (rc != 0) {
        snprintf(key, sizeof key, "sets.%s.%s", s->name, s->npy ? "npy" : "corrupt");
        rc = fault("%s: the set %s: %s", config_origin(b->c, key), s->name, fault_text());
    }
    free(c);
    free(v);
    return rc;
}

static int ends_in(const char *word, const char *tail)
{
    size_t n = strlen(word), k = strlen(tail);
    return n > k && strcmp(word + n - k, tail) == 0;
}

/* `corrupt` and `npy` say where all images come from, so other keys have to stay away. */
static int check_shifted(const benchmark *b, const bench_set *s)
{
    static const char *const others[] = {"train", "val", "test", "draw"};
    const char *by = s->corrupt ? "corrupt" : "npy";
    if (s->corrupt && s->npy)
        return fault("%s: the set %s has `corrupt` and `npy`: keep one", b->file, s->name);
    for (int i = 0; i < COUNT(others); i++)
        if (has(b, s, others[i]))
            return fault("%s: the set %s has `%s` and `%s`: keep one", b->file, s->name, by, others[i]);
    if (s->npy && has(b, s, "seed"))
        return fault("%s: the set %s: `seed` is of `corrupt`, nothing is drawn for `npy`", b->file, s->name);
    int several = s->corrupt || !ends_in(s->npy, ".npy");
    if (several && strcmp(s->group, "csid") != 0)
        return fault("%s: the set %s is covariate-shifted by its `%s`: expected `group: csid`, found %s", b->file,
                     s->name, by, s->group);
    if (!several && (strcmp(s->group, "csid") == 0 || strcmp(s->group, "id") == 0))
        return fault(
            "%s: the set %s: a single .npy file has no labels: expected a folder, or another group than %s",
            b->file, s->name, s->group);
    return 0;
}

/* corrupt, npy, and what goes with them. */
static int read_shifted(const benchmark *b, bench_set *s)
{
    static const char *const with[] = {"corruptions", "severities", "seed"};
    char key[160];
    int64_t seed = 0;
    s->corrupt = benchmark_text(b, s->name, "corrupt", key);
    s->npy = benchmark_text(b, s->name, "npy", key);
    if ((s->corrupt || s->npy) && check_shifted(b, s) != 0)
        return -1;
    int several = s->corrupt || (s->npy && !ends_in(s->npy, ".npy"));
    for (int i = 0; !several && i < COUNT(with); i++)
        if (has(b, s, with[i]))
            return fault("%s: the set %s has `%s`, which goes with `corrupt` or a folder in `npy`", b->file,
                         s->name, with[i]);
    benchmark_text(b, s->name, "seed", key);
    if (config_int(b->c, key, &seed, 0, INT64_MAX) != 0)
        return -1;
    s->seed = (uint64_t)seed;
    return several ? read_parts(b, s) : 0;
}

/* What is corrupted is a set with test images of its own. */
static int check_whole(const benchmark *b, const bench_set *s)
{
    char key[160];
    const bench_set *whole = s->corrupt ? benchmark_find(b, s->corrupt) : s;
    const char *near = whole ? NULL : benchmark_nearest(b, s->corrupt);
    benchmark_text(b, s->name, "corrupt", key);
    if (!whole)
        return fault("%s: the set %s: there is no set `%s` to corrupt%s%s%s", config_origin(b->c, key), s->name,
                     s->corrupt, near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    if (s->corrupt && !has(b, whole, "test") && !whole->form)
        return fault("%s: the set %s: %s has no `test` images of its own to corrupt", config_origin(b->c, key),
                     s->name, s->corrupt);
    return 0;
}

/* cifar, mat and so on: all images of the set. */
static int read_form(const benchmark *b, bench_set *s)
{
    static const char *const others[] = {"train", "val", "test", "draw", "corrupt", "npy"};
    char key[160];
    for (int i = 0; format_at(i); i++) {
        const char *name = format_at(i)->name, *path = benchmark_text(b, s->name, name, key);
        if (path && s->form)
            return fault("%s: the set %s has `%s` and `%s`: keep one", b->file, s->name, s->form->name, name);
        if (path) {
            s->form = format_at(i);
            s->path = path;
        }
    }
    for (int i = 0; s->form && i < COUNT(others); i++)
        if (has(b, s, others[i]))
            return fault("%s: the set %s has `%s` and `%s`: keep one", b->file, s->name, s->form->name, others[i]);
    int listed = has(b, s, "train") || has(b, s, "val") || has(b, s, "test");
    if (!s->form && ((has(b, s, "images") && !listed) || has(b, s, "labels")))
        return fault(
            "%s: the set %s has `images` or `labels`, which name arrays of npz, mat or hdf5, or the labels "
            "of idx",
            b->file, s->name);
    return 0;
}

/* Folders are told apart by the classes' names. */
static int read_take(const benchmark *b, bench_set *s)
{
    static const char *const words[] = {[TAKE_CLASSES - 1] = "classes", [TAKE_OTHERS - 1] = "others"};
    char key[160];
    const char *said = benchmark_text(b, s->name, "take", key);
    int inside = strcmp(s->group, "id") == 0 || strcmp(s->group, "csid") == 0, which = inside ? 0 : 1;
    if (!said)
        return 0;
    if (find(said, words, COUNT(words)) < 0)
        return misspelt(b, key, "value of `take`", said, words, COUNT(words));
    if (!s->form || strcmp(s->form->name, "tree") != 0)
        return fault("%s: the set %s: `take` goes with `tree`, whose folders it is about", config_origin(b->c, key),
                     s->name);
    if (b->numbers)
        return fault("%s: the set %s: `take` needs `classes` by name, as the folders are called",
                     config_origin(b->c, key), s->name);
    if (strcmp(said, words[which]) != 0)
        return fault("%s: the set %s of the group %s: expected `take: %s`, found %s", config_origin(b->c, key),
                     s->name, s->group, words[which], said);
    s->take = inside ? TAKE_CLASSES : TAKE_OTHERS;
    return 0;
}

static int check_lists(const benchmark *b, const bench_set *s)
{
    if (config_text(b->c, "generator") || (config_text(b->c, "lists") && config_text(b->c, "images")))
        return 0;
    return fault("%s: the set %s has lists: expected `lists` and `images`, folders below the data folder, or a "
                 "`generator`",
                 b->file, s->name);
}

/* What is drawn, corrupted or an array of the right size is never resized. */
static int read_resize(const benchmark *b, bench_set *s)
{
    char key[160];
    const char *given = benchmark_text(b, s->name, "resize", key);
    s->resize = b->resize;
    if (given && (s->corrupt || s->npy || config_text(b->c, "generator")))
        return fault("%s: the set %s: `resize` goes with lists of images and with published forms",
                     config_origin(b->c, key), s->name);
    if (given && strcmp(given, "none") == 0) {
        s->resize = -1;
        return 0;
    }
    return config_int(b->c, key, &s->resize, 1, 4096);
}

static int read_set(const benchmark *b, bench_set *s)
{
    s->drawn = -1;
    if (read_group(b, s) != 0 || read_form(b, s) != 0 || read_take(b, s) != 0 || read_shifted(b, s) != 0 ||
        read_resize(b, s) != 0)
        return -1;
    if (s->corrupt || s->npy || s->form)
        return 0;
    return check_lists(b, s) != 0 ? -1 : read_drawn(b, s);
}

static int read_sets(benchmark *b)
{
    char name[64];
    for (int i = 0; i < config_count(b->c); i++) {
        if (!set_key(config_key(b->c, i), name) || benchmark_find(b, name))
            continue;
        b->sets = text_more(b->sets, (size_t)(b->n + 1) * sizeof *b->sets);
        b->sets[b->n] = (bench_set){.name = text_copy(name)};
        b->n++;
        if (read_set(b, &b->sets[b->n - 1]) != 0 || benchmark_store(b, &b->sets[b->n - 1]) != 0)
            return -1;
    }
    for (int i = 0; i < b->n; i++)
        if (check_whole(b, &b->sets[i]) != 0)
            return -1;
    for (int i = 0; i < b->n; i++)
        b->sets[i].trainless = sources_trainless(b, &b->sets[i]);
    return b->n ? 0 : fault("%s: there are no `sets`", b->file);
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
    if (rc != 0 || config_read(b->c, b->file) != 0 || check_keys(b) != 0 || benchmark_settings(b) != 0 ||
        read_sets(b) != 0) {
        benchmark_close(b);
        return -1;
    }
    *out = b;
    return 0;
}

int benchmark_named(benchmark **b, const char *named, const char *data, const char *imported)
{
    char folder[PATH_MAX], name[PATH_MAX], made[PATH_MAX], file[PATH_MAX];
    const char *env = getenv("OODBENCH_DATA");
    layout_imported(made, sizeof made);
    layout_root(folder, sizeof folder, "datasets");
    snprintf(name, sizeof name, "%s", named);
    if (strchr(named, '/') || ends_in(named, ".yml")) {
        layout_absolute(folder, sizeof folder, named);
        char *slash = strrchr(folder, '/');
        snprintf(name, sizeof name, "%.*s", (int)(strlen(slash + 1) - (ends_in(named, ".yml") ? 4 : 0)), slash + 1);
        *slash = '\0';
    }
    snprintf(file, sizeof file, "%.2000s/%.2000s.yml", folder, name);
    if (!file_exists(file))
        return fault("there is no benchmark %s: expected the file %s", named, file);
    return benchmark_open(b, folder, name, data ? data : env && *env ? env : NULL, imported ? imported : made);
}

void benchmark_close(benchmark *b)
{
    if (!b)
        return;
    for (int i = 0; i < b->n; i++) {
        free(b->sets[i].name);
        parts_free(&b->sets[i].parts);
        free(b->sets[i].trainless);
    }
    free(b->sets);
    free(b->classes);
    free(b->numbers);
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
    const bench_set *s = benchmark_find(b, name);
    return s ? s->group : NULL;
}

const char *benchmark_trainless(const benchmark *b, const char *name)
{
    const bench_set *s = benchmark_find(b, name);
    return s ? s->trainless : NULL;
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

const char *benchmark_part(const benchmark *b, const char *name, int i)
{
    const bench_set *s = benchmark_find(b, name);
    if (s && s->parts.n)
        return i < s->parts.n ? s->parts.at[i].name : NULL;
    return s && i == 0 ? "test" : NULL;
}

int benchmark_path(const benchmark *b, const char *name, char *path, size_t cap)
{
    const bench_set *s = benchmark_find(b, name);
    if (!s)
        return fault("the benchmark %s has no set `%s`", b->name, name);
    if ((size_t)snprintf(path, cap, "%s/%s/%s.h5", b->imported, b->name, s->name) >= cap)
        return fault("the path %s/%s/%s.h5 is too long", b->imported, b->name, s->name);
    return 0;
}
