/* wire.h - the contract between the harness and what joins the processes of one
 * training. A wire is one shared object that exports one function, wire_query():
 * wire/mpi.so sums in host memory, wire/nccl.so from card to card. Every call is
 * made by all ranks, in the same order, and waits for the others. What goes wrong
 * on the way ends the process, and with it the others. */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_ABI 1

typedef struct wire wire; /* an open one; each object defines its own */

typedef struct wire_place {
    int rank, size; /* 0 <= rank < size */
    int local;      /* number among the ranks on this machine: the card it takes */
} wire_place;

typedef struct wire_api {
    uint32_t abi, size;
    const char *name;

    /* Finds out where this process stands. `over` and `w`, an open wire, carry what a
     * second one has to agree on, `at` is known then; else NULL. NULL with a sentence in why. */
    wire *(*open)(const struct wire_api *over, wire *w, wire_place *at, char *why, size_t cap);
    /* In place: n values of `bytes` bytes, 4 (float) or 8 (double), the same bits on every
     * rank; of nccl they are the device's, all its work on them done, and when it returns, too. */
    void (*sum)(wire *w, void *values, int64_t n, int bytes);
    void (*tell)(wire *w, void *host, size_t bytes); /* what rank 0 has; NULL where host memory is out of reach */
    void (*close)(wire *w);
} wire_api;

const wire_api *wire_query(void);

#endif
