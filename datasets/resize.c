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

static uint8_t to_byte(int32_t sum)
{
    sum >>= BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

/* One row: out[count][3] from in[w][3]. */
static void pass_across(const struct taps *t, uint8_t *out, const uint8_t *in)
{
    for (int64_t i = 0; i < t->count; i++, out += 3) {
        const uint8_t *p = in + 3 * t->from[i];
        const int32_t *w = t->weight + i * t->most;
        int32_t r = 1 << (BITS - 1), g = r, b = r;
        for (int32_t k = 0; k < t->n[i]; k++, p += 3) {
            r += w[k] * p[0];
            g += w[k] * p[1];
            b += w[k] * p[2];
        }
        out[0] = to_byte(r);
        out[1] = to_byte(g);
        out[2] = to_byte(b);
    }
}

/* One output row of `bytes` bytes from rows of in, `bytes` apart, the first being row `first` of the image. */
static void pass_down(const struct taps *t, int64_t i, uint8_t *out, const uint8_t *in, int64_t first,
                      int64_t bytes)
{
    const int32_t *w = t->weight + i * t->most;
    in += (t->from[i] - first) * bytes;
    for (int64_t x = 0; x < bytes; x++) {
        int32_t sum = 1 << (BITS - 1);
        for (int32_t k = 0; k < t->n[i]; k++)
            sum += w[k] * in[k * bytes + x];
        out[x] = to_byte(sum);
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

/* The part of the image that the crop shows, computed row by row into out[crop][crop][3]. */
static int resample(resizer *r, uint8_t *out, int64_t crop, const uint8_t *px, int64_t w, span x, span y)
{
    const struct taps *down = &r->down;
    int64_t first = down->from[0], last = down->from[y.count - 1] + down->n[y.count - 1];
    int64_t bytes = x.count * 3;
    size_t need = (size_t)((last - first) * bytes);
    if (need > r->cap) {
        uint8_t *larger = realloc(r->rows, need);
        if (!larger)
            return fault("no memory to resize an image (%zu bytes)", need);
        r->rows = larger;
        r->cap = need;
    }
    for (int64_t i = first; i < last; i++)
        pass_across(&r->across, r->rows + (i - first) * bytes, px + i * w * 3);
    for (int64_t i = 0; i < y.count; i++)
        pass_down(down, i, out + ((y.at + i) * crop + x.at) * 3, r->rows, first, bytes);
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
    return resample(r, out, crop, px, w, x, y);
}

void resize_free(resizer *r)
{
    taps_free(&r->across);
    taps_free(&r->down);
    free(r->rows);
    *r = (resizer){0};
}
