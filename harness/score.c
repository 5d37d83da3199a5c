/* score.c - scores in batches of a fixed number of rows, so that a sample's bits
 * do not depend on the size of its set; see samples.c for the last batch. */
#include "score.h"
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "metrics.h"
#include "report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 1024, ROWS_OF_INPUTS = 128 };

/* One set's scores, and what went into them. */
typedef struct outcome {
    float *scores;
    int64_t n;
    double seconds, accuracy;
} outcome;

/* The high-water mark of this process alone: getrusage's would include what the
 * parent used before it started us. */
static double peak_mb(void)
{
    char line[256];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lf kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb / 1024;
}

void score_fit(plugin *p, run *r)
{
    const method *m = plugin_method(p);
    bool wanted = engine_parameters(false);
    if (m->fit)
        m->fit(plugin_self(p), r);
    engine_parameters(wanted);
    run_forget_scratch(r);
}

/* One call of the method; the scores of the rows that are there go to `out`. */
static int score_rows(plugin *p, run *r, samples *s, float *out, real *held)
{
    const method *m = plugin_method(p);
    int64_t there = s->known.n - s->first < s->n ? s->known.n - s->first : s->n;
    tx_open();
    tensor *t = m->score(plugin_self(p), r, s);
    int fits = t && tx_rows(t) == s->n && tx_cols(t) == 1;
    if (fits)
        tx_read(t, held);
    tx_close();
    run_forget_scratch(r);
    if (!fits)
        return fault("%s: its score must return [n,1] for the n samples it is shown", m->name);
    for (int64_t i = 0; i < there; i++)
        out[i] = (float)held[i];
    return 0;
}

int64_t score_samples(plugin *p, run *r, samples *s, float *scores)
{
    int64_t rows = plugin_method(p)->inputs ? ROWS_OF_INPUTS : ROWS, bad = 0;
    if (samples_load(s) != 0)
        return -1;
    bool wanted = engine_parameters(false);
    real *held = pool_host((size_t)rows * sizeof *held);
    int rc = 0;
    for (int64_t first = 0; first < s->known.n && rc == 0; first += rows) {
        samples_show(s, first, rows);
        rc = score_rows(p, r, s, scores + first, held);
    }
    free(held);
    engine_parameters(wanted);
    for (int64_t i = 0; i < s->known.n && rc == 0; i++)
        bad += !isfinite(scores[i]);
    return rc == 0 ? bad : -1;
}

/* EXIT_OK, EXIT_NOT_FINITE with the status reported, or -1. */
static int score_set_of(plugin *p, run *r, const score_set *set, outcome *o)
{
    samples s;
    *o = (outcome){0};
    samples_begin(&s, r, set->path, set->split);
    int rc = samples_load(&s);
    if (rc == 0) {
        o->n = s.known.n;
        o->accuracy = 100.0 * (double)features_correct(s.known.logits, s.known.labels, o->n, s.known.classes) /
                      (double)o->n;
        o->scores = pool_host((size_t)o->n * sizeof *o->scores);
        double began = clock_now();
        int64_t bad = score_samples(p, r, &s, o->scores);
        o->seconds = clock_now() - began;
        rc = bad < 0 ? -1 : bad > 0 ? EXIT_NOT_FINITE : EXIT_OK;
        if (bad > 0)
            report_status("nan: %lld of %lld scores of %s are not finite", (long long)bad, (long long)o->n,
                          set->name);
    }
    samples_end(&s);
    return rc;
}

static int report_row(const plugin *p, const score_set *set, const outcome *id, const outcome *ood, double fit_s)
{
    metrics m;
    char settings[1024];
    if (metrics_detect(&m, id->scores, id->n, ood->scores, ood->n) != 0)
        return -1;
    plugin_settings(p, settings, sizeof settings);
    report_line("row\tood=%s\tgroup=%s\tn_id=%lld\tn_ood=%lld\tacc=%.9g\tauroc=%.9g\taupr_in=%.9g\taupr_out=%.9g\t"
                "fpr95=%.9g\tfpr95_id=%.9g\tfit_s=%.9g\tscore_s=%.9g\tpeak_mb=%.9g\tdevice=%s\tscore_params=%s\t"
                "status=ok",
                set->name, set->group, (long long)id->n, (long long)ood->n, id->accuracy, m.auroc, m.aupr_in,
                m.aupr_out, m.fpr95, m.fpr95_id, fit_s, ood->seconds, peak_mb(), device_name(), settings);
    return 0;
}

int score_sets(plugin *p, run *r, const score_set *sets, int n)
{
    outcome id, ood;
    double began = clock_now();
    tx_open(); /* what fit makes lives here */
    score_fit(p, r);
    device_sync();
    double fit_s = clock_now() - began - r->loading_s;
    int rc = score_set_of(p, r, &sets[0], &id);
    for (int i = 1; i < n && rc == 0; i++) {
        rc = score_set_of(p, r, &sets[i], &ood);
        if (rc == 0)
            rc = report_row(p, &sets[i], &id, &ood, fit_s);
        free(ood.scores);
    }
    free(id.scores);
    tx_close();
    return rc;
}
