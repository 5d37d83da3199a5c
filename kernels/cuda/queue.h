/* queue.h - calls wait here until somebody waits for them, and a stretch of
 * calls that comes again is launched as one CUDA graph.
 *
 * An entry of backend.h checks its arguments and enqueues; nothing runs before
 * queue_flush(), which read() and sync() call. A stretch is all calls between
 * two flushes. When the same stretch comes for the third time (the same calls
 * on the same addresses and extents) it is captured, and from then on launched
 * as a graph: a training step costs one launch. What changes from step to step
 * must not be part of that likeness: numbers (a learning rate, a seed) and bytes
 * from the host (labels, images) travel beside the call, through memory that the
 * graph reads. */
#ifndef CUDA_QUEUE_H
#define CUDA_QUEUE_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A number for a kernel: `bits`, or, in a graph, what is at `at`. Kernels take
 * it with scalar_real() and scalar_bits() of kernel.h. */
typedef struct scalar {
    const uint64_t *at;
    uint64_t bits;
} scalar;

/* What a call does when its turn comes: launches on b->stream. It may be asked
 * several times, also to be captured, and so neither waits nor allocates.
 * args: a copy of what was enqueued. payload: address on the device of a copy
 * of the host's bytes, 16-byte aligned, until the next call. */
typedef void queue_go(bk *b, const void *args, const scalar *scalars, const void *payload);

enum { QUEUE_SCALARS = 8, QUEUE_ARGS = 256 }; /* at most: numbers, bytes of arguments */

/* args: what they point to on the host must last as long as the device, or
 * queue_forget() be called when it goes. They are compared byte by byte, so all
 * fields are eight bytes wide (pointers, int64_t) and none is padding. scalars:
 * the bits of each number, see scalar_of(). */
typedef struct queue_call {
    queue_go *go;
    const void *args;
    size_t bytes;
    const uint64_t *scalars;
    int nscalars;
    const void *payload;
    size_t payload_bytes;
} queue_call;
void queue_add(bk *b, const queue_call *c);

/* The frequent forms: `a` is a struct of arguments. */
#define ENQUEUE(b, go, a) queue_add_args((b), (go), &(a), sizeof(a))
static inline void queue_add_args(bk *b, queue_go *go, const void *args, size_t bytes)
{
    queue_call c = {go, args, bytes, 0, 0, 0, 0};
    queue_add(b, &c);
}

static inline uint64_t scalar_of(real value)
{
    union {
        real f;
        uint64_t bits;
    } u;
    u.bits = 0;
    u.f = value;
    return u.bits;
}

int queue_open(bk *b); /* -1: no memory */
void queue_close(bk *b);
void queue_flush(bk *b);        /* launches what waits; does not wait for it */
void queue_forget(bk *b);       /* drops all graphs: memory they know has moved */
size_t queue_room(const bk *b); /* the largest payload, in bytes */

/* For describe() and the tests: stretches launched as a graph, and call by call. */
typedef struct queue_counts {
    int64_t graphs, stretches, captured, refused;
} queue_counts;
queue_counts queue_counters(const bk *b);

#ifdef __cplusplus
}
#endif
#endif
