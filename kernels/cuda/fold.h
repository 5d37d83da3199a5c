/* fold.h - sums and maxima inside a kernel: of a thread's own values in float, by
 * a tree, and from there in double over lanes or over a block; always in the same
 * order. */
#ifndef CUDA_FOLD_H
#define CUDA_FOLD_H

#include <math.h>

#include "lines.h"

enum {
    FOLD_THREADS = 256, /* of a block that fold_block() is called in */
    FOLD_LANES = 4      /* values that a lane of fold_lanes_for() should have */
};

struct fold_sum {
    static __device__ __forceinline__ float none(void)
    {
        return 0;
    }
    template <class T> static __device__ __forceinline__ T of(T a, T x)
    {
        return a + x;
    }
};

struct fold_max { /* NaN if any is */
    static __device__ __forceinline__ float none(void)
    {
        return -INFINITY;
    }
    template <class T> static __device__ __forceinline__ T of(T a, T x)
    {
        return a != a || x <= a ? a : x;
    }
};

/* Of COUNT values, a power of two, which are lost. The error is of as many
 * roundings as the tree has levels. */
template <class OP, int COUNT> static __device__ __forceinline__ float fold_own(float *x)
{
#pragma unroll
    for (int j = 0; j < COUNT / 2; j++)
        x[j] = OP::of(x[j], x[j + COUNT / 2]);
    if constexpr (COUNT > 2)
        return fold_own<OP, COUNT / 2>(x);
    return x[0];
}

/* Over neighbouring `lanes`, a power of two up to a warp; in each of them. All
 * lanes of the warp take part. */
template <class OP, class T> static __device__ __forceinline__ T fold_lanes(T f, int lanes)
{
    for (int d = lanes / 2; d > 0; d /= 2)
        f = OP::of(f, __shfl_xor_sync(ALL_LANES, f, d));
    return f;
}

/* Over the threads of a block that are equal modulo `across`, a power of two: in
 * the first `across` threads. shared: one T for each thread. */
template <class OP, class T> static __device__ __forceinline__ T fold_block(T f, T *shared, int across)
{
    const int t = (int)threadIdx.x;
    shared[t] = f;
    __syncthreads();
    for (int d = FOLD_THREADS / 2; d >= across; d /= 2) {
        if (t < d)
            shared[t] = OP::of(shared[t], shared[t + d]);
        __syncthreads();
    }
    return shared[t];
}

/* Over the whole block, in every thread. */
template <class OP, class T> static __device__ __forceinline__ T fold_block_all(T f, T *shared)
{
    fold_block<OP>(f, shared, 1);
    f = shared[0];
    __syncthreads(); /* before anybody writes there again */
    return f;
}

/* The least power of two that is not below n, but `most` at most. */
static inline int power_of_two(int64_t n, int most)
{
    int power = 1;
    while (power < n && power < most)
        power *= 2;
    return power;
}

/* How many lanes of a warp share a row of so many values. */
static inline int fold_lanes_for(int64_t values)
{
    return power_of_two((values + FOLD_LANES - 1) / FOLD_LANES, WARP);
}

#endif
