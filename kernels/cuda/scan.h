/* scan.h - where things go that keep their order: prefix sums over a block, and
 * over counts[row][kind][chunk], for sort.cu and select.cu. */
#ifndef CUDA_SCAN_H
#define CUDA_SCAN_H

#include "kernel.h"

enum { SCAN_THREADS = 256, SCAN_WARPS = SCAN_THREADS / WARP };
enum { CHUNK = 4096, SHARE = CHUNK / SCAN_WARPS }; /* items of a block, of each of its warps */

static inline int64_t chunks_of(int64_t n)
{
    return (n + CHUNK - 1) / CHUNK;
}

/* The sum of v over the threads before this one; *sum: over all. The block has
 * SCAN_THREADS; `room` is shared, SCAN_WARPS wide, and free again on return. */
static __device__ __forceinline__ unsigned block_before(unsigned v, unsigned *sum, unsigned *room)
{
    unsigned upto = v;
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    for (int d = 1; d < WARP; d *= 2) {
        unsigned left = __shfl_up_sync(ALL_LANES, upto, d);
        upto += lane >= d ? left : 0;
    }
    if (lane == WARP - 1)
        room[warp] = upto;
    __syncthreads();
    unsigned before = 0, all = 0;
    for (int w = 0; w < SCAN_WARPS; w++) {
        before += w < warp ? room[w] : 0;
        all += room[w];
    }
    __syncthreads();
    *sum = all;
    return before + upto - v;
}

/* Each count becomes the sum of those of the chunks before, of its row and kind;
 * totals[row][kind]: of all. Grid (kinds, rows), SCAN_THREADS. */
static __global__ void scan_kernel(uint32_t *counts, uint32_t *totals, int64_t chunks)
{
    __shared__ unsigned room[SCAN_WARPS];
    int64_t list = (int64_t)blockIdx.y * gridDim.x + blockIdx.x;
    unsigned carried = 0, sum;
    counts += list * chunks;
    for (int64_t c = 0; c < chunks; c += SCAN_THREADS) {
        int64_t at = c + threadIdx.x;
        unsigned before = block_before(at < chunks ? counts[at] : 0, &sum, room);
        if (at < chunks)
            counts[at] = carried + before;
        carried += sum;
    }
    if (threadIdx.x == 0)
        totals[list] = carried;
}

#endif
