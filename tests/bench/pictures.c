/* pictures.c - pictures to import, and the decoders of the libraries bare. */
#include "pictures.h"

#include "../../kernels/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <spng.h>

enum { MOST = 64 };

/* Four waves and a little noise. */
static void draw(uint8_t *px, int w, int h, double noise, uint64_t seed)
{
    double wave[4][4];
    for (int k = 0; k < 4; k++)
        for (int j = 0; j < 4; j++)
            wave[k][j] = random_uniform(seed, (uint64_t)(4 * k + j));
    for (int i = 0; i < w * h * 3; i++) {
        int y = i / 3 / w, x = i / 3 % w, c = i % 3;
        double v = 128 + noise * random_normal(seed, (uint64_t)(100 + i));
        for (int k = 0; k < 4; k++)
            v += 30 *
                 sin((wave[k][0] - 0.5) * x * 0.6 + (wave[k][1] - 0.5) * y * 0.6 + 6 * wave[k][2] + c * wave[k][3]);
        px[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

char *picture_png(int side, uint64_t seed, size_t *size)
{
    uint8_t px[MOST * MOST * 3];
    draw(px, side, side, 3, seed);
    spng_ctx *ctx = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr ihdr = {
        .width = (uint32_t)side, .height = (uint32_t)side, .bit_depth = 8, .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    int rc = ctx ? spng_set_option(ctx, SPNG_ENCODE_TO_BUFFER, 1) : 1;
    rc = rc ? rc : spng_set_ihdr(ctx, &ihdr);
    rc = rc ? rc : spng_encode_image(ctx, px, (size_t)(side * side) * 3, SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
    char *bytes = rc ? NULL : spng_get_png_buffer(ctx, size, &rc);
    if (!bytes)
        abort();
    spng_ctx_free(ctx);
    return bytes;
}

static char *compress(uint8_t *px, int w, int h, size_t *size)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long length = 0;
    c.err = jpeg_std_error(&errors); /* ends the process with a message */
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &length);
    c.image_width = (JDIMENSION)w;
    c.image_height = (JDIMENSION)h;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, 90, TRUE);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < h; y++) {
        JSAMPROW row = px + y * w * 3;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    *size = length;
    return (char *)bytes;
}

char *picture_jpeg(int side, uint64_t seed, size_t *size)
{
    uint8_t px[MOST * MOST * 3];
    draw(px, side, side, 3, seed);
    return compress(px, side, side, size);
}

char *picture_photo(uint64_t seed, size_t *size)
{
    uint8_t *px = malloc(PHOTO_W * PHOTO_H * 3);
    if (!px)
        abort();
    draw(px, PHOTO_W, PHOTO_H, 16, seed);
    char *bytes = compress(px, PHOTO_W, PHOTO_H, size);
    free(px);
    return bytes;
}

int picture_read_png(const char *bytes, size_t size)
{
    uint8_t px[MOST * MOST * 3];
    size_t need = 0;
    spng_ctx *ctx = spng_ctx_new(0);
    int rc = ctx ? spng_set_png_buffer(ctx, bytes, size) : 1;
    rc = rc ? rc : spng_decoded_image_size(ctx, SPNG_FMT_RGB8, &need);
    rc = rc || need > sizeof px ? 1 : spng_decode_image(ctx, px, need, SPNG_FMT_RGB8, 0);
    spng_ctx_free(ctx);
    return rc ? -1 : 0;
}

int picture_read_jpeg(const char *bytes, size_t size)
{
    uint8_t px[PHOTO_W * 3];
    struct jpeg_decompress_struct d;
    struct jpeg_error_mgr errors;
    d.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&d);
    jpeg_mem_src(&d, (const unsigned char *)bytes, size);
    jpeg_read_header(&d, TRUE);
    d.out_color_space = JCS_RGB;
    int rc = jpeg_start_decompress(&d) && d.output_width <= PHOTO_W ? 0 : -1;
    for (JSAMPROW row = px; rc == 0 && d.output_scanline < d.output_height;)
        jpeg_read_scanlines(&d, &row, 1);
    jpeg_abort_decompress(&d);
    jpeg_destroy_decompress(&d);
    return rc;
}
