/* jobarray.c - array.yml is the configuration format again, so that words of a command
 * line come back as they were. */
#include "jobarray.h"
#include "agenda.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void locate(jobarray *p, const char *out)
{
    file_join(p->folder, sizeof p->folder, out, "parts");
}

void jobarray_digest(const plan *p, char digest[65])
{
    static const char *const sets[] = {"id", "near", "far", "csid", "tune"};
    text t = {0};
    for (int i = 0; i < 5; i++) {
        text_add(&t, "%s", sets[i]);
        for (int j = 0; j < config_items(p->c, sets[i]); j++)
            text_add(&t, " %s", config_item(p->c, sets[i], j));
        text_char(&t, '\n');
    }
    for (int i = 0; i < p->n; i++) {
        const model *m = &p->models[i];
        text_add(&t, "%s %s", m->run, m->train_run);
        for (int j = 0; j < p->score.n; j++)
            text_add(&t, " %s", m->scores[j].run);
        for (int a = 0; a < ANALYSES; a++)
            text_add(&t, " %s", m->analyses[a]);
        text_char(&t, '\n');
    }
    file_digest_bytes(digest, text_str(&t), t.n);
    text_free(&t);
}

/* Making. */

static int lacks_weights(const model *m)
{
    return m->train && !file_exists(m->file);
}

static void add(jobarray *p, int which)
{
    for (int i = 0; i < p->n; i++)
        if (p->model[i] == which)
            return;
    p->model = text_more(p->model, (size_t)(p->n + 1) * sizeof *p->model);
    p->model[p->n++] = which;
}

/* Those that wait for another's weights, or those that do not and whom others wait for. */
static void add_wave(jobarray *p, const rows *r, int waiting)
{
    for (int i = 0; i < r->p.n; i++) {
        const model *m = &r->p.models[i];
        int waits = lacks_weights(m) && m->from >= 0 && lacks_weights(&r->p.models[m->from]);
        if (!agenda_wanted(r, m))
            continue;
        if (waits && !waiting)
            add(p, m->from);
        if (waits == waiting)
            add(p, i);
    }
}

static int split(jobarray *p, int first)
{
    for (; first < p->n; first += PARTS_PER_ARRAY) {
        int left = p->n - first;
        if (p->arrays == PARTS_ARRAYS)
            return fault("more than %d networks are too many for job arrays", PARTS_ARRAYS * PARTS_PER_ARRAY);
        p->array[p->arrays].first = first;
        p->array[p->arrays].id[0] = '\0';
        p->array[p->arrays++].n = left < PARTS_PER_ARRAY ? left : PARTS_PER_ARRAY;
    }
    return 0;
}

int jobarray_make(jobarray *p, const rows *r)
{
    *p = (jobarray){.n = 0};
    locate(p, r->p.out);
    jobarray_digest(&r->p, p->digest);
    snprintf(p->name, sizeof p->name, "oodbench-%.12s-%ld", p->digest, (long)getpid());
    add_wave(p, r, 0);
    int first = p->n;
    if (split(p, 0) != 0)
        return -1;
    add_wave(p, r, 1);
    return split(p, first);
}

void jobarray_free(jobarray *p)
{
    free(p->model);
    *p = (jobarray){.n = 0};
}

/* array.yml. */

int jobarray_there(const char *out)
{
    jobarray p;
    char path[4200];
    locate(&p, out);
    return file_exists(file_join(path, sizeof path, p.folder, "array.yml"));
}

static void append(config *c, const char *key, long value)
{
    char number[32];
    snprintf(number, sizeof number, "%ld", value);
    config_append(c, key, number, "");
}

int jobarray_write(const jobarray *p, int argc, char **argv)
{
    char path[4200], cwd[4096];
    if (!getcwd(cwd, sizeof cwd))
        return fault("cannot name the working directory: %s", strerror(errno));
    config *c = config_new();
    config_append(c, "plan", p->digest, "");
    config_append(c, "name", p->name, "");
    config_append(c, "folder", cwd, "");
    for (int i = 0; i < argc; i++)
        config_append(c, "words", argv[i], "");
    for (int i = 0; i < p->n; i++)
        append(c, "models", p->model[i]);
    for (int i = 0; i < p->arrays; i++)
        append(c, "tasks", p->array[i].n);
    for (int i = 0; i < p->queued; i++)
        config_append(c, "jobs", p->array[i].id, "");
    char *all = config_canonical(c);
    int rc = file_write(file_join(path, sizeof path, p->folder, "array.yml"), all, strlen(all));
    free(all);
    config_free(c);
    return rc;
}

static int damaged(const char *path)
{
    return fault("%s is damaged: `scancel` the jobs it names, then delete its folder", path);
}

/* -1: not a number of models or tasks. */
static int number_at(const config *c, const char *key, int i)
{
    char *end;
    const char *word = config_item(c, key, i);
    long n = strtol(word, &end, 10);
    return end == word || *end || n < 0 || n > PARTS_ARRAYS * PARTS_PER_ARRAY ? -1 : (int)n;
}

int jobarray_read(jobarray *p, const char *folder, config *said)
{
    char path[4200];
    *p = (jobarray){.n = 0};
    snprintf(p->folder, sizeof p->folder, "%s", folder);
    if (config_read(said, file_join(path, sizeof path, folder, "array.yml")) != 0)
        return -1;
    const char *digest = config_text(said, "plan"), *name = config_text(said, "name");
    int total = 0;
    if (!digest || !name || !config_text(said, "folder") || config_items(said, "tasks") > PARTS_ARRAYS ||
        config_items(said, "jobs") > config_items(said, "tasks"))
        return damaged(path);
    snprintf(p->digest, sizeof p->digest, "%s", digest);
    snprintf(p->name, sizeof p->name, "%s", name);
    for (int i = 0; i < config_items(said, "models"); i++) {
        int which = number_at(said, "models", i);
        if (which < 0)
            return damaged(path);
        add(p, which);
    }
    for (p->arrays = 0; p->arrays < config_items(said, "tasks"); p->arrays++) {
        int tasks = number_at(said, "tasks", p->arrays);
        if (tasks < 1)
            return damaged(path);
        p->array[p->arrays].first = total;
        p->array[p->arrays].n = tasks;
        total += tasks;
    }
    for (; p->queued < config_items(said, "jobs"); p->queued++)
        snprintf(p->array[p->queued].id, SLURM_ID, "%s", config_item(said, "jobs", p->queued));
    return total == p->n ? 0 : damaged(path);
}

int jobarray_remove(const jobarray *p)
{
    return file_remove_tree(p->folder);
}

/* Parts. */

char *jobarray_folder(const jobarray *p, int part, char *path, size_t cap)
{
    char number[32];
    snprintf(number, sizeof number, "%d", part);
    return file_join(path, cap, p->folder, number);
}

/* Looked for in the listing of its folder: of a file that was missed once, another
 * machine's NFS may go on saying that it is not there. */
int jobarray_done(const jobarray *p, int part)
{
    char folder[4200];
    int found = 0;
    DIR *d = opendir(jobarray_folder(p, part, folder, sizeof folder));
    for (struct dirent *e; d && !found && (e = readdir(d)) != NULL;)
        found = strcmp(e->d_name, "done") == 0;
    if (d)
        closedir(d);
    return found;
}
