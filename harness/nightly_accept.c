/* nightly_accept.c - tonight's results become the baseline. A row that says the same stays
 * as it stood, commit and all, so that the difference of the files is what changed. */
#include "fault.h"
#include "file.h"
#include "nightly.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 4 };

static int says_the_same(const sheet *a, int was, const sheet *b, int is)
{
    static const int free_ones[] = {RESULT_COMMIT, RESULT_FIT_S, RESULT_SCORE_S, RESULT_PEAK_MB};
    for (int column = 0; column < RESULT_COLUMNS; column++) {
        int counts = 1;
        for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
            counts = counts && column != free_ones[i];
        if (counts && strcmp(sheet_at(a, was, column), sheet_at(b, is, column)) != 0)
            return 0;
    }
    return 1;
}

static void add_line(text *all, const sheet *s, int row, int columns)
{
    const char *fields[RESULT_COLUMNS];
    for (int i = 0; i < columns; i++)
        fields[i] = sheet_at(s, row, i);
    sheet_line(all, fields, columns);
}

/* Says what becomes of a row; the first of a scorer's stand for all. */
static void tell(const experiment *e, int was, int is)
{
    const sheet *s = is >= 0 ? e->now.results : e->before.results;
    int row = is >= 0 ? is : was;
    char *series = series_of(s, row);
    printf("  %-8s %s against %s (%s)",
           is < 0    ? "removed"
           : was < 0 ? "added"
                     : "changed",
           series, sheet_at(s, row, RESULT_OOD), sheet_at(s, row, RESULT_GROUP));
    if (was >= 0 && is >= 0)
        printf(": auroc %s -> %s, fpr95 %s -> %s", sheet_at(e->before.results, was, RESULT_AUROC),
               sheet_at(s, is, RESULT_AUROC), sheet_at(e->before.results, was, RESULT_FPR95),
               sheet_at(s, is, RESULT_FPR95));
    else if (is >= 0)
        printf(": auroc %s, fpr95 %s", sheet_at(s, is, RESULT_AUROC), sheet_at(s, is, RESULT_FPR95));
    putchar('\n');
    free(series);
}

/* The new results.csv; how many rows are others. */
static int new_rows(const experiment *e, text *all)
{
    enum { MOST = 24 };
    int *pair = pair_rows(e->before.results, e->now.results), changes = 0, old = 0,
        rows = sheet_rows(e->now.results);
    sheet_line(all, result_names, RESULT_COLUMNS);
    for (int is = 0; is < rows; is++) {
        int was = pair[is];
        if (was >= 0 && says_the_same(e->before.results, was, e->now.results, is)) {
            add_line(all, e->before.results, was, RESULT_COLUMNS);
            continue;
        }
        add_line(all, e->now.results, is, RESULT_COLUMNS);
        if (e->before.results && changes < MOST)
            tell(e, was, is);
        changes++;
    }
    for (int was = 0; e->before.results && was < sheet_rows(e->before.results); was++) {
        for (old = 0; old < rows && pair[old] != was;)
            old++;
        if (old == rows && changes++ < MOST)
            tell(e, was, -1);
    }
    if (e->before.results && changes > MOST)
        printf("  and %d rows more\n", changes - MOST);
    free(pair);
    return changes;
}

static int read_or_empty(const char *path, char **bytes, size_t *n)
{
    *bytes = NULL;
    *n = 0;
    return file_exists(path) ? file_read(path, bytes, n) : 0;
}

/* All are written beside first, so that a full disk leaves the baseline as it was; then renamed. */
static int replace(char *const paths[FILES], char *const bytes[FILES], const size_t sizes[FILES],
                   const char differs[FILES])
{
    char asides[FILES][PATH_MAX] = {{0}};
    int rc = 0;
    for (int i = 0; rc == 0 && i < FILES; i++)
        if (differs[i]) {
            char *aside = text_format("%s.new", paths[i]);
            snprintf(asides[i], PATH_MAX, "%s", aside);
            free(aside);
            rc = file_write(asides[i], bytes[i], sizes[i]);
        }
    for (int i = 0; i < FILES; i++)
        if (asides[i][0]) {
            if (rc == 0)
                rc = file_commit(asides[i], paths[i]);
            else
                unlink(asides[i]);
        }
    return rc;
}

/* made.csv matters where rows do: it changes with them, or comes when there is none. */
static int accept_one(const experiment *e)
{
    static const char *const endings[] = {".csv", "-accuracy.csv", "-data.csv", "-made.csv"};
    static const char *const names[] = {"results", "accuracy", "data", "made"};
    char *paths[FILES], *bytes[FILES] = {0}, differs[FILES];
    size_t sizes[FILES] = {0};
    text rows = {0};
    int rc = 0, files = 0;
    printf("%s\n", e->name);
    int changes = new_rows(e, &rows);
    for (int i = 0; i < FILES; i++) {
        char *from = text_format("%s/%s.csv", e->out, names[i]), *old = NULL;
        size_t n = 0;
        paths[i] = text_format("%s%s", e->baseline, endings[i]);
        if (i == 0) {
            bytes[i] = text_copy(text_str(&rows));
            sizes[i] = rows.n;
        } else if (rc == 0)
            rc = read_or_empty(from, &bytes[i], &sizes[i]);
        if (rc == 0)
            rc = read_or_empty(paths[i], &old, &n);
        differs[i] = bytes[i] && (!old || n != sizes[i] || memcmp(old, bytes[i], n) != 0);
        if (i == FILES - 1 && old && !files && !e->unpromised && !e->warned)
            differs[i] = 0; /* only the clock says something else */
        files += differs[i];
        free(old);
        free(from);
    }
    if (rc == 0)
        rc = replace(paths, bytes, sizes, differs);
    if (rc == 0 && !files)
        puts("  is the baseline already");
    else if (rc == 0)
        printf("  %d row%s of %d differ: accepted\n", changes, changes == 1 ? "" : "s", sheet_rows(e->now.results));
    for (int i = 0; i < FILES; i++) {
        if (rc == 0 && differs[i])
            printf("  wrote %s\n", paths[i]);
        free(paths[i]);
        free(bytes[i]);
    }
    text_free(&rows);
    return rc;
}

/* What keeps an experiment's results from being a baseline; NULL: nothing. */
static const char *lacks(const experiment *e)
{
    static const char *const words[] = {"was not run", NULL, "has rows without a result", NULL, "could not be run"};
    for (int row = 0; e->ends == NIGHT_RAN && e->now.results && row < sheet_rows(e->now.results); row++)
        if (!result_ok(e->now.results, row))
            return words[NIGHT_PARTLY];
    return words[e->ends];
}

int nightly_accept(night *n, int incomplete)
{
    int accepted = 0;
    for (int i = 0; i < n->n; i++)
        if (lacks(&n->at[i]) && !incomplete)
            return fault(
                "nightly --accept: %s %s: nothing was accepted; run the night to its end, choose others with "
                "--only, or accept what there is with --incomplete",
                n->at[i].name, lacks(&n->at[i]));
    for (int i = 0; i < n->n; i++) {
        experiment *e = &n->at[i];
        if (!e->now.results) {
            printf("%s\n  left as it is: it %s\n", e->name, e->ends == NIGHT_SKIPPED ? "was skipped" : lacks(e));
            continue;
        }
        if (accept_one(e) != 0)
            return -1;
        accepted++;
    }
    return accepted ? 0 : fault("nightly --accept: nothing was run that could be accepted");
}
