/* strays.c - the children of this process as /proc lists them. */
#include "strays.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    ROUNDS = 64,          /* the children of one that is killed are the next round's */
    ENVIRONMENT = 1 << 18 /* bytes of a process' environment that are looked at */
};

static pid_t *expected;
static int count, cap;

void strays_expect(pid_t pid)
{
    if (count == cap)
        expected = text_more(expected, (size_t)(cap = 2 * cap + 8) * sizeof *expected);
    expected[count++] = pid;
}

void strays_forget(pid_t pid)
{
    for (int i = 0; i < count; i++)
        if (expected[i] == pid)
            expected[i--] = expected[--count];
    if (count > 0)
        return;
    free(expected);
    expected = NULL;
    cap = 0;
}

static int is_expected(pid_t pid)
{
    for (int i = 0; i < count; i++)
        if (expected[i] == pid)
            return 1;
    return 0;
}

/* The parent of a process; 0 when it is gone. Its own name, in brackets, may hold anything. */
static long parent_of(const char *pid)
{
    char path[300], line[512] = "";
    long parent = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
    if (f)
        fclose(f);
    line[n] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end && sscanf(name_end, ") %*c %ld", &parent) == 1 ? parent : 0;
}

/* Does the environment that a process was started with hold `mark`, "NAME=value"? */
static int is_marked(const char *pid, const char *mark)
{
    char path[300], *bytes = text_more(NULL, ENVIRONMENT);
    size_t size = strlen(mark) + 1; /* with the zero that ends it */
    int found = 0;
    snprintf(path, sizeof path, "/proc/%s/environ", pid);
    FILE *f = fopen(path, "r"); /* NULL: somebody else's, or gone */
    size_t n = f ? fread(bytes, 1, ENVIRONMENT - 1, f) : 0;
    if (f)
        fclose(f);
    bytes[n] = '\0';
    for (size_t at = 0; at < n && !found; at += strlen(bytes + at) + 1)
        found = n - at >= size && memcmp(bytes + at, mark, size) == 0;
    free(bytes);
    return found;
}

/* Calls `what` for every child that nobody expects; how many there were. */
static int each_unexpected(void (*what)(pid_t pid))
{
    int n = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && (e = readdir(all)) != NULL;) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid <= 0 || is_expected(pid) || parent_of(e->d_name) != (long)getpid())
            continue;
        what(pid);
        n++;
    }
    if (all)
        closedir(all);
    return n;
}

/* Who replaced a shell by this program may have left it children. */
void strays_adopt(void)
{
    static int adopting;
    if (adopting)
        return;
    adopting = 1;
    each_unexpected(strays_expect);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

void strays_end(void)
{
    for (int i = 0; i < ROUNDS && each_unexpected(end) > 0; i++)
        ;
}

void strays_end_of(pid_t parent)
{
    char mark[64];
    snprintf(mark, sizeof mark, STRAYS_PARENT "=%ld", (long)parent);
    if (parent <= 0 || kill(parent, 0) == 0 || errno != ESRCH)
        return;
    DIR *all = opendir("/proc");
    for (struct dirent *e; all && (e = readdir(all)) != NULL;) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        if (pid > 0 && pid != getpid() && is_marked(e->d_name, mark))
            kill(pid, SIGKILL);
    }
    if (all)
        closedir(all);
}
