/* survey.c - a cell file's points, opened; a point reported. */
#include "survey.h"
#include "engine.h"
#include "fault.h"
#include "progress.h"
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double *read_axis(const cell *k, const char *key, int *n)
{
    *n = config_items(k->c, key);
    double *places = pool_host((size_t)(*n + 1) * sizeof *places);
    for (int i = 0; i < *n; i++)
        places[i] = strtod(config_item(k->c, key, i), NULL);
    return places;
}

static int read_wanted(const cell *k, const survey *s, survey_set *set, int number)
{
    char key[32];
    int points = s->nfirst * s->nsecond;
    snprintf(key, sizeof key, "todo.%d", number);
    set->wanted = pool_host((size_t)points + 1);
    for (int i = 0; i < config_items(k->c, key); i++) {
        char *end;
        const char *item = config_item(k->c, key, i);
        long p = strtol(item, &end, 10);
        if (*end || p < 0 || p >= points)
            return fault("%s: %s lists points below %d; found `%s`", config_origin(k->c, key), key, points, item);
        set->left += !set->wanted[p];
        set->wanted[p] = 1;
    }
    return 0;
}

/* The splits of a shifted set are its parts. */
static int open_images(const cell *k, survey_set *set, int64_t images, uint64_t draw)
{
    char key[300];
    const char *path = cell_set_path(k, set->name);
    snprintf(key, sizeof key, "parts.%.255s", set->name);
    int parts = strcmp(set->split, "all") == 0 ? config_items(k->c, key) : 0;
    const char **splits = pool_host((size_t)(parts + 2) * sizeof *splits);
    splits[0] = set->split;
    for (int i = 0; i < parts; i++)
        splits[i] = config_item(k->c, key, i);
    int rc = path ? subset_open(&set->images, &k->extractor, path, splits, images, draw) : -1;
    free(splits);
    return rc;
}

static int open_sets(survey *s, const cell *k)
{
    char key[64];
    int64_t images = 0, draw = 0;
    const char *of = analysis_kinds[s->kind].name, *name, *split;
    snprintf(key, sizeof key, "%s.images", of);
    if (config_int(k->c, key, &images, 1, INT64_MAX) != 0)
        return -1;
    snprintf(key, sizeof key, "%s.draw", of);
    if (images == 0 || config_int(k->c, key, &draw, 0, INT64_MAX) != 0)
        return images ? -1 : cell_missing(key);
    s->draw = (uint64_t)draw;
    snprintf(key, sizeof key, "%s.sets", of);
    s->sets = pool_host((size_t)(config_items(k->c, key) + 1) * sizeof *s->sets);
    for (; (name = analysis_set(k->c, s->kind, s->nsets, &split)); s->nsets++) {
        survey_set *set = &s->sets[s->nsets];
        set->name = name;
        set->split = split;
        if (read_wanted(k, s, set, s->nsets) != 0 || (set->left && open_images(k, set, images, s->draw) != 0))
            return -1;
        s->total += set->left;
    }
    return 0;
}

int survey_open(survey *s, cell *k, enum analysis kind)
{
    char label[64];
    *s = (survey){.kind = kind};
    s->first = read_axis(k, "axis.first", &s->nfirst);
    s->second = read_axis(k, "axis.second", &s->nsecond);
    nn_mode(k->net, NN_EVAL);
    int rc = s->nfirst && s->nsecond ? open_sets(s, k) : cell_missing("axis");
    if (rc != 0) {
        survey_close(s);
        return rc;
    }
    snprintf(label, sizeof label, "%s of %s", analysis_kinds[kind].name, nn_name(k->net));
    progress_begin(label, "points", s->total);
    return 0;
}

void survey_close(survey *s)
{
    progress_end();
    for (int i = s->nsets - 1; i >= 0; i--) { /* scopes close in turn */
        if (s->sets[i].images.n)
            subset_close(&s->sets[i].images);
        free(s->sets[i].wanted);
    }
    free(s->sets);
    free(s->first);
    free(s->second);
    *s = (survey){0};
}

void survey_tell(survey *s, const cell *k, const survey_set *of, int first, int second, const char *fmt, ...)
{
    char own[512];
    const analysis_kind *kind = &analysis_kinds[s->kind];
    va_list args;
    va_start(args, fmt);
    vsnprintf(own, sizeof own, fmt, args);
    va_end(args);
    report_line("point\tdevice=%s\tset=%s\tsplit=%s\tn=%lld\t%s=%.9g\t%s=%.9g\t%s", k->extractor.backend, of->name,
                of->split, (long long)of->images.n, kind->columns[ANALYSIS_FIRST], s->first[first],
                kind->columns[ANALYSIS_SECOND], s->second[second], own);
    progress_step(++s->done);
}
