/* rows.c - from a cell's reports to rows of results.csv. */
#include "rows.h"
#include "analyses.h"
#include "board.h"
#include "commit.h"
#include "fault.h"
#include "file.h"
#include "labels.h"
#include "points.h"
#include "progress.h"
#include "scores.h"
#include "tallies.h"
#include "text.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The groups of rows, and which key of the configuration lists their sets. */
static const struct {
    const char *name, *sets;
} row_groups[] = {{"near", "near"}, {"far", "far"}, {"csid", "csid"}, {"fsnear", "near"}, {"fsfar", "far"}};
enum { ROW_GROUPS = sizeof row_groups / sizeof *row_groups };

/* What one cell may say, beside rows: notes, bytes of one, points and accuracies. */
enum { MOST_NOTES = 64, LONGEST_NOTE = 4400, MOST_KEPT = 1 << 18 };

void rows_begin(rows *r)
{
    text all = {0};
    int n = config_items(r->p.c, "csid");
    text_add(&all, "%s", config_text(r->p.c, "id"));
    for (int i = 0; i < n; i++)
        text_add(&all, "+%s", config_item(r->p.c, "csid", i));
    if (n == 0)
        text_free(&all);
    r->spectrum = all.bytes;
}

void rows_end(rows *r)
{
    free(r->spectrum);
    r->spectrum = NULL;
}

/* Rows. */

/* What was in-distribution in a row of this group. */
static const char *id_of(const rows *r, const char *group)
{
    return r->spectrum && result_spectrum(group) ? r->spectrum : config_text(r->p.c, "id");
}

const char *rows_name(const variant *v, char out[ROWS_NAME])
{
    int marked = v && (v->method->reconstruction || (v->base && v->base->reconstruction));
    snprintf(out, ROWS_NAME, "%s%s", v ? v->method->name : "", marked ? " (reconstruction)" : "");
    return out;
}

/* A training method with the settings that tell it from the plan's others. */
static char *training_label(const rows *r, const variant *v)
{
    int n = r->p.train.n;
    const char **held = text_more(NULL, 2 * (size_t)n * sizeof *held);
    char(*names)[ROWS_NAME] = text_more(NULL, (size_t)n * sizeof *names);
    for (int i = 0; i < n; i++) {
        held[i] = rows_name(&r->p.train.at[i], names[i]);
        held[n + i] = r->p.train.at[i].settings;
    }
    char *label = label_apart(held, held + n, n, (int)(v - r->p.train.at));
    free(names);
    free(held);
    return label;
}

char *rows_describe(const rows *r, const model *m)
{
    text t = {0};
    text_add(&t, "%s%s%s", m->net, m->weights[0] ? " " : "", m->weights);
    if (m->train) {
        char *label = training_label(r, m->train);
        text_add(&t, " trained with %s", label);
        free(label);
    }
    if (m->train || strstr(m->weights, "{seed}"))
        text_add(&t, ", seed %s", m->seed);
    return t.bytes;
}

typedef struct new_row {
    const char *fields[RESULT_COLUMNS];
    char train[ROWS_NAME], score[ROWS_NAME];
} new_row;

static void fill_row(const rows *r, const model *m, const scored *by, new_row *row)
{
    const char **fields = row->fields;
    for (int i = 0; i < RESULT_COLUMNS; i++)
        fields[i] = "";
    fields[RESULT_RUN] = by->run;
    fields[RESULT_COMMIT] = commit_id();
    fields[RESULT_DEVICE] = config_text(r->p.c, "device");
    fields[RESULT_FAST] = config_text(r->p.c, "fast");
    fields[RESULT_PRECISION] = config_text(r->p.c, "precision");
    fields[RESULT_NET] = m->net;
    fields[RESULT_WEIGHTS] = m->weights;
    fields[RESULT_TRAIN] = rows_name(m->train, row->train);
    fields[RESULT_TRAIN_PARAMS] = m->train_settings;
    fields[RESULT_SCORE] = rows_name(by->by, row->score);
    fields[RESULT_SCORE_PARAMS] = by->by->settings;
    fields[RESULT_SEED] = m->seed;
}

/* Adds the row, or puts it where an earlier one of the same run and set stands. */
static int put_row(rows *r, const char *fields[RESULT_COLUMNS])
{
    fields[RESULT_ID] = id_of(r, fields[RESULT_GROUP]);
    int row = result_find(r->results, fields[RESULT_RUN], fields[RESULT_OOD], fields[RESULT_GROUP]);
    return sheet_put(r->results, row, fields);
}

/* A row that is ok and was made as a member of this group, against these ID sets. */
static int delivered(const rows *r, const scored *by, const char *group, const char *set)
{
    int row = result_find(r->results, by->run, set, group);
    return row >= 0 && result_ok(r->results, row) && strcmp(sheet_at(r->results, row, RESULT_GROUP), group) == 0 &&
           strcmp(sheet_at(r->results, row, RESULT_ID), id_of(r, group)) == 0;
}

static int kept(const rows *r, const scored *by, const char *set)
{
    return scores_kept(r->p.out, by->run, set);
}

/* Such a row whose scores, and those of the ID test set, are kept. Full-spectrum
 * rows are made of scores that rows of their own are made of as well. */
static int done(const rows *r, const scored *by, const char *group, const char *set)
{
    return delivered(r, by, group, set) && kept(r, by, config_text(r->p.c, "id")) && kept(r, by, set);
}

static int add_wanted(const rows *r, const scored *by, config *wanted)
{
    int n = 0;
    for (int g = 0; g < ROW_GROUPS; g++)
        for (int i = 0; i < config_items(r->p.c, row_groups[g].sets); i++) {
            const char *set = config_item(r->p.c, row_groups[g].sets, i), *group = row_groups[g].name;
            if ((result_spectrum(group) && !r->spectrum) || (by && done(r, by, group, set)))
                continue;
            config_append(wanted, group, set, "");
            n++;
        }
    return n;
}

void rows_wanted(const rows *r, config *all)
{
    add_wanted(r, NULL, all);
}

int rows_missing(const rows *r, const scored *by, config *wanted)
{
    return add_wanted(r, by, wanted);
}

static int is_listed(const config *sets, const char *group, const char *set)
{
    for (int i = 0; sets && i < config_items(sets, group); i++)
        if (strcmp(config_item(sets, group, i), set) == 0)
            return 1;
    return 0;
}

int rows_fail(const reports *w, const char *status)
{
    new_row row = {0};
    char line[1024];
    snprintf(line, sizeof line, "%s", status);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    for (int g = 0; g < ROW_GROUPS; g++)
        for (int i = 0; i < config_items(w->sets, row_groups[g].name); i++) {
            const char *set = config_item(w->sets, row_groups[g].name, i);
            fill_row(w->r, w->m, w->by, &row);
            row.fields[RESULT_OOD] = set;
            row.fields[RESULT_GROUP] = row_groups[g].name;
            row.fields[RESULT_STATUS] = line;
            if (!is_listed(w->told, row_groups[g].name, set) && !delivered(w->r, w->by, row_groups[g].name, set) &&
                put_row(w->r, row.fields) != 0)
                return -1;
        }
    return 0;
}

/* Reports of a cell. */

char *report_field(char *line, const char *key)
{
    size_t n = strlen(key);
    for (char *p = line; p; p = strchr(p, '\t')) {
        p += *p == '\t';
        if (strncmp(p, key, n) == 0 && p[n] == '=')
            return p + n + 1;
    }
    return NULL;
}

/* A row that claims to be ok holds numbers. */
static int numbers_good(const char *const fields[RESULT_COLUMNS])
{
    for (int i = RESULT_N_ID; i <= RESULT_PEAK_MB; i++) {
        char *end;
        double v = strtod(fields[i], &end);
        if (i == RESULT_ACC && !*fields[i]) /* nothing is known of the labels */
            continue;
        if (end == fields[i] || *end || !isfinite(v))
            return 0;
    }
    return 1;
}

static void take_row(reports *w, char *line)
{
    static const enum result_column reported[] = {RESULT_DEVICE,   RESULT_OOD,     RESULT_GROUP,    RESULT_N_ID,
                                                  RESULT_N_OOD,    RESULT_ACC,     RESULT_AUROC,    RESULT_AUPR_IN,
                                                  RESULT_AUPR_OUT, RESULT_FPR95,   RESULT_FPR95_ID, RESULT_FIT_S,
                                                  RESULT_SCORE_S,  RESULT_PEAK_MB, RESULT_STATUS};
    enum { REPORTED = sizeof reported / sizeof *reported };
    new_row row = {0};
    const char **fields = row.fields;
    char *value[REPORTED];
    fill_row(w->r, w->m, w->by, &row);
    for (int i = 0; i < REPORTED; i++)
        value[i] = report_field(line, result_names[reported[i]]);
    char *chosen = report_field(line, "score_params");
    for (int i = 0; i < REPORTED; i++)
        if (value[i]) {
            value[i][strcspn(value[i], "\t")] = '\0';
            fields[reported[i]] = value[i];
        }
    if (w->by->by->grid && chosen) {
        chosen[strcspn(chosen, "\t")] = '\0';
        fields[RESULT_SCORE_PARAMS] = chosen;
    }
    if (!is_listed(w->sets, fields[RESULT_GROUP], fields[RESULT_OOD]))
        return;
    if (!fields[RESULT_STATUS][0] || (strcmp(fields[RESULT_STATUS], "ok") == 0 && !numbers_good(fields)))
        fields[RESULT_STATUS] = "failed: its report is not whole";
    if (!w->told)
        w->told = config_new();
    if ((!is_listed(w->told, fields[RESULT_GROUP], fields[RESULT_OOD]) &&
         config_append(w->told, fields[RESULT_GROUP], fields[RESULT_OOD], "") != 0) ||
        put_row(w->r, fields) != 0)
        w->failed = 1;
}

/* Of a cell that says more than anyone reads the first notes are printed. */
static void take_note(reports *w, char *line)
{
    if (w->notes >= MOST_NOTES)
        return;
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = ' '; /* nothing that moves a terminal's cursor */
    if (strlen(line) > LONGEST_NOTE)
        line[LONGEST_NOTE] = '\0';
    progress_note(line);
    if (++w->notes == MOST_NOTES)
        progress_note("further notes of this cell are left out");
}

/* Of these there may be any number; of rows no more than are wanted. */
static void keep(reports *w, char *line)
{
    if (w->kept == MOST_KEPT)
        return;
    w->kept++;
    if (strncmp(line, "accuracy\t", 9) == 0)
        tally_take(w, line);
    else if (w->by && w->by->by->grid)
        w->failed |= points_take(w, line) != 0;
    else if (w->analysing)
        w->failed |= analyses_take(w, line) != 0;
}

void rows_report(void *arg, char *line)
{
    reports *w = arg;
    if (strncmp(line, "progress", 8) == 0) {
        board_take(w->place, line);
    } else if (strncmp(line, "note\t", 5) == 0) {
        take_note(w, line + 5);
    } else if (strncmp(line, "row\t", 4) == 0 && w->by) {
        take_row(w, line);
    } else if (strncmp(line, "point\t", 6) == 0 || strncmp(line, "accuracy\t", 9) == 0) {
        keep(w, line);
    } else if (strncmp(line, "status\t", 7) == 0) {
        free(w->status);
        w->status = text_copy(line + 7);
    }
}

void reports_end(reports *w)
{
    free(w->status);
    config_free(w->told);
    tally_forget(w);
    w->status = NULL;
    w->told = NULL;
}

/* Rows and the plan. */

/* A row of a model and scorer, whatever their settings and files were. */
static int is_alike(const sheet *s, int row, const model *m, const scored *by)
{
    char train[ROWS_NAME], score[ROWS_NAME];
    return strcmp(m->net, sheet_at(s, row, RESULT_NET)) == 0 &&
           strcmp(m->weights, sheet_at(s, row, RESULT_WEIGHTS)) == 0 &&
           strcmp(m->seed, sheet_at(s, row, RESULT_SEED)) == 0 &&
           strcmp(rows_name(m->train, train), sheet_at(s, row, RESULT_TRAIN)) == 0 &&
           strcmp(rows_name(by->by, score), sheet_at(s, row, RESULT_SCORE)) == 0;
}

/* The model and scorer of a row are in the plan; exact: under the same name. */
static int in_plan(const rows *r, int row, int exact)
{
    for (int i = 0; i < r->p.n; i++)
        for (int j = 0; j < r->p.score.n; j++) {
            const model *m = &r->p.models[i];
            const scored *by = &m->scores[j];
            if (exact ? strcmp(by->run, sheet_at(r->results, row, RESULT_RUN)) == 0
                      : is_alike(r->results, row, m, by))
                return 1;
        }
    return 0;
}

int rows_forget_failures(rows *r)
{
    for (int row = sheet_rows(r->results) - 1; row >= 0; row--)
        if (!result_ok(r->results, row) && !in_plan(r, row, 1) && in_plan(r, row, 0) &&
            sheet_remove(r->results, row) != 0)
            return -1;
    return 0;
}

char *rows_of_plan(const rows *r)
{
    int n = sheet_rows(r->results);
    char *keep = text_more(NULL, (size_t)n);
    config *all = config_new();
    rows_wanted(r, all);
    for (int row = 0; row < n; row++) {
        const char *group = sheet_at(r->results, row, RESULT_GROUP);
        keep[row] = (char)(in_plan(r, row, 1) && is_listed(all, group, sheet_at(r->results, row, RESULT_OOD)) &&
                           strcmp(sheet_at(r->results, row, RESULT_ID), id_of(r, group)) == 0);
    }
    config_free(all);
    return keep;
}
