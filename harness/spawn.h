/* spawn.h - a child process watched until it ends: its reports taken line by
 * line, what it prints kept in a file of bounded size, its time and memory
 * limited. It gets a process group of its own, which is killed whole, and what
 * left the group is looked for (strays.h), so that nothing it started outlives it. */
#ifndef SPAWN_H
#define SPAWN_H

#include <stddef.h>
#include <stdint.h>

typedef struct job {
    char *const *argv;                     /* argv[0] is a path */
    const char *log;                       /* file for standard output and error; NULL: they are only looked at */
    int report_fd;                         /* on which the child writes reports: 3, or 1 */
    double timeout_s;                      /* 0: no limit */
    int64_t limit_mb;                      /* of memory that is not a file's; 0: no limit */
    void (*report)(void *arg, char *line); /* a line without its newline; NULL: nobody wants them */
    void *arg;
} job;

enum spawn_end { SPAWN_EXIT, SPAWN_SIGNAL, SPAWN_TIMEOUT, SPAWN_MEMORY, SPAWN_INTERRUPT };

typedef struct outcome {
    enum spawn_end end;
    int code; /* exit status or signal */
    double seconds;
    char last[512]; /* the last line it printed that was not empty */
} outcome;

/* Starts the child, waits for it, and takes what it says meanwhile. -1 with fault()
 * set when it could not be started or its log not written. */
int spawn_run(outcome *o, const job *j);

/* The same in pieces, for several children at once. A job stays where it is until
 * spawn_finish. spawn_wait: until one of n has ended or gone over a limit; which. Then,
 * or at any time, spawn_finish kills what is left of it, takes its last reports and
 * says how it ended; SPAWN_SIGNAL by SIGKILL: it was we who did it. */
enum { SPAWN_MOST = 256 };
typedef struct child child;
int spawn_start(child **c, const job *j);
int spawn_wait(child *const of[], int n);
void spawn_finish(child *c, outcome *o);

/* From now on SIGINT, SIGTERM and SIGHUP end the running children and set a flag instead of ending this process. */
void spawn_catch_signals(void);
int spawn_interrupted(void); /* the signal, or 0 */

/* What the environment of cells says about threads: OpenMP gets `threads`, BLAS
 * one (it is used for LAPACK only), and the BLAS kernels that suit the CPU. */
void spawn_environment(int64_t threads);

/* Of the machine, what this process and its children may use. */
int64_t spawn_processors(void);
int64_t spawn_memory_mb(void);

/* Where the shell would find a program; -1: nowhere. */
int spawn_find(char *path, size_t cap, const char *name);

/* In the child: dies with its parent. Nothing when no oodbench started it. */
void spawn_bind_to_parent(void);

#endif
