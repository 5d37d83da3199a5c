/* stale.c - data.csv: the sets of an experiment by the digest of their images. */
#include "stale.h"
#include "analyses.h"
#include "data.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DATA_SET, DATA_SPLIT, DATA_N, DATA_SHA256, DATA_COLUMNS };
static const char *const names[DATA_COLUMNS] = {"set", "split", "n", "sha256"};

static int mark_row(rows *r, int row, const char *set)
{
    const char *fields[RESULT_COLUMNS];
    char status[300];
    snprintf(status, sizeof status, "stale: the images of %.200s have changed", set);
    for (int i = 0; i < RESULT_COLUMNS; i++)
        fields[i] = sheet_at(r->results, row, i);
    fields[RESULT_STATUS] = status;
    return sheet_put(r->results, row, fields);
}

/* Did a search that looked at this set choose the row's parameters? */
static int tuned_by(const rows *r, int row, const char *set)
{
    const char *run = sheet_at(r->results, row, RESULT_RUN);
    int point = r->search ? sheet_rows(r->search) - 1 : -1;
    while (point >= 0 && strcmp(sheet_at(r->search, point, SEARCH_RUN), run) != 0)
        point--;
    return point >= 0 && result_id_has(sheet_at(r->search, point, SEARCH_TUNE), set);
}

/* Rows in which the set took part, on either side, or as what a search was tuned
 * by; what is not ok stays as it is. */
static int mark(rows *r, const char *set)
{
    for (int row = 0; row < sheet_rows(r->results); row++) {
        int part = strcmp(sheet_at(r->results, row, RESULT_OOD), set) == 0 ||
                   result_id_has(sheet_at(r->results, row, RESULT_ID), set) || tuned_by(r, row, set);
        if (part && result_ok(r->results, row) && mark_row(r, row, set) != 0)
            return -1;
    }
    return 0;
}

/* Accuracies on these images are measured again; those of the ID set are part of
 * every shifted set's sums. */
static int forget_accuracy(rows *r, const char *set)
{
    for (int row = sheet_rows(r->accuracy) - 1; row >= 0; row--)
        if ((strcmp(sheet_at(r->accuracy, row, ACCURACY_SET), set) == 0 ||
             strcmp(sheet_at(r->accuracy, row, ACCURACY_ID), set) == 0) &&
            sheet_remove(r->accuracy, row) != 0)
            return -1;
    return 0;
}

/* What was learned from other images of the ID set is kept under another name. */
static int set_weights_aside(const rows *r)
{
    for (int i = 0; i < r->p.n; i++) {
        const model *m = &r->p.models[i];
        char aside[PATH_MAX];
        snprintf(aside, sizeof aside, "%.*s.stale", PATH_MAX - 8, m->file);
        if (m->train && file_exists(m->file) && rename(m->file, aside) != 0)
            return fault("cannot rename %s: %s", m->file, strerror(errno));
    }
    return 0;
}

typedef struct contents { /* of one or several splits of a set */
    long long n;
    char digest[FILE_DIGEST];
} contents;

static int look(const rows *r, const char *set, const char *split, contents *c)
{
    char path[PATH_MAX];
    dataset *d;
    if (benchmark_path(r->p.b, set, path, sizeof path) != 0 || dataset_open(&d, path, split) != 0)
        return -1;
    c->n = (long long)dataset_count(d);
    snprintf(c->digest, sizeof c->digest, "%s", dataset_digest(d));
    dataset_close(d);
    return 0;
}

/* A shifted set as one: the digest of its parts' names and digests. */
static int look_at_parts(const rows *r, const char *set, contents *all)
{
    text list = {0};
    contents c;
    const char *part;
    int rc = 0;
    *all = (contents){0};
    for (int i = 0; rc == 0 && (part = benchmark_part(r->p.b, set, i)); i++) {
        rc = look(r, set, part, &c);
        all->n += rc == 0 ? c.n : 0;
        text_add(&list, "%s %s\n", part, rc == 0 ? c.digest : "");
    }
    file_digest_bytes(all->digest, text_str(&list), list.n);
    text_free(&list);
    return rc;
}

static int is_noted(const sheet *list, int row, const contents *c)
{
    return row >= 0 && strcmp(sheet_at(list, row, DATA_SHA256), c->digest) == 0;
}

static int note(sheet *list, int row, const char *set, const char *split, const contents *c)
{
    char n[32];
    snprintf(n, sizeof n, "%lld", c->n);
    const char *const fields[DATA_COLUMNS] = {set, split, n, c->digest};
    return sheet_put(list, row, fields);
}

/* What follows from another digest than last time's is done before it is noted. */
static int check(rows *r, sheet *list, const char *set, const char *split, const contents *c)
{
    int row = sheet_find(list, DATA_SET, set, DATA_SPLIT, split);
    if (is_noted(list, row, c))
        return 0;
    int learned = strcmp(set, config_text(r->p.c, "id")) == 0 && strcmp(split, "test") != 0;
    if (row >= 0 && (mark(r, set) != 0 || forget_accuracy(r, set) != 0 || analyses_forget(r, set) != 0 ||
                     (learned && set_weights_aside(r) != 0)))
        return -1;
    return note(list, row, set, split, c);
}

int stale_mark(rows *r)
{
    static const char *const splits[] = {"train", "val", "test"}, *const groups[] = {"near", "far", "csid"};
    char path[PATH_MAX];
    contents c;
    sheet *list;
    if (sheet_open(&list, file_join(path, sizeof path, r->p.out, "data.csv"), names, DATA_COLUMNS, SHEET_WRITE) !=
        0)
        return -1;
    int rc = 0;
    if (benchmark_path(r->p.b, config_text(r->p.c, "id"), path, sizeof path) != 0)
        rc = -1;
    for (int i = rc == 0 && dataset_lacks(path, splits[0]); rc == 0 && i < 3; i++)
        rc = look(r, config_text(r->p.c, "id"), splits[i], &c) != 0
                 ? -1
                 : check(r, list, config_text(r->p.c, "id"), splits[i], &c);
    for (int g = 0; g < 3; g++)
        for (int i = 0; rc == 0 && i < config_items(r->p.c, groups[g]); i++) {
            const char *set = config_item(r->p.c, groups[g], i);
            int shifted = strcmp(groups[g], "csid") == 0;
            rc = shifted ? look_at_parts(r, set, &c) : look(r, set, "test", &c);
            if (rc == 0)
                rc = check(r, list, set, shifted ? "all" : "test", &c);
        }
    for (int i = 0; rc == 0 && r->search && i < config_items(r->p.c, "tune"); i++) {
        const char *set = config_item(r->p.c, "tune", i);
        rc = look(r, set, "val", &c) != 0 ? -1 : check(r, list, set, "val", &c);
    }
    sheet_close(list);
    return rc;
}
