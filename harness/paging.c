/* paging.c - madvise, over whole pages; a refusal is no fault, the hint is lost. */
#include "paging.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static void advise(const void *at, size_t bytes, int what)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at / page * page;
    if (bytes)
        madvise((void *)from, (uintptr_t)at + bytes - from, what);
}

void paging_want(const void *at, size_t bytes)
{
    advise(at, bytes, MADV_WILLNEED);
}

void paging_leave(const void *at, size_t bytes)
{
    advise(at, bytes, MADV_DONTNEED);
}
