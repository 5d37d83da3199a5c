/* paging.h - what the kernel is told of mapped files that are larger than memory.
 * Hints change no byte: pages that were let go are read again when they are touched. */
#ifndef PAGING_H
#define PAGING_H

#include <stddef.h>

void paging_want(const void *at, size_t bytes);  /* will be read soon: fetch it, in one piece */
void paging_leave(const void *at, size_t bytes); /* is not needed now: no part of this process's memory */

#endif
