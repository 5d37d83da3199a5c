/* nightly_history.c - one line for each series of scores a night, in the CSV of this kind of
 * machine, to which lines are only ever added. */
#include "file.h"
#include "nightly.h"
#include "nights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const night_names[NIGHT_COLUMNS] = {
    "night",
    "commit",
    "experiment",
    "verdict",
    "regressed",
    "series",
    "rows",
    "acc",
    "near_auroc",
    "far_auroc",
    "near_fpr95",
    "far_fpr95",
    "fit_s",
    "score_s",
    "features_s",
    "train_s",
    "calibration_before_s",
    "calibration_after_s",
};

/* The mean of a column over the rows of a series and group that have a result; "" of none. */
static char *mean_of(const sheet *s, const char *series, const char *group, int column)
{
    double sum = 0;
    int n = 0;
    for (int row = 0; row < sheet_rows(s); row++) {
        char *name = series_of(s, row);
        if (result_ok(s, row) && strcmp(name, series) == 0 &&
            (!group || strcmp(sheet_at(s, row, RESULT_GROUP), group) == 0) && n++ >= 0)
            sum += strtod(sheet_at(s, row, column), NULL);
        free(name);
    }
    return n && isfinite(sum) ? text_format("%.9g", sum / n) : text_copy("");
}

static int count_rows(const sheet *s, const char *series)
{
    int n = 0;
    for (int row = 0; row < sheet_rows(s); row++) {
        char *name = series_of(s, row);
        n += strcmp(name, series) == 0;
        free(name);
    }
    return n;
}

static int is_there(const sheet *s, const char *began, const char *name, const char *series)
{
    for (int row = sheet_rows(s) - 1; row >= 0; row--)
        if (strcmp(sheet_at(s, row, NIGHT_BEGAN), began) == 0 &&
            strcmp(sheet_at(s, row, NIGHT_EXPERIMENT), name) == 0 &&
            strcmp(sheet_at(s, row, NIGHT_SERIES), series) == 0)
            return 1;
    return 0;
}

static char *copy_of_made(const experiment *e, const char *what, const char *series)
{
    char *key = series ? text_format("%s.%s", what, series) : text_copy(what);
    const char *value = made_get(e->now.made, key);
    free(key);
    return text_copy(value ? value : "");
}

static int append(const night *n, sheet *s, const experiment *e, const char *series)
{
    const sheet *r = e->now.results;
    char *f[NIGHT_COLUMNS] = {
        [NIGHT_BEGAN] = text_copy(n->began),
        [NIGHT_COMMIT] = text_copy(n->commit),
        [NIGHT_EXPERIMENT] = text_copy(e->name),
        [NIGHT_VERDICT] = text_copy(nightly_verdict(e)),
        [NIGHT_REGRESSED] = text_format("%d", e->regressed),
        [NIGHT_SERIES] = text_copy(series),
        [NIGHT_ROWS] = text_format("%d", count_rows(r, series)),
        [NIGHT_ACC] = mean_of(r, series, "near", RESULT_ACC),
        [NIGHT_NEAR_AUROC] = mean_of(r, series, "near", RESULT_AUROC),
        [NIGHT_FAR_AUROC] = mean_of(r, series, "far", RESULT_AUROC),
        [NIGHT_NEAR_FPR95] = mean_of(r, series, "near", RESULT_FPR95),
        [NIGHT_FAR_FPR95] = mean_of(r, series, "far", RESULT_FPR95),
        [NIGHT_FIT_S] = copy_of_made(e, "fit_s", series),
        [NIGHT_SCORE_S] = copy_of_made(e, "score_s", series),
        [NIGHT_FEATURES_S] = copy_of_made(e, "features_s", NULL),
        [NIGHT_TRAIN_S] = copy_of_made(e, "train_s", NULL),
        [NIGHT_CALIBRATION_BEFORE_S] = copy_of_made(e, "calibration_before_s", NULL),
        [NIGHT_CALIBRATION_AFTER_S] = copy_of_made(e, "calibration_after_s", NULL),
    };
    const char *fields[NIGHT_COLUMNS];
    for (int i = 0; i < NIGHT_COLUMNS; i++)
        fields[i] = f[i];
    int rc = sheet_put(s, -1, fields);
    for (int i = 0; i < NIGHT_COLUMNS; i++)
        free(f[i]);
    return rc;
}

int history_append(const night *n)
{
    char *path = text_format("%s/%s.csv", n->history, n->machine);
    sheet *s = NULL;
    int rc = file_mkdirs(n->history) != 0 ? -1 : sheet_open(&s, path, night_names, NIGHT_COLUMNS, SHEET_WRITE);
    for (int i = 0; rc == 0 && i < n->n; i++) {
        const experiment *e = &n->at[i];
        for (int row = 0; rc == 0 && e->now.results && row < sheet_rows(e->now.results); row++) {
            char *series = series_of(e->now.results, row);
            rc = is_there(s, n->began, e->name, series) ? 0 : append(n, s, e, series);
            free(series);
        }
    }
    sheet_close(s);
    free(path);
    return rc;
}
