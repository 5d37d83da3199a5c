/* kept.c - picks rows of results by the options of kept.h and reads what their scorers said. */
#include "kept.h"
#include "../harness/labels.h"
#include "../harness/scores.h"
#include "../harness/text.h"

#include <stdlib.h>
#include <string.h>

int kept_listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && strncmp(p, word, n) == 0)
            return 1;
    return !list[0];
}

static int upwards(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int kept_readable(const figure_input *in, int panels, int lines)
{
    enum { PANELS = 12, LINES = 14 };
    return panels <= PANELS && lines <= LINES
               ? 0
               : fault("plot %s: %d panels of %d lines; at most %d of %d can be told apart: choose by --train, "
                       "--score or --sets",
                       in->of->name, panels, lines, PANELS, LINES);
}

void kept_sort(float *scores, int64_t n)
{
    qsort(scores, (size_t)n, sizeof *scores, upwards);
}

typedef struct picking {
    kept *k;
    const figure_input *in;
    const char *train, *score, *sets, *seed;
    int *model, *source; /* [k->n] of each verdict */
} picking;

static const char *field(const verdict *v, int row, int column)
{
    return sheet_at(v->results, row, column);
}

/* Full-spectrum rows are made of scores that rows of their own are made of as well. */
static int is_wanted(const picking *p, int from, int row, int model)
{
    const sheet *s = p->k->m.sheets[from];
    return result_ok(s, row) && !result_spectrum(sheet_at(s, row, RESULT_GROUP)) &&
           (kept_listed(p->train, sheet_at(s, row, RESULT_TRAIN)) || kept_listed(p->train, p->k->m.label[model])) &&
           (strcmp(p->score, "all") == 0 || kept_listed(p->score, sheet_at(s, row, RESULT_SCORE))) &&
           kept_listed(p->sets, sheet_at(s, row, RESULT_OOD)) &&
           kept_listed(p->seed, sheet_at(s, row, RESULT_SEED));
}

static verdict *verdict_of(picking *p, int from, int row, int model)
{
    const sheet *s = p->k->m.sheets[from];
    for (int i = 0; i < p->k->n; i++) {
        verdict *v = &p->k->at[i];
        if (p->source[i] == from && strcmp(field(v, v->sets[0].row, RESULT_RUN), sheet_at(s, row, RESULT_RUN)) == 0)
            return v;
    }
    int n = p->k->n++;
    p->k->at = text_more(p->k->at, (size_t)p->k->n * sizeof *p->k->at);
    p->model = text_more(p->model, (size_t)p->k->n * sizeof *p->model);
    p->source = text_more(p->source, (size_t)p->k->n * sizeof *p->source);
    p->model[n] = model;
    p->source[n] = from;
    verdict *v = &p->k->at[n];
    *v = (verdict){.results = s, .sets = text_more(NULL, sizeof *v->sets), .n = 1};
    v->sets[0] = (kept_set){.name = sheet_at(s, row, RESULT_ID), .group = "id", .row = row};
    return v;
}

static int read_set(const picking *p, int from, const char *run, kept_set *set)
{
    return scores_read(p->in->sources[from].folder, run, set->name, &set->scores, &set->n);
}

static int add_row(picking *p, int from, int row, int model)
{
    verdict *v = verdict_of(p, from, row, model);
    const char *run = sheet_at(v->results, row, RESULT_RUN);
    if (!v->sets[0].scores && read_set(p, from, run, &v->sets[0]) != 0)
        return -1;
    v->sets = text_more(v->sets, (size_t)(v->n + 1) * sizeof *v->sets);
    kept_set *set = &v->sets[v->n++];
    *set = (kept_set){.name = sheet_at(v->results, row, RESULT_OOD),
                      .group = sheet_at(v->results, row, RESULT_GROUP),
                      .row = row};
    return read_set(p, from, run, set);
}

/* The mean AUROC of a scorer over all rows that are wanted. */
static double quality(const picking *p, const char *score)
{
    const models *m = &p->k->m;
    seeds all = {0};
    for (int from = 0; from < m->nsheets; from++)
        for (int row = 0; row < sheet_rows(m->sheets[from]); row++)
            if (strcmp(sheet_at(m->sheets[from], row, RESULT_SCORE), score) == 0 &&
                is_wanted(p, from, row, models_find(m, from, row)))
                seeds_take(&all, sheet_at(m->sheets[from], row, RESULT_AUROC));
    return seeds_mean(&all);
}

/* Without --seed it is the first there is, without --score the best scorer. */
static void settle(picking *p)
{
    const models *m = &p->k->m;
    const char *best = "";
    double highest = 0;
    for (int from = 0; from < m->nsheets; from++)
        for (int row = 0; row < sheet_rows(m->sheets[from]); row++) {
            const char *score = sheet_at(m->sheets[from], row, RESULT_SCORE);
            if (!is_wanted(p, from, row, models_find(m, from, row)))
                continue;
            if (!p->seed[0])
                p->seed = sheet_at(m->sheets[from], row, RESULT_SEED);
            double mean = strcmp(score, best) == 0 ? highest : quality(p, score);
            if (!best[0] || mean > highest) {
                best = score;
                highest = mean;
            }
        }
    if (!p->score[0])
        p->score = best;
}

static int pick(picking *p)
{
    const models *m = &p->k->m;
    settle(p);
    for (int from = 0; from < m->nsheets; from++)
        for (int row = 0; row < sheet_rows(m->sheets[from]); row++) {
            int model = models_find(m, from, row);
            if (is_wanted(p, from, row, model) && add_row(p, from, row, model) != 0)
                return -1;
        }
    return p->k->n ? 0
                   : fault("plot %s: no row that is ok has what --train, --score, --sets and --seed ask for: "
                           "`oodbench table` lists what there is",
                           p->in->of->name);
}

/* "drsam ebo", or the scorer alone where there is one model and several scorers. */
static void label(picking *p)
{
    int n = p->k->n, models_vary = 0, scorers_vary = 0;
    const char **names = text_more(NULL, 2 * (size_t)n * sizeof *names), **settings = names + n;
    for (int i = 0; i < n; i++) {
        const verdict *v = &p->k->at[i];
        names[i] = field(v, v->sets[0].row, RESULT_SCORE);
        settings[i] = field(v, v->sets[0].row, RESULT_SCORE_PARAMS);
        models_vary |= p->model[i] != p->model[0];
        scorers_vary |= strcmp(names[i], names[0]) != 0 || strcmp(settings[i], settings[0]) != 0;
    }
    for (int i = 0; i < n; i++) {
        char *scorer = label_apart(names, settings, n, i), *model = p->k->m.label[p->model[i]];
        p->k->at[i].label = scorers_vary && !models_vary ? text_copy(scorer) : text_format("%s %s", model, scorer);
        free(scorer);
    }
    free(names);
}

int kept_make(kept *k, const figure_input *in)
{
    picking p = {k,
                 in,
                 figure_value(in, "train"),
                 figure_value(in, "score"),
                 figure_value(in, "sets"),
                 figure_value(in, "seed"),
                 NULL,
                 NULL};
    *k = (kept){0};
    int rc = models_make(&k->m, in, MODELS_OF_RESULTS) != 0 ? -1 : pick(&p);
    if (rc == 0)
        label(&p);
    free(p.model);
    free(p.source);
    if (rc != 0)
        kept_free(k);
    return rc;
}

void kept_free(kept *k)
{
    for (int i = 0; i < k->n; i++) {
        for (int s = 0; s < k->at[i].n; s++)
            free(k->at[i].sets[s].scores);
        free(k->at[i].sets);
        free(k->at[i].label);
    }
    free(k->at);
    models_free(&k->m);
    *k = (kept){0};
}
