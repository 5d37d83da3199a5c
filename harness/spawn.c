/* spawn.c - posix_spawn and one loop around poll. Never a bare fork: a CUDA
 * driver in the parent would not survive it. */
#include "spawn.h"
#include "clock.h"
#include "crew.h"
#include "fault.h"
#include "file.h"
#include "strays.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_CAP (1 << 20)  /* bytes of a child's output that are kept */
#define LINE_CAP (1 << 16) /* a longer report is cut */

static volatile sig_atomic_t caught;

static void catch_signal(int signal)
{
    caught = signal;
}

void spawn_catch_signals(void)
{
    struct sigaction act = {.sa_handler = catch_signal}; /* no SA_RESTART: poll must return */
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
}

int spawn_interrupted(void)
{
    return caught;
}

static int has_avx512(void)
{
    static char line[1 << 14];
    FILE *f = fopen("/proc/cpuinfo", "r");
    int found = 0;
    while (f && !found && fgets(line, sizeof line, f))
        found = strncmp(line, "flags", 5) == 0 && strstr(line, " avx512f ") != NULL;
    if (f)
        fclose(f);
    return found;
}

int spawn_find(char *path, size_t cap, const char *name)
{
    const char *folders = getenv("PATH");
    for (const char *p = folders ? folders : "/usr/bin:/bin"; *p; p += strcspn(p, ":"), p += *p == ':') {
        size_t n = strcspn(p, ":");
        if (n && (size_t)snprintf(path, cap, "%.*s/%s", (int)n, p, name) < cap && access(path, X_OK) == 0)
            return 0;
    }
    return -1;
}

/* What Slurm has given this task of the machine, if it runs under Slurm. */
static int64_t given(const char *name, int64_t there)
{
    const char *said = getenv(name);
    int64_t n = said ? strtoll(said, NULL, 10) : 0;
    return n > 0 && n < there ? n : there;
}

int64_t spawn_processors(void)
{
    return given("SLURM_CPUS_PER_TASK", given("SLURM_CPUS_ON_NODE", crew_processors()));
}

int64_t spawn_memory_mb(void)
{
    return given("SLURM_MEM_PER_NODE", (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20);
}

void spawn_environment(int64_t threads)
{
    char n[32];
    snprintf(n, sizeof n, "%lld", (long long)threads);
    setenv("OMP_NUM_THREADS", n, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 0);
    if (!getenv("OMP_WAIT_POLICY"))
        setenv("GOMP_SPINCOUNT", "1000", 0); /* by default waiting threads burn milliseconds of a busy machine */
    if (has_avx512())
        setenv("OPENBLAS_CORETYPE", "SkylakeX", 0); /* newer CPUs are taken for Haswell */
    snprintf(n, sizeof n, "%ld", (long)getpid());
    setenv(STRAYS_PARENT, n, 1);
}

void spawn_bind_to_parent(void)
{
    const char *parent = getenv(STRAYS_PARENT);
    if (!parent || atol(parent) != (long)getppid())
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (atol(parent) != (long)getppid()) /* it died before prctl took hold */
        raise(SIGKILL);
}

/* One pipe from the child, and the line that is being read from it. */
typedef struct channel {
    int fd, log; /* log: where to copy to, or -1 */
    size_t copied;
    text line;
    void (*whole)(void *arg, char *line);
    void *arg;
} channel;

struct child {
    const job *j;
    pid_t pid;
    double began;
    channel pipes[2]; /* reports, and what it prints */
    outcome o;
};

static void copy_to_log(channel *c, const char *bytes, size_t n)
{
    static const char cut[] = "\n[the rest is left out]\n";
    size_t room = LOG_CAP - c->copied, part = n < room ? n : room;
    if (c->log < 0 || room == 0)
        return;
    c->copied += part;
    /* A full disk shows where results are written; losing a log must not stop the run. */
    ssize_t wrote = write(c->log, bytes, part);
    if (c->copied == LOG_CAP)
        wrote = write(c->log, cut, sizeof cut - 1);
    (void)wrote;
}

static void end_line(channel *c)
{
    if (c->line.n && c->whole)
        c->whole(c->arg, c->line.bytes);
    text_clear(&c->line);
}

/* Takes what is there, at most one buffer, so that limits are looked at between two. */
static void take(channel *c)
{
    char bytes[1 << 14];
    ssize_t n = read(c->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        end_line(c);
        return;
    }
    copy_to_log(c, bytes, (size_t)n);
    for (ssize_t i = 0; i < n; i++)
        if (bytes[i] == '\n')
            end_line(c);
        else if (bytes[i] && c->line.n < LINE_CAP)
            text_char(&c->line, bytes[i]);
}

static void keep_last(void *arg, char *line)
{
    outcome *o = arg;
    if (line[strspn(line, " \t\r")])
        snprintf(o->last, sizeof o->last, "%s", line);
}

/* Memory the process has that no file backs, in MB: what can exhaust the machine. */
static int64_t memory_mb(pid_t pid)
{
    char path[64];
    long long size, resident = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%lld %lld %lld", &size, &resident, &shared) != 3)
        resident = shared = 0;
    fclose(f);
    return (resident - shared) * sysconf(_SC_PAGESIZE) >> 20;
}

static const int reset_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD};

static int start(pid_t *pid, const job *j, int report, int output)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, reset;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, report, j->report_fd);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    sigemptyset(&none);
    sigemptyset(&reset);
    for (size_t i = 0; i < sizeof reset_signals / sizeof *reset_signals; i++)
        sigaddset(&reset, reset_signals[i]);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &reset);
    int rc = posix_spawn(pid, j->argv[0], &files, &attr, j->argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return rc == 0 ? 0 : fault("cannot start %s: %s", j->argv[0], strerror(rc));
}

/* 1 when the child has ended; it stays a zombie, so that its group's number is not used again. */
static int ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Which limit the child has gone over; SPAWN_EXIT: none. */
static enum spawn_end over(const child *c)
{
    if (caught)
        return SPAWN_INTERRUPT;
    if (c->j->timeout_s > 0 && clock_now() - c->began > c->j->timeout_s)
        return SPAWN_TIMEOUT;
    if (c->j->limit_mb > 0 && memory_mb(c->pid) > c->j->limit_mb)
        return SPAWN_MEMORY;
    return SPAWN_EXIT;
}

/* Takes what the children say, one buffer of each pipe; waits a little for it. */
static void listen_to(child *const of[], int n)
{
    struct pollfd fds[2 * SPAWN_MOST];
    int silent = 0; /* one has all but ended */
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++)
            fds[2 * i + k] = (struct pollfd){.fd = of[i]->pipes[k].fd, .events = POLLIN};
        silent |= of[i]->pipes[0].fd < 0 && of[i]->pipes[1].fd < 0;
    }
    poll(fds, 2 * (nfds_t)n, silent ? 2 : 20);
    for (int i = 0; i < 2 * n; i++)
        if (fds[i].fd >= 0 && fds[i].revents)
            take(&of[i / 2]->pipes[i % 2]);
}

int spawn_wait(child *const of[], int n)
{
    for (;;) {
        listen_to(of, n);
        for (int i = 0; i < n; i++) {
            if (ended(of[i]->pid))
                return i;
            of[i]->o.end = over(of[i]);
            if (of[i]->o.end != SPAWN_EXIT)
                return i;
        }
    }
}

/* Kills the child, or what it left behind, and asks how it ended. */
static void reap(child *c)
{
    int status;
    kill(-c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    strays_forget(c->pid);
    strays_end();
    if (c->o.end == SPAWN_EXIT) {
        c->o.end = WIFSIGNALED(status) ? SPAWN_SIGNAL : SPAWN_EXIT;
        c->o.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    c->o.seconds = clock_now() - c->began;
}

/* What is still in the pipes, without waiting: a process that left the group may hold them open. */
static void drain(channel c[2])
{
    for (int i = 0; i < 2; i++) {
        for (int left = 1024; c[i].fd >= 0 && left > 0; left--) {
            struct pollfd f = {.fd = c[i].fd, .events = POLLIN};
            if (poll(&f, 1, 0) <= 0)
                break;
            take(&c[i]);
        }
        end_line(&c[i]);
        if (c[i].fd >= 0)
            close(c[i].fd);
        text_free(&c[i].line);
    }
}

static int open_pipes(int report[2], int output[2])
{
    if (pipe2(report, O_CLOEXEC) != 0)
        return fault("cannot open a pipe: %s", strerror(errno));
    if (pipe2(output, O_CLOEXEC) == 0)
        return 0;
    close(report[0]);
    close(report[1]);
    return fault("cannot open a pipe: %s", strerror(errno));
}

int spawn_start(child **out, const job *j)
{
    int report[2], output[2], log = -1;
    if (j->log && (log = open(j->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) < 0)
        return fault("cannot write %s: %s", j->log, strerror(errno));
    if (open_pipes(report, output) != 0) {
        close(log);
        return -1;
    }
    child *c = text_more(NULL, sizeof *c);
    *c = (child){.j = j, .began = clock_now()};
    c->pipes[0] = (channel){.fd = report[0], .log = -1, .whole = j->report, .arg = j->arg};
    c->pipes[1] = (channel){.fd = output[0], .log = log, .whole = keep_last, .arg = &c->o};
    strays_adopt();
    int rc = start(&c->pid, j, report[1], output[1]);
    close(report[1]);
    close(output[1]);
    if (rc == 0) {
        strays_expect(c->pid);
        *out = c;
        return 0;
    }
    drain(c->pipes);
    if (log >= 0)
        close(log);
    free(c);
    return -1;
}

void spawn_finish(child *c, outcome *o)
{
    reap(c);
    drain(c->pipes);
    if (c->pipes[1].log >= 0)
        close(c->pipes[1].log);
    *o = c->o;
    free(c);
}

int spawn_run(outcome *o, const job *j)
{
    child *c;
    *o = (outcome){0};
    if (spawn_start(&c, j) != 0)
        return -1;
    spawn_wait(&c, 1);
    spawn_finish(c, o);
    return 0;
}
