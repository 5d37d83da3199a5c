/* images.c - bytes to normalised images, and random numbers. */
#include <string.h>

#include "../random.h"
#include "device.h"
#include "parallel.h"

/* --- images --- */

enum { BYTES = 256 };

/* value[c][byte] = (byte / 255 - mean[c]) / dev[c]: each pixel is one look-up,
 * with the bits of the exact formula. */
typedef struct decoding {
    float *x;
    const uint8_t *px;
    const int32_t *moves;
    const float *value;
    int64_t h, w, c;
} decoding;

/* Pixels of one row; `step` is c, or -c for a mirrored one. */
static inline __attribute__((always_inline)) void some_pixels(float *x, const uint8_t *px, int64_t n, int64_t step,
                                                              const float *value, int64_t c)
{
    for (int64_t j = 0; j < n; j++, x += c, px += step)
        for (int64_t k = 0; k < c; k++)
            x[k] = value[k * BYTES + px[k]];
}

static void pixels(float *x, const uint8_t *px, int64_t n, int64_t step, const float *value, int64_t c)
{
    if (c == 3)
        some_pixels(x, px, n, step, value, 3);
    else
        some_pixels(x, px, n, step, value, c);
}

static void black(float *x, int64_t n, const float *value, int64_t c)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t k = 0; k < c; k++)
            *x++ = value[k * BYTES];
}

static int64_t within(int64_t i, int64_t most)
{
    return i < 0 ? 0 : i > most ? most : i;
}

/* Output column j shows input column j - dx, or w - 1 - j - dx if mirrored;
 * columns begin .. end of the output show some. */
static void image(const decoding *d, int64_t n, int64_t dy, int64_t dx, int flip)
{
    int64_t shift = flip ? -dx : dx, begin = within(shift, d->w), end = within(d->w + shift, d->w);
    int64_t column = flip ? d->w - 1 - begin - dx : begin - dx, line = d->w * d->c;
    for (int64_t i = 0; i < d->h; i++) {
        float *x = d->x + (n * d->h + i) * line;
        if (i - dy < 0 || i - dy >= d->h || begin >= end) {
            black(x, d->w, d->value, d->c);
            continue;
        }
        const uint8_t *px = d->px + (n * d->h + i - dy) * line + column * d->c;
        black(x, begin, d->value, d->c);
        pixels(x + begin * d->c, px, end - begin, flip ? -d->c : d->c, d->value, d->c);
        black(x + end * d->c, d->w - end, d->value, d->c);
    }
}

static void image_range(void *ctx, int64_t first, int64_t last)
{
    const decoding *d = ctx;
    for (int64_t n = first; n < last; n++) {
        const int32_t *move = d->moves ? d->moves + 3 * n : (const int32_t[3]){0, 0, 0};
        image(d, n, move[0], move[1], move[2] != 0);
    }
}

void cpu_images(bk *b, real *x, const uint8_t *px, const int32_t *dy_dx_flip, int64_t n, int64_t h, int64_t w,
                int64_t c, const real *mean, const real *dev)
{
    if (n <= 0 || h <= 0 || w <= 0 || c <= 0)
        return;
    float *value = cpu_room(b, ROOM_W, (size_t)(c * BYTES) * sizeof *value);
    for (int64_t k = 0; k < c; k++)
        for (int i = 0; i < BYTES; i++)
            value[k * BYTES + i] = (float)((i / 255.0 - (double)mean[k]) / (double)dev[k]);
    parallel(n, 1 + 4096 / (h * w), image_range, &(decoding){x, px, dy_dx_flip, value, h, w, c});
}

/* --- randomness --- */

typedef struct draws {
    float *y;
    uint64_t seed;
} draws;

static void uniform_range(void *ctx, int64_t first, int64_t last)
{
    const draws *d = ctx;
    for (int64_t i = first; i < last; i++)
        d->y[i] = random_uniform(d->seed, (uint64_t)i);
}

void cpu_uniform(bk *b, real *y, int64_t n, uint64_t seed)
{
    (void)b;
    parallel(n, 4096, uniform_range, &(draws){y, seed});
}

static void normal_range(void *ctx, int64_t first, int64_t last)
{
    const draws *d = ctx;
    for (int64_t i = first; i < last; i++)
        d->y[i] = random_normal(d->seed, (uint64_t)i);
}

void cpu_normal(bk *b, real *y, int64_t n, uint64_t seed)
{
    (void)b;
    parallel(n, 512, normal_range, &(draws){y, seed});
}
