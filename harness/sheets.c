/* sheets.c - one table of files; what two rows have in common that are about the same. */
#include "sheets.h"
#include "file.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RESULTS, ACCURACY, SEARCH, FIRST_ANALYSIS, FILES = FIRST_ANALYSIS + ANALYSES, KEYS = 3 };

typedef struct kind {
    char name[64];
    const char *const *header;
    int columns;
    int keys; /* rows that agree in so many of `key` are about the same; 0: only equal ones */
    int key[KEYS];
} kind;

static kind kind_of(int i)
{
    static const kind first[FIRST_ANALYSIS] = {
        {"results.csv", result_names, RESULT_COLUMNS, 3, {RESULT_RUN, RESULT_OOD, RESULT_GROUP}},
        {"accuracy.csv", accuracy_names, ACCURACY_COLUMNS, 3, {ACCURACY_RUN, ACCURACY_SET, ACCURACY_SPLIT}},
        {"search.csv", search_names, SEARCH_COLUMNS, 2, {SEARCH_RUN, SEARCH_SCORE_PARAMS}}};
    if (i < FIRST_ANALYSIS)
        return first[i];
    const analysis_kind *a = &analysis_kinds[i - FIRST_ANALYSIS];
    kind k = {.header = a->columns, .columns = a->ncolumns};
    snprintf(k.name, sizeof k.name, "%s.csv", a->name);
    return k;
}

static sheet **sheet_of(rows *r, int i)
{
    return i == RESULTS    ? &r->results
           : i == ACCURACY ? &r->accuracy
           : i == SEARCH   ? &r->search
                           : &r->analyses[i - FIRST_ANALYSIS];
}

/* Points of an analysis are kept in step with the images also when none is asked for. */
static int is_written(const rows *r, int i, const char *path)
{
    if (i == SEARCH)
        return r->p.score.search;
    return i < FIRST_ANALYSIS || analysis_asked(r->p.c, i - FIRST_ANALYSIS) || file_exists(path);
}

int sheets_open(rows *r, const char *folder)
{
    char path[PATH_MAX];
    int rc = 0;
    for (int i = 0; rc == 0 && i < FILES; i++) {
        const kind k = kind_of(i);
        file_join(path, sizeof path, folder, k.name);
        if (is_written(r, i, path))
            rc = sheet_open(sheet_of(r, i), path, k.header, k.columns, SHEET_WRITE);
    }
    return rc;
}

void sheets_close(rows *r)
{
    for (int i = 0; i < FILES; i++) {
        sheet **s = sheet_of(r, i);
        sheet_close(*s);
        *s = NULL;
    }
}

/* Gathering. */

static int is_of(const rows *r, const model *m, int i, const char *run)
{
    if (i == ACCURACY)
        return strcmp(run, m->run) == 0;
    if (i >= FIRST_ANALYSIS)
        return strcmp(run, m->analyses[i - FIRST_ANALYSIS]) == 0;
    for (int j = 0; j < r->p.score.n; j++)
        if (strcmp(run, m->scores[j].run) == 0)
            return 1;
    return 0;
}

static int agree(const sheet *a, int row, const sheet *b, int other, const kind *k, int all)
{
    int n = all ? k->columns : k->keys;
    for (int i = 0; i < n; i++) {
        int column = all ? i : k->key[i];
        if (strcmp(sheet_at(a, row, column), sheet_at(b, other, column)) != 0)
            return 0;
    }
    return n > 0;
}

/* The row is there already, or takes the place of one about the same. */
static int gather_row(sheet *to, const sheet *from, int row, const kind *k)
{
    const char *fields[64];
    int at = sheet_rows(to) - 1;
    while (at >= 0 && !agree(to, at, from, row, k, k->keys == 0))
        at--;
    if (at >= 0 && agree(to, at, from, row, k, 1))
        return 0;
    for (int i = 0; i < k->columns; i++)
        fields[i] = sheet_at(from, row, i);
    return sheet_put(to, at, fields);
}

int sheets_gather(rows *r, const char *folder, const model *m)
{
    char path[PATH_MAX];
    int rc = 0;
    for (int i = 0; rc == 0 && i < FILES; i++) {
        const kind k = kind_of(i);
        sheet *from = NULL, *to = *sheet_of(r, i);
        if (!to || !file_exists(file_join(path, sizeof path, folder, k.name)))
            continue;
        rc = sheet_open(&from, path, k.header, k.columns, SHEET_READ);
        for (int row = 0; rc == 0 && row < sheet_rows(from); row++)
            if (is_of(r, m, i, sheet_at(from, row, 0)))
                rc = gather_row(to, from, row, &k);
        sheet_close(from);
    }
    return rc;
}

int sheets_copy(const char *from, const char *to)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < FILES; i++) {
        char path[PATH_MAX], there[PATH_MAX], *bytes;
        size_t size;
        const kind k = kind_of(i);
        file_join(path, sizeof path, from, k.name);
        file_join(there, sizeof there, to, k.name);
        if (file_exists(there) || !file_exists(path))
            continue;
        rc = file_read(path, &bytes, &size);
        if (rc == 0) {
            rc = file_write(there, bytes, size);
            free(bytes);
        }
    }
    return rc;
}
