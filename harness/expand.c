/* expand.c - checks a configuration against what there is and multiplies its
 * lists out. */
#include "expand.h"
#include "fault.h"
#include "file.h"
#include "gallery.h"
#include "layout.h"
#include "models.h"
#include "recipe.h"
#include "sets.h"
#include "settings.h"
#include "spawn.h"
#include "text.h"
#include "variants.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys. */

static int unknown_parameter(const entry_point *m, const char *key, const char *origin)
{
    const char **names = text_more(NULL, (size_t)m->nparams * sizeof *names);
    for (int i = 0; i < m->nparams; i++)
        names[i] = m->params[i].name;
    const char *near = config_nearest(strchr(key, '.') + 1, names, m->nparams);
    if (near)
        fault("%s: unknown key `%s`; did you mean `%s.%s`?", origin, key, m->name, near);
    else
        fault("%s: unknown key `%s`: `oodbench show %s` prints its parameters", origin, key, m->name);
    free(names);
    return -1;
}

/* Also of methods that this experiment does not use. */
static int check_values(const entry_point *m, const parameter *p, const config *c, const char *key)
{
    config *ignored = config_new();
    int rc = 0;
    for (int i = 0; rc == 0 && i < config_items(c, key); i++)
        rc = registry_value(m, p, c, i, ignored);
    config_free(ignored);
    return rc;
}

/* Whether a method begins afresh where the others go on from `start`. */
static int is_afresh(const plan *p, const variant *train)
{
    char key[256];
    const char *own = variants_recipe_key(p, train, "start", key);
    return own == key && strcmp(config_text(p->c, key), "none") == 0;
}

static int check_start(const config *c, const char *key)
{
    const char *value = config_text(c, key);
    return value && strcmp(value, "none") == 0
               ? 0
               : fault("%s: `%s`: expected none, for a method that begins afresh where others go on from `start`",
                       config_origin(c, key), key);
}

static int check_method_key(const plan *p, const char *key)
{
    char name[256];
    const char *origin = config_origin(p->c, key), *dot = strchr(key, '.');
    snprintf(name, sizeof name, "%.*s", (int)(dot - key), key);
    entry_point *m = registry_find(&p->methods, name);
    const char *near = registry_nearest(&p->methods, name);
    if (!m)
        return fault("%s: unknown key `%s`: there is no method `%s`%s%s%s", origin, key, name,
                     near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    if (registry_describe(m) != 0)
        return -1;
    for (int i = 0; i < m->nparams; i++)
        if (strcmp(m->params[i].name, dot + 1) == 0)
            return check_values(m, &m->params[i], p->c, key);
    const setting *s = settings_find(dot + 1);
    if (strcmp(dot + 1, "start") == 0 && (m->loss || m->step))
        return check_start(p->c, key);
    if (s && s->recipe && (m->loss || m->step))
        return settings_check(p->c, key, s);
    return m->refusal ? 0 : unknown_parameter(m, key, origin); /* of one that cannot be asked, nothing is known */
}

static int check_keys(const plan *p)
{
    for (int i = 0; i < config_count(p->c); i++) {
        const char *key = config_key(p->c, i), *near = settings_nearest(key);
        int ours = !strchr(key, '.') || settings_own(key);
        if (settings_find(key))
            continue;
        if (!ours && check_method_key(p, key) != 0)
            return -1;
        if (ours)
            return fault("%s: unknown key `%s`%s%s%s", config_origin(p->c, key), key,
                         near ? "; did you mean `" : ": `oodbench run --help` lists them", near ? near : "",
                         near ? "`?" : "");
    }
    return 0;
}

static void default_number(config *c, const char *key, int64_t value)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)value);
    if (config_items(c, key) == 0)
        config_set(c, key, number, "this machine");
}

static int check_device(const config *c)
{
    char folder[PATH_MAX], name[300], path[PATH_MAX];
    const char *device = config_text(c, "device"), *other = getenv("OODBENCH_KERNELS");
    if (strcmp(device, "auto") == 0)
        return 0;
    snprintf(name, sizeof name, "%.255s.so", device);
    file_join(path, sizeof path, other ? other : layout_beside(folder, sizeof folder, "kernels"), name);
    if (strchr(device, '/') || !file_exists(path))
        return fault("%s: there is no device `%s` here: `oodbench devices` lists them", config_origin(c, "device"),
                     device);
    return 0;
}

/* Models. */

static int check_net(const config *c, const char *name)
{
    const char *known[64];
    int n = 0;
    for (; n < 64 && (known[n] = nn_known(n)); n++)
        if (strcmp(known[n], name) == 0)
            return 0;
    const char *near = config_nearest(name, known, n);
    text all = {0};
    for (int i = 0; i < n; i++)
        text_add(&all, "%s%s", i ? ", " : "", known[i]);
    fault("%s: there is no network `%s`%s%s%s; known: %s", config_origin(c, "net"), name,
          near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "", text_str(&all));
    text_free(&all);
    return -1;
}

/* {net} and {seed} filled in, {seed} by itself where results are to be averaged over seeds. */
static char *fill_in(const char *weights, const char *network, const char *seed)
{
    text t = {0};
    while (*weights) {
        int is_net = strncmp(weights, "{net}", 5) == 0, is_seed = strncmp(weights, "{seed}", 6) == 0;
        if (is_net || is_seed)
            text_add(&t, "%s", is_net ? network : seed);
        else
            text_char(&t, *weights);
        weights += is_net ? 5 : is_seed ? 6 : 1;
    }
    return t.bytes ? t.bytes : text_copy("");
}

/* As it stands from here, from the configuration's folder, or from the data folder. */
static int find_weights(const plan *p, model *m, const char *weights)
{
    char folder[PATH_MAX], path[PATH_MAX];
    const char *slash = strrchr(p->file, '/'), *data = config_text(p->c, "data");
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - p->file) : 1, slash ? p->file : ".");
    const char *from[] = {".", folder, data};
    int absolute = weights[0] == '/';
    for (int i = 0; i < (absolute ? 1 : data ? 3 : 2); i++) {
        layout_absolute(path, sizeof path, absolute ? weights : file_join(path, sizeof path, from[i], weights));
        if (!file_exists(path))
            continue;
        m->start = text_copy(path);
        return file_digest(m->digest, path);
    }
    return fault("%s: the checkpoint %s does not exist%s%s%s", config_origin(p->c, "weights"), weights,
                 absolute ? "" : " here, nor beside the configuration, nor in the data folder",
                 absolute ? ""
                 : data   ? " "
                          : " (none is given: `data:` or OODBENCH_DATA)",
                 absolute || !data ? "" : data);
}

/* What a cell computes, in a text that is the same whenever the result is: no
 * path, no limit, and not which sets it is asked about (a row is a run and a set). */
static void name_run(const plan *p, const model *m, const char *kind, const variant *score, char run[RUN_NAME])
{
    static const char *const common[] = {"id", "classes", "mean", "std", "device", "precision", "fast"};
    config *c = config_new();
    config_append(c, "cell", kind, "");
    config_append(c, "net", m->net, "");
    config_append(c, "seed", m->seed, "");
    if (m->from >= 0)
        config_append(c, "start", p->models[m->from].train_run, "");
    else if (m->start)
        config_append(c, "weights", m->digest, "");
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        config_copy(c, common[i], p->c, common[i]);
    const variant *parts[] = {m->train, score};
    for (int i = 0; i < 2; i++) {
        if (!parts[i])
            continue;
        config_append(c, i ? "score" : "train", parts[i]->method->name, "");
        config_append(c, i ? "score_params" : "train_params", i ? score->settings : m->train_settings, "");
    }
    if (score && score->grid) {
        config_append(c, "grid", score->grid, "");
        config_copy(c, "tune", p->c, "tune");
    }
    if (m->train && variants_outliers(m->train))
        config_append(c, "outliers", config_text(p->c, "outliers"), "");
    for (int a = 0; a < ANALYSES; a++)
        if (strcmp(kind, analysis_kinds[a].name) == 0) {
            char *settings = analysis_settings(p->c, a);
            config_append(c, "analysis", settings, "");
            free(settings);
        }
    char *canonical = config_canonical(c), digest[FILE_DIGEST];
    file_digest_bytes(digest, canonical, strlen(canonical));
    memcpy(run, digest, RUN_NAME - 1);
    run[RUN_NAME - 1] = '\0';
    free(canonical);
    config_free(c);
}

static char *recipe_settings(const plan *p, const variant *train, int parent)
{
    text t = {0};
    if (parent >= 0)
        text_add(&t, "start=%s", config_text(p->c, "start"));
    config *all = config_new();
    const setting *s;
    for (int i = 0; (s = settings_at(i)); i++) {
        char key[256];
        if (s->recipe)
            config_copy(all, s->key, p->c, variants_recipe_key(p, train, s->key, key));
    }
    for (int i = 0; i < config_count(all); i++) {
        const char *key = config_key(all, i);
        for (int j = 0; recipe_uses(all, key) && j < config_items(all, key); j++)
            text_add(&t, "%s%s%s%s", t.n && !j ? ";" : "", j ? " " : key, j ? "" : "=", config_item(all, key, j));
    }
    config_free(all);
    if (train->settings[0])
        text_add(&t, ";%s", train->settings);
    return t.bytes;
}

/* The model that another one of the same network, weights and seed starts from; -1: none. */
static int find_start(const plan *p, const char *network, const char *weights, const variant *train,
                      const char *seed)
{
    const char *start = config_text(p->c, "start");
    int i = 0;
    if (!start || strcmp(train->method->name, start) == 0 || is_afresh(p, train))
        return -1;
    while (strcmp(p->models[i].train->method->name, start) != 0 || strcmp(p->models[i].net, network) != 0 ||
           p->models[i].configured != weights || strcmp(p->models[i].seed, seed) != 0)
        i++;
    return i;
}

static int add_model(plan *p, const char *network, const char *weights, const variant *train, const char *seed)
{
    int from = train ? find_start(p, network, weights, train, seed) : -1;
    p->models = text_more(p->models, (size_t)(p->n + 1) * sizeof *p->models);
    model *m = &p->models[p->n++];
    *m = (model){.net = network, .configured = weights, .seed = seed, .train = train, .from = from};
    m->weights = weights ? fill_in(weights, network, "{seed}") : text_copy("");
    m->train_settings = train ? recipe_settings(p, train, from) : text_copy("");
    m->scores = text_more(NULL, (size_t)p->score.n * sizeof *m->scores);
    char *file = weights && from < 0 ? fill_in(weights, network, seed) : NULL;
    if (from >= 0)
        m->start = text_copy(p->models[from].file);
    int rc = file ? find_weights(p, m, file) : 0;
    free(file);
    if (rc != 0)
        return -1;
    name_run(p, m, "features", NULL, m->run);
    if (train)
        name_run(p, m, "train", NULL, m->train_run);
    m->file = train ? text_format("%s/weights/%s-%s-s%s-%s.safetensors", p->out, train->method->name, network, seed,
                                  m->train_run)
                    : text_copy(m->start);
    for (int i = 0; i < p->score.n; i++) {
        m->scores[i].by = &p->score.at[i];
        name_run(p, m, "score", m->scores[i].by, m->scores[i].run);
    }
    for (int a = 0; a < ANALYSES; a++)
        name_run(p, m, analysis_kinds[a].name, NULL, m->analyses[a]);
    return 0;
}

/* Puts the variant that `start` names first, so that it is trained before those that go on from it. */
static int order_start(plan *p)
{
    const char *start = config_text(p->c, "start"), *origin = config_origin(p->c, "start");
    int found = 0;
    for (int i = 0; start && i < p->train.n; i++)
        if (strcmp(p->train.at[i].method->name, start) == 0) {
            variant first = p->train.at[i];
            memmove(&p->train.at[1], p->train.at, (size_t)i * sizeof first);
            p->train.at[0] = first;
            found++;
        }
    if (!start || found == 1)
        return 0;
    return found ? fault("%s: `start`: %s has %d combinations of parameters: give it one", origin, start, found)
                 : fault("%s: `start`: %s is not in `train`: add it there", origin, start);
}

static int multiply(plan *p)
{
    const config *c = p->c;
    int nets = config_items(c, "net"), weights = config_items(c, "weights"), seeds = config_items(c, "seed");
    if (nets == 0)
        return fault("%s: no `net` is given: name a network, `net: resnet20`", p->file);
    if (weights == 0 && p->train.n == 0)
        return fault("%s: there is nothing to score: give `weights: FILE` or `train: METHOD`", p->file);
    if (p->score.n == 0 && p->train.n == 0 && config_items(c, "analyses") == 0)
        return fault("%s: there is nothing to do: give `score: METHOD` or `train: METHOD`", p->file);
    if (order_start(p) != 0)
        return -1;
    for (int i = 0; i < nets; i++) {
        const char *network = config_item(c, "net", i);
        if (check_net(c, network) != 0)
            return -1;
        for (int j = 0; j < weights || j == 0; j++)
            for (int k = 0; k < p->train.n || k == 0; k++)
                for (int l = 0; l < seeds; l++)
                    if (add_model(p, network, config_item(c, "weights", j), p->train.n ? &p->train.at[k] : NULL,
                                  config_item(c, "seed", l)) != 0)
                        return -1;
    }
    return 0;
}

static void choose_output(plan *p)
{
    char path[PATH_MAX];
    const char *slash = strrchr(p->file, '/'), *stem = slash ? slash + 1 : p->file, *dot = strrchr(stem, '.');
    p->name = text_format("%.*s", dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem), stem);
    if (config_text(p->c, "out")) {
        p->out = text_copy(layout_absolute(path, sizeof path, config_text(p->c, "out")));
    } else {
        char folder[PATH_MAX];
        layout_made(folder, sizeof folder, "results/out");
        p->out = text_copy(file_join(path, sizeof path, folder, p->name));
    }
    p->cache = text_format("%s/cache", p->out);
}

static void choose_machine(plan *p)
{
    int64_t jobs = 1, memory = spawn_memory_mb() / 10 * 9;
    config_int(p->c, "jobs", &jobs, 1, SPAWN_MOST);
    default_number(p->c, "threads", spawn_processors() > jobs ? spawn_processors() / jobs : 1);
    default_number(p->c, "limit_mb", memory / jobs);
    choose_output(p);
}

int expand_given(plan *p, const char digest[65])
{
    if (check_keys(p) != 0 || check_device(p->c) != 0)
        return -1;
    choose_machine(p);
    if (variants_choose(p, &p->score, "score") != 0)
        return -1;
    const char *slash = strrchr(p->file, '/');
    model *m = p->models = text_more(NULL, sizeof *p->models);
    *m = (model){.net = "features", .seed = config_text(p->c, "seed"), .from = -1};
    m->weights = text_copy(slash ? slash + 1 : p->file);
    m->start = text_copy(p->file);
    m->file = text_copy(p->file);
    m->train_settings = text_copy("");
    m->scores = text_more(NULL, (size_t)p->score.n * sizeof *m->scores);
    memcpy(m->digest, digest, sizeof m->digest);
    p->n = 1;
    for (int i = 0; i < p->score.n; i++) {
        m->scores[i].by = &p->score.at[i];
        name_run(p, m, "score", m->scores[i].by, m->scores[i].run);
    }
    return 0;
}

int expand(plan *p, int argc, char **argv)
{
    *p = (plan){.c = config_new(), .words = argv, .nwords = argc};
    int rc = settings_load(p->c, &p->file, argc, argv);
    if (rc == 0)
        rc = registry_open(&p->methods);
    if (rc == 0)
        rc = check_keys(p) != 0 || check_device(p->c) != 0 || sets_choose(&p->b, p->c, p->file) != 0 ||
                     analysis_check(p->c) != 0 || gallery_check(p->c) != 0
                 ? -1
                 : 0;
    if (rc == 0) {
        choose_machine(p);
        rc = variants_choose(p, &p->train, "train") != 0 || variants_choose(p, &p->score, "score") != 0 ||
                     multiply(p) != 0
                 ? -1
                 : 0;
    }
    if (rc != 0)
        expand_free(p);
    return rc;
}

void expand_free(plan *p)
{
    for (int i = 0; i < p->n; i++) {
        model *m = &p->models[i];
        free(m->weights);
        free(m->start);
        free(m->train_settings);
        free(m->file);
        free(m->scores);
    }
    free(p->models);
    variants_free(&p->train);
    variants_free(&p->score);
    free(p->name);
    free(p->out);
    free(p->cache);
    if (p->b)
        benchmark_close(p->b);
    registry_close(&p->methods);
    config_free(p->c);
    *p = (plan){0};
}
