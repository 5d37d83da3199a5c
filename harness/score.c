/* score.c - scores in batches of a fixed number of rows, so that a sample's bits
 * do not depend on the size of its set; see samples.c for the last batch. */
#include "score.h"
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "metrics.h"
#include "report.h"
#include "resident.h"
#include "scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024, ROWS_OF_INPUTS = 128 };

/* A set's scores, of all its splits, and what went into them. */
typedef struct outcome {
    float *scores;
    int64_t n, bad, correct; /* images, scores that are not finite, labels that were right (-1: unknown) */
    double seconds;
} outcome;

void score_fit(plugin *p, run *r)
{
    const method *m = plugin_method(p);
    bool wanted = engine_parameters(false);
    tx_open();
    if (m->fit)
        m->fit(plugin_self(p), r);
    scope_close_but(plugin_self(p), m->self_bytes);
    engine_parameters(wanted);
    run_forget_scratch(r);
}

/* One call of the method; the scores of the rows that are there go to `out`. */
static int score_rows(plugin *p, run *r, samples *s, float *out)
{
    const method *m = plugin_method(p);
    real *held = run_scratch(r, (size_t)s->n * sizeof *held); /* also when the method refuses, it is freed */
    int64_t there = s->known.n - s->first < s->n ? s->known.n - s->first : s->n;
    pool_step();
    pool_images(s->n);
    tx_open();
    tensor *t = m->score(plugin_self(p), r, s);
    int fits = t && tx_rows(t) == s->n && tx_cols(t) == 1;
    if (fits)
        tx_read(t, held);
    tx_close();
    for (int64_t i = 0; fits && i < there; i++)
        out[i] = (float)held[i];
    run_forget_scratch(r);
    return fits ? 0 : fault("%s: its score must return [n,1] for the n samples it is shown", m->name);
}

int64_t score_samples(plugin *p, run *r, samples *s, float *scores)
{
    int64_t rows = plugin_method(p)->inputs ? ROWS_OF_INPUTS : ROWS, bad = 0;
    if (samples_load(s) != 0)
        return -1;
    bool wanted = engine_parameters(false);
    int rc = 0;
    for (int64_t first = 0; first < s->known.n && rc == 0; first += rows) {
        samples_show(s, first, rows);
        rc = score_rows(p, r, s, scores + first);
    }
    engine_parameters(wanted);
    for (int64_t i = 0; i < s->known.n && rc == 0; i++)
        bad += !isfinite(scores[i]);
    return rc == 0 ? bad : -1;
}

static void add_correct(outcome *o, int64_t more)
{
    o->correct = o->correct < 0 || more < 0 ? -1 : o->correct + more;
}

/* Makes room for `more` scores behind those that are there. */
static void grow(outcome *o, int64_t more)
{
    float *wide = pool_host((size_t)(o->n + more) * sizeof *wide);
    if (o->n)
        memcpy(wide, o->scores, (size_t)o->n * sizeof *wide);
    free(o->scores);
    o->scores = wide;
}

static int score_split(plugin *p, run *r, const char *path, const char *split, outcome *o)
{
    samples s;
    samples_begin(&s, r, path, split);
    int rc = samples_load(&s);
    if (rc == 0) {
        grow(o, s.known.n);
        double began = clock_now(), loaded = r->loading_s;
        int64_t bad = score_samples(p, r, &s, o->scores + o->n);
        o->seconds += clock_now() - began - (r->loading_s - loaded);
        o->n += s.known.n;
        add_correct(o, samples_correct(&s));
        o->bad += bad > 0 ? bad : 0;
        rc = bad < 0 ? -1 : 0;
    }
    samples_end(&s);
    return rc;
}

static int score_set_of(plugin *p, run *r, const score_set *set, outcome *o)
{
    int rc = 0;
    for (int i = 0; set->splits[i] && rc == 0; i++)
        rc = score_split(p, r, set->path, set->splits[i], o);
    if (rc == 0 && o->bad)
        report_status("nan: %lld of %lld scores of %s are not finite", (long long)o->bad, (long long)o->n,
                      set->name);
    else if (rc == 0 && set->kept)
        rc = scores_write(set->kept, set->run, set->name, o->scores, o->n);
    return rc;
}

/* One scorer at work: what every row of it shares. */
typedef struct scoring {
    plugin *p;
    const score_set *sets;
    outcome *at; /* [n] */
    int n;
    double fit_s;
    char settings[1024]; /* the method's, as results have them */
} scoring;

/* The first of these sets that has a score that is not finite, or -1. */
static int first_bad(const scoring *k, int from, int past)
{
    while (from < past && !k->at[from].bad)
        from++;
    return from < past ? from : -1;
}

/* Set number `bad` keeps this row from being one. */
static int report_bad(const scoring *k, const char *ood, const char *group, int bad)
{
    report_line("row\tood=%s\tgroup=%s\tstatus=nan: %lld of %lld scores of %s are not finite", ood, group,
                (long long)k->at[bad].bad, (long long)k->at[bad].n, k->sets[bad].name);
    return 0;
}

static int report_row(const scoring *k, int set, const char *group, const outcome *id, double accuracy)
{
    metrics m;
    char acc[32] = "";
    const outcome *ood = &k->at[set];
    if (accuracy >= 0)
        snprintf(acc, sizeof acc, "%.9g", accuracy);
    if (metrics_detect(&m, id->scores, id->n, ood->scores, ood->n) != 0)
        return -1;
    report_line("row\tood=%s\tgroup=%s\tn_id=%lld\tn_ood=%lld\tacc=%s\tauroc=%.9g\taupr_in=%.9g\taupr_out=%.9g\t"
                "fpr95=%.9g\tfpr95_id=%.9g\tfit_s=%.9g\tscore_s=%.9g\tpeak_mb=%.9g\tdevice=%s\tscore_params=%s\t"
                "status=ok",
                k->sets[set].name, group, (long long)id->n, (long long)ood->n, acc, m.auroc, m.aupr_in, m.aupr_out,
                m.fpr95, m.fpr95_id, k->fit_s, ood->seconds, resident_peak_mb(), device_name(), k->settings);
    return 0;
}

/* Negative: unknown. */
static double accuracy_of(const outcome *o)
{
    return 100.0 * (double)o->correct / (double)o->n;
}

/* Set number i against the ID test set. */
static int plain_row(const scoring *k, int i)
{
    const char *group = k->sets[i].group;
    int bad = k->at[0].bad ? 0 : k->at[i].bad ? i : -1;
    if (bad >= 0)
        return report_bad(k, k->sets[i].name, group, bad);
    return report_row(k, i, group, &k->at[0], accuracy_of(&k->at[strcmp(group, "csid") == 0 ? i : 0]));
}

/* Near and far sets against the test set and the shifted sets, which begin at `first`. */
static int spectrum_rows(const scoring *k, int first)
{
    outcome all = {0};
    int rc = 0, bad = k->at[0].bad ? 0 : first_bad(k, first, k->n);
    for (int i = 0; i < k->n && bad < 0; i = i ? i + 1 : first) {
        grow(&all, k->at[i].n);
        memcpy(all.scores + all.n, k->at[i].scores, (size_t)k->at[i].n * sizeof *all.scores);
        all.n += k->at[i].n;
        add_correct(&all, k->at[i].correct);
    }
    for (int i = 1; i < first && rc == 0; i++) {
        char group[32];
        int why = bad >= 0 ? bad : first_bad(k, i, i + 1);
        snprintf(group, sizeof group, "fs%s", k->sets[i].group);
        rc = why >= 0 ? report_bad(k, k->sets[i].name, group, why)
                      : report_row(k, i, group, &all, accuracy_of(&all));
    }
    free(all.scores);
    return rc;
}

static int score_all(scoring *k, run *r)
{
    int rc = 0, shifted = 0;
    while (shifted < k->n && strcmp(k->sets[shifted].group, "csid") != 0)
        shifted++;
    for (int i = 0; i < k->n && rc == 0; i++) {
        if (!k->at[0].bad) /* else no row can be one */
            rc = score_set_of(k->p, r, &k->sets[i], &k->at[i]);
        if (rc == 0 && i > 0)
            rc = plain_row(k, i);
    }
    if (rc == 0 && shifted < k->n)
        rc = spectrum_rows(k, shifted);
    return rc != 0 ? -1 : first_bad(k, 0, k->n) < 0 ? EXIT_OK : EXIT_NOT_FINITE;
}

/* What a fit makes lives in the innermost scope. */
static int fit(scoring *k, run *r, const tuning *s)
{
    if (s)
        return search_fit(k->p, r, s, &k->fit_s, k->settings, sizeof k->settings);
    double began = clock_now();
    score_fit(k->p, r);
    device_sync();
    k->fit_s = clock_now() - began - r->loading_s;
    plugin_settings(k->p, k->settings, sizeof k->settings);
    return 0;
}

int score_sets(plugin *p, run *r, const tuning *s, const score_set *sets, int n)
{
    scoring k = {.p = p, .sets = sets, .n = n, .at = pool_host((size_t)n * sizeof *k.at)};
    memset(k.at, 0, (size_t)n * sizeof *k.at);
    tx_open();
    int rc = fit(&k, r, s);
    samples_unload(&r->splits[RUN_TRAIN]); /* a bank is a copy of it */
    rc = rc != 0 ? -1 : score_all(&k, r);
    for (int i = 0; i < n; i++)
        free(k.at[i].scores);
    free(k.at);
    tx_close();
    return rc;
}
