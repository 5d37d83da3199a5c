/* launcher.c - what is asked for is written down before Slurm is asked, and what it
 * answered afterwards, so that an array is found again whenever this process ended. */
#include "launcher.h"
#include "agenda.h"
#include "clock.h"
#include "dispatch.h"
#include "fault.h"
#include "file.h"
#include "jobarray.h"
#include "layout.h"
#include "progress.h"
#include "sheets.h"
#include "spawn.h"
#include "text.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHORTEST_MS = 500, LONGEST_MS = 30000, PATIENCE = 3 /* answers in which a task is gone, without `done` */ };

/* A part as far as it is known here. */
typedef struct fate {
    int settled, seen, gone;
    char state[SLURM_WORD], reason[SLURM_WORD];
} fate;

typedef struct watch {
    rows *r;
    jobarray p;
    fate *of; /* [p.n] */
    int settled;
} watch;

static int is_slurm(const plan *p)
{
    const char *launcher = config_text(p->c, "launcher");
    return launcher && strcmp(launcher, "slurm") == 0;
}

int launcher_asked(const plan *p)
{
    if (is_slurm(p))
        return slurm_there() == 0 ? 1 : -1;
    if (!jobarray_there(p->out))
        return 0;
    return fault(
        "a Slurm job array that was queued for %s may be at work: go on with `--launcher slurm`, or `scancel` "
        "what %s/parts/array.yml names and delete %s/parts",
        p->out, p->out, p->out);
}

/* Queueing. */

/* "12:13", the arrays before `until`, or "12,13". */
static char *join_ids(const jobarray *p, int until, char between)
{
    text t = {0};
    for (int i = 0; i < until; i++) {
        if (i)
            text_char(&t, between);
        text_add(&t, "%s", p->array[i].id);
    }
    return t.bytes ? t.bytes : text_copy("");
}

/* How many arrays begin at once: those behind hold networks that start from theirs. */
static int first_wave(const watch *w)
{
    int i = 0;
    const model *models = w->r->p.models;
    while (i < w->p.arrays) {
        const model *m = &models[w->p.model[w->p.array[i].first]];
        if (m->from >= 0 && !file_exists(m->start))
            break;
        i++;
    }
    return i;
}

/* Array number i, under a name of its own: one that was accepted before the answer
 * could be written down is found by it. */
static int queue(watch *w, int i)
{
    static const char script[] = "#!/bin/sh\nexec \"$@\" \"$SLURM_ARRAY_TASK_ID\"\n";
    char path[4200], first[32], part[] = "part", name[SLURM_WORD + 16];
    const rows *r = w->r;
    jobarray *p = &w->p;
    int waits_for = first_wave(w);
    snprintf(name, sizeof name, "%s-%d", p->name, i);
    snprintf(first, sizeof first, "%d", p->array[i].first);
    int there = slurm_named(name, p->array[i].id);
    if (there < 0 || file_write(file_join(path, sizeof path, p->folder, "task.sh"), script, strlen(script)) != 0)
        return -1;
    char *words[] = {(char *)(uintptr_t)layout_program(), part, p->folder, first, NULL};
    char *after = i >= waits_for && waits_for > 0 ? join_ids(p, waits_for, ':') : NULL;
    const slurm_array a = {name, path, words, r->p.cache, after, r->p.c, p->array[i].n};
    int rc = there ? 0 : slurm_submit(&a, p->array[i].id);
    free(after);
    if (rc != 0)
        return -1;
    p->queued = i + 1;
    return jobarray_write(p, r->p.nwords, r->p.words);
}

/* A new array, not queued yet. */
static int begin(watch *w)
{
    if (jobarray_make(&w->p, w->r) != 0)
        return -1;
    if (w->p.n == 0)
        return 0;
    return jobarray_remove(&w->p) != 0 ? -1 : jobarray_write(&w->p, w->r->p.nwords, w->r->p.words);
}

/* When Slurm refuses the first, nothing is left. */
static int queue_all(watch *w)
{
    while (w->p.queued < w->p.arrays)
        if (queue(w, w->p.queued) != 0) {
            char *why = text_copy(fault_text());
            if (w->p.queued == 0)
                jobarray_remove(&w->p);
            fault("Slurm did not take the jobs: %s", why);
            free(why);
            return -1;
        }
    return 0;
}

/* What an earlier command has queued. */

static void note_alive(void *arg, const char *id, int index, const char *state, const char *reason)
{
    (void)id, (void)index, (void)reason;
    *(int *)arg |= !slurm_ended(state);
}

/* Takes the rows of an array that was queued for another plan, when it has ended. */
static int gather_other(watch *w)
{
    int alive = 0;
    char *ids = join_ids(&w->p, w->p.queued, ','), path[4200];
    int answered = w->p.queued == 0 || slurm_states(ids, note_alive, &alive), rc = 0;
    if (!answered) {
        char *why = text_copy(fault_text());
        rc = fault("whether jobs %s of %s still run is not known: %s", ids, w->p.folder, why);
        free(why);
    } else if (alive)
        rc = fault(
            "the jobs %s, queued for %s by another configuration, still run: wait for them, or `scancel` them", ids,
            w->r->p.out);
    for (int i = 0; rc == 0 && i < w->p.n; i++)
        for (int k = 0; rc == 0 && k < w->r->p.n; k++)
            rc = sheets_gather(w->r, jobarray_folder(&w->p, i, path, sizeof path), &w->r->p.models[k]);
    free(ids);
    return rc == 0 ? jobarray_remove(&w->p) : rc;
}

/* 1: an array of this plan is taken up; 0: there is none. */
static int take_up(watch *w)
{
    char folder[PATH_MAX], digest[65];
    if (!jobarray_there(w->r->p.out))
        return 0;
    config *said = config_new();
    int rc = jobarray_read(&w->p, file_join(folder, sizeof folder, w->r->p.out, "parts"), said);
    config_free(said);
    jobarray_digest(&w->r->p, digest);
    for (int i = 0; rc == 0 && i < w->p.n; i++)
        if (strcmp(digest, w->p.digest) == 0 && w->p.model[i] >= w->r->p.n)
            rc =
                fault("%s/array.yml names more networks than the plan has: it is damaged; `scancel` its jobs, then "
                      "delete the folder",
                      folder);
    if (rc == 0 && strcmp(digest, w->p.digest) == 0)
        return 1;
    if (rc == 0)
        rc = gather_other(w);
    jobarray_free(&w->p);
    return rc;
}

/* Waiting. */

static void note_state(void *arg, const char *id, int index, const char *state, const char *reason)
{
    watch *w = arg;
    for (int i = 0; i < w->p.queued; i++) {
        int part = w->p.array[i].first + index;
        if (strcmp(w->p.array[i].id, id) != 0 || index >= w->p.array[i].n || w->of[part].settled)
            continue;
        fate *f = &w->of[part];
        f->seen = 1;
        snprintf(f->state, sizeof f->state, "%s", state);
        snprintf(f->reason, sizeof f->reason, "%s", strcmp(reason, "None") == 0 ? "" : reason);
    }
}

static const model *model_of(const watch *w, int part)
{
    return &w->r->p.models[w->p.model[part]];
}

/* The last line that a task printed. */
static char *last_words(const char *log)
{
    char *bytes, *last = NULL, *line;
    size_t n;
    if (!file_exists(log) || file_read(log, &bytes, &n) != 0)
        return text_copy("");
    for (char *rest = bytes; (line = strsep(&rest, "\n"));)
        if (line[strspn(line, " \t\r")])
            last = line;
    char *said = last ? text_copy(last) : text_copy("");
    free(bytes);
    return said;
}

/* Its rows are taken; those that it did not come to have Slurm's reason. */
static int settle(watch *w, int part, int done)
{
    char folder[4200], path[4300];
    const fate *f = &w->of[part];
    const model *m = model_of(w, part);
    int array = w->p.arrays - 1;
    while (part < w->p.array[array].first)
        array--;
    const char *id = w->p.array[array].id;
    int index = part - w->p.array[array].first;
    snprintf(path, sizeof path, "%.4000s/slurm-%s-%d.log", w->r->p.cache, id, index);
    char *said = done ? NULL : last_words(path), *what = rows_describe(w->r, m), *why = NULL;
    if (!done)
        why = text_format("slurm: %s%s%s, task %s_%d%s%s", f->state[0] ? f->state : "gone",
                          f->reason[0] ? ", " : "", f->reason, id, index, said[0] ? ": " : "", said);
    agenda a = {0};
    int rc = sheets_gather(w->r, jobarray_folder(&w->p, part, folder, sizeof folder), m);
    if (rc == 0) {
        agenda_make(&a, w->r, w->p.model[part]);
        rc = dispatch_fail(w->r, &a, why);
        agenda_free(&a);
    }
    progress_relay("progress");
    fprintf(stderr, "  %-10s %-48s %s\n", "task", what, done ? "done" : why);
    if (!done)
        fprintf(stderr, "  %-10s what it printed is in %s\n", "", path);
    w->of[part].settled = 1;
    w->settled++;
    free(said);
    free(what);
    free(why);
    return rc;
}

/* One look at all that is not settled; `answered`: Slurm has said what it knows. */
static int look(watch *w, int answered)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < w->p.n; i++) {
        fate *f = &w->of[i];
        if (f->settled)
            continue;
        if (jobarray_done(&w->p, i)) {
            rc = settle(w, i, 1);
            continue;
        }
        int over = answered && (!f->seen || slurm_ended(f->state));
        f->gone = over ? f->gone + 1 : 0;
        if (f->gone < PATIENCE)
            continue;
        if (!f->seen) {
            char *ids = join_ids(&w->p, w->p.queued, ',');
            slurm_accounts(ids, note_state, w);
            free(ids);
        }
        rc = settle(w, i, 0);
    }
    return rc;
}

static void draw(const watch *w, const char *ids)
{
    int running = 0, waiting = 0;
    const char *reason = "";
    if (!isatty(STDERR_FILENO))
        return;
    for (int i = 0; i < w->p.n; i++) {
        const fate *f = &w->of[i];
        running += !f->settled && strcmp(f->state, "RUNNING") == 0;
        if (!f->settled && strcmp(f->state, "PENDING") == 0) {
            waiting++;
            reason = f->reason;
        }
    }
    fprintf(stderr, "\r\033[Kslurm %s: %d of %d tasks ended, %d running, %d waiting%s%s%s", ids, w->settled, w->p.n,
            running, waiting, reason[0] ? " (" : "", reason, reason[0] ? ")" : "");
}

/* Asks ever more seldom, while nothing happens. */
static int wait_for(watch *w)
{
    char *ids = join_ids(&w->p, w->p.queued, ',');
    int rc = 0, pause = SHORTEST_MS, silent = 0;
    while (rc == 0 && w->settled < w->p.n) {
        int before = w->settled, answered;
        for (int i = 0; i < w->p.n; i++)
            w->of[i].seen = 0;
        answered = slurm_states(ids, note_state, w);
        if (spawn_interrupted()) {
            rc = DISPATCH_INTERRUPTED;
            break;
        }
        if (!answered && !silent)
            fprintf(stderr, "  %-10s no answer, asked again: %s\n", "slurm", fault_text());
        silent = !answered;
        rc = look(w, answered);
        draw(w, ids);
        pause = w->settled > before ? SHORTEST_MS : pause * 3 / 2 < LONGEST_MS ? pause * 3 / 2 : LONGEST_MS;
        if (rc == 0 && w->settled < w->p.n)
            poll(NULL, 0, pause);
    }
    progress_relay("progress");
    if (rc == DISPATCH_INTERRUPTED)
        fprintf(stderr, "jobs %s go on; the same command gathers what they compute, `scancel` ends them\n", ids);
    free(ids);
    return rc;
}

int launch(rows *r)
{
    watch w = {.r = r};
    int taken = take_up(&w), rc = taken < 0 || (!taken && begin(&w) != 0) ? -1 : 0;
    if (rc == 0 && w.p.n)
        rc = queue_all(&w);
    if (rc == 0 && w.p.n) {
        char *ids = join_ids(&w.p, w.p.queued, ',');
        fprintf(stderr, "slurm: %d task%s, one for each network, %s %s\n", w.p.n, w.p.n == 1 ? "" : "s",
                taken ? "waited for again: jobs" : "queued as jobs", ids);
        free(ids);
        w.of = text_more(NULL, (size_t)w.p.n * sizeof *w.of);
        memset(w.of, 0, (size_t)w.p.n * sizeof *w.of);
        rc = wait_for(&w);
        if (rc == 0)
            rc = jobarray_remove(&w.p);
    }
    free(w.of);
    jobarray_free(&w.p);
    return rc;
}
