/* clock.c - a calendar that leaps, preloaded before libc: every look at it is up
 * to ten years off, forward or back. The clock of time that passes stays as it is,
 * which is all that a kernel promises. */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { YEARS_10 = 315360000 };

static int64_t leap(void)
{
    static _Atomic uint64_t looks;
    uint64_t x = atomic_fetch_add(&looks, 1) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return (int64_t)(x >> 32) % (2 * (int64_t)YEARS_10) - YEARS_10;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        void *at = dlsym(RTLD_NEXT, "clock_gettime");
        memcpy(&real, &at, sizeof at); /* a plain cast is not C */
    }
    int rc = real(clock, t);
    if (rc == 0 && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_MONOTONIC_RAW &&
        clock != CLOCK_PROCESS_CPUTIME_ID && clock != CLOCK_THREAD_CPUTIME_ID)
        t->tv_sec += leap();
    return rc;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    now->tv_sec = t.tv_sec;
    now->tv_usec = t.tv_nsec / 1000;
    return 0;
}
