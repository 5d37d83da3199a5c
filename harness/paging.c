/* paging.c - madvise, over whole pages; a refusal is no fault, the hint is lost. */
#include "paging.h"

#include <sys/mman.h>
#include <unistd.h>

enum { AROUND = 1 << 16 }; /* bytes, so aligned, that Linux maps about a page that is touched */

/* From the page of the first byte to that of the last: all of them are the mapping's. */
static void advise(uintptr_t from, uintptr_t end, int what)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (from < end)
        madvise((void *)(from / page * page), end - from / page * page, what);
}

void paging_want(paged part)
{
    advise((uintptr_t)part.at, (uintptr_t)part.at + part.bytes, MADV_WILLNEED);
}

void paging_leave(paged part, paged all)
{
    uintptr_t least = (uintptr_t)all.at, most = least + all.bytes;
    uintptr_t from = (uintptr_t)part.at / AROUND * AROUND, end = (uintptr_t)part.at + part.bytes;
    end = (end + AROUND - 1) / AROUND * AROUND;
    advise(from > least ? from : least, end < most ? end : most, MADV_DONTNEED);
}
