/* alloc.h - what a test and the shim alloc.so say to each other: a file, mapped by
 * the test and by every process that it starts with the shim preloaded. */
#ifndef ALLOC_H
#define ALLOC_H

#include <stdatomic.h>
#include <stdint.h>

#define ALLOC_STATE "ALLOC_STATE" /* in the environment: the file */

typedef struct alloc_state {
    _Atomic uint64_t calls;  /* that asked for memory, over all processes */
    uint64_t first, last;    /* which of them are refused, counted from 1; first 0: none */
    _Atomic uint32_t failed; /* how many were */
} alloc_state;

#endif
