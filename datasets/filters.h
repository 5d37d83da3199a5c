/* filters.h - what the corruptions are built from: linear filters, colour
 * models, bytes to numbers and back. Images are double [h][w][channels]. The
 * orders of summation are those of SciPy, because the results are truncated to
 * bytes, and only + - * / of double are used: the same bytes on every machine. */
#ifndef FILTERS_H
#define FILTERS_H

#include <stdint.h>

/* --- Bytes and [0,1] --- */

void unit_from_bytes(double *x, const uint8_t *in, int64_t n);
double *unit_image(const uint8_t *in, int side); /* [side][side][3]; the caller frees it */
/* Clipped to [0,1], times 255, truncated: how the published images were made. */
void bytes_from_unit(uint8_t *out, const double *x, int64_t n);

/* --- Filters --- */

enum border {
    BORDER_REPLICATE, /* aaa|abcd|ddd: SciPy's nearest */
    BORDER_REFLECT,   /* cba|abcd|dcb: SciPy's reflect */
    BORDER_MIRROR,    /* dcb|abcd|cba: OpenCV's reflect-101 */
};

/* Which of 0..n-1 stands for position i, however far outside. */
int64_t border_at(enum border b, int64_t i, int64_t n);

/* e to the x, to about 1e-16 of itself; 0 below -745. x <= 700. */
double exact_exp(double x);

/* weight[0..radius], of distances: exp(-k^2 / 2 sigma^2), the 2 radius + 1 of them adding to 1. */
void gaussian_weights(double *weight, int radius, double sigma);

/* In place, every channel by itself, columns and then rows. The kernel reaches
 * floor(truncate sigma + 1/2) pixels either way; truncate is 4 for images and 3 for
 * the fields of elastic_transform. sigma <= 1e-15 changes nothing. */
void gaussian_filter(double *x, int h, int w, int channels, double sigma, double truncate, enum border b);

/* out(y,x) = sum over i,j of kernel[i][j] in(y+i-size/2, x+j-size/2), border mirrored,
 * every channel by itself; kernel is [size][size], size odd. OpenCV's filter2D. */
void correlate(double *out, const double *in, int h, int w, int channels, const double *kernel, int size);

/* A disk and then a small Gaussian of width `alias`; kernel is [size][size]. In single
 * precision, as published: where an image is flat the rounding of the kernel's sum, about 1,
 * decides a level. (Above radius 8, or at it, the mirrored border makes the sum 1.01.) */
enum { DISK_MOST = 21 };                                                            /* for radius <= 10 */
int disk_kernel(double kernel[DISK_MOST * DISK_MOST], double radius, double alias); /* returns size: 17 or more */

/* --- Colour: hue, saturation and value of the hexcone, all in [0,1] --- */

void hsv_from_rgb(double hsv[3], const double rgb[3]);
void rgb_from_hsv(double rgb[3], const double hsv[3]);

#endif
