/* disk.h - what a test and the shim disk.so say to each other: a file, mapped by
 * the test and by every process that it starts with the shim preloaded. */
#ifndef DISK_H
#define DISK_H

#include <stdatomic.h>
#include <stdint.h>

#define DISK_STATE "DISK_STATE" /* in the environment: the file */

typedef struct disk_state {
    _Atomic uint64_t calls;  /* that wrote, made room, flushed, opened to write, renamed or made folders */
    uint64_t first, last;    /* which of them fail, counted from 1 over all processes; first 0: none */
    int32_t error;           /* with which errno */
    _Atomic uint32_t failed; /* how many did */
    char under[480];         /* calls on paths that begin so are counted, and no others */
} disk_state;

#endif
