/* crop.h - where a random resized crop is cut: torchvision's RandomResizedCrop,
 * given the same uniform draws to the same pixels. Ten times an area and a ratio of
 * sides are drawn; the first rectangle that fits is put anywhere at random, and when
 * none does the middle is taken, as much of it as the ratios allow. PyTorch's exp and
 * log of floats may differ from these in the last bit, which in rare draws moves an
 * edge by a pixel. */
#ifndef CROP_H
#define CROP_H

#include "../datasets/resize.h"

enum { CROP_TRIES = 10, CROP_DRAWS = 2 * CROP_TRIES + 2 /* that one crop may use */ };

typedef struct crop_range {
    double scale[2]; /* least and most share of the image's area; scale[1] = 0: no such crop */
    double ratio[2]; /* least and most width over height */
} crop_range;

/* Of an image w x h, by uniform draws u[][0] for the area and u[][1] for the ratio. Returns
 * whether x and y are to be drawn; they are in the middle until then. */
int crop_size(const crop_range *r, int64_t w, int64_t h, float u[CROP_TRIES][2], resize_part *out);

/* The same by draws index .. index + CROP_DRAWS - 1 of a stream of kernels/random.h. */
resize_part crop_draw(const crop_range *r, int64_t w, int64_t h, uint64_t seed, uint64_t index);

#endif
