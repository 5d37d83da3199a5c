/* rows.c - from a cell's reports to rows of results.csv and accuracy.csv. */
#include "rows.h"
#include "commit.h"
#include "fault.h"
#include "progress.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const row_groups[] = {"near", "far"};
static const char *const accuracy_splits[] = {"val", "test", "val+test"};

/* Rows. */

static void fill_row(const rows *r, const model *m, const scored *by, const char *fields[RESULT_COLUMNS])
{
    for (int i = 0; i < RESULT_COLUMNS; i++)
        fields[i] = "";
    fields[RESULT_RUN] = by->run;
    fields[RESULT_COMMIT] = commit_id();
    fields[RESULT_DEVICE] = config_text(r->p.c, "device");
    fields[RESULT_FAST] = config_text(r->p.c, "fast");
    fields[RESULT_NET] = m->net;
    fields[RESULT_WEIGHTS] = m->weights;
    fields[RESULT_ID] = config_text(r->p.c, "id");
    fields[RESULT_TRAIN] = m->train ? m->train->method->name : "";
    fields[RESULT_TRAIN_PARAMS] = m->train_settings;
    fields[RESULT_SCORE] = by->by->method->name;
    fields[RESULT_SCORE_PARAMS] = by->by->settings;
    fields[RESULT_SEED] = m->seed;
}

/* Adds the row, or puts it where an earlier one of the same run and set stands. */
static int put_row(rows *r, const char *const fields[RESULT_COLUMNS])
{
    int row = sheet_find(r->results, RESULT_RUN, fields[RESULT_RUN], RESULT_OOD, fields[RESULT_OOD]);
    return sheet_put(r->results, row, fields);
}

/* A row that is ok and was made as a member of this group. */
static int done(const rows *r, const scored *by, const char *group, const char *set)
{
    int row = sheet_find(r->results, RESULT_RUN, by->run, RESULT_OOD, set);
    return row >= 0 && result_ok(r->results, row) && strcmp(sheet_at(r->results, row, RESULT_GROUP), group) == 0;
}

int rows_missing(const rows *r, const scored *by, config *wanted)
{
    int n = 0;
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < config_items(r->p.c, row_groups[g]); i++) {
            const char *set = config_item(r->p.c, row_groups[g], i);
            if (done(r, by, row_groups[g], set))
                continue;
            config_append(wanted, row_groups[g], set, "");
            n++;
        }
    return n;
}

int rows_fail(rows *r, const model *m, const scored *by, const config *sets, const char *status)
{
    const char *fields[RESULT_COLUMNS];
    char line[1024];
    snprintf(line, sizeof line, "%s", status);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    for (int g = 0; g < 2; g++)
        for (int i = 0; i < config_items(sets, row_groups[g]); i++) {
            fill_row(r, m, by, fields);
            fields[RESULT_OOD] = config_item(sets, row_groups[g], i);
            fields[RESULT_GROUP] = row_groups[g];
            fields[RESULT_STATUS] = line;
            if (!done(r, by, row_groups[g], fields[RESULT_OOD]) && put_row(r, fields) != 0)
                return -1;
        }
    return 0;
}

/* Reports of a cell. */

static char *field(char *line, const char *key)
{
    size_t n = strlen(key);
    for (char *p = line; p; p = strchr(p, '\t')) {
        p += *p == '\t';
        if (strncmp(p, key, n) == 0 && p[n] == '=')
            return p + n + 1;
    }
    return NULL;
}

static int is_wanted(const config *sets, const char *group, const char *set)
{
    for (int i = 0; i < config_items(sets, group); i++)
        if (strcmp(config_item(sets, group, i), set) == 0)
            return 1;
    return 0;
}

/* A row that claims to be ok holds numbers. */
static int numbers_good(const char *const fields[RESULT_COLUMNS])
{
    for (int i = RESULT_N_ID; i <= RESULT_PEAK_MB; i++) {
        char *end;
        double v = strtod(fields[i], &end);
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
    const char *fields[RESULT_COLUMNS];
    char *value[REPORTED];
    fill_row(w->r, w->m, w->by, fields);
    for (int i = 0; i < REPORTED; i++)
        value[i] = field(line, result_names[reported[i]]);
    for (int i = 0; i < REPORTED; i++)
        if (value[i]) {
            value[i][strcspn(value[i], "\t")] = '\0';
            fields[reported[i]] = value[i];
        }
    if (!is_wanted(w->sets, fields[RESULT_GROUP], fields[RESULT_OOD]))
        return;
    if (!fields[RESULT_STATUS][0] || (strcmp(fields[RESULT_STATUS], "ok") == 0 && !numbers_good(fields)))
        fields[RESULT_STATUS] = "failed: its report is not whole";
    if (put_row(w->r, fields) != 0)
        w->failed = 1;
}

static void take_accuracy(reports *w, char *line)
{
    char *set = field(line, "set"), *split = field(line, "split"), *n = field(line, "n"),
         *correct = field(line, "correct");
    if (!set || !split || !n || !correct)
        return;
    set[strcspn(set, "\t")] = split[strcspn(split, "\t")] = '\0';
    for (int i = 0; i < 2; i++)
        if (strcmp(set, config_text(w->r->p.c, "id")) == 0 && strcmp(split, accuracy_splits[i]) == 0) {
            w->n[i] = strtoll(n, NULL, 10);
            w->correct[i] = strtoll(correct, NULL, 10);
        }
}

void rows_report(void *arg, char *line)
{
    reports *w = arg;
    if (strncmp(line, "progress", 8) == 0) {
        progress_relay(line);
    } else if (strncmp(line, "row\t", 4) == 0 && w->by) {
        take_row(w, line);
    } else if (strncmp(line, "accuracy\t", 9) == 0) {
        take_accuracy(w, line);
    } else if (strncmp(line, "status\t", 7) == 0) {
        free(w->status);
        w->status = text_copy(line + 7);
    }
}

/* Accuracy. */

static int put_accuracy(const reports *w, const char *split, int64_t n, int64_t correct)
{
    char total[32], right[32], percent[32];
    const char *fields[ACCURACY_COLUMNS];
    const model *m = w->m;
    snprintf(total, sizeof total, "%lld", (long long)n);
    snprintf(right, sizeof right, "%lld", (long long)correct);
    snprintf(percent, sizeof percent, "%.9g", 100.0 * (double)correct / (double)n);
    fields[ACCURACY_RUN] = m->run;
    fields[ACCURACY_NET] = m->net;
    fields[ACCURACY_WEIGHTS] = m->weights;
    fields[ACCURACY_ID] = config_text(w->r->p.c, "id");
    fields[ACCURACY_TRAIN] = m->train ? m->train->method->name : "";
    fields[ACCURACY_TRAIN_PARAMS] = m->train_settings;
    fields[ACCURACY_SEED] = m->seed;
    fields[ACCURACY_SPLIT] = split;
    fields[ACCURACY_N] = total;
    fields[ACCURACY_CORRECT] = right;
    fields[ACCURACY_ACC] = percent;
    return sheet_put(w->r->accuracy, sheet_find(w->r->accuracy, ACCURACY_RUN, m->run, ACCURACY_SPLIT, split),
                     fields);
}

int rows_put_accuracy(const reports *w)
{
    for (int i = 0; i < 2; i++)
        if (w->n[i] > 0 && put_accuracy(w, accuracy_splits[i], w->n[i], w->correct[i]) != 0)
            return -1;
    if (w->n[0] > 0 && w->n[1] > 0)
        return put_accuracy(w, accuracy_splits[2], w->n[0] + w->n[1], w->correct[0] + w->correct[1]);
    return 0;
}

int rows_has_accuracy(const rows *r, const model *m)
{
    return sheet_find(r->accuracy, ACCURACY_RUN, m->run, ACCURACY_SPLIT, accuracy_splits[2]) >= 0;
}

/* Rows and the plan. */

/* The model and scorer of a row are in the plan; exact: under the same name. */
static int in_plan(const rows *r, int row, int exact)
{
    for (int i = 0; i < r->p.n; i++)
        for (int j = 0; j < r->p.score.n; j++) {
            const model *m = &r->p.models[i];
            const scored *by = &m->scores[j];
            int same = exact ? strcmp(by->run, sheet_at(r->results, row, RESULT_RUN)) == 0
                             : strcmp(m->net, sheet_at(r->results, row, RESULT_NET)) == 0 &&
                                   strcmp(m->weights, sheet_at(r->results, row, RESULT_WEIGHTS)) == 0 &&
                                   strcmp(m->seed, sheet_at(r->results, row, RESULT_SEED)) == 0 &&
                                   strcmp(by->by->method->name, sheet_at(r->results, row, RESULT_SCORE)) == 0;
            if (same)
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
    for (int row = 0; row < n; row++)
        keep[row] = (char)(in_plan(r, row, 1) && is_wanted(r->p.c, sheet_at(r->results, row, RESULT_GROUP),
                                                           sheet_at(r->results, row, RESULT_OOD)));
    return keep;
}
