/* analyses.c - from points to rows, and back. Points of a set are numbered by both
 * axes, the second one changing fastest. */
#include "analyses.h"
#include "commit.h"
#include "file.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static char *path_of(const rows *r, enum analysis a)
{
    return text_format("%s/%s.csv", r->p.out, analysis_kinds[a].name);
}

/* What is missing. */

static int is_wanted(const rows *r, const model *m, enum analysis a)
{
    const config *c = r->p.c;
    int n = config_items(c, "analyses_of"), found = n == 0 || !m->train;
    for (int i = 0; i < n && m->train; i++)
        found |= strcmp(config_item(c, "analyses_of", i), m->train->method->name) == 0;
    return found && analysis_asked(c, a);
}

static int index_of(const config *axes, const char *axis, const char *value)
{
    int i = config_items(axes, axis);
    while (--i >= 0 && strcmp(config_item(axes, axis, i), value) != 0)
        ;
    return i;
}

/* Marks the points that rows of this run and set are. */
static void mark_there(const sheet *s, const char *run, const char *set, const char *split, const config *axes,
                       char *there)
{
    int across = config_items(axes, "axis.second");
    for (int row = 0; row < sheet_rows(s); row++) {
        if (strcmp(sheet_at(s, row, ANALYSIS_RUN), run) != 0 || strcmp(sheet_at(s, row, ANALYSIS_SET), set) != 0 ||
            strcmp(sheet_at(s, row, ANALYSIS_SPLIT), split) != 0)
            continue;
        int i = index_of(axes, "axis.first", sheet_at(s, row, ANALYSIS_FIRST));
        int j = index_of(axes, "axis.second", sheet_at(s, row, ANALYSIS_SECOND));
        if (i >= 0 && j >= 0)
            there[i * across + j] = 1;
    }
}

static void tell_cell(const config *c, enum analysis a, config *todo)
{
    const char *const *key = analysis_kinds[a].depends;
    char name[64];
    for (int i = 0; key[i]; i++) {
        snprintf(name, sizeof name, "%s.%s", analysis_kinds[a].name, key[i]);
        config_copy(todo, name, c, name);
    }
    snprintf(name, sizeof name, "%s.sets", analysis_kinds[a].name);
    config_copy(todo, name, c, name);
    config_copy(todo, "csid", c, "csid");
}

int analyses_missing(const rows *r, const model *m, enum analysis a, config *todo)
{
    if (!is_wanted(r, m, a))
        return 0;
    int missing = 0;
    const char *set, *split;
    config *axes = config_new();
    analysis_axes(axes, r->p.c, a);
    int points = config_items(axes, "axis.first") * config_items(axes, "axis.second");
    for (int i = 0; (set = analysis_set(r->p.c, a, i, &split)); i++) {
        char *there = text_more(NULL, (size_t)points + 1), key[32], number[32];
        memset(there, 0, (size_t)points + 1);
        mark_there(r->analyses[a], m->analyses[a], set, split, axes, there);
        snprintf(key, sizeof key, "todo.%d", i);
        for (int p = 0; p < points; p++) {
            snprintf(number, sizeof number, "%d", p);
            if (!there[p] && todo)
                config_append(todo, key, number, "");
            missing += !there[p];
        }
        free(there);
    }
    if (todo) {
        tell_cell(r->p.c, a, todo);
        config_copy(todo, "axis.first", axes, "axis.first");
        config_copy(todo, "axis.second", axes, "axis.second");
    }
    config_free(axes);
    return missing;
}

/* Rows. */

int analyses_take(const reports *w, char *line)
{
    enum analysis a = w->analysis;
    const analysis_kind *k = &analysis_kinds[a];
    const config *c = w->r->p.c;
    const model *m = w->m;
    const char *fields[32] = {0};
    char train[ROWS_NAME], *value[32], *settings = analysis_settings(c, a);
    for (int i = ANALYSIS_SET; i < k->ncolumns; i++)
        value[i] = report_field(line, k->columns[i]);
    char *device = report_field(line, "device"), *precision = report_field(line, "precision");
    for (char *p = line; *p; p++)
        *p = (char)(*p == '\t' ? '\0' : *p); /* ends every field */
    fields[ANALYSIS_RUN] = m->analyses[a];
    fields[ANALYSIS_COMMIT] = commit_id();
    fields[ANALYSIS_DEVICE] = device ? device : config_text(c, "device");
    fields[ANALYSIS_FAST] = config_text(c, "fast");
    fields[ANALYSIS_PRECISION] = precision ? precision : config_text(c, "precision");
    fields[ANALYSIS_NET] = m->net;
    fields[ANALYSIS_WEIGHTS] = m->weights;
    fields[ANALYSIS_ID] = config_text(c, "id");
    fields[ANALYSIS_TRAIN] = rows_name(m->train, train);
    fields[ANALYSIS_TRAIN_PARAMS] = m->train_settings;
    fields[ANALYSIS_SEED] = m->seed;
    fields[ANALYSIS_SETTINGS] = settings;
    int whole = 1;
    for (int i = ANALYSIS_SET; i < k->ncolumns; i++) {
        fields[i] = value[i];
        whole &= value[i] != NULL;
    }
    int rc = whole ? sheet_put(w->r->analyses[a], -1, fields) : 0; /* one that is not whole stays missing */
    free(settings);
    return rc;
}

int analyses_forget(rows *r, const char *set)
{
    int rc = 0;
    for (int a = 0; rc == 0 && a < ANALYSES; a++) {
        const sheet *s = r->analyses[a];
        int n = s ? sheet_rows(s) : 0;
        char *keep = text_more(NULL, (size_t)n + 1);
        for (int row = 0; row < n; row++)
            keep[row] = strcmp(sheet_at(s, row, ANALYSIS_SET), set) != 0 &&
                        strcmp(sheet_at(s, row, ANALYSIS_ID), set) != 0;
        rc = n ? sheet_keep(r->analyses[a], keep) : 0;
        free(keep);
    }
    return rc;
}

/* Words. */

char *analyses_left(const rows *r)
{
    text t = {0};
    for (int a = 0; a < ANALYSES; a++) {
        int n = 0;
        for (int i = 0; i < r->p.n; i++)
            n += analyses_missing(r, &r->p.models[i], a, NULL);
        if (n)
            text_add(&t, ", %d point%s of %s", n, n == 1 ? "" : "s", analysis_kinds[a].name);
    }
    return t.bytes ? t.bytes : text_copy("");
}

void analyses_print(FILE *to, const rows *r)
{
    for (int a = 0; a < ANALYSES; a++) {
        char *path = path_of(r, a);
        if (analysis_asked(r->p.c, a))
            fprintf(to, "%s: %s\n", analysis_kinds[a].name, path);
        free(path);
    }
}
