/* run.c - runs an experiment: what is missing in results.csv is computed, cell
 * after cell, each in a process of its own. This process opens no device and
 * loads no method, so whatever a cell does costs its own rows and nothing else. */
#include "run.h"
#include "analyses.h"
#include "commands.h"
#include "fault.h"
#include "file.h"
#include "gallery.h"
#include "layout.h"
#include "left_out.h"
#include "progress.h"
#include "rows.h"
#include "sets.h"
#include "settings.h"
#include "spawn.h"
#include "stale.h"
#include "table.h"
#include "tallies.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { INTERRUPTED = 1 }; /* beside 0 and -1: stop, and keep what is there */

/* The output folder, held by one run at a time. The lock is the kernel's and
 * goes with the process, however it ends. */
static int hold(const char *out, int *lock)
{
    char path[PATH_MAX], owner[32] = "";
    file_join(path, sizeof path, out, "lock");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        return fault("cannot write to the output folder %s: %s", out, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = read(*lock, owner, sizeof owner - 1);
        close(*lock);
        *lock = -1;
        return fault(
            "another run (process %.*s) is writing to %s: wait for it, or give another folder with `--out`",
            n > 0 ? (int)strcspn(owner, "\n") : 1, n > 0 ? owner : "?", out);
    }
    snprintf(owner, sizeof owner, "%ld\n", (long)getpid());
    if (ftruncate(*lock, 0) != 0 || write(*lock, owner, strlen(owner)) < 0)
        return fault("cannot write %s: %s", path, strerror(errno));
    return 0;
}

static int open_output(rows *r, int *lock)
{
    char path[PATH_MAX];
    const plan *p = &r->p;
    if (file_mkdirs(p->cache) != 0 || hold(p->out, lock) != 0)
        return -1;
    file_join(path, sizeof path, p->out, "weights");
    if (p->train.n && file_mkdirs(path) != 0)
        return -1;
    if (sheet_open(&r->results, file_join(path, sizeof path, p->out, "results.csv"), result_names, RESULT_COLUMNS,
                   SHEET_WRITE) != 0)
        return -1;
    if (sheet_open(&r->accuracy, file_join(path, sizeof path, p->out, "accuracy.csv"), accuracy_names,
                   ACCURACY_COLUMNS, SHEET_WRITE) != 0)
        return -1;
    if (analyses_open(r) != 0)
        return -1;
    return p->score.search ? sheet_open(&r->search, file_join(path, sizeof path, p->out, "search.csv"),
                                        search_names, SEARCH_COLUMNS, SHEET_WRITE)
                           : 0;
}

/* Cells. */

/* What became of a cell, in the words of a row's status; NULL when it went well. */
static char *status_of(const outcome *o, const reports *w, const job *j)
{
    const char *said = strncmp(o->last, "oodbench: ", 10) == 0 ? o->last + 10 : o->last;
    if (o->end == SPAWN_TIMEOUT)
        return text_format("timeout: %.0f s", j->timeout_s);
    if (o->end == SPAWN_MEMORY)
        return text_format("memory: %lld MB", (long long)j->limit_mb);
    if (o->end == SPAWN_SIGNAL)
        return text_format("crash: SIG%s", sigabbrev_np(o->code));
    if (o->code == EXIT_OK)
        return NULL;
    if (w->status)
        return text_copy(w->status);
    if (o->code == EXIT_MEMORY)
        return text_format("memory: %s", said);
    if (o->code == EXIT_NOT_FINITE)
        return text_format("nan: %s", said);
    if (strncmp(said, "abi: ", 5) == 0)
        return text_copy(said);
    return said[0] ? text_format("failed: %s", said) : text_format("failed: exit code %d", o->code);
}

/* With many checkpoints, the scorers of each are one line. */
static int is_brief(const rows *r)
{
    return r->p.n > 1 && r->p.score.n > 1;
}

/* The line of those that went well since the last one. */
static void tell_scorers(rows *r)
{
    if (r->scored)
        fprintf(stderr, "  %-10s %-5d %-42s %.1f s\n", cell_kinds[CELL_SCORE], r->scored,
                r->scored == 1 ? "scorer" : "scorers", r->scored_s);
    r->scored = 0;
    r->scored_s = 0;
}

/* One line for a cell that has ended. */
static void tell(const reports *w, enum cell_kind kind, double seconds, const char *status)
{
    const variant *v = w->by ? w->by->by : NULL;
    if (kind == CELL_SCORE && !status && is_brief(w->r)) {
        w->r->scored++;
        w->r->scored_s += seconds;
        return;
    }
    char *what = v ? text_format("%s %s", v->method->name, v->settings) : rows_describe(w->r, w->m);
    if (status)
        fprintf(stderr, "  %-10s %-48s %s\n", cell_kinds[kind], what, status);
    else
        fprintf(stderr, "  %-10s %-48s %.1f s\n", cell_kinds[kind], what, seconds);
    free(what);
}

/* Did a scorer ask for what the file of features does not have? */
static int needs(const char *status)
{
    return status && strncmp(status, "needs: ", 7) == 0;
}

/* Runs one cell. *status: NULL when it went well, else why not, to be freed.
 * Returns 0, INTERRUPTED, or -1 when this process itself could not go on. */
static int run_cell(reports *w, enum cell_kind kind, char **status)
{
    const plan *p = &w->r->p;
    const char *run = kind == CELL_TRAIN      ? w->m->train_run
                      : kind >= CELL_ANALYSIS ? w->m->analyses[w->analysis]
                      : w->by                 ? w->by->run
                                              : w->m->run;
    char *file = text_format("%s/%s.yml", p->cache, run), *log = text_format("%s/%s.log", p->cache, run);
    char *cell = expand_cell(p, w->m, kind, w->by, w->sets), word[] = "cell";
    char *argv[] = {(char *)(uintptr_t)layout_program(), word, file, NULL};
    int64_t limit = 0, timeout = 0;
    outcome o;
    config_int(p->c, "limit_mb", &limit, 1, INT64_MAX);
    config_int(p->c, kind == CELL_TRAIN || kind >= CELL_ANALYSIS ? "train_timeout_s" : "timeout_s", &timeout, 1,
               INT64_MAX);
    job j = {argv, log, 3, (double)timeout, limit, rows_report, w};
    int rc = file_write(file, cell, strlen(cell)) != 0 || spawn_run(&o, &j) != 0 || w->failed ? -1 : 0;
    char none[] = "progress"; /* wipes the line that a cell may have left half-way */
    progress_relay(none);
    *status = NULL;
    if (rc == 0 && o.end == SPAWN_INTERRUPT)
        rc = INTERRUPTED;
    if (rc == 0) {
        *status = status_of(&o, w, &j);
        tell(w, kind, o.seconds, *status);
        if (*status && !needs(*status))
            fprintf(stderr, "  %-10s what it printed is in %s\n", "", log);
    }
    free(cell);
    free(file);
    free(log);
    return rc;
}

/* Trains, when the model is trained and its weights are not there. */
static int train(rows *r, const model *m, const config *none, char **status)
{
    reports w = {.r = r, .m = m, .sets = none};
    if (!m->train || file_exists(m->file))
        return 0;
    if (m->train->method->refusal) {
        *status = text_copy(m->train->method->refusal);
        return 0;
    }
    if (m->from >= 0) { /* its weights may have been deleted since */
        int parent = train(r, &r->p.models[m->from], none, status);
        if (parent != 0 || *status)
            return parent;
    }
    int rc = run_cell(&w, CELL_TRAIN, status);
    reports_end(&w);
    if (rc == 0 && !*status && !file_exists(m->file))
        *status = text_copy("failed: training left no weights");
    return rc;
}

static int extract(rows *r, const model *m, const config *sets, char **status)
{
    reports w = {.r = r, .m = m, .sets = sets};
    int rc = run_cell(&w, CELL_FEATURES, status);
    if (rc == 0 && !*status)
        rc = tallies_put(&w);
    reports_end(&w);
    return rc;
}

/* why: what has kept the model from being there, or NULL. */
static int score(rows *r, const model *m, const scored *by, const char *why)
{
    config *sets = config_new();
    reports w = {.r = r, .m = m, .by = by, .sets = sets};
    int rc = 0;
    if (rows_missing(r, by, sets) > 0 && why) {
        rc = rows_fail(&w, why);
    } else if (config_count(sets) > 0) {
        char *status = by->by->method->refusal ? text_copy(by->by->method->refusal) : NULL;
        if (status)
            tell(&w, CELL_SCORE, 0, status);
        else
            rc = run_cell(&w, CELL_SCORE, &status);
        if (rc == 0 && !(r->p.all_scorers && needs(status)))
            rc = rows_fail(&w, status ? status : "failed: the cell ended without this row");
        free(status);
    }
    reports_end(&w);
    config_free(sets);
    return rc;
}

/* Of one model what it lacks of an analysis; why: as above. Points that do not
 * come to be are counted. */
static int analyse(rows *r, const model *m, enum analysis a, const char *why)
{
    config *todo = config_new();
    reports w = {.r = r, .m = m, .sets = todo, .analysing = 1, .analysis = a};
    char *status = NULL;
    int rc = 0;
    if (analyses_missing(r, m, a, todo) > 0 && !why)
        rc = run_cell(&w, CELL_ANALYSIS + a, &status);
    if (rc == 0)
        r->unfinished += analyses_missing(r, m, a, NULL);
    free(status);
    reports_end(&w);
    config_free(todo);
    return rc;
}

/* Accuracies are part of every experiment but one that analyses given weights alone. */
static int wants_features(const rows *r, const model *m)
{
    return r->p.b && (r->p.score.n || r->p.train.n) && !tallies_there(r, m);
}

/* All that is missing of one model; nothing is started when nothing is. */
static int run_model(rows *r, const model *m)
{
    config *sets = config_new(), *missing = config_new();
    char *status = NULL;
    int rc = 0, wanted = wants_features(r, m), points = 0;
    for (int i = 0; i < r->p.score.n; i++)
        wanted += rows_missing(r, &m->scores[i], missing);
    for (int a = 0; a < ANALYSES; a++)
        points += analyses_missing(r, m, a, NULL);
    rows_wanted(r, sets);
    if (wanted || points)
        rc = train(r, m, sets, &status);
    if (wanted && rc == 0 && !status && r->p.b)
        rc = extract(r, m, sets, &status);
    for (int i = 0; wanted && rc == 0 && i < r->p.score.n; i++)
        rc = score(r, m, &m->scores[i], status);
    tell_scorers(r);
    for (int a = 0; points && rc == 0 && a < ANALYSES; a++)
        rc = analyse(r, m, a, status);
    free(status);
    config_free(missing);
    config_free(sets);
    return rc;
}

/* The end: accuracies, the table, what failed. */
static int finish(const rows *r)
{
    char *keep = rows_of_plan(r);
    int good = 0, bad;
    for (int row = 0; row < sheet_rows(r->results); row++)
        good += keep[row] && result_ok(r->results, row);
    table_options o = table_to_terminal();
    char *left_out = left_out_of(r->p.b, r->p.c);
    o.left_out = left_out;
    int kept = left_out_keep(left_out, r->p.out);
    if (r->p.score.n || r->p.train.n)
        tallies_print(stdout, r, &o);
    int rc = good ? table_print(stdout, r->results, keep, &o) : 0;
    bad = table_failures(stdout, r->results, keep);
    if (r->p.score.n || r->p.train.n)
        printf("\nresults: %s/results.csv\n", r->p.out);
    analyses_print(stdout, r);
    bad += gallery_draw(r->p.c, r->p.out);
    if (r->unfinished)
        printf("%d points of analyses could not be computed: why stands above\n", r->unfinished);
    free(keep);
    free(left_out);
    return rc != 0 || kept != 0 ? -1 : bad || r->unfinished ? 1 : EXIT_OK;
}

static int run_plan(rows *r)
{
    int64_t threads = 1;
    int rc = 0, left = 0;
    config_int(r->p.c, "threads", &threads, 1, INT64_MAX);
    spawn_environment(threads);
    if ((r->p.b && (sets_import(r->p.b, r->p.c) != 0 || stale_mark(r) != 0)) || rows_forget_failures(r) != 0)
        return -1;
    spawn_catch_signals();
    for (int i = 0; i < r->p.n; i++)
        for (int j = 0; j < r->p.score.n; j++) {
            config *sets = config_new();
            left += rows_missing(r, &r->p.models[i].scores[j], sets);
            config_free(sets);
        }
    char *points = analyses_left(r);
    fprintf(stderr, "%s: %d %s%s, %d scorer%s, %d row%s%s to compute\n", r->p.name, r->p.n,
            r->p.b ? "checkpoint" : "file of features", r->p.n == 1 ? "" : "s", r->p.score.n,
            r->p.score.n == 1 ? "" : "s", left, left == 1 ? "" : "s", points);
    free(points);
    for (int i = 0; rc == 0 && i < r->p.n; i++)
        rc = run_model(r, &r->p.models[i]);
    if (rc == INTERRUPTED) {
        fprintf(stderr, "oodbench: interrupted; what is computed is in %s/results.csv, the same command goes on\n",
                r->p.out);
        return 128 + spawn_interrupted();
    }
    return rc != 0 ? -1 : finish(r);
}

static int help(FILE *to)
{
    fputs("usage: oodbench run FILE.yml [--key value ...]\n"
          "Runs the experiment that FILE.yml describes, or what is left of it, and prints its table.\n"
          "Every key can be given on the command line. Lists multiply: [a, b], or a,b after --key.\n"
          "Exit status: 0 all rows are there, 1 some failed, 2 nothing could be run.\n\n"
          "key              default\n",
          to);
    settings_print(to);
    fputs("  METHOD.parameter          `oodbench methods` lists them; here lists multiply, too\n", to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

int run_main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "--help") == 0)
        return help(stdout);
    plan p;
    return expand(&p, argc, argv) == 0 ? run_experiment(&p) : -1;
}

int run_experiment(plan *p)
{
    rows r = {.p = *p};
    int lock = -1, rc = open_output(&r, &lock);
    if (rc == 0) {
        rows_begin(&r);
        rc = run_plan(&r);
        rows_end(&r);
    }
    sheet_close(r.results);
    sheet_close(r.accuracy);
    sheet_close(r.search);
    analyses_close(&r);
    if (lock >= 0)
        close(lock);
    expand_free(&r.p);
    return rc;
}
