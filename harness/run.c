/* run.c - runs an experiment: what is missing in results.csv is computed, and the
 * table printed. */
#include "run.h"
#include "analyses.h"
#include "commands.h"
#include "dispatch.h"
#include "fault.h"
#include "file.h"
#include "gallery.h"
#include "hold.h"
#include "launcher.h"
#include "left_out.h"
#include "order.h"
#include "sets.h"
#include "settings.h"
#include "sheets.h"
#include "spawn.h"
#include "stale.h"
#include "table.h"
#include "tallies.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_output(rows *r, int *lock)
{
    char path[PATH_MAX];
    const plan *p = &r->p;
    if (file_mkdirs(p->cache) != 0 || hold(p->out, lock) != 0)
        return -1;
    file_join(path, sizeof path, p->out, "weights");
    if (p->train.n && file_mkdirs(path) != 0)
        return -1;
    return sheets_open(r, p->out);
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

/* What is going to happen. */
static void tell_plan(const rows *r)
{
    int left = 0;
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
}

/* With several jobs, what they share; where it is more than there is, that is said. */
static void tell_jobs(int64_t jobs, int64_t threads)
{
    int64_t there = spawn_processors();
    if (jobs > 1)
        fprintf(stderr, "%lld jobs at once, %lld thread%s each, on %lld processor%s%s\n", (long long)jobs,
                (long long)threads, threads == 1 ? "" : "s", (long long)there, there == 1 ? "" : "s",
                jobs * threads > there ? ": fewer jobs or threads would not wait for each other" : "");
}

static int run_here(rows *r)
{
    int64_t threads = 1, jobs = 1;
    config_int(r->p.c, "threads", &threads, 1, INT64_MAX);
    config_int(r->p.c, "jobs", &jobs, 1, SPAWN_MOST);
    spawn_environment(threads);
    agenda a;
    agenda_make(&a, r, -1);
    if (a.n)
        tell_jobs(jobs, threads);
    int rc = dispatch(r, &a, (int)jobs);
    agenda_free(&a);
    return rc;
}

static int run_plan(rows *r)
{
    int elsewhere = launcher_asked(&r->p);
    if (elsewhere < 0)
        return -1;
    if (!elsewhere)
        hold_sweep(r->p.out); /* else tasks of an array may be writing */
    if ((r->p.b && (sets_import(r->p.b, r->p.c) != 0 || stale_mark(r) != 0)) || rows_forget_failures(r) != 0)
        return -1;
    spawn_catch_signals();
    tell_plan(r);
    int rc = elsewhere ? launch(r) : run_here(r);
    if (rc >= 0 && order_rows(r) != 0)
        rc = -1;
    if (rc == DISPATCH_INTERRUPTED) {
        fprintf(stderr, "oodbench: interrupted; what is computed is in %s/results.csv, the same command goes on\n",
                r->p.out);
        return 128 + spawn_interrupted();
    }
    return rc != 0 ? -1 : finish(r);
}

static int help(FILE *to)
{
    fputs("usage: oodbench run FILE.yml [--key value ...]\n"
          "Runs the experiment that FILE.yml describes, or what is left of it, and\n"
          "prints its table. `run demo` and `run results/demo.yml` find the experiments\n"
          "that come with oodbench, from any folder. Every key can be given on the\n"
          "command line. Lists multiply: [a, b], or a,b after --key.\n"
          "Exit status: 0 all rows are there, 1 some failed, 2 nothing could be run.\n\n"
          "key                  default\n",
          to);
    settings_print(to);
    fputs("  METHOD.parameter            `oodbench methods` lists them; lists multiply\n", to);
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
    sheets_close(&r);
    hold_end(lock);
    expand_free(&r.p);
    return rc;
}
