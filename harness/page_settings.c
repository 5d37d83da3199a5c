/* page_settings.c - what the methods were set to and what they cost, and the configuration
 * of the cells (cache/RUN.yml) that the rows come from. */
#include "config.h"
#include "file.h"
#include "layout.h"
#include "page.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Methods. */

static const char *at(const page *p, int row, enum result_column column)
{
    return sheet_at(p->results, row, column);
}

/* The rows that show a method with settings for the first time. */
static int distinct(const page *p, enum result_column method, enum result_column settings, int *rows)
{
    int n = 0;
    for (int row = 0; row < sheet_rows(p->results); row++) {
        int i = 0;
        while (i < n && (strcmp(at(p, rows[i], method), at(p, row, method)) != 0 ||
                         strcmp(at(p, rows[i], settings), at(p, row, settings)) != 0))
            i++;
        if (i == n && *at(p, row, method))
            rows[n++] = row;
    }
    return n;
}

static void put_methods(const page *p, enum result_column method, enum result_column settings, const char *title)
{
    int *rows = text_more(NULL, (size_t)sheet_rows(p->results) * sizeof *rows),
        n = distinct(p, method, settings, rows);
    matrix m = matrix_new(n + 1, 2, 2);
    *matrix_at(&m, 0, 0) = text_copy("method");
    *matrix_at(&m, 0, 1) = text_copy("settings");
    for (int i = 0; i < n; i++) {
        *matrix_at(&m, i + 1, 0) = text_copy(at(p, rows[i], method));
        *matrix_at(&m, i + 1, 1) = page_spaced(at(p, rows[i], settings));
    }
    if (n)
        html_matrix(p->to, &m, &(caption){title, "and all their settings", NULL});
    matrix_free(&m);
    free(rows);
}

typedef struct cost { /* of one cell */
    int row;
    double fit, score, peak;
} cost;

/* fit_s stands in all rows of a cell, so that it is not summed; peak_mb grows from row to row. */
static int gather(const page *p, cost **list)
{
    int n = 0;
    for (int row = 0; row < sheet_rows(p->results); row++) {
        int i = 0;
        while (i < n && strcmp(at(p, (*list)[i].row, RESULT_RUN), at(p, row, RESULT_RUN)) != 0)
            i++;
        if (i == n) {
            *list = text_more(*list, (size_t)(n + 1) * sizeof **list);
            (*list)[n++] = (cost){.row = row};
        }
        cost *c = &(*list)[i];
        double fit = strtod(at(p, row, RESULT_FIT_S), NULL), peak = strtod(at(p, row, RESULT_PEAK_MB), NULL);
        c->fit = fit > c->fit ? fit : c->fit;
        c->peak = peak > c->peak ? peak : c->peak;
        if (!result_spectrum(at(p, row, RESULT_GROUP))) /* those are made of scores that other rows paid for */
            c->score += strtod(at(p, row, RESULT_SCORE_S), NULL);
    }
    return n;
}

static void put_costs(const page *p)
{
    static const char *const titles[] = {"fit, s", "scores, s", "peak, MB"};
    enum result_column shown[3];
    cost *list = NULL;
    int n = gather(p, &list), labels = 0;
    if (page_varies(p->results, RESULT_TRAIN))
        shown[labels++] = RESULT_TRAIN;
    if (page_varies(p->results, RESULT_SEED))
        shown[labels++] = RESULT_SEED;
    shown[labels++] = RESULT_SCORE;
    matrix m = matrix_new(n + 1, labels + 3, labels);
    for (int k = 0; k < labels + 3; k++)
        *matrix_at(&m, 0, k) = text_copy(k < labels ? result_names[shown[k]] : titles[k - labels]);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < labels; k++)
            *matrix_at(&m, i + 1, k) = text_copy(at(p, list[i].row, shown[k]));
        *matrix_at(&m, i + 1, labels) = text_format("%.3f", list[i].fit);
        *matrix_at(&m, i + 1, labels + 1) = text_format("%.3f", list[i].score);
        *matrix_at(&m, i + 1, labels + 2) = text_format("%.1f", list[i].peak);
    }
    html_matrix(p->to, &m,
                &(caption){"Time and memory",
                           "of fitting and of scoring all sets, beside the features, which are computed once",
                           NULL});
    matrix_free(&m);
    free(list);
}

int page_methods(page *p)
{
    put_methods(p, RESULT_TRAIN, RESULT_TRAIN_PARAMS, "Training methods");
    put_methods(p, RESULT_SCORE, RESULT_SCORE_PARAMS, "Scorers");
    put_costs(p);
    return 0;
}

/* Configuration. */

typedef struct setting {
    char *key;
    char **values;
    int n;
} setting;

typedef struct gathered {
    setting *at;
    int n;
} gathered;

/* What is of one cell only, or stands elsewhere in the page. */
static int is_shown(const char *key)
{
    static const char *const hidden[] = {"run", "cell", "cache", "out", "methods", "weights"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (strcmp(key, hidden[i]) == 0)
            return 0;
    return strncmp(key, "todo.", 5) != 0 && strncmp(key, "axis.", 5) != 0;
}

/* Takes over `value`. */
static void put_value(gathered *g, const char *key, char *value)
{
    int i = 0, k = 0;
    while (i < g->n && strcmp(g->at[i].key, key) != 0)
        i++;
    if (i == g->n) {
        g->at = text_more(g->at, (size_t)(g->n + 1) * sizeof *g->at);
        g->at[g->n++] = (setting){.key = text_copy(key)};
    }
    setting *s = &g->at[i];
    while (k < s->n && strcmp(s->values[k], value) != 0)
        k++;
    if (k < s->n) {
        free(value);
        return;
    }
    s->values = text_more(s->values, (size_t)(s->n + 1) * sizeof *s->values);
    s->values[s->n++] = value;
}

/* Paths below the program's own folder are shown from there. */
static char *value_of(const config *c, const char *key)
{
    char root[PATH_MAX];
    text t = {0};
    size_t n = strlen(layout_made(root, sizeof root, ""));
    for (int i = 0; i < config_items(c, key); i++) {
        const char *s = config_item(c, key, i);
        text_add(&t, "%s%s", i ? ", " : "", n > 1 && strncmp(s, root, n) == 0 ? s + n : s);
    }
    return t.bytes ? t.bytes : text_copy("-");
}

static int take_cell(gathered *g, const char *path)
{
    config *c = config_new();
    int rc = config_read(c, path);
    for (int i = 0; rc == 0 && i < config_count(c); i++)
        if (is_shown(config_key(c, i)))
            put_value(g, config_key(c, i), value_of(c, config_key(c, i)));
    config_free(c);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const setting *)a)->key, ((const setting *)b)->key);
}

static char *joined(const setting *s)
{
    text t = {0};
    for (int i = 0; i < s->n; i++)
        text_add(&t, "%s%s", i ? " · " : "", s->values[i]);
    return t.bytes;
}

static void put_configuration(const page *p, const gathered *g, const source *s)
{
    matrix m = matrix_new(g->n + 1, 2, 2);
    char *rest = text_format(
        "of the cells that made the rows of %s; a dot stands between values of different cells", s->name);
    *matrix_at(&m, 0, 0) = text_copy("key");
    *matrix_at(&m, 0, 1) = text_copy("value");
    for (int i = 0; i < g->n; i++) {
        *matrix_at(&m, i + 1, 0) = text_copy(g->at[i].key);
        *matrix_at(&m, i + 1, 1) = joined(&g->at[i]);
    }
    html_matrix(p->to, &m, &(caption){"Keys and values", rest, NULL});
    matrix_free(&m);
    free(rest);
}

static void drop(gathered *g)
{
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < g->at[i].n; k++)
            free(g->at[i].values[k]);
        free(g->at[i].values);
        free(g->at[i].key);
    }
    free(g->at);
}

/* A run that is named in results or accuracies, and has left its configuration in this folder. */
static int take_runs(gathered *g, const source *s, const sheet *rows, int column)
{
    const char **runs = NULL;
    int rc = 0, n = rows ? page_different(rows, column, &runs) : 0;
    for (int i = 0; i < n && rc == 0; i++) {
        char *path = text_format("%s/cache/%s.yml", s->folder, runs[i]);
        if (file_exists(path))
            rc = take_cell(g, path);
        free(path);
    }
    free(runs);
    return rc;
}

int page_configuration(page *p)
{
    int rc = 0;
    for (int i = 0; i < p->n && rc == 0; i++) {
        gathered g = {0};
        if ((rc = take_runs(&g, &p->sources[i], p->results, RESULT_RUN)) == 0)
            rc = take_runs(&g, &p->sources[i], p->accuracy, ACCURACY_RUN);
        if (rc == 0 && g.n) {
            qsort(g.at, (size_t)g.n, sizeof *g.at, by_key);
            put_configuration(p, &g, &p->sources[i]);
        }
        drop(&g);
    }
    return rc;
}
