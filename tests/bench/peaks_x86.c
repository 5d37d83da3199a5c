/* peaks_x86.c - the multiply-adds that a processor of this family does fastest,
 * chosen when the program runs. On other processors the list is empty. Twelve
 * chains are in flight: more than latency times ports anywhere so far. */
#include "bench.h"

#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define TWELVE(X) X(a) X(b) X(c) X(d) X(e) X(f) X(g) X(h) X(i) X(j) X(k) X(l)

static int has_avx512(void)
{
    return __builtin_cpu_supports("avx512f");
}

static int has_bf16(void)
{
    return __builtin_cpu_supports("avx512bf16");
}

static int has_fma(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

/* Every chain tends to 1, whatever the number of rounds. */
__attribute__((target("avx512f"))) static float run_avx512(int64_t rounds)
{
    __m512 m = _mm512_set1_ps(0.75f), s = _mm512_set1_ps(0.25f), all = _mm512_setzero_ps();
#define START(v) __m512 v = _mm512_set1_ps((float)rounds);
#define STEP(v) v = _mm512_fmadd_ps(v, m, s);
#define SUM(v) all = _mm512_add_ps(all, v);
    TWELVE(START)
    for (; rounds > 0; rounds--) {
        TWELVE(STEP)
    }
    TWELVE(SUM)
#undef START
#undef STEP
#undef SUM
    return _mm512_reduce_add_ps(all);
}

__attribute__((target("avx2,fma"))) static float run_avx2(int64_t rounds)
{
    __m256 m = _mm256_set1_ps(0.75f), s = _mm256_set1_ps(0.25f), all = _mm256_setzero_ps();
    float out[8];
#define START(v) __m256 v = _mm256_set1_ps((float)rounds);
#define STEP(v) v = _mm256_fmadd_ps(v, m, s);
#define SUM(v) all = _mm256_add_ps(all, v);
    TWELVE(START)
    for (; rounds > 0; rounds--) {
        TWELVE(STEP)
    }
    TWELVE(SUM)
#undef START
#undef STEP
#undef SUM
    _mm256_storeu_ps(out, all);
    return out[0];
}

/* Adds two products of bfloat16 to each float. */
__attribute__((target("avx512f,avx512bf16"))) static float run_bf16(int64_t rounds)
{
    __m512bh m = (__m512bh)_mm512_set1_epi32(0x3F803F80);
    __m512 all = _mm512_setzero_ps();
#define START(v) __m512 v = _mm512_set1_ps((float)rounds);
#define STEP(v) v = _mm512_dpbf16_ps(v, m, m);
#define SUM(v) all = _mm512_add_ps(all, v);
    TWELVE(START)
    for (; rounds > 0; rounds--) {
        TWELVE(STEP)
    }
    TWELVE(SUM)
#undef START
#undef STEP
#undef SUM
    return _mm512_reduce_add_ps(all);
}

const peak_loop peak_loops_x86[] = {
    {"avx512", PEAK_F32, 12 * 16 * 2, has_avx512, run_avx512},
    {"avx2", PEAK_F32, 12 * 8 * 2, has_fma, run_avx2},
    {"avx512_bf16", PEAK_BF16, 12 * 32 * 2, has_bf16, run_bf16},
    {NULL, PEAK_NONE, 0, NULL, NULL},
};

/* Around the caches: what is written is not read first. */
void peak_triad(float *a, const float *b, const float *c, float s, int64_t n)
{
    __m128 scale = _mm_set1_ps(s);
    for (int64_t i = 0; i < n; i += 4)
        _mm_stream_ps(a + i, _mm_add_ps(_mm_load_ps(b + i), _mm_mul_ps(scale, _mm_load_ps(c + i))));
    _mm_sfence();
}

#else

const peak_loop peak_loops_x86[] = {
    {NULL, PEAK_NONE, 0, NULL, NULL},
};

void peak_triad(float *a, const float *b, const float *c, float s, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        a[i] = b[i] + s * c[i];
}

#endif
