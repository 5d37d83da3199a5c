/* plan_loops.c - what plans do between oneDNN's operations: fold batch-norm
 * into filters, move channels, scale, add, mask. Each output element is made by
 * one thread from the same operands whatever the number of threads. */
#include "plan.h"

#include <math.h>
#include <string.h>

#include "device.h"
#include "lanes.h"
#include "parallel.h"

/* Runs of consecutive numbers per thread below which a second is not worth waking. */
enum { FEW = 4096 };

typedef struct work { /* a step with its arrays, as threads are handed it */
    const plan_step *s;
    void *const *p;
} work;

/* One stretch of channels of one image: those of y that lie together and come
 * from channels of x that lie together, or from nowhere. */
typedef struct stretch {
    char *y;
    const char *x; /* NULL: zeros */
    size_t bytes, ystep, xstep;
} stretch;

static void move_stretch(const plan_step *s, const stretch *t)
{
    const plan_view *y = &s->view[0], *x = &s->view[1];
    int64_t times = s->number[3], parts = s->number[4];
    for (int64_t i = 0; i < y->h; i++)
        for (int64_t j = 0; j < y->w; j++) {
            char *to = t->y + (size_t)(i * y->w + j) * t->ystep;
            int64_t row = i * times / parts, col = j * times / parts;
            if (t->x && i % parts == 0 && j % parts == 0 && row < x->h && col < x->w)
                memcpy(to, t->x + (size_t)(row * x->w + col) * t->xstep, t->bytes);
            else
                memset(to, 0, t->bytes);
        }
}

static size_t channel_at(const plan_view *v, int64_t image, int64_t k)
{
    return (size_t)((image * v->blocks + k / v->block) * v->h * v->w * v->pitch + k % v->block);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Channels k .. end of y in one block: cut where x changes block or runs out. */
static void move_block(const work *job, int64_t image, int64_t k, int64_t end)
{
    const plan_step *s = job->s;
    const plan_view *y = &s->view[0], *x = &s->view[1];
    size_t size = (size_t)s->number[5];
    while (k < end) {
        int64_t from = k + s->number[2], n;
        int real_channel = from >= 0 && from < x->c && k < y->c;
        if (real_channel)
            n = least(least(x->block - from % x->block, x->c - from), least(y->c, end) - k);
        else
            n = from < 0 ? least(-from, end - k) : end - k;
        stretch t = {.y = (char *)job->p[0] + channel_at(y, image, k) * size, .bytes = (size_t)n * size};
        t.ystep = (size_t)y->pitch * size;
        t.xstep = (size_t)x->pitch * size;
        t.x = real_channel ? (const char *)job->p[1] + channel_at(x, image, from) * size : NULL;
        move_stretch(s, &t);
        k += n;
    }
}

static void move_images(void *arg, int64_t first, int64_t last)
{
    const work *job = arg;
    const plan_view *y = &job->s->view[0];
    for (int64_t item = first; item < last; item++) {
        int64_t begin = item % y->blocks * y->block, end = begin + y->block;
        begin = begin > job->s->number[0] ? begin : job->s->number[0];
        move_block(job, item / y->blocks, begin, least(end, job->s->number[1]));
    }
}

void plan_move(const plan_step *s, void *const p[])
{
    work job = {s, p};
    parallel(s->plan->n * s->view[0].blocks, 1, move_images, &job);
}

/* --- batch-norm with running statistics --- */

static double rate(const float *gamma, const float *stats, int64_t k, int64_t channels, float eps)
{
    return gamma[k] / sqrt((double)stats[channels + k] + eps);
}

void plan_rates(const plan_step *s, void *const p[])
{
    float *scale = p[0], *shift = p[1];
    const float *gamma = p[2], *beta = p[3], *stats = p[4];
    int64_t channels = s->number[0];
    for (int64_t k = 0; k < channels; k++) {
        double r = rate(gamma, stats, k, channels, s->eps);
        scale[k] = (float)r;
        shift[k] = (float)(beta[k] - stats[k] * r);
    }
}

void plan_fold(const plan_step *s, void *const p[])
{
    float *filter = p[0], *bias = p[1];
    const float *w = p[2], *gamma = p[3], *beta = p[4], *stats = p[5];
    int64_t channels = s->number[0], taps = s->number[1];
    for (int64_t k = 0; k < channels; k++) {
        double r = rate(gamma, stats, k, channels, s->eps);
        bias[k] = (float)(beta[k] - stats[k] * r);
        for (int64_t t = 0; t < taps; t++)
            filter[k * taps + t] = (float)(w[k * taps + t] * r);
    }
}

void plan_stats(const plan_step *s, void *const p[])
{
    size_t bytes = (size_t)s->number[0] * sizeof(float);
    memcpy(p[0], p[1], bytes);
    memcpy((float *)p[0] + s->number[0], p[2], bytes);
}

/* bfloat16 is the upper half of a float; to it, to nearest, ties to even. */
static float widened(uint16_t v)
{
    uint32_t all = (uint32_t)v << 16;
    float f;
    memcpy(&f, &all, sizeof f);
    return f;
}

static uint16_t narrowed(float f)
{
    uint32_t all;
    memcpy(&all, &f, sizeof all);
    if (f != f)
        return 0x7fc0;
    return (uint16_t)((all + 0x7fff + (all >> 16 & 1)) >> 16);
}

CPU_CLONES static void scale_pixel(float *y, const float *x, const float *scale, const float *shift, int64_t n,
                                   int relu)
{
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        vec v = VEC_AT(x + k) * VEC_AT(scale + k) + VEC_AT(shift + k);
        ivec negative = (ivec)(v < 0.0f) & (relu ? -1 : 0);
        *(ivec *)(y + k) = (ivec)v & ~negative;
    }
    for (; k < n; k++) {
        float v = x[k] * scale[k] + shift[k];
        y[k] = relu && v < 0 ? 0 : v;
    }
}

typedef uint16_t halves __attribute__((vector_size(LANE_BYTES / 2), aligned(2), may_alias));
typedef uint32_t bits __attribute__((vector_size(LANE_BYTES), may_alias));

CPU_CLONES static void scale_pixel_bf16(uint16_t *y, const uint16_t *x, const float *scale, const float *shift,
                                        int64_t n, int relu)
{
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        bits wide = __builtin_convertvector(*(const halves *)(x + k), bits) << 16;
        vec v = (vec)wide * VEC_AT(scale + k) + VEC_AT(shift + k);
        bits negative = (bits)(v < 0.0f) & (relu ? ~0u : 0u), nan = (bits)(v != v), even = (bits)v >> 16 & 1;
        bits rounded = ((bits)v + 0x7fff + even) >> 16;
        rounded = (nan & 0x7fc0) | (~nan & ~negative & rounded);
        *(halves *)(y + k) = __builtin_convertvector(rounded, halves);
    }
    for (; k < n; k++) {
        float v = widened(x[k]) * scale[k] + shift[k];
        y[k] = relu && v < 0 ? 0 : narrowed(v);
    }
}

static void scale_pixels(void *arg, int64_t first, int64_t last)
{
    const work *job = arg;
    const plan_step *s = job->s;
    int64_t c = s->view[0].c, ypitch = s->view[0].pitch, xpitch = s->view[1].pitch;
    for (int64_t i = first; i < last; i++)
        if (s->number[1])
            scale_pixel_bf16((uint16_t *)job->p[0] + i * ypitch, (const uint16_t *)job->p[1] + i * xpitch,
                             job->p[2], job->p[3], c, (int)s->number[0]);
        else
            scale_pixel((float *)job->p[0] + i * ypitch, (const float *)job->p[1] + i * xpitch, job->p[2],
                        job->p[3], c, (int)s->number[0]);
}

void plan_scale(const plan_step *s, void *const p[])
{
    work job = {s, p};
    parallel(s->plan->n * s->view[0].h * s->view[0].w, FEW / s->view[0].c + 1, scale_pixels, &job);
}

/* --- sums and masks: arrays of one order, their padding included --- */

CPU_CLONES static void plus(float *y, const float *a, const float *b, int64_t n, int relu)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec v = VEC_AT(a + i) + VEC_AT(b + i);
        ivec negative = (ivec)(v < 0.0f) & (relu ? -1 : 0);
        *(ivec *)(y + i) = (ivec)v & ~negative;
    }
    for (; i < n; i++) {
        float v = a[i] + b[i];
        y[i] = relu && v < 0 ? 0 : v;
    }
}

CPU_CLONES static void relu_of(float *y, const float *a, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        ivec negative = VEC_AT(a + i) < 0.0f;
        *(ivec *)(y + i) = *(const ivec *)(a + i) & ~negative;
    }
    for (; i < n; i++)
        y[i] = a[i] < 0 ? 0 : a[i];
}

CPU_CLONES static void mask(float *y, const float *v, const float *a, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        *(ivec *)(y + i) = *(const ivec *)(a + i) & (VEC_AT(v + i) > 0.0f);
    for (; i < n; i++)
        y[i] = v[i] > 0 ? a[i] : 0;
}

CPU_CLONES static void mask_sum(float *y, const float *v, const float *a, const float *b, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vec sum = VEC_AT(a + i) + VEC_AT(b + i);
        *(ivec *)(y + i) = (ivec)sum & (VEC_AT(v + i) > 0.0f);
    }
    for (; i < n; i++)
        y[i] = v[i] > 0 ? a[i] + b[i] : 0;
}

static void plus_range(void *arg, int64_t first, int64_t last)
{
    const work *job = arg;
    float *y = job->p[0];
    const float *a = job->p[1];
    if (job->s->n == 3)
        plus(y + first, a + first, (const float *)job->p[2] + first, last - first, (int)job->s->number[1]);
    else
        relu_of(y + first, a + first, last - first);
}

void plan_plus(const plan_step *s, void *const p[])
{
    work job = {s, p};
    parallel(s->number[0], FEW, plus_range, &job);
}

static void mask_range(void *arg, int64_t first, int64_t last)
{
    const work *job = arg;
    float *y = job->p[0];
    const float *v = job->p[1], *a = job->p[2];
    if (job->s->n == 4)
        mask_sum(y + first, v + first, a + first, (const float *)job->p[3] + first, last - first);
    else
        mask(y + first, v + first, a + first, last - first);
}

void plan_mask(const plan_step *s, void *const p[])
{
    work job = {s, p};
    parallel(s->number[0], FEW, mask_range, &job);
}
