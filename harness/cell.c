/* cell.c - one process of an experiment: trains a network, extracts features,
 * or runs one scorer, as its cell file says. It writes below the cache, its
 * checkpoint and the report pipe, and nowhere else. */
#include "cell.h"
#include "../datasets/hdf.h"
#include "../kernels/random.h"
#include "cellfile.h"
#include "commands.h"
#include "engine.h"
#include "fault.h"
#include "given_features.h"
#include "ranks.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cell_missing(const char *key)
{
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

const char *cell_set_path(const cell *k, const char *set)
{
    char key[300];
    const char *path = cellfile_path(k->c, set, key);
    if (!path)
        cell_missing(key);
    return path;
}

static int open_device(cell *k)
{
    extractor *e = &k->extractor;
    const char *device = config_text(k->c, "device"), *precision = config_text(k->c, "precision");
    e->precision = precision ? precision : "f32";
    int tf32 = strcmp(e->precision, "tf32") == 0;
    if (config_flag(k->c, "fast", &e->fast) != 0)
        return -1;
    if (!tf32 && strcmp(e->precision, "f32") != 0 && strcmp(e->precision, "bf16") != 0)
        return fault("%s: precision is f32, tf32 or bf16; found `%s`", config_origin(k->c, "precision"),
                     e->precision);
    return device_open(device ? device : "auto", (e->fast ? BK_FAST : 0U) | (tf32 ? BK_TF32 : 0U));
}

static int open_network(cell *k)
{
    int64_t classes = 0;
    const char *name = config_text(k->c, "net"), *weights = config_text(k->c, "weights");
    if (!name || config_int(k->c, "classes", &classes, 2, 1 << 20) != 0 || classes == 0)
        return name && classes ? -1 : cell_missing(name ? "classes" : "net");
    if (!weights && strcmp(k->kind, "train") != 0)
        return cell_missing("weights");
    return weights ? nn_read(&k->net, name, classes, weights)
                   : nn_build(&k->net, name, classes, random_stream((uint64_t)k->seed, RUN_WEIGHTS));
}

static int open_extractor(cell *k)
{
    extractor *e = &k->extractor;
    e->net = k->net;
    e->cache = config_text(k->c, "cache");
    e->backend = device_name();
    if (!e->cache)
        return cell_missing("cache");
    if (read_triple(k->c, "mean", e->mean) != 0 || read_triple(k->c, "std", e->std) != 0)
        return -1;
    nn_precision(k->net, strcmp(e->precision, "bf16") == 0);
    extractor_weights(e);
    return 0;
}

/* Features from elsewhere: of a network there is at most the last layer. */
static int open_given(cell *k, const char *path)
{
    double cosine = 0;
    if (strcmp(k->kind, "score") != 0)
        return fault("%s: features from elsewhere can be scored, and nothing else", config_origin(k->c, "given"));
    if (config_real(k->c, "cosine", &cosine, 0, 1e6) != 0 || given_open(&k->given, path, cosine, 0) != 0 ||
        given_net(&k->net, k->given) != 0)
        return -1;
    k->extractor.net = k->net;
    k->extractor.given = k->given;
    k->extractor.backend = device_name();
    nn_precision(k->net, strcmp(k->extractor.precision, "bf16") == 0);
    return 0;
}

int cell_open_method(cell *k, const char *key)
{
    const char *name = config_text(k->c, key), *path = config_text(k->c, "methods");
    if (!name || !path)
        return cell_missing(name ? "methods" : key);
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

static const struct {
    const char *name;
    int (*run)(cell *);
} kinds[] = {{"train", cell_train},
             {"features", cell_features},
             {"score", cell_score},
             {"landscape", cell_landscape},
             {"sharpness", cell_sharpness}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* One of several ranks joins the others before it opens a device, since it takes a card of its own. */
static int open_ranked(cell *k, const char *path)
{
    bool slow;
    int64_t ranks = strcmp(k->kind, "train") == 0 ? cell_ranks(k) : 1;
    if (ranks > 1 && !k->starter)
        return cell_ranks_start(k, path, ranks);
    if (ranks < 1 || (ranks > 1 && cell_ranks_join(ranks) != 0) || open_device(k) != 0 ||
        ranks_open_device(&slow) != 0)
        return -1;
    if (slow && ranks_here() == 0)
        report_line("note\tkernels/wire/nccl.so was not built: sums over cards pass through the host");
    return 0;
}

static int run_cell(cell *k, const char *path)
{
    int i = 0;
    if (config_read(k->c, path) != 0)
        return -1;
    k->kind = config_text(k->c, "cell");
    k->run = config_text(k->c, "run");
    k->id = config_text(k->c, "id");
    if (!k->kind || !k->run || !k->id)
        return cell_missing(!k->kind ? "cell" : !k->run ? "run" : "id");
    while (i < KINDS && strcmp(kinds[i].name, k->kind) != 0)
        i++;
    if (i == KINDS)
        return fault("%s: cell is train, features, score, landscape or sharpness; found `%s`",
                     config_origin(k->c, "cell"), k->kind);
    if (config_int(k->c, "seed", &k->seed, 0, INT64_MAX) != 0 || open_ranked(k, path) != 0)
        return -1;
    const char *elsewhere = config_text(k->c, "given");
    if (elsewhere ? open_given(k, elsewhere) != 0 : open_network(k) != 0 || open_extractor(k) != 0)
        return -1;
    return kinds[i].run(k);
}

/* The reason is this process's alone where others have the same task. */
static void tell_end(int rc)
{
    int marked = strncmp(fault_text(), "abi: ", 5) == 0 || strncmp(fault_text(), "needs: ", 7) == 0;
    if (rc < 0)
        report_line("status\t%s%s", marked ? "" : "failed: ", fault_text());
    else
        ranks_close(); /* a rank that fails does not wait for the others */
}

int cell_main(int argc, char **argv)
{
    int ranked = argc == 4 && strcmp(argv[2], "--ranked") == 0;
    if ((argc != 2 && !ranked) || strcmp(argv[1], "--help") == 0) {
        fprintf(argc == 2 ? stdout : stderr, "usage: oodbench cell FILE.yml\n"
                                             "runs one cell of an experiment; `oodbench run` writes such files\n");
        return argc == 2 ? EXIT_OK : EXIT_CONFIG;
    }
    cell k = {.c = config_new(), .starter = ranked ? argv[3] : NULL};
    if (ranked)
        cell_ranks_bind(k.starter);
    else
        report_open();
    hdf_dare();
    int rc = run_cell(&k, argv[1]);
    tell_end(rc);
    if (k.net)
        nn_free(k.net);
    plugin_close(k.plugin);
    given_close(k.given);
    config_free(k.c);
    return rc;
}
