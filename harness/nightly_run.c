/* nightly_run.c - a night: every experiment in a process of its own, from nothing, since a
 * row that is there already says nothing of tonight's program. A night that was cut short
 * goes on, unless the program or the list has changed since. */
#include "clock.h"
#include "commit.h"
#include "expand.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "nightly.h"
#include "progress.h"
#include "spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

static const char *const endings[] = {"waits", "ran", "partly", "skipped", "failed"};

/* The state of the night, in OUT/night.yml. */

static char *state_path(const night *n)
{
    return text_format("%s/night.yml", n->out);
}

static void say(config *c, const char *key, const char *value)
{
    config_set(c, key, "null", "");
    config_append(c, key, value, "");
}

static int write_state(const night *n, const char *list, int finished)
{
    config *c = config_new();
    say(c, "began", n->began);
    say(c, "commit", n->commit);
    say(c, "program", n->program);
    say(c, "plan", list);
    say(c, "finished", finished ? "true" : "false");
    for (int i = 0; i < n->n; i++) {
        char *ends = text_format("ends.%s", n->at[i].name), *why = text_format("why.%s", n->at[i].name);
        say(c, ends, endings[n->at[i].ends]);
        if (n->at[i].why)
            say(c, why, n->at[i].why);
        free(ends);
        free(why);
    }
    char *path = state_path(n), *all = config_canonical(c);
    int rc = file_write(path, all, strlen(all));
    free(all);
    free(path);
    config_free(c);
    return rc;
}

static void take_state(night *n, const config *c)
{
    for (int i = 0; i < n->n; i++) {
        char *ends = text_format("ends.%s", n->at[i].name), *why = text_format("why.%s", n->at[i].name);
        const char *word = config_text(c, ends), *reason = config_text(c, why);
        for (int e = 0; word && e <= NIGHT_FAILED; e++)
            if (strcmp(endings[e], word) == 0)
                n->at[i].ends = (enum ending)e;
        free(n->at[i].why);
        n->at[i].why = reason ? text_copy(reason) : NULL;
        free(ends);
        free(why);
    }
    const char *began = config_text(c, "began"), *commit = config_text(c, "commit");
    free(n->began);
    free(n->commit);
    n->began = text_copy(began ? began : "");
    n->commit = text_copy(commit ? commit : "");
}

static int read_state(const night *n, config **c)
{
    char *path = state_path(n);
    *c = config_new();
    int rc = file_exists(path) ? config_read(*c, path) : 0;
    free(path);
    return rc;
}

/* What is about to run: the program, its backends and methods, by their bytes. */

static int is_plugin(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

static void add_folder(text *all, const char *folder)
{
    struct dirent **files;
    int n = scandir(folder, &files, is_plugin, alphasort);
    if (n < 0 && errno == ENOMEM)
        text_out_of_memory(0);
    for (int i = 0; i < n; i++) {
        char digest[FILE_DIGEST] = "", *path = text_format("%s/%s", folder, files[i]->d_name);
        if (file_digest(digest, path) == 0)
            text_add(all, "%s %s\n", files[i]->d_name, digest);
        free(path);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
}

static char *program_digest(void)
{
    char digest[FILE_DIGEST] = "", folder[PATH_MAX];
    const char *own = getenv("OODBENCH_METHODS");
    text all = {0};
    if (file_digest(digest, layout_program()) == 0)
        text_add(&all, "%s\n", digest);
    add_folder(&all, layout_beside(folder, sizeof folder, "methods"));
    add_folder(&all, layout_beside(folder, sizeof folder, "kernels"));
    for (const char *p = own; p && *p; p += strcspn(p, ":"), p += *p == ':') {
        snprintf(folder, sizeof folder, "%.*s", (int)strcspn(p, ":"), p);
        add_folder(&all, folder);
    }
    file_digest_bytes(digest, text_str(&all), all.n);
    text_free(&all);
    return text_format("%.16s", digest);
}

static char *plan_digest(const night *n)
{
    char digest[FILE_DIGEST], *canonical = config_canonical(n->c);
    text all = {0};
    text_add(&all, "%s", canonical);
    for (int i = 0; i < n->n; i++)
        text_add(&all, "%s %s\n", n->at[i].name, n->at[i].file);
    file_digest_bytes(digest, text_str(&all), all.n);
    text_free(&all);
    free(canonical);
    return text_format("%.16s", digest);
}

/* Beginning. */

static int same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Only what an earlier night left: `owned` says that there was one. */
static int clear(const night *n, const experiment *e, int owned)
{
    if (!file_exists(e->out))
        return 0;
    if (!owned)
        return fault("nightly: %s is there, but no nightly made it (there is no %s/night.yml): move it away, name "
                     "another folder by `out:`, or go on with what it holds by --keep",
                     e->out, n->out);
    return file_remove_tree(e->out);
}

static void begin_anew(night *n)
{
    char now[32];
    time_t t = time(NULL);
    struct tm utc;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &utc));
    n->began = text_copy(now);
    n->commit = text_copy(commit_id());
}

/* Goes on with the night before if that was cut short. */
static int begin(night *n, const char *list, int again, int keep)
{
    config *c;
    int finished = 1, rc = read_state(n, &c), owned = config_count(c) > 0;
    if (rc == 0)
        rc = config_flag(c, "finished", &finished);
    int same = same_text(config_text(c, "program"), n->program) && same_text(config_text(c, "plan"), list);
    if (rc == 0 && !finished && same && !again) {
        take_state(n, c);
        fprintf(stderr, "nightly: going on with the night of %s\n", n->began);
    } else if (rc == 0) {
        if (!finished)
            fprintf(stderr, "nightly: the night of %s was cut short and %s: beginning anew\n",
                    config_text(c, "began"), again ? "--again is given" : "the program or the list has changed");
        begin_anew(n);
        for (int i = 0; rc == 0 && i < n->n && !keep; i++)
            rc = clear(n, &n->at[i], owned);
        if (rc == 0)
            rc = write_state(n, list, 0);
    }
    config_free(c);
    return rc;
}

/* One experiment. */

/* "run", FILE, --out=..., and the options; ended by NULL, all to be freed. */
static char **arguments(const experiment *e, int *argc)
{
    int n = 0;
    char **argv = text_more(NULL, (size_t)(config_count(e->options) + 5) * sizeof *argv);
    argv[n++] = text_copy(layout_program());
    argv[n++] = text_copy("run");
    argv[n++] = text_copy(e->file);
    argv[n++] = text_format("--out=%s", e->out);
    for (int i = 0; i < config_count(e->options); i++) {
        const char *key = config_key(e->options, i), *plain = config_text(e->options, key);
        config *one = config_new();
        config_copy(one, key, e->options, key);
        char *line = config_canonical(one), *value = strstr(line, ": ");
        line[strcspn(line, "\n")] = '\0';
        argv[n++] = text_format("--%s=%s", key, plain ? plain : value ? value + 2 : "null");
        free(line);
        config_free(one);
    }
    argv[n] = NULL;
    *argc = n;
    return argv;
}

static void free_arguments(char **argv)
{
    for (int i = 0; argv[i]; i++)
        free(argv[i]);
    free(argv);
}

/* Everything of a configuration that results may depend on; paths and limits are this machine's. */
static config *settings_of(const config *c)
{
    static const char *const left_out[] = {"out",     "data",      "imported",        "limit_mb",
                                           "figures", "timeout_s", "train_timeout_s", "save_s",
                                           "quick",   "jobs"};
    config *kept = config_new();
    for (int i = 0; i < config_count(c); i++) {
        int keep = config_items(c, config_key(c, i)) > 0;
        for (size_t j = 0; j < sizeof left_out / sizeof *left_out; j++)
            keep = keep && strcmp(config_key(c, i), left_out[j]) != 0;
        if (keep)
            config_copy(kept, config_key(c, i), c, config_key(c, i));
    }
    return kept;
}

/* Looks at the configuration before anything is computed; what is wrong with it is `why`. */
static int look_at(experiment *e)
{
    plan p;
    int argc;
    char **argv = arguments(e, &argc);
    int rc = expand(&p, argc - 1, argv + 1);
    if (rc == 0) {
        config_free(e->settings);
        e->settings = settings_of(p.c);
        expand_free(&p);
    } else {
        e->ends = NIGHT_FAILED;
        free(e->why);
        e->why = text_copy(fault_text());
    }
    free_arguments(argv);
    return rc;
}

static void set_ending(experiment *e, const outcome *o)
{
    static const char *const words[] = {"ended", "was killed", "took too long", "took too much memory", ""};
    const char *said = strncmp(o->last, "oodbench: ", 10) == 0 ? o->last + 10 : o->last;
    free(e->why);
    e->why = NULL;
    e->ends = o->end != SPAWN_EXIT ? NIGHT_FAILED
              : o->code == 0       ? NIGHT_RAN
              : o->code == 1       ? NIGHT_PARTLY
                                   : NIGHT_FAILED;
    if (e->ends == NIGHT_FAILED && o->end == SPAWN_SIGNAL)
        e->why = text_format("the run was ended by SIG%s", sigabbrev_np(o->code));
    else if (e->ends == NIGHT_FAILED)
        e->why = text_copy(said[0] ? said : words[o->end]);
}

/* Calibrated before and after; 1: interrupted. */
static int run_one(night *n, experiment *e)
{
    int argc;
    outcome o;
    char *log = text_format("%s.log", e->out), **argv = arguments(e, &argc);
    double before = calibration_loop();
    fprintf(stderr, "nightly: running %s\n", e->name);
    job j = {.argv = argv, .log = log, .report_fd = 3};
    int rc = spawn_run(&o, &j);
    if (rc == 0 && o.end == SPAWN_INTERRUPT)
        rc = 1;
    if (rc == 0) {
        set_ending(e, &o);
        rc = side_open(&e->now, e->out, 0);
        if (rc == 0 && e->now.results && e->ends != NIGHT_FAILED)
            rc = made_write(e, n, before, calibration_loop());
        side_close(&e->now);
        if (rc < 0) { /* the others go on */
            e->ends = NIGHT_FAILED;
            free(e->why);
            e->why = text_copy(fault_text());
            rc = 0;
        }
    }
    free_arguments(argv);
    free(log);
    return rc;
}

static int skips(experiment *e)
{
    const char *data = getenv("OODBENCH_DATA");
    if (!e->needs_data || (data && *data) || config_text(e->options, "data"))
        return 0;
    e->ends = NIGHT_SKIPPED;
    free(e->why);
    e->why = text_copy("OODBENCH_DATA does not name the folder of images");
    return 1;
}

/* A night at a time; the kernel's lock goes with the process. */
static int hold(const night *n, int *lock)
{
    char path[PATH_MAX];
    if (file_mkdirs(n->out) != 0)
        return -1;
    file_join(path, sizeof path, n->out, "night.lock");
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*lock < 0)
        return fault("nightly: cannot write to %s: %s", n->out, strerror(errno));
    return flock(*lock, LOCK_EX | LOCK_NB) == 0
               ? 0
               : fault("nightly: another nightly is at work in %s: wait for it, or name another folder by `out:`",
                       n->out);
}

int nightly_run(night *n, int again, int keep)
{
    int lock = -1, rc = hold(n, &lock);
    double began = clock_now();
    char *list = plan_digest(n);
    n->program = program_digest();
    if (rc == 0)
        rc = begin(n, list, again, keep);
    spawn_environment(1); /* a run chooses its threads; it ends when this process does */
    spawn_catch_signals();
    for (int i = 0; rc == 0 && i < n->n; i++) {
        experiment *e = &n->at[i];
        if (e->ends == NIGHT_RAN || e->ends == NIGHT_PARTLY || skips(e) || look_at(e) != 0)
            continue;
        rc = run_one(n, e);
        if (rc == 0)
            rc = write_state(n, list, 0);
    }
    if (rc == 0)
        rc = write_state(n, list, 1);
    n->seconds = clock_now() - began;
    free(list);
    if (lock >= 0)
        close(lock);
    return rc;
}

int nightly_look(night *n)
{
    config *c;
    int rc = read_state(n, &c);
    if (rc == 0 && config_count(c) == 0)
        rc = fault("nightly: no night has been run: there is no %s/night.yml; `oodbench nightly %s` runs one",
                   n->out, n->file);
    if (rc == 0)
        take_state(n, c);
    config_free(c);
    return rc;
}
