/* resize.h - shorter side to a target and the centre cut out, bit for bit as
 * torchvision's Resize and CenterCrop do on a Pillow image (bilinear). Pillow up
 * to 12 filters rows and then columns, and the published benchmarks were made
 * so; Pillow 13 swaps the two for an image more than twice as high as wide,
 * which moves bytes of such an image by one. This is the former. */
#ifndef RESIZE_H
#define RESIZE_H

#include <stddef.h>
#include <stdint.h>

/* Scratch kept from one call to the next, and the filter of the last sizes; start with a zeroed one. */
typedef struct resizer {
    struct taps {
        int64_t in, out, first, count; /* what was asked for last; in = 0: nothing yet */
        int most;                      /* source pixels that one output pixel can take */
        int64_t *from;                 /* [count]: the first of them */
        int32_t *n;                    /* [count]: how many */
        int32_t *weight;               /* [count][most] of 2^-22; they add to about 2^22 */
    } across, down;
    void *work;
    size_t cap;
} resizer;

typedef struct resize_part { /* of an image, in its pixels */
    int64_t x, y, w, h;
} resize_part;

/* From px[h][w][3] to out[crop][crop][3]: the shorter side becomes `side`, or
 * stays as it is when side = 0; then the centre of crop x crop pixels, with
 * black around an image that is smaller. -1 with fault() when memory is out. */
int resize_centre(resizer *r, uint8_t *out, int64_t crop, const uint8_t *px, int64_t w, int64_t h, int64_t side);

/* The part p of px[][w][3], which it lies within, to out[side][side][3]: what
 * torchvision's resized_crop makes of it. */
int resize_box(resizer *r, uint8_t *out, int64_t side, const uint8_t *px, int64_t w, resize_part p);
void resize_free(resizer *r);

#endif
