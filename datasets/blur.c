/* blur.c - defocus, glass and Gaussian blur (motion and zoom are in warp.c). */
#include "../harness/text.h"
#include "../kernels/random.h"
#include "corruptions.h"
#include "filters.h"

#include <stdlib.h>
#include <string.h>

static void gaussian_bytes(uint8_t *out, const uint8_t *in, int side, double sigma)
{
    double *x = unit_image(in, side);
    gaussian_filter(x, side, side, 3, sigma, 4, BORDER_REPLICATE);
    bytes_from_unit(out, x, (int64_t)side * side * 3);
    free(x);
}

void corrupt_gaussian_blur(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double sigma[2][5] = {{.4, .6, .7, .8, 1}, {1, 2, 3, 4, 6}};
    (void)seed;
    gaussian_bytes(out, in, side, sigma[corrupt_scale(side)][severity - 1]);
}

void corrupt_defocus_blur(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    /* A radius below 1 is a disk of one pixel: the second number alone blurs. */
    static const struct {
        double radius, alias;
    } table[2][5] = {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}},
                     {{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}};
    double kernel[DISK_MOST * DISK_MOST], *x = unit_image(in, side);
    double *y = text_more(NULL, (size_t)side * (size_t)side * 3 * sizeof *y);
    int s = corrupt_scale(side);
    (void)seed;
    int size = disk_kernel(kernel, table[s][severity - 1].radius, table[s][severity - 1].alias);
    correlate(y, x, side, side, 3, kernel, size);
    bytes_from_unit(out, y, (int64_t)side * side * 3);
    free(y);
    free(x);
}

/* One pass over the pixels, from the last to the first, each taking the value of
 * one nearby. A swap was meant; what the published images show is a copy, for
 * the original assigns through views of one array. */
static void shatter(uint8_t *px, int side, int reach, uint64_t seed)
{
    for (int y = side - reach; y > reach; y--)
        for (int x = side - reach; x > reach; x--) {
            uint64_t draw = 2 * ((uint64_t)y * (uint64_t)side + (uint64_t)x);
            int dx = (int)random_below(seed, draw, 2 * reach) - reach;
            int dy = (int)random_below(seed, draw + 1, 2 * reach) - reach;
            memmove(px + (y * side + x) * 3, px + ((y + dy) * side + x + dx) * 3, 3);
        }
}

void corrupt_glass_blur(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct {
        double sigma;
        int reach, passes;
    } table[2][5] = {{{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}},
                     {{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}};
    int s = corrupt_scale(side), reach = table[s][severity - 1].reach;
    double sigma = table[s][severity - 1].sigma;
    size_t n = (size_t)side * (size_t)side * 3;
    uint8_t *px = text_more(NULL, n);
    gaussian_bytes(px, in, side, sigma);
    for (int i = 0; i < table[s][severity - 1].passes; i++)
        shatter(px, side, reach, random_stream(seed, (uint64_t)i));
    gaussian_bytes(out, px, side, sigma);
    free(px);
}
