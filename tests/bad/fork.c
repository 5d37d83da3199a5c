/* fork.c - scores like the largest logit and leaves three processes that never
 * end: one of its own group, one that made itself a session's leader, and a child
 * of that one. Their numbers go to the file FORK_LOG, if it is set. */
#include "../../methods/method.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void note(void)
{
    const char *path = getenv("FORK_LOG");
    FILE *log = path ? fopen(path, "a") : NULL;
    if (!log)
        return;
    fprintf(log, "%ld\n", (long)getpid());
    fclose(log);
}

static void stay(void)
{
    signal(SIGTERM, SIG_IGN);
    note();
    for (;;)
        pause();
}

static void leave(void)
{
    static int left;
    if (left++)
        return;
    if (fork() == 0)
        stay();
    if (fork() == 0) {
        setsid();
        if (fork() == 0)
            stay();
        stay();
    }
    usleep(200000); /* so that all three have said who they are */
}

static tensor *score(void *self, run *r, samples *s)
{
    (void)self, (void)r;
    leave();
    return tx_rowmax(samples_logits(s));
}

const method method_entry = {METHOD_HEAD, .name = "fork", .cite = "nobody", .score = score};
