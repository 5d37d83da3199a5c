/* augmix.c - augmentations for training: AugMix (Hendrycks et al. 2020) as
 * torchvision has it, and random crops.
 *
 * AugMix mixes an image with three chains of one to three operations. Strengths
 * are drawn from the first `severity` of ten steps, the first of which is none:
 * at severity 1 only autocontrast, equalise, posterise and, for values of 255,
 * solarise do anything. Operations go from bytes to bytes; what mixes or blends
 * is single precision and truncated, what interpolates is rounded, as there. */
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 10, CHAINS = 3, DEEPEST = 3, PADDING = 4 };

static uint8_t clip(float v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* --- Geometry --- */

/* The colour at (y, x), in pixels between centres; black around the image. */
static void bilinear(uint8_t out[3], const uint8_t *in, int side, double y, double x)
{
    double top = floor(y), left = floor(x), sum[3] = {0};
    for (int k = 0; k < 4; k++) {
        double i = top + k / 2, j = left + k % 2, weight = (1 - fabs(y - i)) * (1 - fabs(x - j));
        if (i < 0 || i >= side || j < 0 || j >= side)
            continue;
        const uint8_t *px = in + ((int)i * side + (int)j) * 3;
        for (int c = 0; c < 3; c++)
            sum[c] += weight * px[c];
    }
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)rint(sum[c]);
}

/* Where out(y,x) comes from, coordinates counted from the image's centre. */
typedef struct affine {
    double yy, yx, y; /* yy * y + yx * x + y */
    double xy, xx, x;
} affine;

static void warp(uint8_t *out, const uint8_t *in, int side, affine a)
{
    double middle = side * 0.5 - 0.5;
    for (int i = 0; i < side; i++)
        for (int j = 0; j < side; j++, out += 3) {
            double y = i - middle, x = j - middle;
            bilinear(out, in, side, a.yy * y + a.yx * x + a.y + middle, a.xy * y + a.xx * x + a.x + middle);
        }
}

static void shear_x(uint8_t *out, const uint8_t *in, int side, double t)
{
    warp(out, in, side, (affine){.yy = 1, .xx = 1, .xy = 0.3 * t, .x = 0.3 * t * side * 0.5});
}

static void shear_y(uint8_t *out, const uint8_t *in, int side, double t)
{
    warp(out, in, side, (affine){.yy = 1, .xx = 1, .yx = 0.3 * t, .y = 0.3 * t * side * 0.5});
}

static void translate_x(uint8_t *out, const uint8_t *in, int side, double t)
{
    warp(out, in, side, (affine){.yy = 1, .xx = 1, .x = -trunc(side / 3.0 * t)});
}

static void translate_y(uint8_t *out, const uint8_t *in, int side, double t)
{
    warp(out, in, side, (affine){.yy = 1, .xx = 1, .y = -trunc(side / 3.0 * t)});
}

static void rotate(uint8_t *out, const uint8_t *in, int side, double t)
{
    double angle = 0.52359877559829887 * t, s = random_sin(angle), c = random_cos(angle); /* 30 degrees */
    warp(out, in, side, (affine){.yy = c, .yx = s, .xy = -s, .xx = c});
}

/* --- Tone --- */

static void posterize(uint8_t *out, const uint8_t *in, int side, double t)
{
    int bits = 4 - (int)(4 * t + 0.5);
    for (int i = 0; i < side * side * 3; i++)
        out[i] = (uint8_t)(in[i] >> (8 - bits) << (8 - bits));
}

static void solarize(uint8_t *out, const uint8_t *in, int side, double t)
{
    double threshold = 255 - 255 * t;
    for (int i = 0; i < side * side * 3; i++)
        out[i] = in[i] >= threshold ? 255 - in[i] : in[i];
}

static void autocontrast(uint8_t *out, const uint8_t *in, int side, double t)
{
    (void)t;
    for (int c = 0; c < 3; c++) {
        int least = 255, most = 0, n = side * side * 3;
        for (int i = c; i < n; i += 3) {
            least = in[i] < least ? in[i] : least;
            most = in[i] > most ? in[i] : most;
        }
        float scale = most > least ? 255.0f / (float)(most - least) : 1;
        least = most > least ? least : 0;
        for (int i = c; i < n; i += 3)
            out[i] = clip((float)(in[i] - least) * scale);
    }
}

/* A table that spreads the values below the largest evenly, in whole steps. */
static void equalize(uint8_t *out, const uint8_t *in, int side, double t)
{
    (void)t;
    for (int c = 0; c < 3; c++) {
        int count[256] = {0}, most = 0, n = side * side * 3;
        uint8_t level[256];
        for (int i = c; i < n; i += 3) {
            count[in[i]]++;
            most = in[i] > most ? in[i] : most;
        }
        int step = (side * side - count[most]) / 255, below = 0;
        for (int v = 0; v < 256; v++) {
            int even = step ? (below + step / 2) / step : v;
            level[v] = (uint8_t)(v == 0 ? 0 : even > 255 ? 255 : even);
            below += count[v];
        }
        for (int i = c; i < n; i += 3)
            out[i] = level[in[i]];
    }
}

/* --- Blends: (1 + 0.9 t) of the image and -0.9 t of a duller one. --- */

static uint8_t blend(int image, float dull, double t)
{
    double ratio = 1 + 0.9 * t;
    return clip((float)ratio * (float)image + (float)(1 - ratio) * dull);
}

static int grey(const uint8_t *rgb)
{
    return (int)(0.2989f * (float)rgb[0] + 0.587f * (float)rgb[1] + 0.114f * (float)rgb[2]);
}

static void brightness(uint8_t *out, const uint8_t *in, int side, double t)
{
    for (int i = 0; i < side * side * 3; i++)
        out[i] = blend(in[i], 0, t);
}

static void colour(uint8_t *out, const uint8_t *in, int side, double t)
{
    for (int i = 0; i < side * side * 3; i++)
        out[i] = blend(in[i], (float)grey(in + i / 3 * 3), t);
}

static void contrast(uint8_t *out, const uint8_t *in, int side, double t)
{
    int64_t sum = 0;
    for (int i = 0; i < side * side; i++)
        sum += grey(in + 3 * i);
    for (int i = 0; i < side * side * 3; i++)
        out[i] = blend(in[i], (float)sum / (float)(side * side), t);
}

/* The duller image is 3 x 3 means in which the middle counts five times; edges stay. */
static void sharpness(uint8_t *out, const uint8_t *in, int side, double t)
{
    int row = side * 3;
    memcpy(out, in, (size_t)(side * row));
    for (int y = 1; y < side - 1; y++)
        for (int i = y * row + 3; i < (y + 1) * row - 3; i++) {
            int sum = 4 * in[i];
            for (int k = -row; k <= row; k += row)
                sum += in[i + k - 3] + in[i + k] + in[i + k + 3];
            out[i] = blend(in[i], (float)((2 * sum + 13) / 26), t);
        }
}

/* --- AugMix --- */

static const struct {
    void (*apply)(uint8_t *out, const uint8_t *in, int side, double t);
    int either_way; /* t is negative half of the time */
} operations[AUGMIX_OPERATIONS] = {
    [AUGMIX_SHEAR_X] = {shear_x, 1},         [AUGMIX_SHEAR_Y] = {shear_y, 1},
    [AUGMIX_TRANSLATE_X] = {translate_x, 1}, [AUGMIX_TRANSLATE_Y] = {translate_y, 1},
    [AUGMIX_ROTATE] = {rotate, 1},           [AUGMIX_POSTERIZE] = {posterize, 0},
    [AUGMIX_SOLARIZE] = {solarize, 0},       [AUGMIX_AUTOCONTRAST] = {autocontrast, 0},
    [AUGMIX_EQUALIZE] = {equalize, 0},       [AUGMIX_BRIGHTNESS] = {brightness, 1},
    [AUGMIX_COLOUR] = {colour, 1},           [AUGMIX_CONTRAST] = {contrast, 1},
    [AUGMIX_SHARPNESS] = {sharpness, 1},
};

void augmix_operate(uint8_t *out, const uint8_t *in, int side, enum augmix_operation which, double t)
{
    operations[which].apply(out, in, side, t);
}

/* n weights, uniform among those that add to 1. */
static void dirichlet(float *weight, int n, uint64_t seed)
{
    double part[CHAINS], sum = 0;
    for (int i = 0; i < n; i++) {
        double u = ((double)(random_bits(seed, (uint64_t)i) >> 12) + 0.5) * 0x1p-52;
        sum += part[i] = -random_log(u);
    }
    for (int i = 0; i < n; i++)
        weight[i] = (float)(part[i] / sum);
}

/* Through one to three operations; returns which of the two buffers it ended in. */
static const uint8_t *chain(uint8_t *buffer[2], const uint8_t *in, int side, int severity, uint64_t seed)
{
    int depth = 1 + (int)random_below(seed, 0, DEEPEST);
    for (int k = 0; k < depth; k++) {
        uint64_t draws = random_stream(seed, (uint64_t)k);
        int which = (int)random_below(draws, 0, AUGMIX_OPERATIONS);
        double t = (double)random_below(draws, 1, severity) / (STEPS - 1);
        if (operations[which].either_way && random_below(draws, 2, 2))
            t = -t;
        operations[which].apply(buffer[k % 2], in, side, t);
        in = buffer[k % 2];
    }
    return in;
}

void corrupt_augmix(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    enum { SHARES, WEIGHTS, FIRST_CHAIN }; /* branches of the seed */
    float share[2], weight[CHAINS];
    int n = side * side * 3;
    float *mix = text_more(NULL, (size_t)n * sizeof *mix);
    uint8_t *buffer[2] = {text_more(NULL, (size_t)n), text_more(NULL, (size_t)n)};
    dirichlet(share, 2, random_stream(seed, SHARES));
    dirichlet(weight, CHAINS, random_stream(seed, WEIGHTS));
    for (int i = 0; i < n; i++)
        mix[i] = share[0] * (float)in[i];
    for (int k = 0; k < CHAINS; k++) {
        const uint8_t *end = chain(buffer, in, side, severity, random_stream(seed, (uint64_t)(FIRST_CHAIN + k)));
        for (int i = 0; i < n; i++)
            mix[i] += weight[k] * share[1] * (float)end[i];
    }
    for (int i = 0; i < n; i++)
        out[i] = clip(mix[i]);
    free(buffer[0]);
    free(buffer[1]);
    free(mix);
}

/* A window into the image with four black pixels around it; severity does not matter. */
void corrupt_random_crop(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    int down = (int)random_below(seed, 0, 2 * PADDING + 1) - PADDING;
    int right = (int)random_below(seed, 1, 2 * PADDING + 1) - PADDING;
    (void)severity;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++, out += 3) {
            int i = y + down, j = x + right, inside = i >= 0 && i < side && j >= 0 && j < side;
            if (inside)
                memcpy(out, in + (i * side + j) * 3, 3);
            else
                memset(out, 0, 3);
        }
}
