/* hdf.c - HDF5 1.10 closes its books by itself when the program ends, and dies
 * of a segmentation fault if a full disk kept a file from being closed. So it is
 * told not to, and the books are closed here when they are in order. Files are
 * rehearsed because no check of ours comes before its own reading of a header. */
#include "hdf.h"
#include "../harness/fault.h"
#include "blob.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int broken, daring;

static void finish(void)
{
    if (!broken)
        H5close();
}

static void start(void)
{
    H5dont_atexit();
    H5open();
    atexit(finish);
}

void hdf_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

void hdf_broken(void)
{
    broken = 1;
}

/* --- rehearsing --- */

void hdf_dare(void)
{
    daring = 1;
}

enum { LEAST_SECONDS = 5, MOST_KNOWN = 256 };
#define SPARE_MEMORY (INT64_C(2) << 30)
#define MEMORY_A_BYTE 16 /* of the file: what is unpacked goes through in parts */
#define BYTES_A_SECOND (1 << 20)

typedef struct known { /* a file that came back */
    struct stat s;
    char what[64];
} known;
static known past[MOST_KNOWN]; /* the last ones; `lock` is theirs */
static unsigned next_known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_known(const struct stat *s, const char *what)
{
    for (int i = 0; i < MOST_KNOWN; i++) {
        const struct stat *k = &past[i].s;
        if (k->st_ino == s->st_ino && k->st_dev == s->st_dev && k->st_size == s->st_size &&
            k->st_mtim.tv_sec == s->st_mtim.tv_sec && k->st_mtim.tv_nsec == s->st_mtim.tv_nsec &&
            strcmp(past[i].what, what) == 0)
            return 1;
    }
    return 0;
}

static void remember(const struct stat *s, const char *what)
{
    known *k = &past[next_known++ % MOST_KNOWN];
    k->s = *s;
    snprintf(k->what, sizeof k->what, "%s", what);
}

static void leave(void)
{
    _exit(EXIT_MEMORY); /* nothing else calls exit() there; what the parent registered is not for the child */
}

/* The address space in use: limits count from there. */
static int64_t memory_now(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%lld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void restrain(int64_t size)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGTERM, SIGINT};
    rlim_t seconds = (rlim_t)(LEAST_SECONDS + size / BYTES_A_SECOND);
    rlim_t memory = (rlim_t)(memory_now() + SPARE_MEMORY + size * MEMORY_A_BYTE);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        signal(deadly[i], SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1});
    setrlimit(RLIMIT_AS, &(struct rlimit){memory, memory});
    if (null >= 0) { /* the parent says what is wrong */
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
    atexit(leave);
}

static int verdict(const char *path, int64_t size, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        return fault("%s is damaged: HDF5 did not come to an end of it in %lld s: get it again, or make it again",
                     path, (long long)(LEAST_SECONDS + size / BYTES_A_SECOND));
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_MEMORY)
        return fault("%s is damaged: reading it takes more than %lld MB of memory, for a file of %lld bytes: get "
                     "it again, or make it again",
                     path, (long long)(SPARE_MEMORY + size * MEMORY_A_BYTE) >> 20, (long long)size);
    const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    return fault("%s is damaged: HDF5 fails on it (%s%s): get it again, or make it again", path, name ? "SIG" : "",
                 name ? name : "it gave up");
}

static int rehearse(const char *path, const struct stat *s, int (*work)(void *arg), void *arg)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        return fault("cannot look at %s in a process of its own: %s", path, strerror(errno));
    if (child == 0) {
        restrain(s->st_size);
        work(arg);
        _exit(EXIT_OK);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return fault("cannot wait for the process that looks at %s: %s", path, strerror(errno));
    return verdict(path, s->st_size, status);
}

int hdf_rehearse(const char *path, const char *what, int (*work)(void *arg), void *arg)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return fault("cannot read %s: %s", path, strerror(errno));
    hdf_begin();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* what fails is said by us */
    pthread_mutex_lock(&lock);
    int rc = daring || is_known(&s, what) ? 0 : rehearse(path, &s, work, arg);
    if (rc == 0)
        remember(&s, what);
    pthread_mutex_unlock(&lock);
    return rc;
}

/* --- what is whole --- */

int hdf_is_whole(int64_t file, int64_t d, int64_t bytes)
{
    char own[PATH_MAX] = "", other[PATH_MAX] = "";
    hid_t how = H5Dget_create_plist(d);
    H5Fget_name(file, own, sizeof own);
    H5Fget_name(d, other, sizeof other);
    int good = strcmp(own, other) == 0 && H5Pget_external_count(how) == 0 && H5Pget_layout(how) != H5D_VIRTUAL &&
               bytes >= 0 && (uint64_t)bytes / BLOB_MOST_RATIO <= H5Dget_storage_size(d);
    H5Pclose(how);
    return good;
}
