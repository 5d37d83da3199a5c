/* cell_sets.c - the cells that look at sets: extracting features, and running one
 * scorer over them. */
#include "cell.h"
#include "cellfile.h"
#include "data.h"
#include "engine.h"
#include "fault.h"
#include "report.h"
#include "score.h"
#include "scores.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Computes what is not cached and reports how many labels were right. */
static int extract(const cell *k, const char *set, const char *split)
{
    features f;
    const char *path = cell_set_path(k, set);
    if (!path || features_get(&f, &k->extractor, path, split) != 0)
        return -1;
    report_line("accuracy\tset=%s\tsplit=%s\tn=%lld\tcorrect=%lld", set, split, (long long)f.n,
                (long long)features_correct(f.logits, f.labels, f.n, f.classes));
    features_free(&f);
    return 0;
}

/* Of sets to tune by, the validation images; where nothing is searched, none. */
static int extract_tuning(const cell *k)
{
    int search = 0;
    if (config_flag(k->c, "search", &search) != 0)
        return -1;
    for (int i = 0; search && i < config_items(k->c, "tune"); i++)
        if (extract(k, config_item(k->c, "tune", i), "val") != 0)
            return -1;
    return 0;
}

int cell_features(cell *k)
{
    static const char *const splits[] = {"train", "val", "test"}, *const groups[] = {"near", "far", "csid"};
    const char *id = cell_set_path(k, k->id);
    for (int i = 0; i < 3; i++) /* a network from elsewhere can be judged without the training images */
        if (!(i == 0 && id && dataset_lacks(id, splits[i])) && extract(k, k->id, splits[i]) != 0)
            return -1;
    if (extract_tuning(k) != 0)
        return -1;
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < config_items(k->c, groups[g]); i++) {
            const char *set = config_item(k->c, groups[g], i), *part;
            for (int j = 0; (part = cellfile_part(k->c, set, j)); j++)
                if (extract(k, set, part) != 0)
                    return -1;
        }
    return EXIT_OK;
}

/* A cell file names the folder of results, unless a person wrote it to look at rows alone. */
static void keep_scores(const cell *k, score_set *s)
{
    const char *out = config_text(k->c, "results");
    char path[PATH_MAX];
    s->run = k->run;
    s->kept = out ? text_copy(scores_path(path, sizeof path, out, k->run, s->name)) : NULL;
}

static int find_set(const cell *k, score_set *s, const char *name, const char *group)
{
    int n = 0;
    *s = (score_set){.name = name, .group = group, .path = cell_set_path(k, name)};
    while (cellfile_part(k->c, name, n))
        n++;
    s->splits = pool_host((size_t)(n + 1) * sizeof *s->splits);
    for (int i = 0; i <= n; i++)
        s->splits[i] = cellfile_part(k->c, name, i);
    keep_scores(k, s);
    return s->path ? 0 : -1;
}

/* Of the method's parameters, those that have a sweep and no value in the cell file. How many. */
static int wanted_of(const cell *k, unsigned char *wanted)
{
    const method *m = plugin_method(k->plugin);
    int search = 0, n = 0;
    if (config_flag(k->c, "search", &search) != 0)
        return -1;
    for (uint32_t i = 0; search && i < m->nparams; i++) {
        char key[300];
        snprintf(key, sizeof key, "%s.%s", m->name, m->params[i].name);
        wanted[i] = plugin_sweep(k->plugin, i) > 0 && config_items(k->c, key) == 0;
        n += wanted[i];
    }
    return n;
}

/* Fits, scores and reports; with a search where `wanted` has a parameter. */
static int score(cell *k, run *r, const score_set *sets, int n, const unsigned char *wanted)
{
    int tune = wanted ? config_items(k->c, "tune") : 0, rc = 0;
    samples id, *outliers = pool_host((size_t)(tune + 1) * sizeof *outliers);
    for (int i = 0; i < tune && rc == 0; i++) {
        const char *path = cell_set_path(k, config_item(k->c, "tune", i));
        rc = path ? 0 : -1;
        samples_begin(&outliers[i], r, path, "val");
    }
    samples_begin(&id, r, sets[0].path, "val");
    const tuning s = {wanted, &id, outliers, tune};
    if (wanted && tune == 0)
        rc = cell_missing("tune");
    if (rc == 0)
        rc = score_sets(k->plugin, r, wanted ? &s : NULL, sets, n);
    for (int i = 0; i < tune; i++)
        samples_end(&outliers[i]);
    samples_end(&id);
    free(outliers);
    return rc;
}

int cell_score(cell *k)
{
    static const char *const groups[] = {"near", "far", "csid"};
    int n = 1, room = 1;
    run r;
    if (cell_open_method(k, "score") != 0)
        return -1;
    unsigned char *wanted = pool_host(plugin_method(k->plugin)->nparams + 1);
    int searched = wanted_of(k, wanted);
    for (int g = 0; g < 3; g++)
        room += config_items(k->c, groups[g]);
    score_set *sets = pool_host((size_t)room * sizeof *sets);
    int rc = searched < 0 ? -1 : find_set(k, &sets[0], k->id, "id");
    for (int g = 0; g < 3; g++)
        for (int i = 0; i < config_items(k->c, groups[g]) && rc == 0; i++)
            rc = find_set(k, &sets[n++], config_item(k->c, groups[g], i), groups[g]);
    if (rc == 0) {
        run_begin(&r, &k->extractor, sets[0].path, (uint64_t)k->seed);
        rc = score(k, &r, sets, n, searched ? wanted : NULL);
        run_end(&r);
    }
    for (int i = 0; i < n; i++) {
        free(sets[i].splits);
        free(sets[i].kept);
    }
    free(sets);
    free(wanted);
    return rc;
}
