/* pictures.h - PNG and JPEG files made up in memory for the tests of decoding
 * and importing: the same pixels on every machine. */
#ifndef PICTURES_H
#define PICTURES_H

#include "../kernels/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <jpeglib.h>

typedef struct bytes {
    uint8_t *at;
    size_t n;
} bytes;

static inline size_t bytes_room(size_t n) /* what n bytes stand in: doubled, as they come one by one */
{
    size_t room = 64;
    while (room < n)
        room *= 2;
    return room;
}

static inline void bytes_add(bytes *b, const void *more, size_t n)
{
    if (!b->at || bytes_room(b->n) < b->n + n)
        b->at = realloc(b->at, bytes_room(b->n + n));
    assert(b->at);
    if (n)
        memcpy(b->at + b->n, more, n);
    b->n += n;
}

static inline void bytes_add32(bytes *b, uint32_t v)
{
    const uint8_t big[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    bytes_add(b, big, 4);
}

static inline void png_chunk(bytes *b, const char type[5], const void *data, size_t n)
{
    bytes_add32(b, (uint32_t)n);
    bytes_add(b, type, 4);
    bytes_add(b, data, n);
    bytes_add32(b, (uint32_t)crc32(0, b->at + b->n - n - 4, (uInt)n + 4));
}

typedef struct png_case {
    const char *name;
    int w, h, type, depth; /* type: 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA */
    int interlaced;
    int palette;     /* entries */
    int transparent; /* has a tRNS chunk */
} png_case;

static inline int png_channels(int type)
{
    return type == 2 ? 3 : type == 4 ? 2 : type == 6 ? 4 : 1;
}

/* The rows of one pass: filter 0, then random bytes. */
static inline void png_rows(bytes *raw, const png_case *c, int w, int h, uint64_t seed)
{
    size_t row = ((size_t)w * (size_t)png_channels(c->type) * (size_t)c->depth + 7) / 8;
    for (int y = 0; w && y < h; y++) {
        bytes_add(raw, "", 1);
        for (size_t x = 0; x < row; x++) {
            uint8_t v = (uint8_t)random_below(seed, raw->n, 256);
            bytes_add(raw, &v, 1);
        }
    }
}

static inline bytes png_make(const png_case *c, uint64_t seed)
{
    static const int passes[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                     {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}; /* first x, y; step x, y */
    bytes b = {0}, head = {0}, raw = {0};
    bytes_add(&b, "\x89PNG\r\n\x1a\n", 8);
    bytes_add32(&head, (uint32_t)c->w);
    bytes_add32(&head, (uint32_t)c->h);
    const uint8_t rest[5] = {(uint8_t)c->depth, (uint8_t)c->type, 0, 0, (uint8_t)c->interlaced};
    bytes_add(&head, rest, 5);
    png_chunk(&b, "IHDR", head.at, head.n);
    uint8_t table[768];
    for (int i = 0; i < 768; i++)
        table[i] = (uint8_t)random_below(seed + 1, (uint64_t)i, 256);
    if (c->palette)
        png_chunk(&b, "PLTE", table, (size_t)c->palette * 3);
    if (c->transparent) /* any one colour; of a palette, the first entries */
        png_chunk(&b, "tRNS", "\0\1\0\2\0\3", c->type == 0 ? 2 : c->type == 2 ? 6 : 2);
    if (!c->interlaced)
        png_rows(&raw, c, c->w, c->h, seed);
    for (int p = 0; c->interlaced && p < 7; p++) {
        const int *s = passes[p];
        int w = (c->w - s[0] + s[2] - 1) / s[2], h = (c->h - s[1] + s[3] - 1) / s[3];
        png_rows(&raw, c, w < 0 ? 0 : w, h < 0 ? 0 : h, seed);
    }
    uLongf n = compressBound((uLong)raw.n);
    uint8_t *packed = malloc(n);
    assert(packed && compress(packed, &n, raw.at, (uLong)raw.n) == Z_OK);
    png_chunk(&b, "IDAT", packed, n);
    png_chunk(&b, "IEND", NULL, 0);
    free(packed);
    free(raw.at);
    free(head.at);
    return b;
}

typedef struct jpeg_case {
    const char *name;
    int w, h;
    J_COLOR_SPACE in, stored; /* what is given, what the file holds */
    int across, down;         /* sampling factors of the first channel */
    int quality, progressive, restart;
} jpeg_case;

/* Blocks of colour with a ramp over them: smooth and with edges. */
static inline void jpeg_row(uint8_t *row, int w, int y, int channels, uint64_t seed)
{
    for (int x = 0; x < w; x++)
        for (int k = 0; k < channels; k++) {
            uint64_t cell = ((uint64_t)(y / 7) << 16 | (uint64_t)(x / 9)) * 4 + (uint64_t)k;
            row[x * channels + k] = (uint8_t)(random_below(seed, cell, 180) + (x * 3 + y * 2 + k * 11) % 76);
        }
}

static inline bytes jpeg_make(const jpeg_case *c, uint64_t seed)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    unsigned char *out = NULL;
    unsigned long n = 0;
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_mem_dest(&j, &out, &n);
    j.image_width = (JDIMENSION)c->w;
    j.image_height = (JDIMENSION)c->h;
    j.in_color_space = c->in;
    j.input_components = c->in == JCS_GRAYSCALE ? 1 : c->in == JCS_CMYK ? 4 : 3;
    jpeg_set_defaults(&j);
    jpeg_set_colorspace(&j, c->stored);
    jpeg_set_quality(&j, c->quality, TRUE);
    j.comp_info[0].h_samp_factor = c->across;
    j.comp_info[0].v_samp_factor = c->down;
    if (c->stored == JCS_YCCK) { /* the black channel is sampled as finely as the first */
        j.comp_info[3].h_samp_factor = c->across;
        j.comp_info[3].v_samp_factor = c->down;
    }
    if (c->progressive)
        jpeg_simple_progression(&j);
    j.restart_in_rows = c->restart;
    jpeg_start_compress(&j, TRUE);
    uint8_t *row = malloc((size_t)c->w * 4);
    assert(row);
    for (int y = 0; y < c->h; y++) {
        jpeg_row(row, c->w, y, j.input_components, seed);
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    free(row);
    bytes b = {0};
    bytes_add(&b, out, n);
    free(out);
    return b;
}

#endif
