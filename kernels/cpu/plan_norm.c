/* plan_norm.c - batch-norm of training plans in any order of memory, with the
 * ReLU behind it: forward, backward, and what differentiating the backward
 * pass takes. The ReLU's mask is not stored: the sign of the result is computed
 * again from the same numbers by the same operations, so it is the same.
 *
 * Sums go by images, few pixels in float, then double, and do not depend on
 * the number of threads. Channels that only pad a block meet zeros. */
#include "plan.h"

#include <math.h>
#include <string.h>

#include "device.h"
#include "lanes.h"
#include "parallel.h"

enum { STEP = 16, GRAIN = 16384, MOST_SUMS = 7, VECTORS = 8 };
enum kind { MOMENTS, COSTS, BENDS }; /* what is summed, and what is then made of it */

/* d = x - mean throughout; g and q count only where the ReLU let the result pass. */
typedef struct job {
    const float *x, *g, *t, *q; /* q may be NULL */
    float *y;
    int relu;  /* mask g and q by the sign of d rate + shift */
    int after; /* mask the result instead */
    int64_t pixels, block, blocks, items, channels;
    double *sums;                                   /* [items][MOST_SUMS][block], then [MOST_SUMS][channels] */
    float *mean, *rate, *shift, *c0, *c1, *c2, *c3; /* [blocks][block] */
} job;

static job job_of(const plan_step *s)
{
    const plan_view *v = &s->view[0];
    bk *b = s->plan->device;
    job j = {.pixels = v->h * v->w, .block = v->block, .blocks = v->blocks, .channels = v->c};
    j.relu = (int)s->number[0];
    j.after = (int)s->number[1];
    j.items = s->plan->n * v->blocks;
    size_t wide = (size_t)(v->blocks * v->block);
    j.sums = cpu_room(b, ROOM_SUMS, ((size_t)(j.items * j.block) + wide) * MOST_SUMS * sizeof(double));
    float *at = cpu_room(b, ROOM_W, VECTORS * wide * sizeof *at),
          **to[] = {&j.mean, &j.rate, &j.shift, &j.c0, &j.c1, &j.c2, &j.c3};
    memset(at, 0, VECTORS * wide * sizeof *at);
    for (size_t i = 0; i < sizeof to / sizeof *to; i++, at += wide)
        *to[i] = at;
    return j;
}

/* --- sums --- */

CPU_INLINE void add_pixels(enum kind kind, const job *j, int64_t at, int64_t channel, int64_t pixels, int64_t have,
                           vec s[MOST_SUMS])
{
    vec mean, rate, shift, x, g, t = {0}, q = {0};
    vec_get(&mean, j->mean + channel, have);
    vec_get(&rate, j->rate + channel, have);
    vec_get(&shift, j->shift + channel, have);
    for (int64_t p = 0; p < pixels; p++, at += j->block) {
        vec_get(&x, j->x + at, have);
        vec d = x - mean;
        if (kind == MOMENTS) {
            s[0] += d;
            s[1] += d * d;
            continue;
        }
        vec_get(&g, j->g + at, have);
        ivec pass = j->relu ? (ivec)(d * rate + shift > 0.0f) : ~(ivec){0};
        g = (vec)((ivec)g & pass);
        s[0] += g;
        s[1] += g * d;
        if (kind == COSTS)
            continue;
        vec_get(&t, j->t + at, have);
        s[2] += t;
        s[3] += t * d;
        s[4] += g * t;
        if (!j->q)
            continue;
        vec_get(&q, j->q + at, have);
        q = (vec)((ivec)q & pass);
        s[5] += q;
        s[6] += q * d;
    }
}

CPU_INLINE void add_lanes(enum kind kind, const job *j, int64_t item, int64_t first, int64_t pixels, int64_t k,
                          int64_t have)
{
    const int sums = kind == MOMENTS || kind == COSTS ? 2 : MOST_SUMS;
    vec s[MOST_SUMS] = {{0}};
    double *to = j->sums + item * MOST_SUMS * j->block + k;
    add_pixels(kind, j, (item * j->pixels + first) * j->block + k, item % j->blocks * j->block + k, pixels, have,
               s);
    for (int i = 0; i < sums; i++)
        for (int64_t l = 0; l < have; l++)
            to[i * j->block + l] += (double)s[i][l];
}

CPU_INLINE void add_items(enum kind kind, const job *j, int64_t first, int64_t last)
{
    memset(j->sums + first * MOST_SUMS * j->block, 0,
           (size_t)((last - first) * MOST_SUMS * j->block) * sizeof(double));
    for (int64_t item = first; item < last; item++)
        for (int64_t p = 0; p < j->pixels; p += STEP) {
            int64_t pixels = j->pixels - p < STEP ? j->pixels - p : STEP, k = 0;
            for (; k + LANES <= j->block; k += LANES)
                add_lanes(kind, j, item, p, pixels, k, LANES);
            if (k < j->block)
                add_lanes(kind, j, item, p, pixels, k, j->block - k);
        }
}

CPU_CLONES static void add_moments(void *ctx, int64_t first, int64_t last)
{
    add_items(MOMENTS, ctx, first, last);
}

CPU_CLONES static void add_costs(void *ctx, int64_t first, int64_t last)
{
    add_items(COSTS, ctx, first, last);
}

CPU_CLONES static void add_bends(void *ctx, int64_t first, int64_t last)
{
    add_items(BENDS, ctx, first, last);
}

static void each_item(job *j, parallel_body *body)
{
    parallel(j->items, GRAIN / (j->pixels * j->block) + 1, body, j);
}

/* Means over images and pixels of the i-th sum: [channels] at i * channels. */
static const double *means(job *j, enum kind kind)
{
    static parallel_body *const bodies[] = {add_moments, add_costs, add_bends};
    double *total = j->sums + j->items * MOST_SUMS * j->block;
    int sums = kind == BENDS ? MOST_SUMS : 2;
    each_item(j, bodies[kind]);
    memset(total, 0, (size_t)(MOST_SUMS * j->channels) * sizeof *total);
    for (int64_t item = 0; item < j->items; item++) {
        int64_t channel = item % j->blocks * j->block;
        int64_t have = j->channels - channel < j->block ? j->channels - channel : j->block;
        for (int i = 0; i < sums; i++)
            for (int64_t l = 0; l < have; l++)
                total[i * j->channels + channel + l] += j->sums[(item * MOST_SUMS + i) * j->block + l];
    }
    double count = (double)(j->items / j->blocks * j->pixels);
    for (int64_t i = 0; i < sums * j->channels; i++)
        total[i] /= count;
    return total;
}

static double count_of(const job *j)
{
    return (double)(j->items / j->blocks * j->pixels);
}

/* --- results --- */

/* MOMENTS: d rate + shift, with the ReLU; COSTS: rate (g - c0) + c1 d; BENDS:
 * c0 + c1 d + c2 t + c3 g + rate q. */
CPU_INLINE void put_pixels(enum kind kind, const job *j, int64_t at, int64_t channel, int64_t pixels, int64_t have)
{
    vec mean, rate, shift, c0, c1, c2, c3, x, g, t, q;
    vec_get(&mean, j->mean + channel, have);
    vec_get(&rate, j->rate + channel, have);
    vec_get(&shift, j->shift + channel, have);
    vec_get(&c0, j->c0 + channel, have);
    vec_get(&c1, j->c1 + channel, have);
    vec_get(&c2, j->c2 + channel, have);
    vec_get(&c3, j->c3 + channel, have);
    for (int64_t p = 0; p < pixels; p++, at += j->block) {
        vec_get(&x, j->x + at, have);
        vec d = x - mean, y = d * rate + shift;
        ivec pass = y > 0.0f;
        if (kind == MOMENTS) {
            ivec negative = (ivec)(y < 0.0f) & (j->relu ? -1 : 0);
            y = (vec)((ivec)y & ~negative);
            vec_put(j->y + at, &y, have);
            continue;
        }
        vec_get(&g, j->g + at, have);
        g = j->relu ? (vec)((ivec)g & pass) : g;
        if (kind == COSTS) {
            y = rate * (g - c0) + c1 * d;
            y = j->after ? (vec)((ivec)y & pass) : y;
        } else {
            vec_get(&t, j->t + at, have);
            y = c0 + c1 * d + c2 * t + c3 * g;
            if (j->q) {
                vec_get(&q, j->q + at, have);
                q = j->relu ? (vec)((ivec)q & pass) : q;
                y += rate * q;
            }
        }
        vec_put(j->y + at, &y, have);
    }
}

CPU_INLINE void put_items(enum kind kind, const job *j, int64_t first, int64_t last)
{
    for (int64_t item = first; item < last; item++)
        for (int64_t p = 0; p < j->pixels; p += STEP) {
            int64_t pixels = j->pixels - p < STEP ? j->pixels - p : STEP, k = 0;
            int64_t at = (item * j->pixels + p) * j->block, channel = item % j->blocks * j->block;
            for (; k + LANES <= j->block; k += LANES)
                put_pixels(kind, j, at + k, channel + k, pixels, LANES);
            if (k < j->block)
                put_pixels(kind, j, at + k, channel + k, pixels, j->block - k);
        }
}

CPU_CLONES static void put_moments(void *ctx, int64_t first, int64_t last)
{
    put_items(MOMENTS, ctx, first, last);
}

CPU_CLONES static void put_costs(void *ctx, int64_t first, int64_t last)
{
    put_items(COSTS, ctx, first, last);
}

CPU_CLONES static void put_bends(void *ctx, int64_t first, int64_t last)
{
    put_items(BENDS, ctx, first, last);
}

/* --- the loops --- */

/* About where each channel lies: near enough that the sum of squares about it
 * loses nothing when the mean is taken out. */
static void sample(job *j)
{
    int64_t n = j->pixels < STEP ? j->pixels : STEP;
    for (int64_t c = 0; c < j->channels; c++) {
        const float *x = j->x + c / j->block * j->pixels * j->block + c % j->block;
        double sum = 0;
        for (int64_t p = 0; p < n; p++)
            sum += x[p * j->block];
        j->mean[c] = (float)(sum / (double)n);
    }
}

void plan_norm_y(const plan_step *s, void *const p[])
{
    job j = job_of(s);
    float *mean = p[1], *variance = p[2];
    const float *gamma = p[4], *beta = p[5];
    j.y = p[0];
    j.x = p[3];
    sample(&j);
    const double *m = means(&j, MOMENTS);
    for (int64_t c = 0; c < j.channels; c++) {
        double off = m[c], spread = m[j.channels + c] - off * off;
        spread = spread < 0 ? 0 : spread;
        j.mean[c] = mean[c] = (float)((double)j.mean[c] + off);
        variance[c] = (float)spread;
        j.rate[c] = (float)((double)gamma[c] / sqrt((double)variance[c] + (double)s->eps));
        j.shift[c] = beta[c];
    }
    each_item(&j, put_moments);
}

/* The numbers that made the result. */
static void recall(job *j, const plan_step *s, const float *gamma, const float *beta, const float *mean,
                   const float *variance)
{
    for (int64_t c = 0; c < j->channels; c++) {
        j->mean[c] = mean[c];
        j->rate[c] = (float)((double)gamma[c] / sqrt((double)variance[c] + (double)s->eps));
        j->shift[c] = beta[c];
    }
}

/* With h = d r and r = 1 / sqrt(variance + eps):
 * dx = gamma r (g - mean of g - h mean of g h). */
void plan_norm_x(const plan_step *s, void *const p[])
{
    job j = job_of(s);
    float *dgamma = p[1], *dbeta = p[2];
    const float *gamma = p[5], *variance = p[8];
    j.y = p[0];
    j.g = p[3];
    j.x = p[4];
    recall(&j, s, gamma, p[6], p[7], variance);
    const double *m = means(&j, COSTS);
    for (int64_t c = 0; c < j.channels; c++) {
        double r = 1 / sqrt((double)variance[c] + (double)s->eps), moment = m[j.channels + c];
        dgamma[c] = (float)(moment * r * count_of(&j));
        dbeta[c] = (float)(m[c] * count_of(&j));
        j.c0[c] = (float)m[c];
        j.c1[c] = (float)(-(double)gamma[c] * r * r * r * moment);
    }
    each_item(&j, put_costs);
}

/* The result's tangent is t' = gamma r (t - a - h b) with a = mean of t, b = mean
 * of t h, and g is what reached it; q is what reached the result itself. With
 * c = mean of g h and K = mean of g t - a mean of g - b c:
 * dx = gamma r (q - mean of q - h mean of q h)
 *      - gamma r^2 (h (K - 2 b c) + c (t - a) + b (g - mean of g)). */
void plan_norm_bend(const plan_step *s, void *const p[])
{
    job j = job_of(s);
    float *dgamma = p[1], *dbeta = p[2];
    const float *gamma = p[6], *variance = p[9];
    int64_t n = j.channels;
    j.y = p[0];
    j.x = p[3];
    j.t = p[4];
    j.g = p[5];
    j.q = s->n > 10 ? p[10] : NULL;
    recall(&j, s, gamma, p[7], p[8], variance);
    const double *m = means(&j, BENDS);
    for (int64_t i = 0; i < n; i++) {
        double r = 1 / sqrt((double)variance[i] + (double)s->eps), all = count_of(&j);
        double mg = m[i], c = r * m[n + i], a = m[2 * n + i], b = r * m[3 * n + i];
        double k = m[4 * n + i] - a * mg - b * c, mq = m[5 * n + i], mqh = r * m[6 * n + i], once = gamma[i] * r;
        dgamma[i] = (float)(all * (mqh + r * k));
        dbeta[i] = (float)(all * mq);
        j.c0[i] = (float)(once * (r * (c * a + b * mg) - mq));
        j.c1[i] = (float)(-once * r * (mqh + r * (k - 2 * b * c)));
        j.c2[i] = (float)(-once * r * c);
        j.c3[i] = (float)(-once * r * b);
    }
    each_item(&j, put_bends);
}
