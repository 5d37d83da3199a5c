/* sampled.c - a model's cell file, cache/RUN.yml, says which checkpoint and which sets; with
 * the network's weights and the device that the rows name these are what the cache of
 * features goes by. Nothing is computed here but that digest of the weights. */
#include "sampled.h"
#include "../harness/cellfile.h"
#include "../harness/config.h"
#include "../harness/engine.h"
#include "../harness/features.h"
#include "../harness/file.h"
#include "../harness/text.h"
#include "../kernels/random.h"
#include "kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct looking {
    const source *from;
    char *path; /* of the cell file */
    char *cache;
    config *c;
    extractor e;
    const char *name; /* of the figure, for messages */
} looking;

/* --- The checkpoint --- */

static const int same_columns[][2] = {{ACCURACY_NET, RESULT_NET},
                                      {ACCURACY_WEIGHTS, RESULT_WEIGHTS},
                                      {ACCURACY_TRAIN, RESULT_TRAIN},
                                      {ACCURACY_TRAIN_PARAMS, RESULT_TRAIN_PARAMS},
                                      {ACCURACY_SEED, RESULT_SEED}};

/* The row of results of the same checkpoint, or -1: accuracies do not say which device. */
static int row_of(const sheet *results, const sheet *accuracy, int row)
{
    for (int r = 0; r < sheet_rows(results); r++) {
        int same = 1;
        for (size_t k = 0; same && k < sizeof same_columns / sizeof *same_columns; k++)
            same = strcmp(sheet_at(accuracy, row, same_columns[k][0]), sheet_at(results, r, same_columns[k][1])) ==
                   0;
        if (same && sheet_at(results, r, RESULT_DEVICE)[0])
            return r;
    }
    return -1;
}

static int read_three(const config *c, const char *key, double out[3])
{
    for (int i = 0; i < 3; i++) {
        const char *item = i < config_items(c, key) ? config_item(c, key, i) : "";
        char *end;
        out[i] = strtod(item, &end);
        if (end == item || *end)
            return fault("%s: `%s`: expected three numbers: cell files are written by `oodbench run`",
                         config_origin(c, "cell"), key);
    }
    return 0;
}

/* Where the cell file says, or, for results that were moved, among their weights. */
static int load(looking *k)
{
    const char *weights = config_text(k->c, "weights"), *name = config_text(k->c, "net");
    const char *slash = weights ? strrchr(weights, '/') : NULL;
    int64_t classes = 0;
    if (!weights || !name || config_int(k->c, "classes", &classes, 2, 1 << 20) != 0 || classes == 0)
        return fault("%s: expected the keys net, classes and weights: cell files are written by `oodbench run`",
                     k->path);
    char *moved = text_format("%s/weights/%s", k->from->folder, slash ? slash + 1 : weights);
    int rc = nn_read(&k->e.net, name, classes, !file_exists(weights) && file_exists(moved) ? moved : weights);
    free(moved);
    if (rc == 0)
        extractor_weights(&k->e);
    return rc;
}

static int look(looking *k, const figure_input *in, const models *m, int model)
{
    source *from = &in->sources[m->source[model]];
    const sheet *accuracy = source_accuracy(from), *results = source_results(from);
    int row = accuracy && results ? row_of(results, accuracy, m->row[model]) : -1;
    *k = (looking){.from = from, .c = config_new(), .name = in->of->name};
    if (!accuracy || !results)
        return -1;
    k->cache = text_format("%s/cache", from->folder);
    k->path = text_format("%s/%s.yml", k->cache, sheet_at(accuracy, m->row[model], ACCURACY_RUN));
    if (!file_exists(k->path))
        return fault("plot %s: there is no %s: features are kept where an experiment ran, give that folder "
                     "(results/out/NAME)",
                     k->name, k->path);
    if (row < 0)
        return fault("plot %s: results.csv has no row of %s, which would say the device of its features", k->name,
                     m->label[model]);
    k->e = (extractor){.cache = k->cache,
                       .backend = sheet_at(results, row, RESULT_DEVICE),
                       .precision = sheet_at(results, row, RESULT_PRECISION),
                       .fast = strcmp(sheet_at(results, row, RESULT_FAST), "true") == 0};
    if (config_read(k->c, k->path) != 0 || read_three(k->c, "mean", k->e.mean) != 0 ||
        read_three(k->c, "std", k->e.std) != 0)
        return -1;
    return load(k);
}

static void forget(looking *k)
{
    if (k->e.net)
        nn_free(k->e.net);
    config_free(k->c);
    free(k->path);
    free(k->cache);
}

/* --- The sets --- */

static const char *path_of(const looking *k, const char *set)
{
    char key[300];
    const char *path = cellfile_path(k->c, set, key);
    if (!path)
        fault("%s: expected the key %s: cell files are written by `oodbench run`", k->path, key);
    return path;
}

static int get(const looking *k, const char *set, const char *part, features *f)
{
    int found = features_kept(f, &k->e, path_of(k, set), part);
    if (found == 0)
        fault("plot %s: the features of %s %s are not in %s: `oodbench cell %s` computes them", k->name, set, part,
              k->cache, k->path);
    return found > 0 ? 0 : -1;
}

static void add_set(sampled *s, const char *name, const char *group)
{
    s->sets = text_more(s->sets, (size_t)(s->nsets + 1) * sizeof *s->sets);
    s->sets[s->nsets++] = (sampled_set){.name = text_copy(name), .group = group};
}

/* Every word of `names` is a set that was chosen; `all`: those that could be. */
static int check_names(const sampled *s, const looking *k, const char *names, const char *all)
{
    int rc = 0;
    for (const char *p = names; *p && rc == 0; p += strcspn(p, ","), p += *p == ',') {
        int known = 0;
        char *word = text_format("%.*s", (int)strcspn(p, ","), p);
        for (int i = 0; i < s->nsets; i++)
            known |= strcmp(s->sets[i].name, word) == 0;
        if (!known)
            rc = fault("plot %s: --sets: expected some of %s; found `%s`", k->name, all, word);
        free(word);
    }
    return rc;
}

/* Those that are named, or the first shifted and the first far set, or near where none is far. */
static int choose(sampled *s, const looking *k, const char *names)
{
    static const char *const groups[] = {"csid", "far", "near"};
    const char *id = config_text(k->c, "id");
    text all = {0};
    if (!id)
        return fault("%s: expected the key id: cell files are written by `oodbench run`", k->path);
    add_set(s, id, "id");
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < config_items(k->c, groups[g]); i++) {
            const char *set = config_item(k->c, groups[g], i);
            int usual = i == 0 && (g < 2 || config_items(k->c, "far") == 0);
            text_add(&all, "%s%s", all.n ? ", " : "", set);
            if (names[0] ? kept_listed(names, set) : usual)
                add_set(s, set, groups[g]);
        }
    int rc = check_names(s, k, names, text_str(&all));
    text_free(&all);
    return rc;
}

/* 0 in-distribution, 1 covariate-shifted, 2 semantically shifted: near and far. */
static int kind_of(const sampled_set *t)
{
    return strcmp(t->group, "id") == 0 ? 0 : strcmp(t->group, "csid") == 0 ? 1 : 2;
}

/* What of `n` images each set is to have. */
static void divide(sampled *s, int64_t n)
{
    int of_kind[3] = {0}, kinds = 0;
    for (int i = 0; i < s->nsets; i++)
        kinds += of_kind[kind_of(&s->sets[i])]++ == 0;
    for (int i = 0; i < s->nsets; i++)
        s->sets[i].n = n / kinds / of_kind[kind_of(&s->sets[i])];
}

/* Of `whole` images, in order, `n` that are chosen by chance (Knuth's algorithm S): is the
 * i-th one of them, `taken` being so already? */
static int is_drawn(uint64_t seed, int64_t i, int64_t whole, int64_t n, int64_t taken)
{
    return random_below(seed, (uint64_t)i, whole - i) < n - taken;
}

static int count(sampled_set *t, const looking *k)
{
    const char *part, *path = path_of(k, t->name);
    for (int i = 0; path && (part = cellfile_part(k->c, t->name, i)); i++) {
        dataset *d;
        if (dataset_open(&d, path, part) != 0)
            return -1;
        t->whole += dataset_count(d);
        dataset_close(d);
    }
    t->n = t->n < t->whole ? t->n : t->whole;
    return path ? 0 : -1;
}

static void keep_row(sampled *s, const features *f, int64_t row)
{
    memcpy(s->x + s->n * s->width, f->values + row * f->width, (size_t)f->width * sizeof *s->x);
    s->classes[s->n++] = f->labels[row];
}

/* A set's share of its images. */
static int take(sampled *s, const looking *k, sampled_set *t, uint64_t seed)
{
    const char *part;
    features f;
    int64_t at = 0;
    if (count(t, k) != 0)
        return -1;
    t->first = s->n;
    s->width = nn_features(k->e.net);
    s->x = text_more(s->x, (size_t)((s->n + t->n) * s->width + 1) * sizeof *s->x);
    s->classes = text_more(s->classes, (size_t)(s->n + t->n + 1) * sizeof *s->classes);
    for (int i = 0; (part = cellfile_part(k->c, t->name, i)); i++) {
        if (get(k, t->name, part, &f) != 0)
            return -1;
        for (int64_t row = 0; row < f.n; row++, at++)
            if (is_drawn(seed, at, t->whole, t->n, s->n - t->first))
                keep_row(s, &f, row);
        features_free(&f);
    }
    return 0;
}

static int sample(sampled *s, const looking *k, const char *names, int64_t n, uint64_t seed)
{
    if (choose(s, k, names) != 0)
        return -1;
    if (s->nsets == 1)
        return fault("plot %s: there is no shifted and no OOD set beside %s: run with `csid:` or `far:`", k->name,
                     s->sets[0].name);
    divide(s, n);
    for (int i = 0; i < s->nsets; i++)
        if (take(s, k, &s->sets[i], random_stream(seed, (uint64_t)i)) != 0)
            return -1;
    return 0;
}

int sampled_make(sampled *s, const figure_input *in, const models *m, int model, const char *names, int64_t n,
                 uint64_t seed)
{
    looking k;
    *s = (sampled){0};
    if (device_open("ref", 0) != 0)
        return -1;
    int rc = look(&k, in, m, model) == 0 ? sample(s, &k, names, n, seed) : -1;
    forget(&k);
    device_close();
    if (rc != 0)
        sampled_free(s);
    return rc;
}

void sampled_free(sampled *s)
{
    for (int i = 0; i < s->nsets; i++)
        free(s->sets[i].name);
    free(s->sets);
    free(s->x);
    free(s->classes);
    *s = (sampled){0};
}
