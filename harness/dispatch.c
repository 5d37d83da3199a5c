/* dispatch.c - one loop: cells are begun while there is room, and the first that
 * ends makes room. Rows are put where they are reported, by this process alone. */
#include "dispatch.h"
#include "analyses.h"
#include "board.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "spawn.h"
#include "tallies.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct work { /* a cell at work */
    int task, place;
    config *sets; /* the rows, or points, that are wanted of it */
    reports w;
    char *argv[4], *log;
    job j;
    child *c;
} work;

typedef struct crowd {
    rows *r;
    agenda *a;
    int jobs, n;
    work *at[SPAWN_MOST];  /* [n] */
    child *of[SPAWN_MOST]; /* [n], theirs */
    char taken[SPAWN_MOST];
    int *scored; /* [models] scorers that went well and are not told of yet */
    double *scored_s;
} crowd;

/* What became of a cell, in the words of a row's status; NULL when it went well. */
static char *status_of(const outcome *o, const work *k)
{
    const char *said = strncmp(o->last, "oodbench: ", 10) == 0 ? o->last + 10 : o->last;
    if (o->end == SPAWN_TIMEOUT)
        return text_format("timeout: %.0f s", k->j.timeout_s);
    if (o->end == SPAWN_MEMORY)
        return text_format("memory: %lld MB", (long long)k->j.limit_mb);
    if (o->end == SPAWN_SIGNAL)
        return text_format("crash: SIG%s", sigabbrev_np(o->code));
    if (o->code == EXIT_OK)
        return NULL;
    if (k->w.status)
        return text_copy(k->w.status);
    if (o->code == EXIT_MEMORY)
        return text_format("memory: %s", said);
    if (o->code == EXIT_NOT_FINITE)
        return text_format("nan: %s", said);
    if (strncmp(said, "abi: ", 5) == 0)
        return text_copy(said);
    return said[0] ? text_format("failed: %s", said) : text_format("failed: exit code %d", o->code);
}

/* Words. */

/* With many checkpoints, the scorers of each are one line, when all have ended. */
static void tell_scorers(crowd *k, const model *m)
{
    int which = (int)(m - k->r->p.models), n = k->scored[which];
    if (n == 0 || agenda_left(k->a, m, CELL_SCORE) > 0)
        return;
    char *what = k->jobs > 1 ? rows_describe(k->r, m) : text_copy(n == 1 ? "scorer" : "scorers");
    char *line = k->jobs > 1 ? text_format("%d of %s", n, what) : text_format("%-5d %s", n, what);
    fprintf(stderr, "  %-10s %-48s %.1f s\n", cell_kinds[CELL_SCORE], line, k->scored_s[which]);
    k->scored[which] = 0;
    free(line);
    free(what);
}

/* One line for a cell that has ended. */
static void tell(crowd *k, const task *t, double seconds, const char *status)
{
    const variant *v = t->by ? t->by->by : NULL;
    int which = (int)(t->m - k->r->p.models), many = k->r->p.n > 1;
    if (t->kind == CELL_SCORE && !status && many && k->r->p.score.n > 1) {
        k->scored[which]++;
        k->scored_s[which] += seconds;
        return;
    }
    char *what = v ? text_format("%s %s", v->method->name, v->settings) : rows_describe(k->r, t->m);
    if (v && many && k->jobs > 1) { /* whose it is does not follow from the line above */
        char *of = rows_describe(k->r, t->m), *both = text_format("%s of %s", what, of);
        free(of);
        free(what);
        what = both;
    }
    if (status)
        fprintf(stderr, "  %-10s %-48s %s\n", cell_kinds[t->kind], what, status);
    else
        fprintf(stderr, "  %-10s %-48s %.1f s\n", cell_kinds[t->kind], what, seconds);
    free(what);
}

/* Did a scorer ask for what the file of features does not have? */
static int needs(const char *status)
{
    return status && strncmp(status, "needs: ", 7) == 0;
}

/* The end of a cell, or of one that need not or cannot begin. */

static enum analysis analysis_of(const task *t)
{
    return (enum analysis)(t->kind - CELL_ANALYSIS);
}

/* What it leaves is taken; status: NULL when it went well, else why not. */
static int settle(crowd *k, const task *t, reports *w, char **status)
{
    rows *r = k->r;
    if (t->kind == CELL_TRAIN && !*status && !file_exists(t->m->file))
        *status = text_copy("failed: training left no weights");
    if (t->kind == CELL_FEATURES && !*status)
        return tallies_put(w);
    if (t->kind == CELL_SCORE && !(r->p.all_scorers && needs(*status)))
        return rows_fail(w, *status ? *status : "failed: the cell ended without this row");
    if (t->kind >= CELL_ANALYSIS)
        r->unfinished += analyses_missing(r, t->m, analysis_of(t), NULL);
    return 0;
}

static void forget(work *k)
{
    reports_end(&k->w);
    config_free(k->sets);
    free(k->argv[2]);
    free(k->log);
    free(k);
}

static int end_task(crowd *k, int i, reports *w, char *status)
{
    const task *t = &k->a->at[i];
    int rc = settle(k, t, w, &status);
    agenda_end(k->a, i, status);
    if (t->kind == CELL_SCORE)
        tell_scorers(k, t->m);
    return rc;
}

/* A cell that has ended by itself or by its limits makes room. */
static int end_cell(crowd *k, int which)
{
    work *at = k->at[which];
    const task *t = &k->a->at[at->task];
    outcome o;
    spawn_finish(at->c, &o);
    k->taken[at->place] = 0;
    k->n--;
    k->at[which] = k->at[k->n];
    k->of[which] = k->of[k->n];
    int rc = at->w.failed ? -1 : o.end == SPAWN_INTERRUPT ? DISPATCH_INTERRUPTED : 0;
    board_leave(at->place, k->a->ended + 1);
    if (rc == 0) {
        char *status = status_of(&o, at);
        tell(k, t, o.seconds, status);
        if (status && !needs(status))
            fprintf(stderr, "  %-10s what it printed is in %s\n", "", at->log);
        rc = end_task(k, at->task, &at->w, status);
    }
    forget(at);
    return rc;
}

/* Beginning one. */

/* What is wanted of a cell; 0: nothing any more. */
static int find_wanted(const rows *r, const task *t, config *sets)
{
    if (t->kind == CELL_SCORE)
        return rows_missing(r, t->by, sets);
    if (t->kind >= CELL_ANALYSIS)
        return analyses_missing(r, t->m, analysis_of(t), sets);
    rows_wanted(r, sets);
    return 1;
}

/* What keeps a cell from being begun at all, to be freed; or NULL. */
static char *find_hindrance(const crowd *k, int i)
{
    const task *t = &k->a->at[i];
    const char *why = agenda_why(k->a, i);
    if (!why && t->kind == CELL_TRAIN)
        why = t->m->train->method->refusal;
    if (!why && t->kind == CELL_SCORE)
        why = t->by->by->method->refusal;
    return why ? text_copy(why) : NULL;
}

static void set_limits(const plan *p, const task *t, job *j)
{
    int64_t limit = 0, timeout = 0;
    int longer = t->kind == CELL_TRAIN || t->kind >= CELL_ANALYSIS;
    config_int(p->c, "limit_mb", &limit, 1, INT64_MAX);
    config_int(p->c, longer ? "train_timeout_s" : "timeout_s", &timeout, 1, INT64_MAX);
    j->limit_mb = limit;
    j->timeout_s = (double)timeout;
}

static int start(work *at, const plan *p, const task *t)
{
    static char word[] = "cell";
    const char *run = t->kind == CELL_TRAIN      ? t->m->train_run
                      : t->kind >= CELL_ANALYSIS ? t->m->analyses[analysis_of(t)]
                      : t->by                    ? t->by->run
                                                 : t->m->run;
    at->argv[0] = (char *)(uintptr_t)layout_program();
    at->argv[1] = word;
    at->argv[2] = text_format("%s/%s.yml", p->cache, run);
    at->log = text_format("%s/%s.log", p->cache, run);
    at->j = (job){.argv = at->argv, .log = at->log, .report_fd = 3, .report = rows_report, .arg = &at->w};
    set_limits(p, t, &at->j);
    char *cell = expand_cell(p, t->m, t->kind, t->by, at->sets);
    int rc = file_write(at->argv[2], cell, strlen(cell)) != 0 ? -1 : spawn_start(&at->c, &at->j);
    free(cell);
    return rc;
}

static int free_place(crowd *k)
{
    int place = 0;
    while (k->taken[place])
        place++;
    k->taken[place] = 1;
    return place;
}

/* Task number i: at work, or ended at once. */
static int begin(crowd *k, int i)
{
    task *t = &k->a->at[i];
    work *at = text_more(NULL, sizeof *at);
    *at = (work){.task = i, .sets = config_new()};
    at->w = (reports){.r = k->r, .m = t->m, .by = t->by, .sets = at->sets, .analysing = t->kind >= CELL_ANALYSIS};
    if (at->w.analysing)
        at->w.analysis = analysis_of(t);
    char *hindrance = find_hindrance(k, i);
    if (find_wanted(k->r, t, at->sets) == 0 || hindrance) {
        if (hindrance && t->kind == CELL_SCORE && !agenda_why(k->a, i) && config_count(at->sets))
            tell(k, t, 0, hindrance);
        int rc = end_task(k, i, &at->w, hindrance);
        forget(at);
        return rc;
    }
    if (start(at, &k->r->p, t) != 0) {
        forget(at);
        return -1;
    }
    at->place = at->w.place = free_place(k);
    t->state = TASK_RUNS;
    k->of[k->n] = at->c;
    k->at[k->n++] = at;
    return 0;
}

/* Those at work are killed; what they have reported is kept. */
static void stop(crowd *k)
{
    while (k->n > 0) {
        work *at = k->at[--k->n];
        outcome o;
        spawn_finish(at->c, &o);
        forget(at);
    }
    board_wipe();
}

int dispatch(rows *r, agenda *a, int jobs)
{
    size_t models = (size_t)r->p.n + 1;
    crowd k = {.r = r, .a = a, .jobs = jobs < SPAWN_MOST ? jobs : SPAWN_MOST};
    k.scored = text_more(NULL, models * sizeof *k.scored);
    k.scored_s = text_more(NULL, models * sizeof *k.scored_s);
    for (size_t i = 0; i < models; i++) {
        k.scored[i] = 0;
        k.scored_s[i] = 0;
    }
    int rc = 0, next;
    board_begin(k.jobs, a->n);
    while (rc == 0) {
        while (rc == 0 && k.n < k.jobs && (next = agenda_next(a)) >= 0)
            rc = begin(&k, next);
        if (rc != 0 || k.n == 0)
            break;
        rc = end_cell(&k, spawn_wait(k.of, k.n));
    }
    stop(&k);
    board_end();
    free(k.scored);
    free(k.scored_s);
    return rc;
}

int dispatch_fail(rows *r, agenda *a, const char *why)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < a->n; i++) {
        const task *t = &a->at[i];
        config *sets = config_new();
        reports w = {.r = r, .m = t->m, .by = t->by, .sets = sets};
        if (why && t->kind == CELL_SCORE && rows_missing(r, t->by, sets) > 0)
            rc = rows_fail(&w, why);
        if (t->kind >= CELL_ANALYSIS)
            r->unfinished += analyses_missing(r, t->m, analysis_of(t), NULL);
        config_free(sets);
    }
    return rc;
}
