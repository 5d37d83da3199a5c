/* pool.c - pooling of channels-last images: loops over pixels, vectors over
 * channels. Windows lie at least in part inside the image, as a padding smaller
 * than the window ensures. */
#include <string.h>

#include "device.h"
#include "lanes.h"
#include "parallel.h"

typedef struct pooling {
    bk *b;
    const bk_window *g;
    float *to;
    const float *from;
    int32_t *winners;
    const int32_t *at;
} pooling;

/* Whether there is anything to do. */
static int pools(bk *b, const bk_window *g, const char *op)
{
    if (g->k != g->c || g->pad >= g->r || g->pad >= g->s)
        CPU_DIE(b, "%s: %lld channels to %lld, window %dx%d, pad %d", op, (long long)g->c, (long long)g->k, g->r,
                g->s, g->pad);
    return cpu_window(b, g, op);
}

/* An area of pixels: rows top .. bottom - 1, columns left .. right - 1. */
typedef struct area {
    int64_t top, bottom, left, right;
} area;

/* The part of the window of output (p, q) that is inside the image. */
static area window_at(const bk_window *g, int64_t p, int64_t q)
{
    area w = {p * g->stride - g->pad, 0, q * g->stride - g->pad, 0};
    w.bottom = w.top + g->r < g->h ? w.top + g->r : g->h;
    w.right = w.left + g->s < g->w ? w.left + g->s : g->w;
    w.top = w.top > 0 ? w.top : 0;
    w.left = w.left > 0 ? w.left : 0;
    return w;
}

/* LANES channels (`have` of them are there) from c on. Callers pass LANES as a
 * constant where they can: then nothing is asked inside the loops. */
CPU_INLINE void max_window(const pooling *t, const float *image, const area *w, int64_t to, int64_t c, int64_t have)
{
    const bk_window *g = t->g;
    const ivec lane = {0, 1, 2, 3, 4, 5, 6, 7};
    int64_t start = (w->top * g->w + w->left) * g->c + c;
    ivec winner = lane + (int32_t)start;
    vec best, v;
    vec_get(&best, image + start, have);
    for (int64_t i = w->top; i < w->bottom; i++)
        for (int64_t j = w->left; j < w->right; j++) {
            int64_t here = (i * g->w + j) * g->c + c;
            vec_get(&v, image + here, have);
            ivec take = (v > best) | ((v != v) & (best == best));
            best = VEC_PICK(take, v, best);
            winner = (take & (lane + (int32_t)here)) | (~take & winner);
        }
    vec_put(t->to + to + c, &best, have);
    memcpy(t->winners + to + c, &winner, (size_t)have * sizeof *t->winners);
}

/* Items are rows of pixels of the output: n times p. */
CPU_CLONES static void max_rows(void *ctx, int64_t first, int64_t last)
{
    const pooling *t = ctx;
    const bk_window *g = t->g;
    for (int64_t out = first * g->q; out < last * g->q; out++) {
        const float *image = t->from + out / (g->p * g->q) * g->h * g->w * g->c;
        area w = window_at(g, out / g->q % g->p, out % g->q);
        int64_t c = 0;
        for (; c + LANES <= g->c; c += LANES)
            max_window(t, image, &w, out * g->c, c, LANES);
        if (c < g->c)
            max_window(t, image, &w, out * g->c, c, g->c - c);
    }
}

void cpu_pool_max(bk *b, const bk_window *g, real *y, int32_t *at, const real *x)
{
    if (pools(b, g, "pool_max"))
        parallel(g->n * g->p, 1 + 8192 / (g->q * g->c), max_rows, &(pooling){b, g, y, x, at, NULL});
}

static void max_t_images(void *ctx, int64_t first, int64_t last)
{
    const pooling *t = ctx;
    int64_t in = t->g->h * t->g->w * t->g->c, out = t->g->p * t->g->q * t->g->c;
    for (int64_t n = first; n < last; n++) {
        float *image = t->to + n * in;
        memset(image, 0, (size_t)in * sizeof *image);
        for (int64_t j = n * out; j < (n + 1) * out; j++)
            image[cpu_checked(t->b, t->at[j], in, "pool_max_t")] += t->from[j];
    }
}

void cpu_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *at)
{
    if (pools(b, g, "pool_max_t"))
        parallel(g->n, 1, max_t_images, &(pooling){b, g, x, y, NULL, at});
}

/* The sum of an area of pixels `wide` to a row, LANES channels of `channels`. */
CPU_INLINE void sum_window(float *to, const float *from, const area *w, int64_t wide, int64_t channels, float share,
                           int64_t have)
{
    vec sum = {0}, v;
    for (int64_t i = w->top; i < w->bottom; i++) {
        vec line = {0};
        for (int64_t j = w->left; j < w->right; j++) {
            vec_get(&v, from + (i * wide + j) * channels, have);
            line += v;
        }
        sum += line;
    }
    sum *= share;
    vec_put(to, &sum, have);
}

CPU_INLINE void sum_pixel(float *to, const float *from, const area *w, int64_t wide, int64_t channels, float share)
{
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        sum_window(to + c, from + c, w, wide, channels, share, LANES);
    if (c < channels)
        sum_window(to + c, from + c, w, wide, channels, share, channels - c);
}

CPU_CLONES static void avg_rows(void *ctx, int64_t first, int64_t last)
{
    const pooling *t = ctx;
    const bk_window *g = t->g;
    float share = 1 / ((float)g->r * (float)g->s);
    for (int64_t out = first * g->q; out < last * g->q; out++) {
        const float *image = t->from + out / (g->p * g->q) * g->h * g->w * g->c;
        area w = window_at(g, out / g->q % g->p, out % g->q);
        sum_pixel(t->to + out * g->c, image, &w, g->w, g->c, share);
    }
}

void cpu_pool_avg(bk *b, const bk_window *g, real *y, const real *x)
{
    if (pools(b, g, "pool_avg"))
        parallel(g->n * g->p, 1 + 8192 / (g->q * g->c), avg_rows, &(pooling){b, g, y, x, NULL, NULL});
}

/* Outputs first .. last whose windows hold row (column) i. */
static void seen_by(int64_t i, int window, int stride, int pad, int64_t extent, int64_t *first, int64_t *last)
{
    int64_t low = i + pad - window + 1;
    *first = low > 0 ? (low + stride - 1) / stride : 0;
    *last = (i + pad) / stride + 1 < extent ? (i + pad) / stride + 1 : extent;
}

/* Items are rows of pixels of the image: n times h. */
CPU_CLONES static void avg_t_rows(void *ctx, int64_t first, int64_t last)
{
    const pooling *t = ctx;
    const bk_window *g = t->g;
    float share = 1 / ((float)g->r * (float)g->s);
    for (int64_t in = first * g->w; in < last * g->w; in++) {
        const float *image = t->from + in / (g->h * g->w) * g->p * g->q * g->c;
        area w;
        seen_by(in / g->w % g->h, g->r, g->stride, g->pad, g->p, &w.top, &w.bottom);
        seen_by(in % g->w, g->s, g->stride, g->pad, g->q, &w.left, &w.right);
        sum_pixel(t->to + in * g->c, image, &w, g->q, g->c, share);
    }
}

void cpu_pool_avg_t(bk *b, const bk_window *g, real *x, const real *y)
{
    if (pools(b, g, "pool_avg_t"))
        parallel(g->n * g->h, 1 + 8192 / (g->w * g->c), avg_t_rows, &(pooling){b, g, x, y, NULL, NULL});
}
