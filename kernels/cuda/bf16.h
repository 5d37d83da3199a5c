/* bf16.h - bfloat16 as 16 bits: the upper half of a float, rounded to nearest,
 * ties to even. Templates over float and bf16 go through wide() and narrow(). */
#ifndef CUDA_BF16_H
#define CUDA_BF16_H

#include <cuda_runtime.h>
#include <stdint.h>

typedef struct bf16 {
    uint16_t bits;
} bf16;

static __host__ __device__ __forceinline__ float wide(float x)
{
    return x;
}

static __device__ __forceinline__ float wide(bf16 x)
{
    return __uint_as_float((unsigned)x.bits << 16);
}

static __device__ __forceinline__ void narrow(float *y, float x)
{
    *y = x;
}

/* From Ampere on it is one instruction, with other bits for a NaN; a dozen without
 * it, which is as long as memory takes for the value. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
static __device__ __forceinline__ void narrow(bf16 *y, float x)
{
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y->bits) : "f"(x));
}
#else
static __device__ __forceinline__ void narrow(bf16 *y, float x)
{
    unsigned u = __float_as_uint(x);
    y->bits = (uint16_t)(x != x ? 0x7fc0u : (u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
#endif

#endif
