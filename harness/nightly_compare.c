/* nightly_compare.c - holds tonight's rows against the baseline's: digit by digit where the
 * same settings on the same machine promise the same digits, else within tolerance. */
#include "fault.h"
#include "file.h"
#include "nightly.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const measure measures[MEASURES] = {
    {"auroc", RESULT_AUROC, 1, NOISE_AREA},       {"aupr_in", RESULT_AUPR_IN, 1, NOISE_ID},
    {"aupr_out", RESULT_AUPR_OUT, 1, NOISE_OOD},  {"fpr95", RESULT_FPR95, -1, NOISE_ID},
    {"fpr95_id", RESULT_FPR95_ID, -1, NOISE_OOD},
};

void nightly_add(night *n, finding f)
{
    experiment *e = &n->at[f.experiment];
    e->regressed += f.weight == REGRESSED;
    e->warned += f.weight == WARNED;
    n->findings = text_more(n->findings, (size_t)(n->nfindings + 1) * sizeof *n->findings);
    n->findings[n->nfindings++] = f;
}

void nightly_drop(finding *f)
{
    char *texts[] = {f->series, f->kind, f->where, f->what, f->why, f->was, f->is, f->key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    *f = (finding){0};
}

static const char *at(const experiment *e, int row, int column)
{
    return sheet_at(e->now.results, row, column);
}

static char *where_of(const sheet *s, int row)
{
    const char *seed = sheet_at(s, row, RESULT_SEED);
    return text_format("against %s (%s), seed %s", sheet_at(s, row, RESULT_OOD), sheet_at(s, row, RESULT_GROUP),
                       seed[0] ? seed : "0");
}

/* Of a pair; the caller fills in kind, what and why. */
static finding of_pair(int index, const experiment *e, int was, int is)
{
    return (finding){.experiment = index,
                     .weight = REGRESSED,
                     .series = series_of(e->now.results, is),
                     .where = where_of(e->now.results, is),
                     .was = row_name(e->before.results, was),
                     .is = row_name(e->now.results, is),
                     .key = first_key(e, was, is)};
}

/* Is what should be a number none? */
static int is_broken(const sheet *s, int row)
{
    for (int m = 0; m < MEASURES; m++) {
        char *end;
        const char *value = sheet_at(s, row, measures[m].column);
        if (!*value || !isfinite(strtod(value, &end)) || *end)
            return 1;
    }
    return 0;
}

static int has_result(const sheet *s, int row)
{
    return result_ok(s, row) && !is_broken(s, row);
}

/* Why equal digits are not promised of any row; NULL: they may be. To be freed. */
static char *unpromised(const experiment *e)
{
    static const char *const keys[] = {"machine", "threads", "device"};
    if (!e->before.made)
        return text_format("the baseline does not say on which machine it was made (no %s-made.csv)",
                           strrchr(e->baseline, '/') + 1);
    for (int i = 0; i < 3; i++) {
        const char *was = made_get(e->before.made, keys[i]), *is = made_get(e->now.made, keys[i]);
        if (!was || !is || strcmp(was, is) != 0)
            return text_format("%s: %s -> %s", keys[i], was ? was : "none", is ? is : "none");
    }
    return NULL;
}

static int same_at(const experiment *e, int was, int is, int column)
{
    return strcmp(sheet_at(e->before.results, was, column), at(e, is, column)) == 0;
}

/* Sums in any order (`fast`) are never promised to be equal. */
static int is_promised(const experiment *e, int was, int is)
{
    char *id = data_differs(e, at(e, is, RESULT_ID)), *ood = data_differs(e, at(e, is, RESULT_OOD));
    int promised = !e->unpromised && !id && !ood && same_at(e, was, is, RESULT_RUN) &&
                   same_at(e, was, is, RESULT_DEVICE) && same_at(e, was, is, RESULT_PRECISION) &&
                   strcmp(at(e, is, RESULT_FAST), "false") == 0 && same_at(e, was, is, RESULT_FAST);
    free(id);
    free(ood);
    return promised;
}

static int is_equal(const experiment *e, int was, int is)
{
    int same = same_at(e, was, is, RESULT_N_ID) && same_at(e, was, is, RESULT_N_OOD) &&
               same_at(e, was, is, RESULT_ACC);
    for (int m = 0; m < MEASURES; m++)
        same = same && same_at(e, was, is, measures[m].column);
    return same;
}

/* One finding for each value that is another one. */
static void find_unequal(night *n, int index, int was, int is)
{
    const experiment *e = &n->at[index];
    for (int m = 0; m < MEASURES; m++) {
        if (same_at(e, was, is, measures[m].column))
            continue;
        const char *a = sheet_at(e->before.results, was, measures[m].column), *b = at(e, is, measures[m].column);
        double change = strtod(b, NULL) - strtod(a, NULL);
        finding f = of_pair(index, e, was, is);
        f.weight = n->exact;
        f.kind = text_copy(measures[m].name);
        f.what = text_format("%s -> %s (%+.3g)", a, b, change);
        f.why = text_copy("equal digits were promised");
        f.size = fabs(change);
        nightly_add(n, f);
    }
}

/* Rows without a result, and such as had none before. 1: there is nothing to compare. */
static int find_failed(night *n, int index, int was, int is)
{
    const experiment *e = &n->at[index];
    const sheet *before = e->before.results, *now = e->now.results;
    int good = has_result(now, is), was_good = has_result(before, was);
    if (good && was_good)
        return 0;
    if (!good && !was_good && same_at(e, was, is, RESULT_STATUS))
        return 1; /* as ever */
    finding f = of_pair(index, e, was, is);
    f.weight = good || !was_good ? WARNED : REGRESSED;
    f.kind = text_copy(good ? "has a result now" : "no result");
    f.what = text_format("%s -> %s", sheet_at(before, was, RESULT_STATUS),
                         result_ok(now, is) && !good ? "ok, but a value is no number" : at(e, is, RESULT_STATUS));
    f.why = text_copy(good       ? "the baseline has none"
                      : was_good ? "the baseline has one"
                                 : "it failed otherwise before");
    f.size = 1e6;
    nightly_add(n, f);
    return 1;
}

static void find_missing(night *n, int index, int was)
{
    const experiment *e = &n->at[index];
    int like = nearest_row(e->now.results, e->before.results, was);
    nightly_add(n, (finding){.experiment = index,
                             .weight = REGRESSED,
                             .series = series_of(e->before.results, was),
                             .kind = text_copy("missing row"),
                             .where = where_of(e->before.results, was),
                             .what = text_copy("no such row now"),
                             .why = text_copy("the baseline has one"),
                             .was = row_name(e->before.results, was),
                             .is = like < 0 ? text_copy("no row") : row_name(e->now.results, like),
                             .key = like < 0 ? text_copy("none") : first_key(e, was, like),
                             .size = 2e6});
}

static void find_extra(night *n, int index, int is)
{
    const experiment *e = &n->at[index];
    int like = nearest_row(e->before.results, e->now.results, is);
    nightly_add(n, (finding){.experiment = index,
                             .weight = has_result(e->now.results, is) ? WARNED : REGRESSED,
                             .series = series_of(e->now.results, is),
                             .kind = text_copy("extra row"),
                             .where = where_of(e->now.results, is),
                             .what = text_format("status %s", at(e, is, RESULT_STATUS)),
                             .why = text_copy("the baseline has none"),
                             .was = like < 0 ? text_copy("no row") : row_name(e->before.results, like),
                             .is = row_name(e->now.results, is),
                             .key = like < 0 ? text_copy("none") : first_key(e, like, is),
                             .size = 1e5});
}

static void find_data(night *n, int index)
{
    const experiment *e = &n->at[index];
    char *key = data_differs(e, NULL);
    if (!key)
        return;
    nightly_add(n, (finding){.experiment = index,
                             .weight = REGRESSED,
                             .series = text_copy("data"),
                             .kind = text_copy("other images"),
                             .where = text_copy(""),
                             .what = text_copy(key),
                             .why = text_copy("what is compared is of other images"),
                             .was = text_format("%s-data.csv", strrchr(e->baseline, '/') + 1),
                             .is = text_copy("data.csv"),
                             .key = key,
                             .size = 3e6});
}

/* Rows, then accuracies. Pairs that are done with leave `pair` as -2. */

static void compare_rows(night *n, int index)
{
    experiment *e = &n->at[index];
    int *pair = pair_rows(e->before.results, e->now.results);
    e->rows = sheet_rows(e->now.results);
    for (int was = 0; was < sheet_rows(e->before.results); was++) {
        int is = 0;
        while (is < e->rows && pair[is] != was)
            is++;
        if (is == e->rows)
            find_missing(n, index, was);
    }
    for (int is = 0; is < e->rows; is++) {
        int was = pair[is];
        if (was < 0)
            find_extra(n, index, is);
        else if (find_failed(n, index, was, is))
            pair[is] = -2;
        else if (is_equal(e, was, is))
            e->equal++;
        if (was >= 0 && pair[is] >= 0 && n->exact != NOTED && is_promised(e, was, is)) {
            find_unequal(n, index, was, is);
            pair[is] = -2;
        }
    }
    trials_of_pairs(n, index, pair);
    free(pair);
}

static void find_accuracy(night *n, int index, int was, int is)
{
    const experiment *e = &n->at[index];
    const sheet *a = e->before.accuracy, *b = e->now.accuracy;
    double before = strtod(sheet_at(a, was, ACCURACY_ACC), NULL),
           after = strtod(sheet_at(b, is, ACCURACY_ACC), NULL);
    const char *train = sheet_at(b, is, ACCURACY_TRAIN);
    nightly_add(
        n, (finding){.experiment = index,
                     .weight = n->exact,
                     .series = text_format("%s %s", sheet_at(b, is, ACCURACY_NET), train[0] ? train : "as given"),
                     .kind = text_copy("acc"),
                     .where = text_format("on %s %s, seed %s", sheet_at(b, is, ACCURACY_SET),
                                          sheet_at(b, is, ACCURACY_SPLIT), sheet_at(b, is, ACCURACY_SEED)),
                     .what = text_format("%.6g -> %.6g (%+.3g)", before, after, after - before),
                     .why = text_copy("equal digits were promised"),
                     .was = text_format("run %s", sheet_at(a, was, ACCURACY_RUN)),
                     .is = text_format("run %s", sheet_at(b, is, ACCURACY_RUN)),
                     .key = first_key_of_accuracy(e, was, is),
                     .size = fabs(after - before)});
}

static void compare_accuracies(night *n, int index)
{
    const experiment *e = &n->at[index];
    if (!e->before.accuracy || !e->now.accuracy)
        return;
    int *pair = pair_accuracies(e->before.accuracy, e->now.accuracy);
    for (int is = 0; is < sheet_rows(e->now.accuracy); is++) {
        int was = pair[is];
        const char *set = sheet_at(e->now.accuracy, is, ACCURACY_SET);
        char *other = data_differs(e, set);
        int promised = was >= 0 && !e->unpromised && !other && n->exact != NOTED &&
                       strcmp(sheet_at(e->before.accuracy, was, ACCURACY_RUN),
                              sheet_at(e->now.accuracy, is, ACCURACY_RUN)) == 0;
        int same = was >= 0 && strcmp(sheet_at(e->before.accuracy, was, ACCURACY_CORRECT),
                                      sheet_at(e->now.accuracy, is, ACCURACY_CORRECT)) == 0;
        if (promised && !same)
            find_accuracy(n, index, was, is);
        if (promised)
            pair[is] = -2;
        free(other);
    }
    trials_of_accuracy(n, index, pair);
    free(pair);
}

static int compare_one(night *n, int index)
{
    experiment *e = &n->at[index];
    if (side_open(&e->before, e->baseline, 1) != 0)
        return -1;
    if (e->ends != NIGHT_RAN && e->ends != NIGHT_PARTLY)
        return 0;
    if (side_open(&e->now, e->out, 0) != 0)
        return -1;
    if (!e->now.results) {
        e->ends = NIGHT_FAILED;
        free(e->why);
        e->why = text_format("%s/results.csv is gone", e->out);
        return 0;
    }
    e->rows = sheet_rows(e->now.results);
    if (!e->before.results)
        return 0;
    e->unpromised = unpromised(e);
    find_data(n, index);
    compare_rows(n, index);
    compare_accuracies(n, index);
    speed_compare(n, index);
    return 0;
}

static int heavier(const void *a, const void *b)
{
    const finding *x = a, *y = b;
    if (x->weight != y->weight)
        return (int)y->weight - (int)x->weight;
    return (x->size < y->size) - (x->size > y->size);
}

void nightly_compare(night *n)
{
    for (int i = 0; i < n->n; i++)
        if (compare_one(n, i) != 0) {
            n->at[i].ends = NIGHT_FAILED; /* the others are compared all the same */
            free(n->at[i].why);
            n->at[i].why = text_copy(fault_text());
        }
    trials_decide(n);
    qsort(n->findings, (size_t)n->nfindings, sizeof *n->findings, heavier);
}
