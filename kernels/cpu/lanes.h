/* lanes.h - eight floats at a time, in plain C: GCC's vector extension, which
 * gcc and clang turn into whatever vectors the CPU has. Unlike loops that sum,
 * it needs no fast-math: the order of the additions is written down, so results
 * do not depend on the CPU or the compiler either. Functions that hold such
 * loops are marked CPU_CLONES; the loader picks the variant that suits. */
#ifndef LANES_H
#define LANES_H

#include <float.h>
#include <stdint.h>
#include <string.h>

/* The loader picks before ThreadSanitizer is awake, which the picking function calls. */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define CPU_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CPU_CLONES
#endif
#define CPU_INLINE static inline __attribute__((always_inline)) /* into each clone */

/* Not sixteen: gcc takes comparisons apart that are wider than AVX2's, and most
 * of these loops wait for memory anyway. */
enum { LANES = 8, LANE_BYTES = 32 };
typedef float vec __attribute__((vector_size(LANE_BYTES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(LANE_BYTES), aligned(4), may_alias)); /* masks: 0 or -1 */

/* Vectors never go through arguments or results: without AVX there is no agreed
 * way to pass them. */
#define VEC_AT(p) (*(const vec *)(p))
#define VEC_PICK(mask, a, b) ((vec)(((mask) & (ivec)(a)) | (~(mask) & (ivec)(b))))
#define VEC_ALL(value) ((vec){0} + (value))
/* The larger, or NaN if either is. */
#define VEC_MAX(a, b) VEC_PICK(((b) > (a)) | ((b) != (b)), b, a)

CPU_INLINE void vec_get(vec *v, const float *x, int64_t n)
{
    if (n >= LANES) {
        *v = VEC_AT(x);
    } else {
        *v = (vec){0};
        memcpy(v, x, (size_t)n * sizeof *x);
    }
}

CPU_INLINE void vec_put(float *y, const vec *v, int64_t n)
{
    if (n >= LANES)
        *(vec *)y = *v;
    else
        memcpy(y, v, (size_t)n * sizeof *y);
}

CPU_INLINE double vec_sum(const vec *v)
{
    double sum = 0;
    for (int i = 0; i < LANES; i++)
        sum += (double)(*v)[i];
    return sum;
}

CPU_INLINE float vec_max(const vec *v)
{
    float top = (*v)[0];
    for (int i = 1; i < LANES; i++)
        top = (*v)[i] > top || (*v)[i] != (*v)[i] ? (*v)[i] : top;
    return top;
}

/* e^x within 2 units in the last place: x = n log 2 + r, a polynomial for e^r
 * (Cephes), and 2^n in two factors so that the smallest results come out too.
 * Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits. */
CPU_INLINE void vec_exp(vec *p)
{
    vec x = *p;
    x = VEC_PICK(x < -104.0f, VEC_ALL(-104.0f), x);
    x = VEC_PICK(x > 89.0f, VEC_ALL(89.0f), x);
    vec shifted = x * 1.44269504f + 12582912.0f, n = shifted - 12582912.0f;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec t = r * 1.9875691500e-4f + 1.3981999507e-3f;
    t = t * r + 8.3334519073e-3f;
    t = t * r + 4.1665795894e-2f;
    t = t * r + 1.6666665459e-1f;
    t = t * r + 5.0000001201e-1f;
    t = t * (r * r) + r + 1.0f;
    ivec whole = (ivec)shifted - 0x4B400000, half = whole >> 1;
    *p = t * (vec)((half + 127) << 23) * (vec)((whole - half + 127) << 23);
}

/* log x within 2 units in the last place: x = 2^e m with m about 1, Cephes'
 * polynomial for log m; -inf at 0, NaN below. */
CPU_INLINE void vec_log(vec *p)
{
    vec x = *p;
    ivec small = x < FLT_MIN;
    vec scaled = VEC_PICK(small, x * 0x1p23f, x);
    ivec bits = (ivec)scaled, e = (bits - 0x3f3504f3) >> 23;
    vec r = (vec)(bits - (e << 23)) - 1.0f, z = r * r;
    vec k = __builtin_convertvector(e - (small & 23), vec);
    vec t = r * 7.0376836292e-2f - 1.1514610310e-1f;
    t = t * r + 1.1676998740e-1f;
    t = t * r - 1.2420140846e-1f;
    t = t * r + 1.4249322787e-1f;
    t = t * r - 1.6668057665e-1f;
    t = t * r + 2.0000714765e-1f;
    t = t * r - 2.4999993993e-1f;
    t = t * r + 3.3333331174e-1f;
    t = t * r * z - k * 2.12194440e-4f - 0.5f * z;
    vec y = r + t + k * 0.693359375f;
    y = VEC_PICK(x == 0.0f, VEC_ALL(-__builtin_inff()), y);
    y = VEC_PICK(x < 0.0f, VEC_ALL(__builtin_nanf("")), y);
    *p = VEC_PICK((x > FLT_MAX) | (x != x), x, y);
}

#endif
