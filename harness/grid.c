/* grid.c - which row belongs where, and means. */
#include "grid.h"
#include "config.h"
#include "fault.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const measure measures[] = {
    {RESULT_FPR95, "fpr95", "FPR@95 (OOD positive)", "share of ID flagged when 95 % of the OOD is caught", 0},
    {RESULT_AUROC, "auroc", "AUROC", "chance that an ID sample scores above an OOD sample", 1},
    {RESULT_AUPR_IN, "aupr_in", "AUPR-in", "area under precision and recall, ID positive", 1},
    {RESULT_AUPR_OUT, "aupr_out", "AUPR-out", "area under precision and recall, OOD positive", 1},
    {RESULT_FPR95_ID, "fpr95_id", "FPR@95 (ID positive)", "share of OOD accepted when 95 % of the ID is", 0},
};
enum { MEASURES = sizeof measures / sizeof *measures };

/* What tells lines apart. */
static const enum result_column of_line[] = {RESULT_SCORE, RESULT_NET,          RESULT_WEIGHTS, RESULT_ID,
                                             RESULT_TRAIN, RESULT_TRAIN_PARAMS, RESULT_DEVICE,  RESULT_SCORE_PARAMS,
                                             RESULT_FAST,  RESULT_PRECISION};
static const enum result_column of_set[] = {RESULT_OOD}, of_seed[] = {RESULT_SEED};

static int same(const sheet *s, int a, int b, const enum result_column columns[], int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(sheet_at(s, a, columns[i]), sheet_at(s, b, columns[i])) != 0)
            return 0;
    return 1;
}

/* The number of the entry that `row` belongs to, which is added when it is new. */
static int place(const sheet *s, int **list, int *n, int row, const enum result_column columns[], int ncolumns)
{
    for (int i = 0; i < *n; i++)
        if (same(s, (*list)[i], row, columns, ncolumns))
            return i;
    *list = text_more(*list, (size_t)(*n + 1) * sizeof **list);
    (*list)[(*n)++] = row;
    return *n - 1;
}

static int rank(const sheet *s, int row)
{
    const char *group = sheet_at(s, row, RESULT_GROUP);
    return strcmp(group, "near") == 0 ? 0 : strcmp(group, "far") == 0 ? 1 : 2;
}

/* Near sets first, then far, otherwise as they came. */
static void order_sets(grid *g)
{
    for (int i = 1; i < g->nsets; i++)
        for (int j = i; j > 0 && rank(g->rows, g->sets[j]) < rank(g->rows, g->sets[j - 1]); j--) {
            int held = g->sets[j];
            g->sets[j] = g->sets[j - 1];
            g->sets[j - 1] = held;
        }
}

static int *cell(const grid *g, int line, int seed, int set)
{
    return &g->at[((size_t)line * (size_t)g->nseeds + (size_t)seed) * (size_t)g->nsets + (size_t)set];
}

static int choose_measures(grid *g, const table_options *o)
{
    const char *names[MEASURES], *wanted = o->metrics;
    if (!wanted)
        wanted = o->format == TABLE_CSV ? "fpr95,auroc,aupr_in,aupr_out,fpr95_id" : "fpr95,auroc";
    for (int i = 0; i < MEASURES; i++)
        names[i] = measures[i].name;
    while (*wanted) {
        char name[64];
        int n = (int)strcspn(wanted, ","), i = 0;
        snprintf(name, sizeof name, "%.*s", n, wanted);
        while (i < MEASURES && strcmp(measures[i].name, name) != 0)
            i++;
        const char *near = config_nearest(name, names, MEASURES);
        if (i == MEASURES)
            return fault("--metric: expected fpr95, auroc, aupr_in, aupr_out or fpr95_id, found `%s`%s%s%s", name,
                         near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        if (g->nmeasures < (int)(sizeof g->measures / sizeof *g->measures))
            g->measures[g->nmeasures++] = &measures[i];
        wanted += n + (wanted[n] == ',');
    }
    return 0;
}

static int wanted(const sheet *s, int row, const char *keep, const table_options *o)
{
    const char *group = sheet_at(s, row, RESULT_GROUP);
    if (result_spectrum(group) || strcmp(group, "csid") == 0)
        return 0;
    return (!keep || keep[row]) && (!o->score || strcmp(sheet_at(s, row, RESULT_SCORE), o->score) == 0);
}

int grid_make(grid *g, const sheet *rows, const char *keep, const table_options *o)
{
    enum { OF_LINE = sizeof of_line / sizeof *of_line };
    int n = sheet_rows(rows);
    *g = (grid){.rows = rows};
    for (int row = 0; row < n; row++) {
        if (!wanted(rows, row, keep, o) || !result_ok(rows, row))
            continue;
        place(rows, &g->lines, &g->nlines, row, of_line, OF_LINE);
        place(rows, &g->sets, &g->nsets, row, of_set, 1);
        place(rows, &g->seeds, &g->nseeds, row, of_seed, 1);
    }
    if (g->nlines == 0)
        return fault("there is no row that is `ok`%s%s: nothing to print", o->score ? " of " : "",
                     o->score ? o->score : "");
    order_sets(g);
    size_t cells = (size_t)g->nlines * (size_t)g->nseeds * (size_t)g->nsets;
    g->at = text_more(NULL, cells * sizeof *g->at);
    for (size_t i = 0; i < cells; i++)
        g->at[i] = -1;
    for (int row = 0; row < n; row++) /* of two rows for the same cell, the later one counts */
        if (wanted(rows, row, keep, o) && result_ok(rows, row))
            *cell(g, place(rows, &g->lines, &g->nlines, row, of_line, OF_LINE),
                  place(rows, &g->seeds, &g->nseeds, row, of_seed, 1),
                  place(rows, &g->sets, &g->nsets, row, of_set, 1)) = row;
    if (choose_measures(g, o) == 0)
        return 0;
    grid_free(g);
    return -1;
}

void grid_free(grid *g)
{
    free(g->lines);
    free(g->sets);
    free(g->seeds);
    free(g->at);
    *g = (grid){0};
}

/* One more number: Welford's sums, in which .std holds the squared deviations. */
static void take(mean *m, double value)
{
    double before = value - m->value;
    m->n++;
    m->value += before / m->n;
    m->std += before * (value - m->value);
}

static mean over_seeds(const grid *g, int line, int first, int past, const char *group, enum result_column column)
{
    mean all = {0};
    for (int seed = 0; seed < g->nseeds; seed++) {
        double sum = 0;
        int n = 0, absent = 0;
        for (int set = first; set < past; set++) {
            int row = *cell(g, line, seed, set);
            if (group && strcmp(grid_name(g, set, RESULT_GROUP), group) != 0)
                continue;
            if (row >= 0)
                sum += strtod(sheet_at(g->rows, row, column), NULL);
            n += row >= 0;
            absent += row < 0;
        }
        if (n)
            take(&all, sum / n);
        all.partial |= absent > 0;
    }
    all.std = all.n ? sqrt(all.std / all.n) : 0;
    return all;
}

mean grid_set(const grid *g, int line, int set, enum result_column column)
{
    return over_seeds(g, line, set, set + 1, NULL, column);
}

mean grid_group(const grid *g, int line, const char *group, enum result_column column)
{
    return over_seeds(g, line, 0, g->nsets, group, column);
}

int grid_has_group(const grid *g, const char *group)
{
    for (int i = 0; i < g->nsets; i++)
        if (strcmp(grid_name(g, i, RESULT_GROUP), group) == 0)
            return 1;
    return 0;
}

const char *grid_line(const grid *g, int line, enum result_column column)
{
    return sheet_at(g->rows, g->lines[line], column);
}

const char *grid_name(const grid *g, int set, enum result_column column)
{
    return sheet_at(g->rows, g->sets[set], column);
}

int grid_varies(const grid *g, enum result_column column)
{
    for (int i = 1; i < g->nlines; i++)
        if (strcmp(grid_line(g, i, column), grid_line(g, 0, column)) != 0)
            return 1;
    return 0;
}
