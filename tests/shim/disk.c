/* disk.c - a disk that fails when it is told to, preloaded before libc: the calls
 * numbered first to last fail with `error`, as if the disk were full (disk.h).
 * Streams write inside of libc, so their failures are made at fwrite, fflush and
 * fclose, and what the buffer held is lost as a full disk would lose it. */
#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static disk_state *state;

/* The next library's function of this name. (A plain cast of dlsym's pointer is not C.) */
static void find(void *function, const char *name)
{
    void *at = dlsym(RTLD_NEXT, name);
    if (!at)
        abort();
    memcpy(function, &at, sizeof at);
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv(DISK_STATE);
    int (*real_open)(const char *, int, ...);
    find(&real_open, "open");
    int fd = path ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at != MAP_FAILED)
        state = at;
}

/* Counts a call on a file that is watched; 1: it must fail, and errno says why. */
static int must_fail(const char *path)
{
    if (!state || !path || strncmp(path, state->under, strlen(state->under)) != 0)
        return 0;
    uint64_t n = atomic_fetch_add(&state->calls, 1) + 1;
    if (state->first == 0 || n < state->first || n > state->last)
        return 0;
    atomic_fetch_add(&state->failed, 1);
    errno = state->error;
    return 1;
}

static int must_fail_fd(int fd)
{
    char link[64], path[PATH_MAX];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = state ? readlink(link, path, sizeof path - 1) : -1;
    errno = before;
    if (n < 0)
        return 0;
    path[n] = '\0';
    return must_fail(path);
}

/* A stream that is read only has nothing to lose. */
static int must_fail_stream(FILE *f)
{
    int fd = state && f ? fileno(f) : -1, how = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    return how >= 0 && (how & O_ACCMODE) != O_RDONLY && must_fail_fd(fd);
}

#define REAL(result, name, ...)                                                                                    \
    static result (*real)(__VA_ARGS__);                                                                            \
    if (!real)                                                                                                     \
    find(&real, #name)

#define OPEN(name)                                                                                                 \
    int name(const char *path, int flags, ...);                                                                    \
    int name(const char *path, int flags, ...)                                                                     \
    {                                                                                                              \
        va_list args;                                                                                              \
        va_start(args, flags);                                                                                     \
        mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;                                                  \
        va_end(args);                                                                                              \
        REAL(int, name, const char *, int, ...);                                                                   \
        return (flags & O_ACCMODE) != O_RDONLY && must_fail(path) ? -1 : real(path, flags, mode);                  \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                                                \
    FILE *name(const char *path, const char *how);                                                                 \
    FILE *name(const char *path, const char *how)                                                                  \
    {                                                                                                              \
        REAL(FILE *, name, const char *, const char *);                                                            \
        return strpbrk(how, "wa+") && must_fail(path) ? NULL : real(path, how);                                    \
    }
FOPEN(fopen)
FOPEN(fopen64)

/* `type result of name(fd, ...)` that fails by returning -1. */
#define ON_FD(type, name, parameters, types, ...)                                                                  \
    type name parameters;                                                                                          \
    type name parameters                                                                                           \
    {                                                                                                              \
        REAL(type, name, types);                                                                                   \
        return must_fail_fd(fd) ? -1 : real(fd, __VA_ARGS__);                                                      \
    }
#define TYPES(...) __VA_ARGS__
ON_FD(ssize_t, write, (int fd, const void *bytes, size_t n), TYPES(int, const void *, size_t), bytes, n)
ON_FD(ssize_t, writev, (int fd, const struct iovec *v, int n), TYPES(int, const struct iovec *, int), v, n)
ON_FD(ssize_t, pwrite, (int fd, const void *bytes, size_t n, off_t at), TYPES(int, const void *, size_t, off_t),
      bytes, n, at)
ON_FD(ssize_t, pwrite64, (int fd, const void *bytes, size_t n, off64_t at),
      TYPES(int, const void *, size_t, off64_t), bytes, n, at)
ON_FD(int, ftruncate, (int fd, off_t n), TYPES(int, off_t), n)
ON_FD(int, ftruncate64, (int fd, off64_t n), TYPES(int, off64_t), n)
ON_FD(int, fallocate, (int fd, int mode, off_t at, off_t n), TYPES(int, int, off_t, off_t), mode, at, n)
ON_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t n), TYPES(int, int, off64_t, off64_t), mode, at, n)

int fsync(int fd)
{
    REAL(int, fsync, int);
    return must_fail_fd(fd) ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    return must_fail(to) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir, const char *, mode_t);
    struct stat s;
    return stat(path, &s) != 0 && must_fail(path) ? -1 : real(path, mode);
}

/* What is in the stream's buffer does not reach the file. */
static void lose_buffer(FILE *f)
{
    struct stat s;
    int fd = dup(fileno(f));
    int known = fd >= 0 && fstat(fd, &s) == 0;
    int (*real_flush)(FILE *), (*real_truncate)(int, off_t);
    find(&real_flush, "fflush");
    find(&real_truncate, "ftruncate");
    real_flush(f);
    if (known && real_truncate(fd, s.st_size) != 0)
        abort();
    if (fd >= 0)
        close(fd);
}

size_t fwrite(const void *bytes, size_t size, size_t n, FILE *f)
{
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    return must_fail_stream(f) ? 0 : real(bytes, size, n, f);
}

int fflush(FILE *f)
{
    REAL(int, fflush, FILE *);
    return must_fail_stream(f) ? EOF : real(f);
}

int fclose(FILE *f)
{
    REAL(int, fclose, FILE *);
    int fails = must_fail_stream(f), why = errno;
    if (fails)
        lose_buffer(f);
    int rc = real(f);
    if (fails)
        errno = why;
    return fails ? EOF : rc;
}
