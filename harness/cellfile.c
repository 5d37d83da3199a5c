/* cellfile.c - what a cell is told: a flat configuration, every key in it. */
#include "cellfile.h"
#include "expand.h"
#include "settings.h"
#include "text.h"
#include "variants.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

const char *cellfile_path(const config *c, const char *set, char key[300])
{
    snprintf(key, 300, "data.%.255s", set);
    return config_text(c, key);
}

const char *cellfile_part(const config *c, const char *set, int i)
{
    char key[300];
    snprintf(key, sizeof key, "parts.%.255s", set);
    return config_has(c, key) ? config_item(c, key, i) : i == 0 ? "test" : NULL;
}

static void put(config *c, const char *key, const char *value)
{
    config_set(c, key, "null", "");
    if (value)
        config_append(c, key, value, "");
}

/* Where the sets of a key are. */
static void put_paths(config *c, const plan *p, const char *key)
{
    for (int i = 0; i < config_items(c, key); i++) {
        char path[PATH_MAX] = "", name[300];
        const char *set = config_item(c, key, i);
        snprintf(name, sizeof name, "data.%.255s", set);
        if (config_has(p->c, name)) { /* of features from elsewhere */
            config_copy(c, name, p->c, name);
            continue;
        }
        benchmark_path(p->b, set, path, sizeof path);
        put(c, name, path);
    }
}

static int has(const config *c, const char *key, const char *item)
{
    for (int i = 0; i < config_items(c, key); i++)
        if (strcmp(config_item(c, key, i), item) == 0)
            return 1;
    return 0;
}

/* Which splits make a shifted set up. */
static void put_parts(config *c, const plan *p, const char *set)
{
    char name[300];
    const char *part;
    snprintf(name, sizeof name, "parts.%.255s", set);
    for (int i = 0; p->b && (part = benchmark_part(p->b, set, i)); i++)
        config_append(c, name, part, "");
}

/* What a cell has to look at for the rows wanted of it: a full-spectrum row needs
 * its own set and all that are shifted. */
static void put_sets(config *c, const plan *p, const config *sets)
{
    static const char *const keys[][2] = {{"near", "fsnear"}, {"far", "fsfar"}};
    int shifted = config_items(sets, "csid");
    for (int k = 0; k < 2; k++) {
        config_copy(c, keys[k][0], sets, keys[k][0]);
        for (int i = 0; i < config_items(sets, keys[k][1]); i++, shifted++)
            if (!has(c, keys[k][0], config_item(sets, keys[k][1], i)))
                config_append(c, keys[k][0], config_item(sets, keys[k][1], i), "");
    }
    put(c, "csid", NULL);
    if (shifted)
        config_copy(c, "csid", p->c, "csid");
    for (int i = 0; i < config_items(c, "csid"); i++)
        put_parts(c, p, config_item(c, "csid", i));
}

static void put_method(config *c, const char *key, const variant *v)
{
    put(c, key, v->method->name);
    put(c, "methods", v->method->path);
    if (v->base)
        put(c, "base", v->base->path);
    for (int i = 0; i < config_count(v->keys); i++)
        config_copy(c, config_key(v->keys, i), v->keys, config_key(v->keys, i));
}

const char *const cell_kinds[] = {"train", "features", "score", "landscape", "sharpness"};

static const char *run_of(const model *m, enum cell_kind kind, const scored *by)
{
    return kind == CELL_TRAIN      ? m->train_run
           : kind >= CELL_ANALYSIS ? m->analyses[kind - CELL_ANALYSIS]
           : by                    ? by->run
                                   : m->run;
}

char *expand_cell(const plan *p, const model *m, enum cell_kind kind, const scored *by, const config *sets)
{
    static const char *const same[] = {"id",        "classes", "mean",    "std",    "tune",  "outliers", "device",
                                       "precision", "fast",    "threads", "search", "given", "cosine",   NULL};
    static const char *const groups[] = {"id", "near", "far", "csid", "tune", "outliers", NULL};
    config *c = config_new();
    put(c, "cell", cell_kinds[kind]);
    put(c, "run", run_of(m, kind, by));
    put(c, "net", m->net);
    put(c, "seed", m->seed);
    put(c, "weights", kind == CELL_TRAIN ? m->start : m->file);
    put(c, "cache", p->cache);
    put(c, "results", by ? p->out : NULL);
    for (int i = 0; same[i]; i++)
        config_copy(c, same[i], p->c, same[i]);
    put_sets(c, p, sets);
    for (int i = 0; kind >= CELL_ANALYSIS && i < config_count(sets); i++)
        config_copy(c, config_key(sets, i), sets, config_key(sets, i));
    for (int i = 0; groups[i]; i++)
        put_paths(c, p, groups[i]);
    if (kind == CELL_TRAIN) {
        const setting *s;
        char from[256];
        put(c, "out", m->file);
        config_copy(c, "save_s", p->c, "save_s");
        config_copy(c, "ranks", p->c, "ranks");
        config_copy(c, "mpirun", p->c, "mpirun");
        for (int i = 0; (s = settings_at(i)); i++)
            if (s->recipe)
                config_copy(c, s->key, p->c, variants_recipe_key(p, m->train, s->key, from));
        put_method(c, "train", m->train);
    }
    if (by)
        put_method(c, "score", by->by);
    char *canonical = config_canonical(c);
    config_free(c);
    return canonical;
}
