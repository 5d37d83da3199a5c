/* pair.h - two ranks of one training as two processes of a test, which a socket
 * joins: the transport that no machine lacks. A part that dies ends the other's
 * wait with a line, as a wire must. */
#ifndef PAIR_H
#define PAIR_H

#include "../harness/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIR_LOST = 9 }; /* exit code of a rank whose other is gone */

struct wire {
    int fd, rank;
};

static inline void pair_move(const wire *w, void *bytes, size_t n, int out)
{
    for (char *at = bytes; n > 0;) {
        ssize_t moved = out ? send(w->fd, at, n, MSG_NOSIGNAL) : recv(w->fd, at, n, 0);
        if (moved <= 0) {
            fprintf(stderr, "rank %d: the other is gone\n", w->rank);
            _exit(PAIR_LOST);
        }
        at += moved;
        n -= (size_t)moved;
    }
}

/* Rank 0 adds and tells. */
static inline void pair_sum(wire *w, void *values, int64_t n, int bytes)
{
    size_t size = (size_t)n * (size_t)bytes;
    char *theirs = malloc(size + 1);
    if (w->rank == 1) {
        pair_move(w, values, size, 1);
        pair_move(w, values, size, 0);
    } else {
        pair_move(w, theirs, size, 0);
        for (int64_t i = 0; i < n; i++)
            if (bytes == sizeof(float))
                ((float *)values)[i] += ((float *)(void *)theirs)[i];
            else
                ((double *)values)[i] += ((double *)(void *)theirs)[i];
        pair_move(w, values, size, 1);
    }
    free(theirs);
}

static inline void pair_tell(wire *w, void *host, size_t bytes)
{
    pair_move(w, host, bytes, w->rank == 0);
}

static inline void pair_close(wire *w)
{
    close(w->fd);
}

static const wire_api pair_api = {WIRE_ABI, sizeof(wire_api), "pair", NULL, pair_sum, pair_tell, pair_close};

/* Runs `work` in `ranks` (1 or 2) processes of their own, whose exit codes come back. No
 * device may be open here: its threads would not follow. */
static inline void pair_run(int ranks, int (*work)(void *arg), void *arg, int codes[2])
{
    int fds[2];
    pid_t pids[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
        abort();
    fflush(NULL);
    for (int i = 0; i < ranks; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            wire w = {fds[i], i};
            close(fds[1 - i]);
            if (ranks == 2)
                ranks_use(&pair_api, &w, (wire_place){i, ranks, i});
            int code = work(arg);
            ranks_close();
            fflush(NULL);
            _exit(code);
        }
    }
    close(fds[0]);
    close(fds[1]);
    for (int i = 0; i < ranks; i++) {
        int status = 0;
        waitpid(pids[i], &status, 0);
        codes[i] = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

#endif
