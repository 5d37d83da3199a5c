/* grid.c - which row belongs where, and means. */
#include "grid.h"
#include "config.h"
#include "fault.h"
#include "left_out.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const measure measures[] = {
    {RESULT_FPR95, "fpr95", "FPR@95 (OOD positive)", "FPR@95", "share of ID flagged when 95 % of the OOD is caught",
     0},
    {RESULT_AUROC, "auroc", "AUROC", "AUROC", "chance that an ID sample scores above an OOD sample", 1},
    {RESULT_AUPR_IN, "aupr_in", "AUPR-in", "AUPR-in", "area under precision and recall, ID positive", 1},
    {RESULT_AUPR_OUT, "aupr_out", "AUPR-out", "AUPR-out", "area under precision and recall, OOD positive", 1},
    {RESULT_FPR95_ID, "fpr95_id", "FPR@95 (ID positive)", "FPR@95-ID",
     "share of OOD accepted when 95 % of the ID is", 0},
};
enum { MEASURES = sizeof measures / sizeof *measures };

int measure_count(void)
{
    return MEASURES;
}

const measure *measure_at(int i)
{
    return &measures[i];
}

/* What tells lines apart: the checkpoint and how it was run, then the scorer. */
static const enum result_column of_line[] = {RESULT_NET,          RESULT_WEIGHTS,     RESULT_ID,   RESULT_TRAIN,
                                             RESULT_TRAIN_PARAMS, RESULT_DEVICE,      RESULT_FAST, RESULT_PRECISION,
                                             RESULT_SCORE,        RESULT_SCORE_PARAMS};
enum { OF_LINE = sizeof of_line / sizeof *of_line, OF_CHECKPOINT = OF_LINE - 2 };
static const enum result_column of_seed[] = {RESULT_SEED};

/* The ID set by itself: in full-spectrum rows shifted ones follow it. */
static int same_id(const char *a, const char *b)
{
    size_t n = strcspn(a, "+");
    return strcspn(b, "+") == n && strncmp(a, b, n) == 0;
}

static int same_settings(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return 1;
    char *x = result_settings(a), *y = result_settings(b);
    int rc = strcmp(x, y) == 0;
    free(x);
    free(y);
    return rc;
}

static int same(const sheet *s, int a, int b, const enum result_column columns[], int n)
{
    for (int i = 0; i < n; i++) {
        const char *x = sheet_at(s, a, columns[i]), *y = sheet_at(s, b, columns[i]);
        int alike = columns[i] == RESULT_ID             ? same_id(x, y)
                    : columns[i] == RESULT_SCORE_PARAMS ? same_settings(x, y)
                                                        : strcmp(x, y) == 0;
        if (!alike)
            return 0;
    }
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

static int place_line(grid *g, int row)
{
    int line = place(g->rows, &g->lines, &g->nlines, row, of_line, OF_LINE);
    if (result_spectrum(sheet_at(g->rows, g->lines[line], RESULT_GROUP)))
        g->lines[line] = row; /* one whose ID is the ID set alone names it better */
    return line;
}

static int place_set(grid *g, int row)
{
    const char *group = sheet_at(g->rows, row, RESULT_GROUP);
    for (int i = 0; i < g->nsets; i++)
        if (strcmp(grid_name(g, i, RESULT_OOD), sheet_at(g->rows, row, RESULT_OOD)) == 0 &&
            result_spectrum(grid_name(g, i, RESULT_GROUP)) == result_spectrum(group))
            return i;
    g->sets = text_more(g->sets, (size_t)(g->nsets + 1) * sizeof *g->sets);
    g->sets[g->nsets++] = row;
    return g->nsets - 1;
}

static int rank(const sheet *s, int row)
{
    static const char *const order[] = {"near", "far", "csid", "fsnear", "fsfar"};
    int i = 0;
    while (i < 5 && strcmp(sheet_at(s, row, RESULT_GROUP), order[i]) != 0)
        i++;
    return i;
}

/* Sorts by key, equal ones as they came; key[i] belongs to list[i]. */
static void sort(int *list, int *key, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && key[j] < key[j - 1]; j--) {
            int held = list[j], held_key = key[j];
            list[j] = list[j - 1];
            key[j] = key[j - 1];
            list[j - 1] = held;
            key[j - 1] = held_key;
        }
}

static void order_sets(grid *g)
{
    int *key = text_more(NULL, (size_t)g->nsets * sizeof *key);
    for (int i = 0; i < g->nsets; i++)
        key[i] = rank(g->rows, g->sets[i]);
    sort(g->sets, key, g->nsets);
    free(key);
}

static enum heading heading_of_row(const table_options *o, const sheet *s, int row)
{
    return o->heading ? o->heading(sheet_at(s, row, RESULT_TRAIN)) : HEADING_UNKNOWN;
}

/* Under each heading checkpoints in the order in which they came first, on each of them the scorers likewise. */
static void order_lines(grid *g, const table_options *o)
{
    int *key = text_more(NULL, (size_t)g->nlines * sizeof *key), *models = NULL, *scorers = NULL, n = 0, k = 0;
    for (int i = 0; i < g->nlines; i++)
        key[i] = ((int)heading_of_row(o, g->rows, g->lines[i]) * g->nlines +
                  place(g->rows, &models, &n, g->lines[i], of_line, OF_CHECKPOINT)) *
                     g->nlines +
                 place(g->rows, &scorers, &k, g->lines[i], of_line + OF_CHECKPOINT, OF_LINE - OF_CHECKPOINT);
    sort(g->lines, key, g->nlines);
    free(models);
    free(scorers);
    free(key);
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
    const char *score = sheet_at(s, row, RESULT_SCORE); /* `name` or `name (reconstruction)` */
    size_t n = o->score ? strlen(o->score) : 0;
    int named = !o->score || (strncmp(score, o->score, n) == 0 && (!score[n] || strncmp(score + n, " (", 2) == 0));
    return (!keep || keep[row]) && named;
}

int grid_make(grid *g, const sheet *rows, const char *keep, const table_options *o)
{
    int n = sheet_rows(rows);
    *g = (grid){.rows = rows, .left_out = o->left_out};
    for (int row = 0; row < n; row++) {
        if (!wanted(rows, row, keep, o) || !result_ok(rows, row))
            continue;
        place_line(g, row);
        place_set(g, row);
        place(rows, &g->seeds, &g->nseeds, row, of_seed, 1);
    }
    if (g->nlines == 0)
        return fault("there is no row that is `ok`%s%s: nothing to print", o->score ? " of " : "",
                     o->score ? o->score : "");
    order_sets(g);
    order_lines(g, o);
    g->headings = text_more(NULL, (size_t)g->nlines * sizeof *g->headings);
    for (int i = 0; i < g->nlines; i++)
        g->headings[i] = heading_of_row(o, rows, g->lines[i]);
    g->settings = text_more(NULL, (size_t)g->nlines * sizeof *g->settings);
    for (int i = 0; i < g->nlines; i++)
        g->settings[i] = result_settings(sheet_at(rows, g->lines[i], RESULT_SCORE_PARAMS));
    size_t cells = (size_t)g->nlines * (size_t)g->nseeds * (size_t)g->nsets;
    g->at = text_more(NULL, cells * sizeof *g->at);
    for (size_t i = 0; i < cells; i++)
        g->at[i] = -1;
    for (int row = 0; row < n; row++) /* of two rows for the same cell, the later one counts */
        if (wanted(rows, row, keep, o) && result_ok(rows, row))
            *cell(g, place_line(g, row), place(rows, &g->seeds, &g->nseeds, row, of_seed, 1),
                  place_set(g, row)) = row;
    if (choose_measures(g, o) == 0)
        return 0;
    grid_free(g);
    return -1;
}

void grid_free(grid *g)
{
    free(g->lines);
    for (int i = 0; g->settings && i < g->nlines; i++)
        free(g->settings[i]);
    free(g->settings);
    free(g->headings);
    free(g->sets);
    free(g->seeds);
    free(g->at);
    *g = (grid){0};
}

void mean_take(mean *m, double value)
{
    double before = value - m->value;
    m->n++;
    m->value += before / m->n;
    m->std += before * (value - m->value);
}

void mean_end(mean *m)
{
    m->std = m->n ? sqrt(m->std / m->n) : 0;
}

static int is_among(const char *group, const char *groups)
{
    size_t n = strlen(group);
    for (const char *p = groups; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && strncmp(p, group, n) == 0)
            return 1;
    return 0;
}

/* What is averaged within a seed: a set, or the sets of some groups. */
typedef struct subject {
    int set;            /* -1: by groups, or by names */
    const char *groups; /* NULL: by names */
    const char *names;
    enum result_column column;
} subject;

static int belongs(const grid *g, int set, const subject *of)
{
    const char *group = grid_name(g, set, RESULT_GROUP);
    if (of->set >= 0)
        return set == of->set;
    if (of->groups)
        return is_among(group, of->groups);
    return is_among(group, "near far") && is_among(grid_name(g, set, RESULT_OOD), of->names);
}

/* Returns 0 when the seed has none of it; counts sets that are missing. */
static int in_seed(const grid *g, int line, int seed, const subject *of, double *value, int *absent)
{
    double sum = 0;
    int n = 0;
    for (int set = 0; set < g->nsets; set++) {
        int row = *cell(g, line, seed, set);
        if (!belongs(g, set, of))
            continue;
        const char *number = row >= 0 ? sheet_at(g->rows, row, of->column) : "";
        sum += strtod(number, NULL);
        n += *number != '\0';
        *absent += !*number;
    }
    *value = n ? sum / n : 0;
    return n > 0;
}

/* Of n subjects, the mean within each seed; a seed without one of them has none. */
static mean over_seeds(const grid *g, int line, const subject *of, int n)
{
    mean all = {0};
    for (int seed = 0; seed < g->nseeds; seed++) {
        double sum = 0, value;
        int absent = 0, whole = 1;
        for (int i = 0; i < n; i++) {
            whole &= in_seed(g, line, seed, &of[i], &value, &absent);
            sum += value;
        }
        if (whole)
            mean_take(&all, sum / n);
        all.partial |= absent > 0;
    }
    for (int i = 0; i < n; i++)
        all.partial |= of[i].groups && left_out_has(g->left_out, of[i].groups);
    mean_end(&all);
    return all;
}

mean grid_set(const grid *g, int line, int set, enum result_column column)
{
    return over_seeds(g, line, &(subject){.set = set, .column = column}, 1);
}

mean grid_group(const grid *g, int line, const char *groups, enum result_column column)
{
    return over_seeds(g, line, &(subject){.set = -1, .groups = groups, .column = column}, 1);
}

mean grid_accuracy(const grid *g, int line, const char *groups)
{
    mean m = grid_group(g, line, groups, RESULT_ACC);
    m.partial = 0;
    return m;
}

mean grid_average(const grid *g, int line, enum result_column column)
{
    const subject both[] = {{.set = -1, .groups = "near", .column = column},
                            {.set = -1, .groups = "far", .column = column}};
    return over_seeds(g, line, both, 2);
}

mean grid_named(const grid *g, int line, char *const lists[], int n, enum result_column column)
{
    subject *of = text_more(NULL, (size_t)n * sizeof *of);
    for (int i = 0; i < n; i++)
        of[i] = (subject){.set = -1, .names = lists[i], .column = column};
    mean m = over_seeds(g, line, of, n);
    free(of);
    return m;
}

const char *grid_spectrum(const grid *g)
{
    const char *id = NULL;
    for (int i = 0; i < g->nlines * g->nseeds * g->nsets; i++) {
        if (g->at[i] < 0 || !result_spectrum(sheet_at(g->rows, g->at[i], RESULT_GROUP)))
            continue;
        const char *other = sheet_at(g->rows, g->at[i], RESULT_ID);
        if (id && strcmp(id, other) != 0)
            return "";
        id = other;
    }
    return id;
}

int grid_has_group(const grid *g, const char *group)
{
    for (int i = 0; i < g->nsets; i++)
        if (strcmp(grid_name(g, i, RESULT_GROUP), group) == 0)
            return 1;
    return 0;
}

const char *grid_heading(const grid *g, int line)
{
    if (g->headings[0] == g->headings[g->nlines - 1] || (line > 0 && g->headings[line] == g->headings[line - 1]))
        return NULL;
    return heading_titles[g->headings[line]];
}

const char *grid_line(const grid *g, int line, enum result_column column)
{
    return column == RESULT_SCORE_PARAMS ? g->settings[line] : sheet_at(g->rows, g->lines[line], column);
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
