/* decode.h - the bytes of a PNG or JPEG file to RGB, bit for bit as Pillow's
 * Image.open(f).convert('RGB') gives them. Differences from it: a file that is
 * cut short or damaged is refused even where Pillow would fill in grey. */
#ifndef DECODE_H
#define DECODE_H

#include <stddef.h>
#include <stdint.h>

/* Raised whenever the bytes that come out may differ: imported sets are then made again. */
#define DECODE_VERSION 1

/* An image is refused when it has more pixels: twice the number at which Pillow suspects a bomb. */
#define DECODE_PIXELS INT64_C(178956970)

typedef struct image {
    int64_t w, h;
    uint8_t *px;  /* [h][w][3] */
    size_t cap;   /* bytes px has room for; kept from one image to the next */
    uint8_t *raw; /* scratch: pixels as the file has them */
    size_t raw_cap;
} image;

/* Replaces what `im` holds; start with a zeroed one. Returns 0, or -1 with
 * fault() set to what is wrong; the caller adds which file it was. */
int image_decode(image *im, const void *bytes, size_t size);
void image_free(image *im);

#endif
