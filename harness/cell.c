/* cell.c - one process of an experiment: trains a network, extracts features,
 * or runs one scorer, as its cell file says. It writes below the cache, its
 * checkpoint and the report pipe, and nowhere else. */
#include "../kernels/random.h"
#include "commands.h"
#include "config.h"
#include "engine.h"
#include "experiment.h"
#include "fault.h"
#include "file.h"
#include "plugin.h"
#include "report.h"
#include "score.h"
#include "train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cell {
    config *c;
    const char *kind, *run, *id;
    net *net;
    extractor extractor;
    int64_t seed;
    plugin *plugin;
} cell;

static int missing(const cell *k, const char *key)
{
    (void)k;
    return fault("the cell file has no `%s`: cells are written by `oodbench run`", key);
}

static int read_triple(const config *c, const char *key, double out[3])
{
    if (config_items(c, key) != 3)
        return fault("%s: %s is a list of three numbers, one a channel; found %d", config_origin(c, key), key,
                     config_items(c, key));
    for (int i = 0; i < 3; i++) {
        char *end;
        const char *text = config_item(c, key, i);
        out[i] = strtod(text, &end);
        if (*end || !isfinite(out[i]))
            return fault("%s: %s is a list of numbers; found `%s`", config_origin(c, key), key, text);
    }
    return 0;
}

/* The HDF5 file of a set: the key `data.<set>`. NULL with fault() set. */
static const char *set_path(const cell *k, const char *set)
{
    char key[256];
    snprintf(key, sizeof key, "data.%s", set);
    const char *path = config_text(k->c, key);
    if (!path)
        missing(k, key);
    return path;
}

static int open_network(cell *k)
{
    int64_t classes = 0;
    const char *name = config_text(k->c, "net"), *weights = config_text(k->c, "weights");
    if (!name || config_int(k->c, "classes", &classes, 2, 1 << 20) != 0 || classes == 0)
        return name && classes ? -1 : missing(k, name ? "classes" : "net");
    if (!weights && strcmp(k->kind, "train") != 0)
        return missing(k, "weights");
    if (nn_build(&k->net, name, classes, random_stream((uint64_t)k->seed, RUN_WEIGHTS)) != 0)
        return -1;
    return weights ? nn_load(k->net, weights) : 0;
}

static int open_extractor(cell *k)
{
    extractor *e = &k->extractor;
    const char *precision = config_text(k->c, "precision");
    *e = (extractor){.net = k->net, .cache = config_text(k->c, "cache"), .backend = device_name()};
    e->precision = precision ? precision : "f32";
    if (!e->cache)
        return missing(k, "cache");
    if (read_triple(k->c, "mean", e->mean) != 0 || read_triple(k->c, "std", e->std) != 0 ||
        config_flag(k->c, "fast", &e->fast) != 0)
        return -1;
    if (strcmp(e->precision, "f32") != 0 && strcmp(e->precision, "bf16") != 0)
        return fault("%s: precision is f32 or bf16; found `%s`", config_origin(k->c, "precision"), e->precision);
    nn_precision(k->net, strcmp(e->precision, "bf16") == 0);
    extractor_weights(e);
    return 0;
}

static int open_method(cell *k, const char *key)
{
    const char *name = config_text(k->c, key), *path = config_text(k->c, "methods");
    if (!name || !path)
        return missing(k, name ? "methods" : key);
    if (plugin_open(&k->plugin, path) != 0 || plugin_configure(k->plugin, k->c) != 0)
        return -1;
    const method *m = plugin_method(k->plugin);
    int scores = strcmp(key, "score") == 0;
    if (strcmp(m->name, name) != 0)
        return fault("%s: expected the method %s in %s, found %s", config_origin(k->c, key), name, path, m->name);
    if (scores ? !m->score : !m->loss && !m->step)
        return fault("%s: %s does not %s: see `oodbench methods`", config_origin(k->c, key), name, key);
    return 0;
}

/* Computes what is not cached and reports how many labels were right. */
static int extract(const cell *k, const char *set, const char *split)
{
    features f;
    const char *path = set_path(k, set);
    if (!path || features_get(&f, &k->extractor, path, split) != 0)
        return -1;
    report_line("accuracy\tset=%s\tsplit=%s\tn=%lld\tcorrect=%lld", set, split, (long long)f.n,
                (long long)features_correct(f.logits, f.labels, f.n, f.classes));
    features_free(&f);
    return 0;
}

static int features_cell(cell *k)
{
    static const char *const splits[] = {"train", "val", "test"}, *const groups[] = {"near", "far", "csid"};
    for (int i = 0; i < 3; i++)
        if (extract(k, k->id, splits[i]) != 0)
            return -1;
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < config_items(k->c, groups[g]); i++)
            if (extract(k, config_item(k->c, groups[g], i), "test") != 0)
                return -1;
    return EXIT_OK;
}

static int score_cell(cell *k)
{
    static const char *const groups[] = {"near", "far"};
    const char *id = set_path(k, k->id);
    int n = 1, room = 1 + config_items(k->c, "near") + config_items(k->c, "far");
    run r;
    if (!id || open_method(k, "score") != 0)
        return -1;
    score_set *sets = pool_host((size_t)room * sizeof *sets);
    sets[0] = (score_set){k->id, "id", id, "test"};
    int rc = 0;
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < config_items(k->c, groups[g]) && rc == 0; i++, n++) {
            const char *name = config_item(k->c, groups[g], i);
            sets[n] = (score_set){name, groups[g], set_path(k, name), "test"};
            rc = sets[n].path ? 0 : -1;
        }
    if (rc == 0) {
        run_begin(&r, &k->extractor, id, (uint64_t)k->seed);
        rc = score_sets(k->plugin, &r, sets, n);
        run_end(&r);
    }
    free(sets);
    return rc;
}

static int read_recipe(const config *c, recipe *r)
{
    *r = train_recipe();
    if (config_int(c, "epochs", &r->epochs, 1, 100000) != 0 || config_int(c, "batch", &r->batch, 1, 65536) != 0 ||
        config_real(c, "lr", &r->lr, 0, 1e6) != 0 || config_real(c, "lr_min", &r->lr_min, 0, 1e6) != 0 ||
        config_real(c, "momentum", &r->momentum, 0, 1) != 0 ||
        config_real(c, "weight_decay", &r->weight_decay, 0, 1e3) != 0 ||
        config_flag(c, "nesterov", &r->nesterov) != 0 || config_int(c, "crop", &r->crop, 0, 64) != 0 ||
        config_flag(c, "flip", &r->flip) != 0)
        return -1;
    return 0;
}

static int train_cell(cell *k)
{
    char csv[4096], name[64];
    train_job job = {.name = k->run, .id = set_path(k, k->id), .out = config_text(k->c, "out"), .csv = csv};
    run r;
    if (!job.id || read_recipe(k->c, &job.recipe) != 0 || open_method(k, "train") != 0)
        return -1;
    if (!job.out)
        return missing(k, "out");
    if (config_items(k->c, "outliers") > 1)
        return fault("%s: expected one set of outliers, found %d", config_origin(k->c, "outliers"),
                     config_items(k->c, "outliers"));
    if (config_items(k->c, "outliers") == 1 && !(job.outliers = set_path(k, config_text(k->c, "outliers"))))
        return -1;
    snprintf(name, sizeof name, "%s-train.csv", k->run);
    file_join(csv, sizeof csv, k->extractor.cache, name);
    run_begin(&r, &k->extractor, job.id, (uint64_t)k->seed);
    int rc = train_run(k->plugin, &r, &job);
    run_end(&r);
    return rc;
}

static const struct {
    const char *name;
    int (*run)(cell *);
} kinds[] = {{"train", train_cell}, {"features", features_cell}, {"score", score_cell}};

static int run_cell(cell *k, const char *path)
{
    int fast = 0;
    size_t i = 0;
    if (config_read(k->c, path) != 0)
        return -1;
    k->kind = config_text(k->c, "cell");
    k->run = config_text(k->c, "run");
    k->id = config_text(k->c, "id");
    const char *device = config_text(k->c, "device");
    if (!k->kind || !k->run || !k->id)
        return missing(k, !k->kind ? "cell" : !k->run ? "run" : "id");
    while (i < 3 && strcmp(kinds[i].name, k->kind) != 0)
        i++;
    if (i == 3)
        return fault("%s: cell is train, features or score; found `%s`", config_origin(k->c, "cell"), k->kind);
    if (config_flag(k->c, "fast", &fast) != 0 || config_int(k->c, "seed", &k->seed, 0, INT64_MAX) != 0 ||
        device_open(device ? device : "auto", fast ? BK_FAST : 0) != 0 || open_network(k) != 0 ||
        open_extractor(k) != 0)
        return -1;
    return kinds[i].run(k);
}

int cell_main(int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "--help") == 0) {
        fprintf(argc == 2 ? stdout : stderr, "usage: oodbench cell FILE.yml\n"
                                             "runs one cell of an experiment; `oodbench run` writes such files\n");
        return argc == 2 ? EXIT_OK : EXIT_CONFIG;
    }
    cell k = {.c = config_new()};
    report_open();
    int rc = run_cell(&k, argv[1]);
    if (rc < 0)
        report_line("status\t%s%s", strncmp(fault_text(), "abi: ", 5) == 0 ? "" : "failed: ", fault_text());
    if (k.net)
        nn_free(k.net);
    plugin_close(k.plugin);
    config_free(k.c);
    return rc;
}
