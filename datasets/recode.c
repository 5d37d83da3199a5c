/* recode.c - an image through a coarser form and back: fewer pixels, JPEG. Both
 * stay in bytes throughout, and both are Pillow's to the byte: libjpeg-turbo is
 * the coder of either. */
#include "../harness/fault.h"
#include "../harness/text.h"
#include "corruptions.h"
#include "decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h> /* needs stdio.h */

/* --- pixelate --- */

/* Rows of `to` pixels from rows of `from`, then written as columns: two calls are a
 * resize. Output i is the rounded mean of the inputs whose centres are less than
 * half a step away from its own, on the right also of one that is just half a
 * step away; a step is the larger of the two pixels. In integers, all times 2 to. */
static void box(uint8_t *out, const uint8_t *in, int rows, int from, int to)
{
    int step = from > to ? from : to;
    for (int i = 0; i < to; i++) {
        int centre = (2 * i + 1) * from, first = 0, end;
        while ((2 * first + 1) * to - centre <= -step)
            first++;
        for (end = first; end < from && (2 * end + 1) * to - centre <= step;)
            end++;
        int n = end - first;
        for (int y = 0; y < rows; y++)
            for (int c = 0; c < 3; c++) {
                int sum = 0;
                for (int x = first; x < end; x++)
                    sum += in[(y * from + x) * 3 + c];
                out[(i * rows + y) * 3 + c] = (uint8_t)((2 * sum + n) / (2 * n));
            }
    }
}

void corrupt_pixelate(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const double ratio[2][5] = {{.95, .9, .85, .75, .65}, {.6, .5, .4, .3, .25}};
    int small = (int)(side * ratio[corrupt_scale(side)][severity - 1]);
    uint8_t *half = text_more(NULL, (size_t)side * (size_t)small * 3);
    uint8_t *few = text_more(NULL, (size_t)small * (size_t)small * 3);
    (void)seed;
    box(half, in, side, side, small);
    box(few, half, small, side, small);
    box(half, few, small, small, side);
    box(out, half, side, small, side);
    free(few);
    free(half);
}

/* --- JPEG --- */

/* All that can go wrong with an image in memory is that there is no more of it. */
static void give_up(j_common_ptr common)
{
    common->err->output_message(common);
    _exit(EXIT_MEMORY); /* other threads are at work */
}

/* Baseline, chroma halved both ways: libjpeg's defaults. The caller frees *bytes. */
static size_t jpeg_write(unsigned char **bytes, const uint8_t *in, int side, int quality)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned long size = 0;
    *bytes = NULL;
    c.err = jpeg_std_error(&errors);
    errors.error_exit = give_up;
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, bytes, &size);
    c.image_width = c.image_height = (JDIMENSION)side;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, quality, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = (JSAMPROW)(in + (size_t)c.next_scanline * (size_t)side * 3); /* only read from */
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    return size;
}

void corrupt_jpeg_compression(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed)
{
    static const int quality[2][5] = {{80, 65, 58, 50, 40}, {25, 18, 15, 10, 7}};
    unsigned char *bytes;
    image im = {0};
    size_t size = jpeg_write(&bytes, in, side, quality[corrupt_scale(side)][severity - 1]);
    (void)seed;
    if (image_decode(&im, bytes, size) != 0) {
        fprintf(stderr, "jpeg_compression: %s\n", fault_text());
        _exit(EXIT_MEMORY);
    }
    memcpy(out, im.px, (size_t)side * (size_t)side * 3);
    image_free(&im);
    free(bytes);
}
