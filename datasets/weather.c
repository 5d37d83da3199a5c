/* weather.c - fog, frost and snow: fields drawn from the seed and laid over the image. */
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"
#include "filters.h"
#include "plasma.h"
#include "warp.h"

#include <stdlib.h>

enum { DRAW_CLOUDS, DRAW_DETAIL, DRAW_LAYER, DRAW_ANGLE }; /* streams of one seed */

static double *clouds(int size, double decay, uint64_t stream)
{
    double *p = text_more(NULL, (size_t)size * (size_t)size * sizeof *p);
    plasma_field(p, size, decay, stream);
    return p;
}

/* Weighed down by as much as the fog adds, so that the brightest value stays what it was at most. */
void corrupt_fog(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct fogs {
        double amount, decay;
    } constants[2][5] = {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}},
                         {{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}};
    const struct fogs *c = &constants[corrupt_scale(side)][severity - 1];
    int n = side * side * 3, size = plasma_size(side);
    double *fog = clouds(size, c->decay, random_stream(seed, DRAW_CLOUDS)), most = 0;
    double *x = text_more(NULL, (size_t)n * sizeof *x);
    unit_from_bytes(x, in, n);
    for (int i = 0; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (int i = 0; i < n; i++) {
        double there = c->amount * fog[i / 3 / side * size + i / 3 % side];
        x[i] = (x[i] + there) * most / (most + c->amount);
    }
    bytes_from_unit(out, x, n);
    free(x);
    free(fog);
}

/* In place of a photograph: rough clouds and, at half their weight, finer ones; what rises
 * above a threshold is ice, from a dark blue to a bluish white. */
void corrupt_frost_proc(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct frosts {
        double image, frost;
    } constants[2][5] = {{{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}},
                         {{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}};
    const struct frosts *c = &constants[corrupt_scale(side)][severity - 1];
    static const double bare[3] = {40, 55, 80}, ice[3] = {225, 240, 255};
    const double threshold = 0.4, covered = 0.7, decay = 1.3; /* mean level 130, deviation 62 */
    int size = plasma_size(side);
    double *coarse = clouds(size, decay, random_stream(seed, DRAW_CLOUDS));
    double *fine = clouds(size, decay, random_stream(seed, DRAW_DETAIL));
    for (int i = 0; i < side * side; i++) {
        int y = i / side, x = i % side;
        double height = coarse[y * size + x] * 2 / 3 + fine[2 * y % size * size + 2 * x % size] / 3;
        double t = (height - threshold) / (covered - threshold);
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        for (int k = 0; k < 3; k++) {
            double v = c->image * in[3 * i + k] + c->frost * (bare[k] + t * (ice[k] - bare[k]));
            out[3 * i + k] = v < 255 ? (uint8_t)v : 255;
        }
    }
    free(coarse);
    free(fine);
}

typedef struct snowfall {
    double mean, deviation, zoom, threshold, radius, sigma, image; /* the flakes; their fall; how grey it gets */
} snowfall;

/* flakes[side][side]: noise, enlarged, of which only the brightest stay, blurred as they fall. */
static void fall(uint8_t *flakes, int side, const snowfall *c, uint64_t seed)
{
    int n = side * side;
    uint64_t layer = random_stream(seed, DRAW_LAYER);
    double degrees = 90 * (double)random_uniform(random_stream(seed, DRAW_ANGLE), 0) - 135;
    float *noise = text_more(NULL, 2 * (size_t)n * sizeof *noise), *large = noise + n;
    uint8_t *still = text_more(NULL, (size_t)n);
    for (int i = 0; i < n; i++)
        noise[i] = (float)(c->mean + c->deviation * (double)random_normal(layer, (uint64_t)i));
    warp_zoom(large, noise, side, 1, c->zoom);
    for (int i = 0; i < n; i++)
        large[i] = (double)large[i] < c->threshold ? 0 : large[i];
    bytes_from_floats(still, large, n);
    warp_motion(flakes, still, side, 1, c->radius, c->sigma, degrees);
    free(still);
    free(noise);
}

void corrupt_snow(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const snowfall constants[2][5] = {
        {{.1, .2, 1, .6, 8, 3, .95},
         {.1, .2, 1, .5, 10, 4, .9},
         {.15, .3, 1.75, .55, 10, 4, .9},
         {.25, .3, 2.25, .6, 12, 6, .85},
         {.3, .3, 1.25, .65, 14, 12, .8}},
        {{.1, .3, 3, .5, 10, 4, .8},
         {.2, .3, 2, .5, 12, 4, .7},
         {.55, .3, 4, .9, 12, 8, .7},
         {.55, .3, 4.5, .85, 12, 8, .65},
         {.55, .3, 2.5, .85, 12, 12, .55}},
    };
    const snowfall *c = &constants[corrupt_scale(side)][severity - 1];
    int n = side * side;
    uint8_t *flakes = text_more(NULL, (size_t)n);
    fall(flakes, side, c, seed);
    for (int i = 0; i < n; i++) {
        float x[3];
        double level[3];
        floats_from_bytes(x, in + 3 * i, 3);
        float grey = .299f * x[0] + .587f * x[1] + .114f * x[2], white = grey * 1.5f + 0.5f;
        for (int k = 0; k < 3; k++) {
            float image = (float)c->image * x[k] + (float)(1 - c->image) * (x[k] > white ? x[k] : white);
            level[k] = (double)image + flakes[i] / 255.0 + flakes[n - 1 - i] / 255.0;
        }
        bytes_from_unit(out + 3 * i, level, 3);
    }
    free(flakes);
}
