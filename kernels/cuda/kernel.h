/* kernel.h - for the .cu files: launching, and what kernels share. Kernels are
 * launched by LAUNCH alone, and shared memory of a size known at the launch is
 * declared by SHARED: the tests compile these files for the processor as well
 * (tests/emulator) and run every kernel there. */
#ifndef CUDA_KERNEL_H
#define CUDA_KERNEL_H

#include <cuda_runtime.h>

#include "bf16.h"
#include "queue.h"

#ifndef CUDA_EMULATED
#define LAUNCH(b, kernel, grid, block, shared, ...)                                                                \
    do {                                                                                                           \
        kernel<<<(grid), (block), (shared), (b)->stream>>>(__VA_ARGS__);                                           \
        CUDA_DO(b, "launch", cudaGetLastError());                                                                  \
    } while (0)
#define SHARED(type, name)                                                                                         \
    extern __shared__ __align__(16) unsigned char name##_bytes[];                                                  \
    type *name = (type *)name##_bytes
#endif

enum { WARP = 32, WARP_ALL = -1 };
#define ALL_LANES 0xffffffffu

static __device__ __forceinline__ real scalar_real(scalar s)
{
    uint64_t bits = s.at ? *s.at : s.bits;
    return __uint_as_float((unsigned)bits); /* real is float here; scalar_of() puts it first */
}

static __device__ __forceinline__ uint64_t scalar_bits(scalar s)
{
    return s.at ? *s.at : s.bits;
}

/* Blocks for n items of work at `each` a block: enough to fill the card several
 * times, no more; kernels stride on by the grid. */
static inline unsigned blocks_for(const bk *b, int64_t n, int64_t each)
{
    int64_t want = (n + each - 1) / each, most = (int64_t)b->processors * 16;
    return (unsigned)(want < 1 ? 1 : want < most ? want : most);
}

/* This thread's first item, and how far the next one is. */
static __device__ __forceinline__ int64_t grid_first(void)
{
    return (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
}

static __device__ __forceinline__ int64_t grid_step(void)
{
    return (int64_t)gridDim.x * blockDim.x;
}

/* Addresses that a vector of `bytes` (a power of two) can be read from. */
static inline int aligned_to(const void *p, size_t bytes)
{
    return ((uintptr_t)p & (bytes - 1)) == 0;
}

/* The larger, or NaN if either is. */
static __device__ __forceinline__ float larger_or_nan(float a, float x)
{
    return a != a || x <= a ? a : x;
}

/* An index that may come from a method: inside, or complained about and 0. */
static __device__ __forceinline__ int64_t checked(int32_t i, int64_t below, int where, cuda_complaint *c)
{
    if (i >= 0 && i < below)
        return i;
    c->index = i;
    c->below = (int)(below < INT32_MAX ? below : INT32_MAX);
    __threadfence_system();
    c->raised = where;
    return 0;
}

/* The sum over a warp, in every lane; always the same order. */
static __device__ __forceinline__ float warp_sum(float v)
{
    for (int d = WARP / 2; d > 0; d /= 2)
        v += __shfl_xor_sync(ALL_LANES, v, d);
    return v;
}

static __device__ __forceinline__ double warp_sum(double v)
{
    for (int d = WARP / 2; d > 0; d /= 2)
        v += __shfl_xor_sync(ALL_LANES, v, d);
    return v;
}

#endif
