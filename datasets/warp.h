/* warp.h - what moves pixels about: zoom, motion blur, affine maps and fields of
 * displacement. Images are [side][side][channels], at most 4 channels; out and
 * in do not overlap. Bilinear between pixel centres, which lie at whole numbers. */
#ifndef WARP_H
#define WARP_H

#include <stdint.h>

/* As unit_from_bytes and bytes_from_unit, in single precision: truncated or not, a
 * byte that nothing changed comes back. */
void floats_from_bytes(float *x, const uint8_t *in, int64_t n);
void bytes_from_floats(uint8_t *out, const float *x, int64_t n);

/* Enlarged about the centre, factor >= 1: a crop of ceil(side / factor) pixels is
 * stretched, its outermost centres staying outermost, and trimmed to side. */
void warp_zoom(float *out, const float *in, int side, int channels, double factor);

/* How far one side of a Gaussian reaches: the weights of 2 ceil(radius) + 1 steps
 * in one direction, which sum to 1. Returns how many there are; radius <= 32. */
enum { MOTION_MOST = 65 };
int warp_motion_weights(double weight[MOTION_MOST], double radius, double sigma);

/* Motion blur as ImageMagick does it: every pixel takes the weighted pixels that
 * lie ahead of it in one direction (0 degrees: greater x; 90: greater y), those
 * outside being the nearest inside. Rounded to 8 bits. */
void warp_motion(uint8_t *out, const uint8_t *in, int side, int channels, double radius, double sigma,
                 double degrees);

/* Where the value of pixel (x, y) comes from: (xx x + xy y + x0, yx x + yy y + y0). */
typedef struct affine {
    double xx, xy, x0, yx, yy, y0;
} affine;

/* Three corners of a square about the centre, a third of the side away from it,
 * move by up to `jitter` pixels in x and in y each. */
affine affine_random(int side, double jitter, uint64_t seed);

/* Beyond the border the image is mirrored about its outermost centres (dcb|abcd|cba). */
void warp_affine(float *out, const float *in, int side, int channels, const affine *from);

/* Pixel (x, y) comes from (x + dx, y + dy), fields [side][side] in pixels; beyond
 * the border the image is mirrored with its outermost pixels doubled (dcba|abcd|dcba). */
void warp_displace(float *out, const float *in, int side, int channels, const float *dx, const float *dy);

#endif
