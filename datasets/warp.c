/* warp.c - zoom, motion blur, affine maps and displacement. Images are float, as
 * in the generators; positions and sums are double. */
#include "warp.h"
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"
#include "filters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void floats_from_bytes(float *x, const uint8_t *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)in[i] / 255.0f;
}

void bytes_from_floats(uint8_t *out, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] < 0 ? 0 : x[i] > 1 ? 1 : x[i];
        out[i] = (uint8_t)(v * 255.0f);
    }
}

/* The pixel at or before a place on one axis, the one after it, and how far between. */
typedef struct place {
    int before, after;
    double t;
} place;

static void blend(float *out, const float *in, int side, int channels, place y, place x)
{
    const float *a = in + (y.before * side + x.before) * channels;
    const float *b = in + (y.before * side + x.after) * channels;
    const float *c = in + (y.after * side + x.before) * channels;
    const float *d = in + (y.after * side + x.after) * channels;
    for (int k = 0; k < channels; k++) {
        double above = a[k] + x.t * ((double)b[k] - a[k]), below = c[k] + x.t * ((double)d[k] - c[k]);
        out[k] = (float)(above + y.t * (below - above));
    }
}

/* Pixel i of `out` when `in` pixels from `first` on are stretched over that many. */
static place stretched(int i, int first, int in, int out)
{
    double at = out > 1 ? (double)i * (in - 1) / (out - 1) : 0;
    int before = (int)at;
    return (place){first + before, first + (before + 1 < in ? before + 1 : before), at - before};
}

void warp_zoom(float *out, const float *in, int side, int channels, double factor)
{
    int crop = (int)ceil(side / factor), first = (side - crop) / 2;
    int large = (int)nearbyint(crop * factor), trim = (large - side) / 2;
    for (int y = 0; y < side; y++) {
        place row = stretched(y + trim, first, crop, large);
        for (int x = 0; x < side; x++)
            blend(out + (y * side + x) * channels, in, side, channels, row,
                  stretched(x + trim, first, crop, large));
    }
}

int warp_motion_weights(double weight[MOTION_MOST], double radius, double sigma)
{
    int n = 2 * (int)ceil(radius) + 1;
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += weight[i] = exact_exp(-i * i / (2 * sigma * sigma));
    for (int i = 0; i < n; i++)
        weight[i] /= sum;
    return n;
}

/* Cosine and sine, by quarter turns, for random.h's are for 45 degrees and less. */
static void direction(double degrees, double *x, double *y)
{
    double quarters = floor(degrees / 90 + 0.5), rest = (degrees - 90 * quarters) * (3.14159265358979323846 / 180);
    double c = random_cos(rest), s = random_sin(rest);
    const double turned[4][2] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
    int64_t quarter = (int64_t)quarters & 3;
    *x = turned[quarter][0];
    *y = turned[quarter][1];
}

void warp_motion(uint8_t *out, const uint8_t *in, int side, int channels, double radius, double sigma,
                 double degrees)
{
    double weight[MOTION_MOST], ahead_x, ahead_y;
    direction(degrees, &ahead_x, &ahead_y);
    int dx[MOTION_MOST], dy[MOTION_MOST], n = warp_motion_weights(weight, radius, sigma);
    for (int i = 0; i < n; i++) {
        dx[i] = (int)ceil(i * ahead_x - 0.5);
        dy[i] = (int)ceil(i * ahead_y - 0.5);
    }
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            double sum[4] = {0};
            for (int i = 0; i < n; i++) {
                int64_t fx = border_at(BORDER_REPLICATE, x + dx[i], side);
                int64_t fy = border_at(BORDER_REPLICATE, y + dy[i], side);
                const uint8_t *from = in + (fy * side + fx) * channels;
                for (int k = 0; k < channels; k++)
                    sum[k] += weight[i] * from[k];
            }
            for (int k = 0; k < channels; k++)
                *out++ = (uint8_t)(sum[k] + 0.5);
        }
}

/* The inverse of the map that takes the square's corners to where they moved: L e = f
 * for two of its edges e after and f before, and the corner between them back to its place. */
affine affine_random(int side, double jitter, uint64_t seed)
{
    double c = floor(side / 2.0), q = floor(side / 3.0);
    const double x[3] = {c + q, c + q, c - q}, y[3] = {c + q, c - q, c - q};
    double u[3], v[3];
    for (uint64_t i = 0; i < 3; i++) {
        u[i] = x[i] + jitter * (2.0 * (double)random_uniform(seed, 2 * i) - 1);
        v[i] = y[i] + jitter * (2.0 * (double)random_uniform(seed, 2 * i + 1) - 1);
    }
    double ax = u[0] - u[1], ay = v[0] - v[1], bx = u[1] - u[2], by = v[1] - v[2], area = ax * by - bx * ay;
    affine m = {
        .xx = -2 * q * ay / area, .xy = 2 * q * ax / area, .yx = 2 * q * by / area, .yy = -2 * q * bx / area};
    m.x0 = x[1] - m.xx * u[1] - m.xy * v[1];
    m.y0 = y[1] - m.yx * u[1] - m.yy * v[1];
    return m;
}

static place mirrored(double at, int n, enum border b)
{
    int before = (int)floor(at);
    if (before >= 0 && before + 1 < n)
        return (place){before, before + 1, at - before};
    return (place){(int)border_at(b, before, n), (int)border_at(b, before + 1, n), at - before};
}

void warp_affine(float *out, const float *in, int side, int channels, const affine *from)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            place column = mirrored(from->xx * x + from->xy * y + from->x0, side, BORDER_MIRROR);
            place row = mirrored(from->yx * x + from->yy * y + from->y0, side, BORDER_MIRROR);
            blend(out + (y * side + x) * channels, in, side, channels, row, column);
        }
}

void warp_displace(float *out, const float *in, int side, int channels, const float *dx, const float *dy)
{
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int i = y * side + x;
            place column = mirrored(x + (double)dx[i], side, BORDER_REFLECT);
            place row = mirrored(y + (double)dy[i], side, BORDER_REFLECT);
            blend(out + i * channels, in, side, channels, row, column);
        }
}

enum { DRAW_ANGLE, DRAW_AFFINE, DRAW_X, DRAW_Y }; /* streams of one seed */

void corrupt_motion_blur(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct motion {
        double radius, sigma;
    } constants[2][5] = {{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}},
                         {{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}};
    const struct motion *c = &constants[corrupt_scale(side)][severity - 1];
    double degrees = 90 * (double)random_uniform(random_stream(seed, DRAW_ANGLE), 0) - 45;
    warp_motion(out, in, side, 3, c->radius, c->sigma, degrees);
}

/* The first factor is 1: the image itself comes in twice. Factors are those of NumPy's
 * arange, whose steps are a little wide: 1.25 is a hair more and rounds 32.5 pixels up. */
void corrupt_zoom_blur(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    (void)seed;
    static const struct zooms {
        double step;
        int count;
    } constants[2][5] = {{{.01, 7}, {.01, 12}, {.01, 16}, {.01, 21}, {.01, 26}},
                         {{.01, 12}, {.01, 16}, {.02, 11}, {.02, 13}, {.03, 11}}};
    const struct zooms *c = &constants[corrupt_scale(side)][severity - 1];
    int n = side * side * 3;
    float *image = text_more(NULL, 3 * (size_t)n * sizeof *image), *zoomed = image + n, *sum = zoomed + n;
    floats_from_bytes(image, in, n);
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int k = 0; k < c->count; k++) {
        warp_zoom(zoomed, image, side, 3, 1 + k * ((1 + c->step) - 1));
        for (int i = 0; i < n; i++)
            sum[i] += zoomed[i];
    }
    for (int i = 0; i < n; i++)
        sum[i] = (image[i] + sum[i]) / (float)(c->count + 1);
    bytes_from_floats(out, sum, n);
    free(image);
}

/* A smooth field of displacements, in pixels. */
static void displacements(float *field, int side, double alpha, double sigma, uint64_t seed)
{
    int n = side * side;
    double *noise = text_more(NULL, (size_t)n * sizeof *noise);
    for (int i = 0; i < n; i++)
        noise[i] = 2 * (double)random_uniform(seed, (uint64_t)i) - 1;
    gaussian_filter(noise, side, side, 1, sigma, 3, BORDER_REFLECT);
    for (int i = 0; i < n; i++)
        field[i] = (float)(alpha * noise[i]);
    free(noise);
}

/* Those of side 224 are parts of 244, a slip that the published images have. */
void corrupt_elastic_transform(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct elastic {
        double alpha, sigma, affine;
    } constants[2][5] = {
        {{0, 0, 2.56}, {1.6, 6.4, 2.24}, {2.56, 1.92, 1.92}, {3.2, 1.28, 1.6}, {3.2, .96, .96}},
        {{488, 170.8, 24.4}, {488, 19.52, 48.8}, {12.2, 2.44, 4.88}, {17.08, 2.44, 4.88}, {29.28, 2.44, 4.88}}};
    const struct elastic *c = &constants[corrupt_scale(side)][severity - 1];
    int pixels = side * side, n = pixels * 3;
    float *image = text_more(NULL, 8 * (size_t)pixels * sizeof *image), *warped = image + n;
    float *dx = warped + n, *dy = dx + pixels;
    affine moved = affine_random(side, c->affine, random_stream(seed, DRAW_AFFINE));
    floats_from_bytes(image, in, n);
    warp_affine(warped, image, side, 3, &moved);
    displacements(dx, side, c->alpha, c->sigma, random_stream(seed, DRAW_X));
    displacements(dy, side, c->alpha, c->sigma, random_stream(seed, DRAW_Y));
    warp_displace(image, warped, side, 3, dx, dy);
    bytes_from_floats(out, image, n);
    free(image);
}
