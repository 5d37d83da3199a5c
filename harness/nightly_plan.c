/* nightly_plan.c - reads the file of a nightly. Paths in it are taken from its folder. */
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "machine.h"
#include "nightly.h"
#include "settings.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const plain[] = {"out",   "history",      "level",   "correction", "exact",
                                    "speed", "speed_factor", "reports", NULL};
static const char *const of_experiments[] = {"run", "baseline", "needs", "options", NULL};

static int is_listed(const char *word, const char *const list[])
{
    for (int i = 0; list[i]; i++)
        if (strcmp(list[i], word) == 0)
            return 1;
    return 0;
}

static int unknown(const config *c, const char *key, const char *word, const char *const known[])
{
    int n = 0;
    while (known[n])
        n++;
    const char *near = config_nearest(word, known, n);
    text all = {0};
    for (int i = 0; i < n; i++)
        text_add(&all, "%s%s", i ? ", " : "", known[i]);
    fault("%s: unknown key `%s`%s%s%s: `%s` is none of %s", config_origin(c, key), key,
          near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "", word, text_str(&all));
    text_free(&all);
    return -1;
}

/* Keys at the top; what stands below `tolerance` and `experiments`. */

static int check_tolerance(const config *c, const char *key)
{
    const char *known[CHECKED + 1] = {"acc"};
    double ignored;
    for (int i = 0; i < MEASURES; i++)
        known[i + 1] = measures[i].name;
    const char *word = key + strlen("tolerance.");
    return is_listed(word, known) ? config_real(c, key, &ignored, 0, 100) : unknown(c, key, word, known);
}

static experiment *named(night *n, const char *name)
{
    for (int i = 0; i < n->n; i++)
        if (strcmp(n->at[i].name, name) == 0)
            return &n->at[i];
    n->at = text_more(n->at, (size_t)(n->n + 1) * sizeof *n->at);
    n->at[n->n] = (experiment){.name = text_copy(name), .options = config_new()};
    return &n->at[n->n++];
}

/* "demo.options.epochs", behind `experiments.`. */
static int take_experiment(night *n, const char *key)
{
    char name[256], word[64];
    const char *rest = key + strlen("experiments."), *own = strchr(rest, '.');
    snprintf(name, sizeof name, "%.*s", own ? (int)(own - rest) : (int)strlen(rest), rest);
    experiment *e = named(n, name);
    if (!own && config_items(n->c, key))
        return fault("%s: `%s` must have keys below it, such as `run: %s.yml`", config_origin(n->c, key), key,
                     name);
    if (!own)
        return 0;
    own++;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(own, "."), own);
    const char *below = strchr(own, '.');
    if (!is_listed(word, of_experiments))
        return unknown(n->c, key, word, of_experiments);
    if ((strcmp(word, "options") == 0) != (below != NULL))
        return fault("%s: `%s`: %s", config_origin(n->c, key), key,
                     below ? "there is nothing to be said below it"
                           : "options of the run stand below it, such as `options: {epochs: 1}`");
    if (below)
        config_copy(e->options, below + 1, n->c, key);
    return 0;
}

static int take_keys(night *n)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < config_count(n->c); i++) {
        const char *key = config_key(n->c, i);
        const char *known[16] = {"experiments", "tolerance"};
        for (int j = 0; plain[j]; j++)
            known[2 + j] = plain[j];
        if (strncmp(key, "experiments.", 12) == 0)
            rc = take_experiment(n, key);
        else if (strncmp(key, "tolerance.", 10) == 0)
            rc = check_tolerance(n->c, key);
        else if (!is_listed(key, plain))
            rc = unknown(n->c, key, key, known);
    }
    return rc;
}

/* Values. */

static char *from_folder(const night *n, const char *path)
{
    char whole[PATH_MAX], folder[PATH_MAX];
    const char *slash = strrchr(n->file, '/');
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - n->file), n->file);
    return text_copy(path[0] == '/' ? path : file_join(whole, sizeof whole, folder, path));
}

static char *path_of(const night *n, const char *key, const char *init)
{
    const char *given = config_text(n->c, key);
    return from_folder(n, given ? given : init);
}

/* One of these words; which. -1 with fault() set. */
static int word_of(const config *c, const char *key, const char *const words[], int init)
{
    const char *given = config_text(c, key);
    if (!config_has(c, key))
        return init;
    for (int i = 0; words[i]; i++)
        if (given && strcmp(words[i], given) == 0)
            return i;
    return fault("%s: `%s` must be one of %s%s%s%s%s; found `%s`", config_origin(c, key), key, words[0],
                 words[1] ? ", " : "", words[1] ? words[1] : "", words[1] && words[2] ? ", " : "",
                 words[1] && words[2] ? words[2] : "", given ? given : "nothing, or a list");
}

static int take_values(night *n)
{
    static const char *const weights[] = {"off", "warn", "fail", NULL}, *const corrections[] = {"holm",
                                                                                                "bonferroni", NULL};
    int exact = word_of(n->c, "exact", weights, REGRESSED), speed = word_of(n->c, "speed", weights, WARNED);
    n->bonferroni = word_of(n->c, "correction", corrections, 0);
    n->level = 0.01;
    n->speed_factor = 2;
    n->reports = 1;
    if (exact < 0 || speed < 0 || n->bonferroni < 0 || config_real(n->c, "level", &n->level, 1e-9, 0.5) != 0 ||
        config_real(n->c, "speed_factor", &n->speed_factor, 1.01, 1000) != 0 ||
        config_flag(n->c, "reports", &n->reports) != 0)
        return -1;
    n->exact = (enum weight)exact;
    n->speed = (enum weight)speed;
    n->out = path_of(n, "out", "out/nightly");
    n->history = path_of(n, "history", "history");
    return 0;
}

double nightly_least(const night *n, const char *name, int *given)
{
    char key[64];
    double least = 0;
    snprintf(key, sizeof key, "tolerance.%s", name);
    *given = config_items(n->c, key) > 0;
    config_real(n->c, key, &least, 0, 100);
    return least;
}

/* Experiments. */

static int take_paths(night *n, experiment *e)
{
    char *run = text_format("experiments.%s.run", e->name), *base = text_format("experiments.%s.baseline", e->name);
    char *needs = text_format("experiments.%s.needs", e->name), *init = text_format("%s.yml", e->name);
    char *kept = text_format("baseline/%s", e->name);
    static const char *const needed[] = {"data", NULL};
    int rc = config_has(n->c, needs) ? word_of(n->c, needs, needed, 0) : 0;
    e->needs_data = config_has(n->c, needs);
    e->file = path_of(n, run, init);
    e->baseline = path_of(n, base, kept);
    size_t length = strlen(e->baseline);
    if (length > 4 && strcmp(e->baseline + length - 4, ".csv") == 0)
        e->baseline[length - 4] = '\0';
    e->out = text_format("%s/%s", n->out, e->name);
    if (rc == 0 && config_has(e->options, "out"))
        rc = fault("%s: experiment `%s`: its results go to %s: leave `out` away", n->file, e->name, e->out);
    if (rc == 0 && (strchr(e->name, '/') || strspn(e->name, ". ") == strlen(e->name)))
        rc = fault("%s: `%s` is no name of an experiment: its folder is to bear it", n->file, e->name);
    if (rc == 0 && !file_exists(e->file))
        rc = fault("%s: the experiment `%s` is to be run by %s, which does not exist: `run:` names another file",
                   n->file, e->name, e->file);
    free(run);
    free(base);
    free(needs);
    free(init);
    free(kept);
    return rc < 0 ? -1 : 0;
}

static int is_wanted(const char *only, const char *name)
{
    size_t length = strlen(name);
    for (const char *p = only; p && *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == length && strncmp(p, name, length) == 0)
            return 1;
    return !only;
}

static void free_experiment(experiment *e)
{
    side_close(&e->now);
    side_close(&e->before);
    config_free(e->options);
    config_free(e->settings);
    free(e->name);
    free(e->file);
    free(e->baseline);
    free(e->out);
    free(e->why);
    free(e->unpromised);
}

/* Leaves those that `only` names; a name that is none of them is a fault. */
static int choose(night *n, const char *only)
{
    const char **names = text_more(NULL, (size_t)(n->n + 1) * sizeof *names);
    int kept = 0, rc = 0, all = n->n;
    for (int i = 0; i < all; i++)
        names[i] = n->at[i].name;
    for (const char *p = only; rc == 0 && p && *p; p += strcspn(p, ","), p += *p == ',') {
        char word[256];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(p, ","), p);
        names[all] = NULL;
        const char *near = config_nearest(word, names, all);
        if (!is_listed(word, names))
            rc = fault("--only: there is no experiment `%s` in %s%s%s%s", word, n->file,
                       near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    }
    free(names);
    for (int i = 0; rc == 0 && i < all; i++) {
        if (is_wanted(only, n->at[i].name))
            n->at[kept++] = n->at[i];
        else
            free_experiment(&n->at[i]);
    }
    n->n = rc == 0 ? kept : all;
    return rc;
}

int nightly_read(night *n, const char *file, const char *only)
{
    char path[PATH_MAX], machine[96];
    n->given = file;
    n->file = text_copy(layout_absolute(path, sizeof path, file));
    n->c = config_new();
    machine_name(machine);
    n->machine = text_copy(machine);
    if (config_read(n->c, file) != 0 || take_keys(n) != 0 || take_values(n) != 0)
        return -1;
    if (n->n == 0)
        return fault("%s: no experiments are listed: add `experiments: {NAME: {run: NAME.yml}}`", file);
    for (int i = 0; i < n->n; i++)
        if (take_paths(n, &n->at[i]) != 0)
            return -1;
    return choose(n, only);
}

void nightly_free(night *n)
{
    for (int i = 0; i < n->n; i++)
        free_experiment(&n->at[i]);
    for (int i = 0; i < n->nfindings; i++)
        nightly_drop(&n->findings[i]);
    for (int i = 0; i < n->ntrials; i++)
        nightly_drop(&n->trials[i].of);
    free(n->at);
    free(n->findings);
    free(n->trials);
    free(n->file);
    free(n->out);
    free(n->history);
    free(n->machine);
    free(n->began);
    free(n->commit);
    free(n->program);
    config_free(n->c);
}
