/* spatter.c - drops of water or mud on the lens: blobs of smoothed noise; water
 * shines at its rims, mud covers. */
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"
#include "edges.h"
#include "filters.h"
#include "warp.h"

#include <math.h>
#include <stdlib.h>

typedef struct drops {
    double mean, deviation, sigma, threshold, amount;
    int mud;
} drops;

static void mean_of_nine(double *out, const double *in, int side)
{
    static const double ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    correlate(out, in, side, side, 1, ones, 3);
    for (int i = 0; i < side * side; i++)
        out[i] *= 1.0 / 9; /* not a ninth each: sums of whole numbers must not round down */
}

/* light[side][side]: how brightly each place of a drop shines, 0..255: its distance
 * from the rim, 20 pixels at most, with its contrast raised, lit from one corner. */
static void relief(double *light, const uint8_t *drop, int side)
{
    static const double lit[9] = {-2, -1, 0, -1, 1, 1, 0, 1, 2};
    int n = side * side;
    uint8_t *px = text_more(NULL, (size_t)n);
    float *distance = text_more(NULL, (size_t)n * sizeof *distance);
    double *work = text_more(NULL, (size_t)n * sizeof *work);
    edges_find(px, drop, side, 50, 150);
    edges_distance(distance, px, side);
    for (int i = 0; i < n; i++)
        work[i] = distance[i] < 20 ? (double)distance[i] : 20;
    mean_of_nine(light, work, side);
    for (int i = 0; i < n; i++)
        px[i] = (uint8_t)light[i];
    edges_equalise(px, n);
    for (int i = 0; i < n; i++)
        work[i] = px[i];
    correlate(light, work, side, side, 1, lit, 3);
    for (int i = 0; i < n; i++)
        work[i] = light[i] < 0 ? 0 : light[i] > 255 ? 255 : light[i];
    mean_of_nine(light, work, side);
    for (int i = 0; i < n; i++)
        light[i] = nearbyint(light[i]);
    free(work);
    free(distance);
    free(px);
}

/* cover[side][side]: how much of the colour is added. */
static void water(double *cover, const double *layer, int side, double amount)
{
    int n = side * side;
    double most = 0;
    uint8_t *drop = text_more(NULL, (size_t)n);
    for (int i = 0; i < n; i++)
        drop[i] = (uint8_t)(int)(255 * layer[i]); /* above 1 it starts again from 0, as published */
    relief(cover, drop, side);
    for (int i = 0; i < n; i++) {
        cover[i] *= drop[i];
        most = cover[i] > most ? cover[i] : most;
    }
    for (int i = 0; i < n; i++)
        cover[i] = most > 0 ? cover[i] / most * amount : 0;
    free(drop);
}

static void mud(double *cover, const double *layer, int side, double threshold, double sigma)
{
    int n = side * side;
    for (int i = 0; i < n; i++)
        cover[i] = layer[i] > threshold;
    gaussian_filter(cover, side, side, 1, sigma, 4, BORDER_REPLICATE);
    for (int i = 0; i < n; i++)
        cover[i] = cover[i] < 0.8 ? 0 : cover[i];
}

static void splash(double *layer, int side, const drops *c, uint64_t seed)
{
    int n = side * side;
    for (int i = 0; i < n; i++)
        layer[i] = c->mean + c->deviation * (double)random_normal(seed, (uint64_t)i);
    gaussian_filter(layer, side, side, 1, c->sigma, 4, BORDER_REPLICATE);
    for (int i = 0; i < n; i++)
        layer[i] = layer[i] < c->threshold ? 0 : layer[i];
}

void corrupt_spatter(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const drops constants[2][5] = {
        {{.62, .1, .7, .7, .5, 0},
         {.65, .1, .8, .7, .5, 0},
         {.65, .3, 1, .69, .5, 0},
         {.65, .1, .7, .69, .6, 1},
         {.65, .1, .5, .68, .6, 1}},
        {{.65, .3, 4, .69, .6, 0},
         {.65, .3, 3, .68, .6, 0},
         {.65, .3, 2, .68, .5, 0},
         {.65, .3, 1, .65, 1.5, 1},
         {.67, .4, 1, .65, 1.5, 1}},
    };
    static const double colours[2][3] = {{175, 238, 238}, {63, 42, 20}}; /* pale turquoise, brown */
    const drops *c = &constants[corrupt_scale(side)][severity - 1];
    int n = side * side;
    double *layer = text_more(NULL, 2 * (size_t)n * sizeof *layer), *cover = layer + n;
    splash(layer, side, c, seed);
    if (c->mud)
        mud(cover, layer, side, c->threshold, c->amount);
    else
        water(cover, layer, side, c->amount);
    for (int i = 0; i < n; i++) {
        float x[3], m = (float)cover[i];
        floats_from_bytes(x, in + 3 * i, 3);
        for (int k = 0; k < 3; k++)
            x[k] = x[k] * (c->mud ? 1 - m : 1) + m * (float)(colours[c->mud][k] / 255);
        bytes_from_floats(out + 3 * i, x, 3);
    }
    free(layer);
}
