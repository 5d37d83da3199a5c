/* stale.c - data.csv: the sets of an experiment by the digest of their images. */
#include "stale.h"
#include "data.h"
#include "fault.h"
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DATA_SET, DATA_SPLIT, DATA_N, DATA_SHA256, DATA_COLUMNS };
static const char *const names[DATA_COLUMNS] = {"set", "split", "n", "sha256"};

static int mark(rows *r, int column, const char *set)
{
    for (int row = 0; row < sheet_rows(r->results); row++) {
        const char *fields[RESULT_COLUMNS];
        char status[300];
        if (strcmp(sheet_at(r->results, row, column), set) != 0 || !result_ok(r->results, row))
            continue;
        snprintf(status, sizeof status, "stale: the images of %.200s have changed", set);
        for (int i = 0; i < RESULT_COLUMNS; i++)
            fields[i] = sheet_at(r->results, row, i);
        fields[RESULT_STATUS] = status;
        if (sheet_put(r->results, row, fields) != 0)
            return -1;
    }
    return 0;
}

/* What was learned or measured on other images of the ID set: weights are kept
 * under another name, accuracies are measured again. */
static int forget_id(rows *r, const char *split)
{
    for (int i = 0; i < r->p.n; i++) {
        const model *m = &r->p.models[i];
        char aside[PATH_MAX];
        for (int row;
             (row = sheet_find(r->accuracy, ACCURACY_RUN, m->run, ACCURACY_ID, config_text(r->p.c, "id"))) >= 0;)
            if (sheet_remove(r->accuracy, row) != 0)
                return -1;
        snprintf(aside, sizeof aside, "%.*s.stale", PATH_MAX - 8, m->file);
        if (m->train && strcmp(split, "test") != 0 && file_exists(m->file) && rename(m->file, aside) != 0)
            return fault("cannot rename %s: %s", m->file, strerror(errno));
    }
    return 0;
}

/* column: where the rows of results name this set. */
static int check_split(rows *r, sheet *list, const char *set, const char *split, int column)
{
    char path[PATH_MAX], n[32];
    dataset *d;
    if (benchmark_path(r->p.b, set, path, sizeof path) != 0 || dataset_open(&d, path, split) != 0)
        return -1;
    snprintf(n, sizeof n, "%lld", (long long)dataset_count(d));
    const char *const fields[DATA_COLUMNS] = {set, split, n, dataset_digest(d)};
    int row = sheet_find(list, DATA_SET, set, DATA_SPLIT, split), rc = 0;
    int same = row >= 0 && strcmp(sheet_at(list, row, DATA_SHA256), fields[DATA_SHA256]) == 0;
    if (row >= 0 && !same)
        rc = mark(r, column, set);
    if (rc == 0 && row >= 0 && !same && column == RESULT_ID)
        rc = forget_id(r, split);
    if (rc == 0 && !same)
        rc = sheet_put(list, row, fields);
    dataset_close(d);
    return rc;
}

int stale_mark(rows *r)
{
    static const char *const splits[] = {"train", "val", "test"}, *const groups[] = {"near", "far"};
    char path[PATH_MAX];
    sheet *list;
    if (sheet_open(&list, file_join(path, sizeof path, r->p.out, "data.csv"), names, DATA_COLUMNS, SHEET_WRITE) !=
        0)
        return -1;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 3; i++)
        rc = check_split(r, list, config_text(r->p.c, "id"), splits[i], RESULT_ID);
    for (int g = 0; g < 2; g++)
        for (int i = 0; rc == 0 && i < config_items(r->p.c, groups[g]); i++)
            rc = check_split(r, list, config_item(r->p.c, groups[g], i), "test", RESULT_OOD);
    sheet_close(list);
    return rc;
}
