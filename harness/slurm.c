/* slurm.c - sbatch, squeue and sacct, started without a shell; their answers are
 * asked for in columns that no version of Slurm writes otherwise. */
#include "slurm.h"
#include "fault.h"
#include "spawn.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECONDS = 60, WORDS = 48, OPTIONS = 24 };

/* Options of sbatch, and the keys they are taken from. */
static const struct {
    const char *key, *option;
} options[] = {{"slurm.partition", "--partition"},
               {"slurm.time", "--time"},
               {"slurm.mem", "--mem"},
               {"slurm.gres", "--gres"},
               {"slurm.cpus", "--cpus-per-task"},
               {"slurm.account", "--account"},
               {"slurm.qos", "--qos"},
               {"slurm.constraint", "--constraint"}};

int slurm_there(void)
{
    static const char *const programs[] = {"sbatch", "squeue"};
    char path[PATH_MAX];
    for (int i = 0; i < 2; i++)
        if (spawn_find(path, sizeof path, programs[i]) != 0)
            return fault("--launcher slurm: `%s` is not found in PATH: start this where Slurm is, or run several "
                         "cells at once on this machine with `--jobs N`",
                         programs[i]);
    return 0;
}

/* Runs argv[0], found as the shell would; -1 with fault() set unless it ends with 0. */
static int ask(char **argv, void (*line)(void *arg, char *line), void *arg)
{
    char path[PATH_MAX], *name = argv[0];
    outcome o;
    if (spawn_find(path, sizeof path, name) != 0)
        return fault("`%s` is not found in PATH", name);
    argv[0] = path;
    job j = {.argv = argv, .report_fd = 1, .timeout_s = SECONDS, .report = line, .arg = arg};
    int rc = spawn_run(&o, &j);
    argv[0] = name;
    if (rc != 0)
        return -1;
    if (o.end == SPAWN_TIMEOUT)
        return fault("%s does not answer within %d s", name, SECONDS);
    if (o.end != SPAWN_EXIT || o.code != 0)
        return o.last[0] ? fault("%s", o.last) : fault("%s failed and did not say why", name);
    return 0;
}

/* Queueing. */

static void take_first(void *arg, char *line)
{
    char *id = arg;
    if (!id[0])
        snprintf(id, SLURM_ID, "%.*s", (int)strcspn(line, ";"), line);
}

/* Slurm fills in %A and %a, also in the name of the folder: there every % is written twice. */
static char *output_of(const char *folder)
{
    text t = {0};
    text_add(&t, "--output=");
    for (const char *c = folder; *c; c++)
        text_add(&t, "%s%c", *c == '%' ? "%" : "", *c);
    text_add(&t, "/slurm-%%A-%%a.log");
    return t.bytes;
}

int slurm_submit(const slurm_array *a, char id[SLURM_ID])
{
    char *argv[WORDS], *made[OPTIONS], at_once[32] = "";
    int n = 0, m = 0, rc;
    if (config_text(a->c, "slurm.at_once"))
        snprintf(at_once, sizeof at_once, "%%%s", config_text(a->c, "slurm.at_once"));
    made[m++] = text_copy("sbatch");
    made[m++] = text_copy("--parsable");
    made[m++] = text_copy("--export=ALL");
    made[m++] = output_of(a->folder);
    made[m++] = text_format("--array=0-%d%s", a->n - 1, at_once);
    made[m++] = text_format("--job-name=%s", a->name);
    made[m++] = text_format("--chdir=%s", a->folder);
    if (a->after)
        made[m++] = text_format("--dependency=afterany:%s", a->after);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (config_text(a->c, options[i].key))
            made[m++] = text_format("%s=%s", options[i].option, config_text(a->c, options[i].key));
    for (; n < m; n++)
        argv[n] = made[n];
    argv[n++] = (char *)(uintptr_t)a->script;
    for (int i = 0; a->words[i] && n < WORDS - 1; i++)
        argv[n++] = a->words[i];
    argv[n] = NULL;
    id[0] = '\0';
    rc = ask(argv, take_first, id);
    while (m > 0)
        free(made[--m]);
    return rc == 0 && !id[0] ? fault("sbatch did not say the number of the job") : rc;
}

/* Asking. */

int slurm_named(const char *name, char id[SLURM_ID])
{
    char squeue[] = "squeue", bare[] = "--noheader", me[] = "--me", format[] = "--format=%F",
         *named = text_format("--name=%s", name);
    char *argv[] = {squeue, bare, me, format, named, NULL};
    id[0] = '\0';
    int rc = ask(argv, take_first, id);
    free(named);
    return rc != 0 ? -1 : id[0] != '\0';
}

typedef struct teller {
    slurm_task *tell;
    void *arg;
} teller;

/* "12|3|RUNNING|None" */
static void take_state(void *arg, char *line)
{
    const teller *t = arg;
    char *id = strsep(&line, "|"), *index = strsep(&line, "|"), *state = strsep(&line, "|"), *stop;
    long k = index ? strtol(index, &stop, 10) : -1;
    if (state && stop != index && !*stop && k >= 0 && k < INT_MAX)
        t->tell(t->arg, id, (int)k, state, line ? line : "");
}

int slurm_states(const char *ids, slurm_task *tell, void *arg)
{
    char squeue[] = "squeue", bare[] = "--noheader", each[] = "--array", all[] = "--states=all",
         format[] = "--format=%F|%K|%T|%r", *jobs = text_format("--jobs=%s", ids);
    char *argv[] = {squeue, bare, each, all, format, jobs, NULL};
    teller t = {tell, arg};
    int rc = ask(argv, take_state, &t);
    free(jobs);
    /* Slurm has forgotten all of them: an answer, too. */
    return rc == 0 || strstr(fault_text(), "Invalid job id") != NULL;
}

/* "12_3|TIMEOUT|0:15"; "CANCELLED by 1000" is two words. */
static void take_account(void *arg, char *line)
{
    const teller *t = arg;
    char *id = strsep(&line, "|"), *state = strsep(&line, "|"), *under = strchr(id, '_'), *stop;
    if (!under || !state)
        return;
    *under++ = '\0';
    long k = strtol(under, &stop, 10);
    state[strcspn(state, " ")] = '\0';
    if (stop != under && !*stop && k >= 0 && k < INT_MAX)
        t->tell(t->arg, id, (int)k, state, line ? line : "");
}

int slurm_accounts(const char *ids, slurm_task *tell, void *arg)
{
    char sacct[] = "sacct", bare[] = "--noheader", parsable[] = "--parsable2", jobs_only[] = "--allocations",
         format[] = "--format=JobID,State,ExitCode", *jobs = text_format("--jobs=%s", ids);
    char *argv[] = {sacct, bare, parsable, jobs_only, format, jobs, NULL};
    teller t = {tell, arg};
    int rc = ask(argv, take_account, &t);
    free(jobs);
    return rc == 0;
}

int slurm_ended(const char *state)
{
    static const char *const alive[] = {"PENDING",  "RUNNING",      "SUSPENDED",   "CONFIGURING", "COMPLETING",
                                        "REQUEUED", "REQUEUE_FED",  "RESIZING",    "SIGNALING",   "STAGE_OUT",
                                        "STOPPED",  "REQUEUE_HOLD", "SPECIAL_EXIT"};
    for (size_t i = 0; i < sizeof alive / sizeof *alive; i++)
        if (strcmp(state, alive[i]) == 0)
            return 0;
    return 1;
}
