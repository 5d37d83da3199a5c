/* filters.c - what the corruptions are built from. Loops run over whole rows of
 * doubles with the taps outside, so that compilers turn them into vectors. */
#include "filters.h"
#include "../harness/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void unit_from_bytes(double *x, const uint8_t *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = in[i] / 255.0;
}

double *unit_image(const uint8_t *in, int side)
{
    int64_t n = (int64_t)side * side * 3;
    double *x = text_more(NULL, (size_t)n * sizeof *x);
    unit_from_bytes(x, in, n);
    return x;
}

void bytes_from_unit(uint8_t *out, const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double v = x[i] < 0 ? 0 : x[i] > 1 ? 1 : x[i];
        out[i] = (uint8_t)(v * 255);
    }
}

int64_t border_at(enum border b, int64_t i, int64_t n)
{
    if (i >= 0 && i < n)
        return i;
    if (b == BORDER_REPLICATE || n == 1)
        return i < 0 ? 0 : n - 1;
    int64_t edge = b == BORDER_MIRROR, period = 2 * (n - edge); /* the image there and back */
    i %= period;
    i = i < 0 ? i + period : i;
    return i < n ? i : period - i - !edge;
}

/* x = n log 2 + r with |r| <= log(2) / 2, then the series of exp(r). */
double exact_exp(double x)
{
    if (x < -745)
        return 0;
    int n = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - n * 0x1.62e42fee00000p-1 - n * 0x1.a39ef35793c76p-33, e = 1;
    for (int k = 14; k > 0; k--)
        e = 1 + e * r / k;
    return ldexp(e, n);
}

void gaussian_weights(double *weight, int radius, double sigma)
{
    double sum = 0, factor = -0.5 / (sigma * sigma);
    for (int k = -radius; k <= radius; k++)
        sum += exact_exp(factor * ((double)k * k));
    for (int k = 0; k <= radius; k++)
        weight[k] = exact_exp(factor * ((double)k * k)) / sum;
}

/* out[i] = sum of weight[|k|] at(k)[i]: the centre first, then from the outside in.
 * `step` lies between neighbours along the filter. */
static void symmetric(double *out, const double *centre, int64_t n, int64_t step, const double *weight, int radius)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = centre[i] * weight[0];
    for (int k = radius; k > 0; k--) {
        const double *before = centre - k * step, *after = centre + k * step;
        for (int64_t i = 0; i < n; i++)
            out[i] += (before[i] + after[i]) * weight[k];
    }
}

/* to[n + 2 radius] elements of `size` doubles, the middle n of which are from's. */
static void extend(double *to, const double *from, int64_t n, int64_t size, int64_t radius, enum border b)
{
    for (int64_t i = -radius; i < n + radius; i++)
        memcpy(to + (i + radius) * size, from + border_at(b, i, n) * size, (size_t)size * sizeof *to);
}

void gaussian_filter(double *x, int h, int w, int channels, double sigma, double truncate, enum border b)
{
    if (sigma <= 1e-15)
        return;
    int radius = (int)(truncate * sigma + 0.5);
    int64_t row = (int64_t)w * channels, reach = 2 * (int64_t)radius;
    double *weight = text_more(NULL, ((size_t)radius + 1) * sizeof *weight);
    double *wide = text_more(NULL, (size_t)((h + reach) * row + reach * channels) * sizeof *wide);
    gaussian_weights(weight, radius, sigma);
    extend(wide, x, h, row, radius, b);
    for (int64_t y = 0; y < h; y++)
        symmetric(x + y * row, wide + (y + radius) * row, row, row, weight, radius);
    for (int64_t y = 0; y < h; y++) {
        extend(wide, x + y * row, w, channels, radius, b);
        symmetric(x + y * row, wide + (int64_t)radius * channels, row, channels, weight, radius);
    }
    free(wide);
    free(weight);
}

void correlate(double *out, const double *in, int h, int w, int channels, const double *kernel, int size)
{
    int64_t row = (int64_t)w * channels, half = size / 2, wide = row + 2 * half * channels;
    double *padded = text_more(NULL, (size_t)((h + 2 * half) * wide) * sizeof *padded);
    for (int64_t y = -half; y < h + half; y++)
        extend(padded + (y + half) * wide, in + border_at(BORDER_MIRROR, y, h) * row, w, channels, half,
               BORDER_MIRROR);
    memset(out, 0, (size_t)(h * row) * sizeof *out);
    for (int64_t y = 0; y < h; y++)
        for (int64_t tap = 0; tap < (int64_t)size * size; tap++) {
            const double *from = padded + (y + tap / size) * wide + tap % size * channels;
            double *to = out + y * row, weight = kernel[tap];
            for (int64_t i = 0; weight != 0 && i < row; i++)
                to[i] += weight * from[i];
        }
    free(padded);
}

/* One pass of a small symmetric filter over a kernel of [size][size]; neighbours
 * along it are `along` apart, lines `across`. */
static void smooth(float *out, const float *in, int size, int along, int across, const float *weight, int reach)
{
    for (int line = 0; line < size; line++)
        for (int i = 0; i < size; i++) {
            const float *at = in + line * across;
            float sum = weight[0] * at[i * along];
            for (int k = 1; k <= reach; k++)
                sum += weight[k] * (at[border_at(BORDER_MIRROR, i - k, size) * along] +
                                    at[border_at(BORDER_MIRROR, i + k, size) * along]);
            out[line * across + i * along] = sum;
        }
}

int disk_kernel(double kernel[DISK_MOST * DISK_MOST], double radius, double alias)
{
    int half = radius > 8 ? (int)radius : 8, size = 2 * half + 1, reach = radius > 8 ? 2 : 1;
    float disk[DISK_MOST * DISK_MOST], across[DISK_MOST * DISK_MOST], inside = 0, weight[3] = {0};
    double exact[3];
    for (int i = 0; i < size * size; i++) {
        double y = i / size - half, x = i % size - half;
        disk[i] = x * x + y * y <= radius * radius;
        inside += disk[i];
    }
    for (int i = 0; i < size * size; i++)
        disk[i] /= inside;
    gaussian_weights(exact, reach, alias);
    for (int k = 0; k <= reach; k++)
        weight[k] = (float)exact[k];
    smooth(across, disk, size, 1, size, weight, reach);
    smooth(disk, across, size, size, 1, weight, reach);
    for (int i = 0; i < size * size; i++)
        kernel[i] = (double)disk[i];
    return size;
}

void hsv_from_rgb(double hsv[3], const double rgb[3])
{
    double r = rgb[0], g = rgb[1], b = rgb[2], most = r > g ? r : g, least = r < g ? r : g;
    most = b > most ? b : most;
    least = b < least ? b : least;
    double spread = most - least, sector = 0;
    if (spread > 0) {
        sector = most == b ? 4 + (r - g) / spread : most == g ? 2 + (b - r) / spread : (g - b) / spread;
    }
    hsv[0] = sector < 0 ? sector / 6 + 1 : sector / 6;
    hsv[1] = spread > 0 ? spread / most : 0;
    hsv[2] = most;
}

void rgb_from_hsv(double rgb[3], const double hsv[3])
{
    /* Which of value, and the three below, each channel takes in each sextant. */
    static const uint8_t takes[6][3] = {{0, 3, 1}, {2, 0, 1}, {1, 0, 3}, {1, 2, 0}, {3, 1, 0}, {0, 1, 2}};
    double h = hsv[0] * 6, s = hsv[1], v = hsv[2], f = h - floor(h);
    double level[4] = {v, v * (1 - s), v * (1 - f * s), v * (1 - (1 - f) * s)};
    for (int c = 0; c < 3; c++)
        rgb[c] = level[takes[(int)h % 6][c]];
}
