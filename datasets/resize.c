/* resize.c - Pillow's antialiased bilinear filter: a triangle as wide as one
 * output pixel is in the source, weights normalised in double and then rounded
 * to 22 bits after the point, rows first and then columns, each pass rounded to
 * bytes. Only the pixels that the crop keeps are computed: they do not depend
 * on the others, and an image a thousand times as long as high costs no more. */
#include "resize.h"
#include "../harness/fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BITS 22 /* of a weight behind the point: 8 of the pixel and 2 for the sum stay of 32 */
#define HALF (1 << (BITS - 1))

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static void taps_free(struct taps *t)
{
    free(t->from);
    free(t->n);
    free(t->weight);
    *t = (struct taps){0};
}

/* The weights of output pixel i, in double first as they must add to one. */
static void taps_row(struct taps *t, int64_t i, double *w)
{
    double scale = (double)t->in / (double)t->out, wide = scale < 1 ? 1 : scale;
    double centre = ((double)(t->first + i) + 0.5) * scale, sum = 0, narrow = 1 / wide;
    int64_t lo = (int64_t)(centre - wide + 0.5), hi = (int64_t)(centre + wide + 0.5);
    lo = lo < 0 ? 0 : lo;
    hi = hi > t->in ? t->in : hi;
    for (int64_t x = lo; x < hi; x++)
        sum += w[x - lo] = triangle(((double)x - centre + 0.5) * narrow);
    for (int64_t x = 0; x < hi - lo; x++)
        t->weight[i * t->most + x] = (int32_t)(0.5 + (sum != 0 ? w[x] / sum : w[x]) * (1 << BITS));
    t->from[i] = lo;
    t->n[i] = (int32_t)(hi - lo);
}

static int taps_make(struct taps *t, int64_t in, int64_t out, int64_t first, int64_t count)
{
    if (t->in == in && t->out == out && t->first == first && t->count == count)
        return 0;
    taps_free(t);
    double scale = (double)in / (double)out;
    int most = (int)ceil(scale < 1 ? 1 : scale) * 2 + 1;
    *t = (struct taps){.in = in, .out = out, .first = first, .count = count, .most = most};
    t->from = malloc((size_t)count * sizeof *t->from);
    t->n = malloc((size_t)count * sizeof *t->n);
    t->weight = malloc((size_t)count * (size_t)most * sizeof *t->weight);
    double *w = malloc((size_t)most * sizeof *w);
    int good = t->from && t->n && t->weight && w;
    for (int64_t i = 0; good && i < count; i++)
        taps_row(t, i, w);
    free(w);
    if (!good)
        taps_free(t);
    return good ? 0 : fault("no memory to resize %lld pixels to %lld", (long long)in, (long long)out);
}

/* The passes. Sums of eight at a time, in whole numbers: neither the vectors that
 * a processor has nor the order of additions changes a byte. */

enum { LANES = 8 };
typedef int32_t lanes __attribute__((vector_size(4 * LANES)));
typedef int16_t halves __attribute__((vector_size(2 * LANES)));
typedef int16_t wide __attribute__((vector_size(4 * LANES)));
typedef uint8_t narrow __attribute__((vector_size(2 * LANES)));

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) /* kernels/cpu/lanes.h says why */
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

/* Sums to what a byte holds; none is negative, as no weight is. */
#define ROUND(sum)                                                                                                 \
    do {                                                                                                           \
        (sum) >>= BITS;                                                                                            \
        (sum) = (((sum) > 255) & 255) | (((sum) <= 255) & (sum));                                                  \
    } while (0)

/* Pixels of two rows side by side, four bytes each: the fourth is the next pixel's
 * first, its sums are dropped, and behind the last pixel nothing is read. */
static void pair(uint8_t *out, const uint8_t *a, const uint8_t *b, int64_t n)
{
    for (int64_t x = 0; x < n - 1; x++) {
        memcpy(out + LANES * x, a + 3 * x, 4);
        memcpy(out + LANES * x + 4, b + 3 * x, 4);
    }
    memset(out + LANES * (n - 1), 0, (size_t)(LANES + n % 2 * LANES));
    memcpy(out + LANES * (n - 1), a + 3 * (n - 1), 3);
    memcpy(out + LANES * (n - 1) + 4, b + 3 * (n - 1), 3);
}

/* Two pixels of both rows at a time; there is room for an even number. */
CLONES static void widen(lanes *out, const uint8_t *in, int64_t n)
{
    for (int64_t x = 0; x < n; x += 2) {
        narrow bytes;
        halves half[2];
        memcpy(&bytes, in + LANES * x, sizeof bytes);
        wide both = __builtin_convertvector(bytes, wide);
        memcpy(half, &both, sizeof both);
        out[x] = __builtin_convertvector(half[0], lanes);
        out[x + 1] = __builtin_convertvector(half[1], lanes);
    }
}

/* Two rows at a time; each output row has room for one value more. */
CLONES static void pass_across(const struct taps *t, int16_t *a, int16_t *b, const lanes *in)
{
    for (int64_t i = 0; i < t->count; i++, a += 3, b += 3) {
        const lanes *p = in + (t->from[i] - t->from[0]);
        const int32_t *w = t->weight + i * t->most;
        lanes sum = (lanes){0} + HALF;
        for (int32_t k = 0; k < t->n[i]; k++)
            sum += p[k] * w[k];
        ROUND(sum);
        halves both = __builtin_convertvector(sum, halves);
        memcpy(a, &both, sizeof both / 2);
        memcpy(b, (const char *)&both + sizeof both / 2, sizeof both / 2);
    }
}

/* One output row of n bytes from rows of in, `stride` apart, behind each of which stand 16 zeros. */
CLONES static void pass_down(const struct taps *t, int64_t i, uint8_t *out, int64_t n, const int16_t *in,
                             int64_t stride)
{
    const int32_t *w = t->weight + i * t->most;
    in += (t->from[i] - t->from[0]) * stride;
    for (int64_t x = 0; x < n; x += 2 * LANES) {
        lanes one = (lanes){0} + HALF, two = one;
        for (int32_t k = 0; k < t->n[i]; k++) {
            halves half[2];
            memcpy(half, in + k * stride + x, sizeof half);
            one += __builtin_convertvector(half[0], lanes) * w[k];
            two += __builtin_convertvector(half[1], lanes) * w[k];
        }
        ROUND(one);
        ROUND(two);
        halves half[2] = {__builtin_convertvector(one, halves), __builtin_convertvector(two, halves)};
        wide both;
        memcpy(&both, half, sizeof both);
        narrow bytes = __builtin_convertvector(both, narrow);
        memcpy(out + x, &bytes, n - x < 2 * LANES ? (size_t)(n - x) : 2 * LANES);
    }
}

typedef struct span { /* along one axis */
    int64_t first;    /* of the resized image's pixels, where the crop begins */
    int64_t count;    /* how many of them it takes */
    int64_t at;       /* where they land in the output */
} span;

/* Where torchvision cuts: padding first, then the middle, Python's round() choosing even numbers. */
static span centre(int64_t size, int64_t crop)
{
    if (size < crop)
        return (span){.first = 0, .count = size, .at = (crop - size) / 2};
    int64_t spare = size - crop, half = spare / 2;
    return (span){.first = half + (spare % 2 && half % 2), .count = crop, .at = 0};
}

/* What is in r is lost when it grows; aligned as vectors have to be. */
static int room(resizer *r, size_t need)
{
    if (need <= r->cap)
        return 0;
    free(r->work);
    r->cap = (need / sizeof(lanes) + 1) * sizeof(lanes);
    r->work = aligned_alloc(sizeof(lanes), r->cap);
    if (r->work)
        return 0;
    r->cap = 0;
    return fault("no memory to resize an image (%zu bytes)", need);
}

/* From an image whose rows are `row` bytes apart to what x and y keep of it, in out[crop][crop][3]. */
static int resample(resizer *r, uint8_t *out, int64_t crop, const uint8_t *px, int64_t row, span x, span y)
{
    const struct taps *across = &r->across, *down = &r->down;
    int64_t top = down->from[0], rows = down->from[y.count - 1] + down->n[y.count - 1] - top;
    int64_t left = across->from[0], columns = across->from[x.count - 1] + across->n[x.count - 1] - left;
    int64_t stride = x.count * 3 + 2 * LANES, even = columns + columns % 2;
    if (room(r, (size_t)even * (sizeof(lanes) + LANES) + (size_t)(rows * stride) * sizeof(int16_t)) != 0)
        return -1;
    lanes *two = r->work; /* two rows, summed from; the same as bytes; all rows when summed across */
    uint8_t *pairs = (uint8_t *)(two + even);
    int16_t *done = (int16_t *)(void *)(pairs + even * LANES);
    px += top * row + left * 3;
    for (int64_t i = 0; i < rows; i += 2) {
        int64_t next = i + 1 < rows ? i + 1 : i;
        pair(pairs, px + i * row, px + next * row, columns);
        widen(two, pairs, even);
        pass_across(across, done + i * stride, done + next * stride, two);
        memset(done + i * stride + x.count * 3, 0, sizeof(wide));
        memset(done + next * stride + x.count * 3, 0, sizeof(wide));
    }
    for (int64_t i = 0; i < y.count; i++)
        pass_down(down, i, out + ((y.at + i) * crop + x.at) * 3, x.count * 3, done, stride);
    return 0;
}

int resize_centre(resizer *r, uint8_t *out, int64_t crop, const uint8_t *px, int64_t w, int64_t h, int64_t side)
{
    int64_t rw = w, rh = h;
    if (side && w <= h) {
        rw = side;
        rh = (int64_t)((double)(side * h) / (double)w);
    } else if (side) {
        rh = side;
        rw = (int64_t)((double)(side * w) / (double)h);
    }
    span x = centre(rw, crop), y = centre(rh, crop);
    if (x.count < crop || y.count < crop)
        memset(out, 0, (size_t)(crop * crop * 3));
    if (rw == w && rh == h) {
        for (int64_t i = 0; i < y.count; i++)
            memcpy(out + ((y.at + i) * crop + x.at) * 3, px + ((y.first + i) * w + x.first) * 3,
                   (size_t)x.count * 3);
        return 0;
    }
    if (taps_make(&r->across, w, rw, x.first, x.count) != 0 || taps_make(&r->down, h, rh, y.first, y.count) != 0)
        return -1;
    return resample(r, out, crop, px, w * 3, x, y);
}

int resize_box(resizer *r, uint8_t *out, int64_t side, const uint8_t *px, int64_t w, resize_part p)
{
    const span all = {.first = 0, .count = side, .at = 0};
    px += (p.y * w + p.x) * 3;
    if (p.w == side && p.h == side) {
        for (int64_t i = 0; i < side; i++)
            memcpy(out + i * side * 3, px + i * w * 3, (size_t)side * 3);
        return 0;
    }
    if (taps_make(&r->across, p.w, side, 0, side) != 0 || taps_make(&r->down, p.h, side, 0, side) != 0)
        return -1;
    return resample(r, out, side, px, w * 3, all, all);
}

void resize_free(resizer *r)
{
    taps_free(&r->across);
    taps_free(&r->down);
    free(r->work);
    *r = (resizer){0};
}
