/* search.c - the grid is scored in an order of few fits and judged in its own, so
 * that the choice does not depend on how it was made. */
#include "search.h"
#include "clock.h"
#include "engine.h"
#include "fault.h"
#include "metrics.h"
#include "progress.h"
#include "report.h"
#include "score.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_POINTS = 10000 };

typedef struct point {
    int fit;               /* points of the same number share a fit */
    double auroc, seconds; /* seconds: of scoring it, and of the fit where it began one */
    char *why;             /* it has no AUROC; NULL: it has, or was not tried yet */
    int tried;
} point;

typedef struct hunt {
    plugin *p;
    run *r;
    const tuning *s;
    point *at; /* [n] */
    int n, fitted;
    double fit_s;
    uint64_t streams, draws; /* as they were before the first fit: every one draws the same */
    float *id, *ood;         /* scores */
    int64_t nid, nood;
} hunt;

enum { NOT_FITTED = -1, REFUSED = 1 };

/* --- The grid --- */

static int sweep_of(const hunt *h, uint32_t i)
{
    return h->s->wanted[i] ? plugin_sweep(h->p, i) : 0;
}

/* The parameters of point `which`. Returns the number of its fit. */
static int set_point(const hunt *h, int which)
{
    const method *m = plugin_method(h->p);
    int fit = 0, fits = 1;
    for (uint32_t i = 0; i < m->nparams; i++) {
        int n = sweep_of(h, i);
        if (n == 0)
            continue;
        plugin_try(h->p, i, which % n);
        fit += m->params[i].refit ? which % n * fits : 0;
        fits *= m->params[i].refit ? n : 1;
        which /= n;
    }
    return fit;
}

static int make_grid(hunt *h)
{
    const method *m = plugin_method(h->p);
    int64_t n = 1;
    for (uint32_t i = 0; i < m->nparams && n <= MOST_POINTS; i++)
        n *= sweep_of(h, i) ? sweep_of(h, i) : 1;
    if (n > MOST_POINTS)
        return fault("%s: its sweeps multiply to more than %d points: give some of its parameters", m->name,
                     MOST_POINTS);
    h->n = (int)n;
    h->at = pool_host((size_t)n * sizeof *h->at);
    for (int i = 0; i < h->n; i++)
        h->at[i] = (point){.fit = set_point(h, i)};
    return 0;
}

/* --- One point --- */

/* Begins as an only fit would: on a struct that is zero but for its parameters. */
static void fit(hunt *h)
{
    tx_close();
    tx_open();
    h->fitted = NOT_FITTED;
    h->r->streams = h->streams;
    h->r->draws = h->draws;
    plugin_forget(h->p);
    double began = clock_now(), loaded = h->r->loading_s;
    score_fit(h->p, h->r);
    device_sync();
    h->fit_s = clock_now() - began - (h->r->loading_s - loaded);
}

/* *bad counts scores that are not finite. */
static int score_both(hunt *h, int64_t *bad)
{
    int64_t at = 0, now = score_samples(h->p, h->r, h->s->id, h->id);
    *bad = now;
    for (int i = 0; i < h->s->n && now >= 0; i++) {
        now = score_samples(h->p, h->r, &h->s->outliers[i], h->ood + at);
        *bad += now;
        at += h->s->outliers[i].known.n;
    }
    return now < 0 ? -1 : 0;
}

static int measure(hunt *h, point *at)
{
    metrics m;
    int64_t bad;
    if (score_both(h, &bad) != 0)
        return -1;
    if (bad)
        at->why = text_format("nan: %lld of %lld scores are not finite", (long long)bad,
                              (long long)(h->nid + h->nood));
    else if (metrics_detect(&m, h->id, h->nid, h->ood, h->nood) != 0)
        return -1;
    else
        at->auroc = m.auroc;
    return 0;
}

/* REFUSED, with fault() set, where the method does not want these parameters: what
 * it left half-done is put away. */
static int fit_and_measure(hunt *h, point *at)
{
    jmp_buf back;
    const engine_state before = engine;
    const int depth = pool_depth();
    int rc;
    h->r->refused = &back;
    if (setjmp(back) == 0) {
        if (h->fitted != at->fit)
            fit(h);
        h->fitted = at->fit;
        rc = measure(h, at);
    } else {
        while (pool_depth() > depth)
            tx_close();
        run_forget_scratch(h->r);
        engine = before; /* its switches */
        rc = REFUSED;
    }
    h->r->refused = NULL;
    return rc;
}

static int try_point(hunt *h, int which)
{
    point *at = &h->at[which];
    double began = clock_now(), loaded = h->r->loading_s;
    set_point(h, which);
    int rc = fit_and_measure(h, at);
    at->tried = 1;
    at->seconds = clock_now() - began - (h->r->loading_s - loaded);
    if (rc == REFUSED)
        at->why = text_format("refused: %s", fault_text());
    return rc == REFUSED ? 0 : rc;
}

/* Points of one fit follow each other, which of a grid's first point comes first. */
static int try_all(hunt *h)
{
    char label[64];
    int rc = 0, done = 0;
    snprintf(label, sizeof label, "search of %s", plugin_method(h->p)->name);
    progress_begin(label, "points", h->n);
    for (int i = 0; i < h->n; i++)
        for (int j = i; j < h->n && rc == 0; j++)
            if (!h->at[j].tried && h->at[j].fit == h->at[i].fit) {
                rc = try_point(h, j);
                progress_step(++done);
            }
    progress_end();
    return rc;
}

/* --- The choice --- */

/* The first of the best, or -1. */
static int best_of(const hunt *h)
{
    int best = -1;
    for (int i = 0; i < h->n; i++)
        if (!h->at[i].why && (best < 0 || h->at[i].auroc > h->at[best].auroc))
            best = i;
    return best;
}

static void report(const hunt *h, int chosen)
{
    char settings[1024];
    for (int i = 0; i < h->n; i++) {
        const point *at = &h->at[i];
        set_point(h, i);
        plugin_settings(h->p, settings, sizeof settings);
        if (i == chosen)
            report_line("note\tsearch     %s %s: AUROC %.2f, the best of %d points", plugin_method(h->p)->name,
                        settings, at->auroc, h->n);
        if (at->why)
            report_line("point\tscore_params=%s\tseconds=%.9g\tchosen=false\tstatus=%s", settings, at->seconds,
                        at->why);
        else
            report_line("point\tscore_params=%s\tauroc=%.9g\tseconds=%.9g\tchosen=%s\tstatus=ok", settings,
                        at->auroc, at->seconds, i == chosen ? "true" : "false");
    }
}

static void name_searched(const hunt *h, char *settings, size_t cap)
{
    const method *m = plugin_method(h->p);
    const char *before = ";searched=";
    plugin_settings(h->p, settings, cap);
    for (uint32_t i = 0; i < m->nparams; i++)
        if (sweep_of(h, i)) {
            size_t used = strlen(settings);
            snprintf(settings + used, cap - used, "%s%s", before, m->params[i].name);
            before = " ";
        }
}

static int settle(hunt *h)
{
    int best = best_of(h);
    report(h, best);
    if (best < 0)
        return fault("%s: none of the %d points of its search can be used; the first: %s",
                     plugin_method(h->p)->name, h->n, h->at[0].why);
    set_point(h, best);
    if (h->fitted != h->at[best].fit)
        fit(h);
    return 0;
}

/* Loaded before any clock runs; room for their scores. */
static int load(hunt *h)
{
    if (samples_load(h->s->id) != 0)
        return -1;
    h->nid = h->s->id->known.n;
    for (int i = 0; i < h->s->n; i++) {
        if (samples_load(&h->s->outliers[i]) != 0)
            return -1;
        h->nood += h->s->outliers[i].known.n;
    }
    h->id = pool_host((size_t)h->nid * sizeof *h->id);
    h->ood = pool_host((size_t)h->nood * sizeof *h->ood);
    return 0;
}

int search_fit(plugin *p, run *r, const tuning *s, double *fit_s, char *settings, size_t cap)
{
    hunt h = {.p = p, .r = r, .s = s, .fitted = NOT_FITTED, .streams = r->streams, .draws = r->draws};
    int rc = load(&h) != 0 || make_grid(&h) != 0 || try_all(&h) != 0 ? -1 : settle(&h);
    if (rc == 0) {
        *fit_s = h.fit_s;
        name_searched(&h, settings, cap);
    }
    for (int i = 0; i < h.n; i++)
        free(h.at[i].why);
    free(h.at);
    free(h.id);
    free(h.ood);
    return rc;
}
