/* colour.c - brightness, contrast, saturation. */
#include "corruptions.h"
#include "filters.h"

#include <stdlib.h>

/* Channel `which` of hue, saturation, value becomes clip(channel * times + plus). */
static void change_hsv(uint8_t *out, const uint8_t *in, int side, int which, double times, double plus)
{
    double *x = unit_image(in, side), hsv[3];
    int64_t n = (int64_t)side * side * 3;
    for (double *rgb = x; rgb < x + n; rgb += 3) {
        hsv_from_rgb(hsv, rgb);
        double v = hsv[which] * times + plus;
        hsv[which] = v < 0 ? 0 : v > 1 ? 1 : v;
        rgb_from_hsv(rgb, hsv);
    }
    bytes_from_unit(out, x, n);
    free(x);
}

void corrupt_brightness(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double plus[2][5] = {{.05, .1, .15, .2, .3}, {.1, .2, .3, .4, .5}};
    (void)seed;
    change_hsv(out, in, side, 2, 1, plus[corrupt_scale(side)][severity - 1]);
}

void corrupt_saturate(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const struct {
        double times, plus;
    } table[2][5] = {{{.3, 0}, {.1, 0}, {1.5, 0}, {2, .1}, {2.5, .2}},
                     {{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}};
    int s = corrupt_scale(side);
    (void)seed;
    change_hsv(out, in, side, 1, table[s][severity - 1].times, table[s][severity - 1].plus);
}

/* Towards the mean of each channel. */
void corrupt_contrast(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double table[2][5] = {{.75, .5, .4, .3, .15}, {.4, .3, .2, .1, .05}};
    double keep = table[corrupt_scale(side)][severity - 1], *x = unit_image(in, side), mean[3] = {0};
    int64_t pixels = (int64_t)side * side;
    (void)seed;
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            mean[c] += x[3 * i + c];
    for (int c = 0; c < 3; c++)
        mean[c] /= (double)pixels;
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++)
            x[3 * i + c] = (x[3 * i + c] - mean[c]) * keep + mean[c];
    bytes_from_unit(out, x, 3 * pixels);
    free(x);
}
