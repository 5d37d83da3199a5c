/* paging.h - what the kernel is told of mapped files that are larger than memory.
 * Hints change no byte: pages that were let go are read again when they are touched. */
#ifndef PAGING_H
#define PAGING_H

#include <stddef.h>
#include <stdint.h>

typedef struct paged { /* bytes of one mapping of a file */
    const uint8_t *at;
    size_t bytes;
} paged;

void paging_want(paged part); /* will be read soon: fetch it, in one piece */

/* Is not needed now: no part of this process's memory. `all` is what else of the mapping
 * may be let go of with it: the kernel maps some around each page that is touched. */
void paging_leave(paged part, paged all);

#endif
