/* crop.c - in float where torchvision's tensors are float, in double where it
 * computes with Python's numbers, and the same on every machine: exp and log are of
 * + - * / alone, to less than the last bit of a float. */
#include "crop.h"
#include "../kernels/random.h"

#include <math.h>

/* e^x for |x| < 700: x = k log 2 + r, and the series of e^r. */
static double exponential(double x)
{
    double k = floor(x / 0.69314718055994531 + 0.5), r = x - k * 0.69314718055994531, sum = 1;
    for (int i = 16; i > 0; i--)
        sum = 1 + sum * r / i;
    return ldexp(sum, (int)k);
}

/* Rounded once, as PyTorch's fused multiply-add does; the product is exact in double. */
static float between(float u, float lo, float hi)
{
    return (float)((double)u * (double)(hi - lo) + (double)lo);
}

/* The middle of the image; its whole height or width unless it is too long for the ratios. */
static resize_part middle(const crop_range *r, int64_t w, int64_t h)
{
    double in = (double)w / (double)h;
    resize_part p = {.w = w, .h = h};
    if (in < r->ratio[0])
        p.h = (int64_t)rint((double)w / r->ratio[0]);
    else if (in > r->ratio[1])
        p.w = (int64_t)rint((double)h * r->ratio[1]);
    p.x = (w - p.w) / 2;
    p.y = (h - p.h) / 2;
    return p;
}

int crop_size(const crop_range *r, int64_t w, int64_t h, float u[CROP_TRIES][2], resize_part *out)
{
    float lo = (float)random_log((double)(float)r->ratio[0]), hi = (float)random_log((double)(float)r->ratio[1]);
    *out = middle(r, w, h);
    for (int i = 0; i < CROP_TRIES; i++) {
        double area = (double)(w * h) * (double)between(u[i][0], (float)r->scale[0], (float)r->scale[1]);
        double ratio = (double)(float)exponential((double)between(u[i][1], lo, hi));
        int64_t cw = (int64_t)rint(sqrt(area * ratio)), ch = (int64_t)rint(sqrt(area / ratio));
        if (cw <= 0 || cw > w || ch <= 0 || ch > h)
            continue;
        *out = (resize_part){(w - cw) / 2, (h - ch) / 2, cw, ch};
        return 1;
    }
    return 0;
}

resize_part crop_draw(const crop_range *r, int64_t w, int64_t h, uint64_t seed, uint64_t index)
{
    float u[CROP_TRIES][2];
    resize_part p;
    for (int i = 0; i < CROP_TRIES; i++)
        for (int k = 0; k < 2; k++)
            u[i][k] = random_uniform(seed, index + (uint64_t)(2 * i + k));
    if (!crop_size(r, w, h, u, &p))
        return p;
    p.y = random_below(seed, index + 2 * CROP_TRIES, h - p.h + 1);
    p.x = random_below(seed, index + 2 * CROP_TRIES + 1, w - p.w + 1);
    return p;
}
