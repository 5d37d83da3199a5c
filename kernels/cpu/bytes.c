/* bytes.c - the products of bytes.h, and the exact ones, for x86 processors that
 * add up four products of bytes in one instruction (AVX-512 with VNNI). */
#include "bytes.h"

#include <math.h>

#include "onednn.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VNNI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))
#define VNNI_INLINE VNNI static inline __attribute__((always_inline))

/* As the instructions see sums; __m512i is eight words to gcc, which would keep both. */
typedef int32_t sums __attribute__((vector_size(64)));

enum { WIDE = 16, QUAD = 4, PARTS = BYTES_COLS / WIDE, STRIDE = BYTES_COLS * QUAD };

VNNI_INLINE __mmask16 lanes_below(int64_t n)
{
    return n >= WIDE ? 0xffff : (__mmask16)((1u << n) - 1);
}

/* w of bytes.h, 0 beyond the last column. */
VNNI_INLINE __m512 moved(__m512 y, const float *centre, const float *stretch, __mmask16 lanes)
{
    return _mm512_mul_ps(_mm512_sub_ps(y, _mm512_maskz_loadu_ps(lanes, centre)),
                         _mm512_maskz_loadu_ps(lanes, stretch));
}

/* No smaller than the norm whose square was added up in float: roundings, and
 * squares that are too small for a float. */
static float norm_above(double squares, int64_t d)
{
    return (float)(sqrt(squares) * (1 + (double)(d + 64) * 0x1p-23) + sqrt((double)d) * 0x1p-62);
}

/* Sums of a row's w and y: all that its rounding needs to know. */
typedef struct extent {
    float most, least, sum; /* 0 counts as one of the values */
    double size, full;      /* squares */
} extent;

VNNI_INLINE extent extent_of(const float *y, const float *centre, const float *stretch, int64_t d)
{
    __m512 most = _mm512_setzero_ps(), least = most, sum = most, size = most, full = most;
    for (int64_t j = 0; j < d; j += WIDE) {
        __mmask16 lanes = lanes_below(d - j);
        __m512 v = _mm512_maskz_loadu_ps(lanes, y + j), w = moved(v, centre + j, stretch + j, lanes);
        size = _mm512_fmadd_ps(w, w, size);
        full = _mm512_fmadd_ps(v, v, full);
        sum = _mm512_add_ps(sum, w);
        most = _mm512_max_ps(most, w);
        least = _mm512_min_ps(least, w);
    }
    return (extent){_mm512_reduce_max_ps(most), _mm512_reduce_min_ps(least), _mm512_reduce_add_ps(sum),
                    (double)_mm512_reduce_add_ps(size), (double)_mm512_reduce_add_ps(full)};
}

VNNI static bytes_row pack(uint8_t *to, const float *y, const float *centre, const float *stretch, int64_t d)
{
    extent all = extent_of(y, centre, stretch, d);
    bytes_row row = {.size = norm_above(all.size, d), .full = norm_above(all.full, d)};
    int fits = row.size < INFINITY && row.full < INFINITY; /* nor NaN */
    float range = fits ? all.most - all.least : 0, times = range > 0x1p-100f ? 255 / range : 0;
    row.scale = times > 0 ? range / 255 : 0;
    row.low = times > 0 ? all.least : 0;
    row.sum = all.sum;
    __m512 lost = _mm512_setzero_ps(), low = _mm512_set1_ps(row.low);
    for (int64_t j = 0; j < d; j += WIDE) {
        __mmask16 lanes = lanes_below(d - j);
        __m512 w = moved(_mm512_maskz_loadu_ps(lanes, y + j), centre + j, stretch + j, lanes);
        __m512 above = _mm512_sub_ps(w, low);
        __m512i u = times > 0 ? _mm512_cvtps_epi32(_mm512_mul_ps(above, _mm512_set1_ps(times)))
                              : _mm512_setzero_si512();
        __m512 e = _mm512_fnmadd_ps(_mm512_cvtepi32_ps(u), _mm512_set1_ps(row.scale), above);
        lost = _mm512_mask3_fmadd_ps(e, e, lost, lanes);
        uint32_t four[WIDE / QUAD];
        _mm_storeu_si128((__m128i *)four, _mm512_cvtepi32_epi8(u));
        for (int64_t i = 0; i < WIDE / QUAD && j + i * QUAD < d; i++)
            *(uint32_t *)(to + (j / QUAD + i) * STRIDE) = four[i];
    }
    row.lost = norm_above((double)_mm512_reduce_add_ps(lost), d);
    return fits ? row : (bytes_row){.size = INFINITY, .lost = INFINITY, .full = INFINITY};
}

/* Loops over these would leave the sums in memory: the compiler unrolls too late. */
#define EACH_PART(do_part) do_part(0) do_part(1) do_part(2) do_part(3)
#define EACH_ROW(do_row) do_row(0) do_row(1) do_row(2) do_row(3) do_row(4) do_row(5)
_Static_assert(PARTS == 4 && BYTES_ROWS == 6,
               "as the macros have it: 24 sums and what they meet fill the registers");

VNNI_INLINE void add_quad(sums *sum, const __m512i *part, int32_t q)
{
    __m512i x = _mm512_set1_epi32(q);
#define ADD(p) sum[p] = (sums)_mm512_dpbusd_epi32((__m512i)sum[p], part[p], x);
    EACH_PART(ADD)
}

VNNI_INLINE uint64_t test_row(float *near, const sums *sum, const bytes_block *b, int r)
{
    __m512 by_low = _mm512_set1_ps(b->by_low[r]), by_sum = _mm512_set1_ps(b->by_sum[r]);
    __m512 least = _mm512_set1_ps(b->bar[r]), value[PARTS];
    uint64_t pass = 0;
#define TEST(p)                                                                                                    \
    value[p] = _mm512_mul_ps(by_low, _mm512_loadu_ps(b->low + (p)*WIDE));                                          \
    value[p] = _mm512_fmadd_ps(by_sum, _mm512_loadu_ps(b->sum + (p)*WIDE), value[p]);                              \
    value[p] = _mm512_fmadd_ps(_mm512_cvtepi32_ps((__m512i)sum[p]), _mm512_loadu_ps(b->scale + (p)*WIDE),          \
                               value[p]);                                                                          \
    pass |= (uint64_t)_mm512_cmp_ps_mask(value[p], least, _CMP_GE_OQ) << ((p)*WIDE);
    EACH_PART(TEST)
#define STORE(p) _mm512_storeu_ps(near + (p)*WIDE, value[p]);
    if (pass) {
        EACH_PART(STORE)
    }
    return pass;
}

VNNI static void screen(uint64_t *pass, float near[][BYTES_COLS], const bytes_block *b)
{
    sums sum[BYTES_ROWS][PARTS];
    __m512i part[PARTS];
    const int32_t *q = (const int32_t *)b->q;
    const uint8_t *panel = b->panel;
    int64_t left = b->quads;
#define BEGIN_ROW(r) sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = (sums){0};
    EACH_ROW(BEGIN_ROW)
    do { /* at least once: gcc would prepare for no quads, at the price of registers */
#define LOAD(p) part[p] = _mm512_load_si512(panel + (p)*64);
        EACH_PART(LOAD)
#define ADD_ROW(r) add_quad(sum[r], part, q[r]);
        EACH_ROW(ADD_ROW)
        q += BYTES_ROWS;
        panel += STRIDE;
    } while (--left > 0);
#define TEST_ROW(r) pass[r] = test_row(near[r], sum[r], b, r);
    EACH_ROW(TEST_ROW)
}

/* Four columns, from j, of sixteen rows: column t of all in four[t]. */
VNNI_INLINE void four_columns(__m512 *four, const float *const *row, int64_t j, __mmask8 lanes)
{
    __m512 v[QUAD];
#pragma GCC unroll 4
    for (int i = 0; i < QUAD; i++) {
        v[i] = _mm512_castps128_ps512(_mm_maskz_loadu_ps(lanes, row[i] + j));
        v[i] = _mm512_insertf32x4(v[i], _mm_maskz_loadu_ps(lanes, row[i + 4] + j), 1);
        v[i] = _mm512_insertf32x4(v[i], _mm_maskz_loadu_ps(lanes, row[i + 8] + j), 2);
        v[i] = _mm512_insertf32x4(v[i], _mm_maskz_loadu_ps(lanes, row[i + 12] + j), 3);
    }
    __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(v[0], v[1])),
            b = _mm512_castps_pd(_mm512_unpackhi_ps(v[0], v[1]));
    __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(v[2], v[3])),
            d = _mm512_castps_pd(_mm512_unpackhi_ps(v[2], v[3]));
    four[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    four[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    four[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    four[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}

VNNI_INLINE void rows_at(const float **row, const float *c, int64_t d, const int32_t *at, int64_t n)
{
    for (int64_t r = 0; r < WIDE; r++)
        row[r] = c + (int64_t)at[r < n ? r : n - 1] * d;
}

/* The rows lie anywhere: those of the next round are fetched during this one. */
VNNI static void dots(float *y, const float *x, const float *c, int64_t d, const int32_t *at, int64_t n)
{
    const float *row[WIDE], *next[WIDE];
    for (int64_t i = 0; i < n; i += WIDE) {
        __m512 sum = _mm512_setzero_ps(), four[QUAD];
        int64_t j = 0, then = i + WIDE < n ? i + WIDE : i;
        rows_at(row, c, d, at + i, n - i);
        rows_at(next, c, d, at + then, n - then);
        for (; j + QUAD <= d; j += QUAD) {
            for (int64_t r = j % WIDE; r < j % WIDE + QUAD; r++)
                _mm_prefetch((const char *)(next[r] + j), _MM_HINT_T0);
            four_columns(four, row, j, 0xf);
#pragma GCC unroll 4
            for (int t = 0; t < QUAD; t++)
                sum = _mm512_fmadd_ps(_mm512_set1_ps(x[j + t]), four[t], sum);
        }
        if (j < d)
            four_columns(four, row, j, (__mmask8)((1u << (d - j)) - 1));
        for (int t = 0; j + t < d; t++)
            sum = _mm512_fmadd_ps(_mm512_set1_ps(x[j + t]), four[t], sum);
        _mm512_mask_storeu_ps(y + i, lanes_below(n - i), sum);
    }
}

/* DNNL_MAX_CPU_ISA bounds what this file may use, too. */
const bytes_kernels *bytes_of_processor(void)
{
    static const bytes_kernels vnni = {pack, screen, dots};
    int allowed = (int)dnnl_get_effective_cpu_isa(), needed = (int)dnnl_cpu_isa_avx512_core_vnni;
    return (allowed & needed) == needed && __builtin_cpu_supports("avx512vnni") ? &vnni : NULL;
}

#else
const bytes_kernels *bytes_of_processor(void)
{
    return NULL;
}
#endif
