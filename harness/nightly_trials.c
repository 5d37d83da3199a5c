/* nightly_trials.c - differences where equal digits are not promised: each is held against
 * what chance makes of as many samples, or of as many seeds, and all of a night's together
 * against one level. */
#include "fault.h"
#include "nightly.h"
#include "scores.h"
#include "tolerance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct estimate {   /* of one row */
    double value, variance; /* value in points (percent), variance likewise */
    const char *by;
} estimate;

static double number(const sheet *s, int row, int column)
{
    return strtod(sheet_at(s, row, column), NULL);
}

/* DeLong's from the scores that were kept, which are those of one ID set and one other. */
static int from_scores(const experiment *e, int row, double *variance)
{
    const sheet *s = e->now.results;
    const char *run = sheet_at(s, row, RESULT_RUN);
    float *id = NULL, *ood = NULL;
    int64_t n, m;
    double auroc;
    if (result_spectrum(sheet_at(s, row, RESULT_GROUP)) ||
        scores_read(e->out, run, sheet_at(s, row, RESULT_ID), &id, &n) != 0)
        return 0;
    int found = scores_read(e->out, run, sheet_at(s, row, RESULT_OOD), &ood, &m) == 0;
    if (found) {
        *variance = tolerance_delong(id, n, ood, m, &auroc);
        found = fabs(100 * auroc - number(s, row, RESULT_AUROC)) < 1e-4; /* those of this row */
    }
    free(id);
    free(ood);
    return found;
}

/* now: tonight's, whose scores may be there. */
static estimate estimate_of(const experiment *e, int now, int row, const measure *m)
{
    const sheet *s = now ? e->now.results : e->before.results;
    double value = number(s, row, m->column), id = number(s, row, RESULT_N_ID), ood = number(s, row, RESULT_N_OOD),
           variance;
    if (m->noise == NOISE_AREA && now && from_scores(e, row, &variance))
        return (estimate){value, 1e4 * variance, "DeLong"};
    if (m->noise == NOISE_AREA)
        return (estimate){value, 1e4 * tolerance_hanley_mcneil(value / 100, id, ood), "Hanley-McNeil"};
    return (estimate){value, 1e4 * tolerance_binomial(value / 100, m->noise == NOISE_ID ? id : ood), "binomial"};
}

/* A group: the rows that are one but for the seed. */

static int same_group(const sheet *s, int a, int b)
{
    static const int columns[] = {RESULT_DEVICE, RESULT_FAST,         RESULT_PRECISION, RESULT_NET,
                                  RESULT_TRAIN,  RESULT_TRAIN_PARAMS, RESULT_WEIGHTS,   RESULT_ID,
                                  RESULT_SCORE,  RESULT_SCORE_PARAMS, RESULT_OOD,       RESULT_GROUP};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (strcmp(sheet_at(s, a, columns[i]), sheet_at(s, b, columns[i])) != 0)
            return 0;
    return 1;
}

typedef struct sample { /* values over seeds */
    double sum, squares;
    int n;
} sample;

static void take(sample *s, double value)
{
    s->sum += value;
    s->squares += value * value;
    s->n++;
}

static double mean_of(const sample *s)
{
    return s->sum / s->n;
}

static double variance_of(const sample *s)
{
    return fmax(0, (s->squares - s->sum * s->sum / s->n) / (s->n - 1));
}

static void add_trial(night *n, trial t)
{
    n->trials = text_more(n->trials, (size_t)(n->ntrials + 1) * sizeof *n->trials);
    n->trials[n->ntrials++] = t;
}

/* Welch's test: seeds of both sides are independent, their deviations need not be alike. */
static double over_seeds(const sample *was, const sample *is, double *least_certain)
{
    double a = variance_of(was) / was->n, b = variance_of(is) / is->n;
    double freedom = a + b > 0 ? (a + b) * (a + b) / (a * a / (was->n - 1) + b * b / (is->n - 1)) : 1;
    *least_certain = sqrt(a + b);
    return tolerance_student(mean_of(is) - mean_of(was), sqrt(a + b), freedom);
}

static finding row_finding(const night *n, int at, int was, int is, const char *kind, double before, double after)
{
    const experiment *e = &n->at[at];
    const sheet *s = e->now.results;
    return (finding){
        .experiment = at,
        .series = series_of(s, is),
        .kind = text_copy(kind),
        .where = text_format("against %s (%s)", sheet_at(s, is, RESULT_OOD), sheet_at(s, is, RESULT_GROUP)),
        .what = text_format("%.6g -> %.6g (%+.3g)", before, after, after - before),
        .was = row_name(e->before.results, was),
        .is = row_name(s, is),
        .key = first_key(e, was, is),
        .size = fabs(after - before)};
}

/* The rows of one group from the first, `is`, on. */
static void try_group(night *n, int at, const int pair[], int is, const measure *m)
{
    const experiment *e = &n->at[at];
    sample was_all = {0}, is_all = {0};
    for (int row = is; row < sheet_rows(e->now.results); row++)
        if (pair[row] >= 0 && same_group(e->now.results, is, row)) {
            take(&was_all, number(e->before.results, pair[row], m->column));
            take(&is_all, number(e->now.results, row, m->column));
        }
    int given, trained = sheet_at(e->now.results, is, RESULT_TRAIN)[0] != '\0';
    trial t = {.least = nightly_least(n, m->name, &given)};
    double before = mean_of(&was_all), after = mean_of(&is_all), se = 0;
    const char *by = "the deviation over seeds";
    char *both = NULL;
    if (before == after && is_all.n == 1) {
        add_trial(n, (trial){.p = 1}); /* it was compared all the same */
        return;
    }
    if (is_all.n > 1) {
        t.p = over_seeds(&was_all, &is_all, &se);
    } else {
        estimate a = estimate_of(e, 0, pair[is], m), b = estimate_of(e, 1, is, m);
        t.p = tolerance_normal(b.value - a.value, sqrt(a.variance + b.variance));
        by = both = strcmp(a.by, b.by) == 0 ? text_copy(a.by) : text_format("%s, the baseline's by %s", b.by, a.by);
        if (trained && given)
            t.p = fabs(after - before) > t.least ? 0 : 1;
        else if (trained)
            t.unknown = "trained anew with one seed: chance between trainings is not known";
    }
    t.difference = (after - before) * m->good;
    t.of = row_finding(n, at, pair[is], is, m->name, before, after);
    t.of.why = trained && given && is_all.n == 1
                   ? text_format("more than the %g points of `tolerance.%s`", t.least, m->name)
                   : text_format("p = %.2g by %s", t.p, by);
    free(both);
    add_trial(n, t);
}

static int is_first(const sheet *s, const int pair[], int row)
{
    for (int i = 0; i < row; i++)
        if (pair[i] >= 0 && same_group(s, i, row))
            return 0;
    return 1;
}

void trials_of_pairs(night *n, int at, const int pair[])
{
    const sheet *s = n->at[at].now.results;
    for (int row = 0; row < sheet_rows(s); row++)
        for (int m = 0; pair[row] >= 0 && m < MEASURES; m++)
            if (is_first(s, pair, row))
                try_group(n, at, pair, row, &measures[m]);
}

/* Accuracies: shares of the images of a split. */
void trials_of_accuracy(night *n, int at, const int pair[])
{
    const experiment *e = &n->at[at];
    const sheet *was = e->before.accuracy, *is = e->now.accuracy;
    for (int row = 0; row < sheet_rows(is); row++) {
        if (pair[row] < 0 ||
            strcmp(sheet_at(was, pair[row], ACCURACY_CORRECT), sheet_at(is, row, ACCURACY_CORRECT)) == 0)
            continue;
        int given, trained = sheet_at(is, row, ACCURACY_TRAIN)[0] != '\0';
        double before = number(was, pair[row], ACCURACY_ACC), after = number(is, row, ACCURACY_ACC);
        double variance = tolerance_binomial(before / 100, number(was, pair[row], ACCURACY_N)) +
                          tolerance_binomial(after / 100, number(is, row, ACCURACY_N));
        trial t = {.least = nightly_least(n, "acc", &given), .difference = after - before};
        t.p = tolerance_normal(after - before, 100 * sqrt(variance));
        if (trained && given)
            t.p = fabs(after - before) > t.least ? 0 : 1;
        else if (trained)
            t.unknown = "trained anew: chance between trainings is not known";
        t.of = (finding){
            .experiment = at,
            .series = text_format("%s %s", sheet_at(is, row, ACCURACY_NET),
                                  trained ? sheet_at(is, row, ACCURACY_TRAIN) : "as given"),
            .kind = text_copy("acc"),
            .where = text_format("on %s %s", sheet_at(is, row, ACCURACY_SET), sheet_at(is, row, ACCURACY_SPLIT)),
            .what = text_format("%.6g -> %.6g (%+.3g)", before, after, after - before),
            .why = trained && given ? text_format("more than the %g points of `tolerance.acc`", t.least)
                                    : text_format("p = %.2g by binomial", t.p),
            .was = text_format("run %s", sheet_at(was, pair[row], ACCURACY_RUN)),
            .is = text_format("run %s", sheet_at(is, row, ACCURACY_RUN)),
            .key = first_key_of_accuracy(e, pair[row], row),
            .size = fabs(after - before)};
        add_trial(n, t);
    }
}

/* Verdicts. */

/* What chance does not explain is worse, or better: that is to be looked at, too, but no regression. */
static void find(night *n, trial *t)
{
    char *why = t->unknown ? text_format("%s (%s)", t->unknown, t->of.why)
                           : text_format("%s, %s", t->difference < 0 ? "worse" : "better", t->of.why);
    free(t->of.why);
    t->of.why = why;
    t->of.weight = t->unknown || t->difference >= 0 ? WARNED : REGRESSED;
    nightly_add(n, t->of);
    t->of = (finding){0};
}

void trials_decide(night *n)
{
    double *p = text_more(NULL, (size_t)n->ntrials * sizeof *p);
    char *found = text_more(NULL, (size_t)n->ntrials);
    for (int i = 0; i < n->ntrials; i++) {
        p[i] = n->trials[i].unknown ? (double)NAN : n->trials[i].p;
        n->compared += !n->trials[i].unknown;
    }
    (n->bonferroni ? tolerance_bonferroni : tolerance_holm)(p, n->ntrials, n->level, found);
    for (int i = 0; i < n->ntrials; i++) {
        trial *t = &n->trials[i];
        int large = fabs(t->difference) > t->least;
        int odd = t->unknown && t->p < n->level; /* beyond what samples explain: seeds may */
        if (large && (found[i] || odd))
            find(n, t);
        else
            nightly_drop(&t->of);
    }
    n->ntrials = 0;
    free(p);
    free(found);
}
