/* killing.h - the cells of a test's runs, found by their command lines, and killed. */
#ifndef KILLING_H
#define KILLING_H

#include "program.h"

#include <dirent.h>
#include <signal.h>

/* Calls `take` for every process that runs a cell of ours. */
static inline int cells(void (*take)(pid_t pid))
{
    int n = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && (e = readdir(all)) != NULL;) {
        char path[300], line[4096] = "";
        pid_t pid = (pid_t)atol(e->d_name);
        snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
        FILE *f = pid > 0 ? fopen(path, "r") : NULL;
        size_t size = f ? fread(line, 1, sizeof line - 1, f) : 0;
        if (f)
            fclose(f);
        if (!memmem(line, size, "cell\0", 5) || !memmem(line, size, here, strlen(here)))
            continue;
        n++;
        if (take)
            take(pid);
    }
    if (all)
        closedir(all);
    return n;
}

static inline void kill_it(pid_t pid)
{
    kill(pid, SIGKILL);
}

/* Cells die with their parent, at once. */
static inline void nobody_is_left(void)
{
    int left = 1;
    for (int waited = 0; waited < 2000 && (left = cells(NULL)) > 0; waited++)
        usleep(5000);
    assert_int_equal(left, 0);
}

#endif
