/* part.c - `oodbench part FOLDER FIRST TASK`: what one network of a plan lacks, as a
 * task of a job array. The plan is made again from the command that made it; rows go
 * to files of this part alone, networks and features where all parts have theirs. */
#include "commands.h"
#include "dispatch.h"
#include "fault.h"
#include "file.h"
#include "jobarray.h"
#include "sheets.h"
#include "spawn.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The plan as it was when the array was queued. */
static int remake(plan *p, const jobarray *all, const config *said)
{
    char digest[65];
    int n = config_items(said, "words");
    char **words = text_more(NULL, ((size_t)n + 1) * sizeof *words);
    for (int i = 0; i < n; i++)
        words[i] = (char *)(uintptr_t)config_item(said, "words", i);
    words[n] = NULL;
    int rc = 0;
    if (chdir(config_text(said, "folder")) != 0)
        rc = fault("the folder %s of the run cannot be entered here: %s", config_text(said, "folder"),
                   strerror(errno));
    rc = rc != 0 ? -1 : expand(p, n, words);
    if (rc == 0) {
        jobarray_digest(p, digest);
        if (strcmp(digest, all->digest) != 0) {
            rc = fault("%s or a file it names has changed since the jobs were queued", p->file);
            expand_free(p);
        }
    }
    free(words);
    return rc;
}

static int compute(rows *r, const char *folder, int which)
{
    int64_t threads = 1, jobs = 1;
    agenda a;
    config_int(r->p.c, "threads", &threads, 1, INT64_MAX);
    config_int(r->p.c, "jobs", &jobs, 1, SPAWN_MOST);
    spawn_environment(threads);
    spawn_catch_signals();
    if (file_mkdirs(folder) != 0 || sheets_copy(r->p.out, folder) != 0 || sheets_open(r, folder) != 0)
        return -1;
    rows_begin(r);
    agenda_make(&a, r, which);
    int rc = dispatch(r, &a, (int)jobs);
    agenda_free(&a);
    rows_end(r);
    return rc;
}

/* Part number `part`, whose file `done` says that it came to its end. */
static int run_part(const jobarray *all, const config *said, int part)
{
    char folder[PATH_MAX], done[PATH_MAX];
    rows r = {.results = NULL};
    if (part < 0 || part >= all->n)
        return fault("%s has %d parts: there is no number %d", all->folder, all->n, part);
    if (remake(&r.p, all, said) != 0)
        return -1;
    int which = all->model[part];
    jobarray_folder(all, part, folder, sizeof folder);
    int rc = which < r.p.n ? compute(&r, folder, which) : fault("%s is another plan's", all->folder);
    sheets_close(&r);
    if (rc == 0)
        rc = file_write(file_join(done, sizeof done, folder, "done"), "0\n", 2);
    expand_free(&r.p);
    return rc == DISPATCH_INTERRUPTED ? 128 + spawn_interrupted() : rc;
}

int part_main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: oodbench part FOLDER FIRST TASK\n"
                        "one task of a job array; `oodbench run --launcher slurm` queues them\n");
        return EXIT_CONFIG;
    }
    jobarray all;
    config *said = config_new();
    int rc = jobarray_read(&all, argv[1], said);
    if (rc == 0)
        rc = run_part(&all, said, atoi(argv[2]) + atoi(argv[3]));
    jobarray_free(&all);
    config_free(said);
    return rc;
}
