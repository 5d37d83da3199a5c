/* decode.c - PNG by libspng, JPEG by libjpeg. Pixels come out of both as they
 * are stored, and the conversion to RGB is written here, because it is Pillow's:
 * alpha is dropped, not blended; 16-bit grey is clipped at 255, 16-bit colour
 * keeps its high byte; palette entries that are not there are black; CMYK is
 * taken to be inverted, as Adobe writes it. */
#include "decode.h"
#include "../harness/fault.h"

#include <setjmp.h>
#include <spng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h> /* needs stdio.h, and jerror.h needs it */

#include <jerror.h>

static int room(uint8_t **p, size_t *cap, size_t bytes)
{
    if (bytes <= *cap)
        return 0;
    uint8_t *larger = realloc(*p, bytes);
    if (!larger)
        return fault("no memory for %zu bytes of pixels", bytes);
    *p = larger;
    *cap = bytes;
    return 0;
}

/* Takes the size and makes room for the RGB pixels. No more than `most` come out of the
 * bytes that are there, whatever the header says. */
static int resize(image *im, int64_t w, int64_t h, int64_t most)
{
    if (w < 1 || h < 1 || w > DECODE_PIXELS || h > DECODE_PIXELS || w * h > DECODE_PIXELS)
        return fault("%lld x %lld pixels: expected 1 to %lld", (long long)w, (long long)h,
                     (long long)DECODE_PIXELS);
    if (w * h > most)
        return fault("%lld x %lld pixels cannot come out of a file this short: it is cut off or damaged",
                     (long long)w, (long long)h);
    im->w = w;
    im->h = h;
    return room(&im->px, &im->cap, (size_t)(w * h) * 3);
}

/* --- PNG --- */

typedef struct rows { /* one row of a PNG at a time, and what it takes to read it */
    const struct spng_ihdr *head;
    uint8_t palette[256][3];
} rows;

static void rgb_from_bits(const rows *r, uint8_t *out, const uint8_t *in)
{
    int depth = r->head->bit_depth, mask = (1 << depth) - 1, scale = 255 / mask;
    int indexed = r->head->color_type == SPNG_COLOR_TYPE_INDEXED;
    for (uint32_t x = 0; x < r->head->width; x++, out += 3) {
        uint32_t bit = x * (uint32_t)depth;
        int v = in[bit / 8] >> (8 - depth - (int)(bit % 8)) & mask;
        if (indexed)
            memcpy(out, r->palette[v], 3);
        else
            memset(out, v * scale, 3);
    }
}

static void rgb_from_palette(const rows *r, uint8_t *out, const uint8_t *in)
{
    for (uint32_t x = 0; x < r->head->width; x++)
        memcpy(out + 3 * x, r->palette[in[x]], 3);
}

static void rgb_from_grey(const rows *r, uint8_t *out, const uint8_t *in, int step)
{
    for (uint32_t x = 0; x < r->head->width; x++)
        memset(out + 3 * x, in[(size_t)x * (size_t)step], 3);
}

static void rgb_from_grey16(const rows *r, uint8_t *out, const uint8_t *in)
{
    for (uint32_t x = 0; x < r->head->width; x++) /* big-endian, clipped */
        memset(out + 3 * x, in[2 * x] ? 255 : in[2 * x + 1], 3);
}

static void rgb_from_rgb(const rows *r, uint8_t *out, const uint8_t *in, int pixel, int channel)
{
    for (uint32_t x = 0; x < r->head->width; x++, in += pixel)
        for (int c = 0; c < 3; c++)
            *out++ = in[c * channel];
}

static void rgb_from_row(const rows *r, uint8_t *out, const uint8_t *in)
{
    int bytes = r->head->bit_depth / 8; /* of a channel; 0 when several pixels share a byte */
    switch (r->head->color_type) {
    case SPNG_COLOR_TYPE_GRAYSCALE:
        if (bytes == 0)
            rgb_from_bits(r, out, in);
        else if (bytes == 1)
            rgb_from_grey(r, out, in, 1);
        else
            rgb_from_grey16(r, out, in);
        break;
    case SPNG_COLOR_TYPE_INDEXED:
        if (bytes == 0)
            rgb_from_bits(r, out, in);
        else
            rgb_from_palette(r, out, in);
        break;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
        rgb_from_grey(r, out, in, 2 * bytes);
        break;
    default:
        rgb_from_rgb(r, out, in, (r->head->color_type == SPNG_COLOR_TYPE_TRUECOLOR ? 3 : 4) * bytes, bytes);
    }
}

static int read_palette(spng_ctx *s, rows *r)
{
    struct spng_plte plte;
    int rc = spng_get_plte(s, &plte);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < plte.n_entries; i++) {
        r->palette[i][0] = plte.entries[i].red;
        r->palette[i][1] = plte.entries[i].green;
        r->palette[i][2] = plte.entries[i].blue;
    }
    return 0;
}

static int png_fault(int rc)
{
    int cut = rc == SPNG_EOF || rc == SPNG_IO_EOF;
    return fault("%s PNG: %s", cut ? "truncated" : "broken", spng_strerror(rc));
}

/* The rows as they are in the file, or in whole bytes: libspng 0.7 mixes up the
 * pixels of interlaced images that share one. */
static int png_format(const struct spng_ihdr *head)
{
    if (head->interlace_method == SPNG_INTERLACE_NONE || head->bit_depth >= 8)
        return SPNG_FMT_RAW;
    return head->color_type == SPNG_COLOR_TYPE_INDEXED ? SPNG_FMT_RGB8 : SPNG_FMT_G8;
}

static void png_convert(image *im, const rows *r, int format, size_t stride)
{
    size_t out = (size_t)im->w * 3;
    for (size_t y = 0; y < r->head->height; y++) {
        uint8_t *to = im->px + y * out;
        const uint8_t *from = im->raw + y * stride;
        if (format == SPNG_FMT_RGB8)
            memcpy(to, from, out);
        else if (format == SPNG_FMT_G8)
            rgb_from_grey(r, to, from, 1);
        else
            rgb_from_row(r, to, from);
    }
}

/* Deflate packs at most some 1032 bytes into one. */
static int64_t png_most(const struct spng_ihdr *head, size_t size)
{
    static const int channels[] = {1, 1, 3, 1, 2, 1, 4}; /* by type of colour */
    int bits = head->bit_depth * channels[head->color_type % 7];
    return (int64_t)(size < INT32_MAX ? size : INT32_MAX) * 1040 * 8 / bits;
}

static int png_pixels(spng_ctx *s, image *im, size_t size)
{
    struct spng_ihdr head;
    int rc = spng_get_ihdr(s, &head);
    if (rc != 0)
        return png_fault(rc);
    size_t bytes;
    rows r = {.head = &head};
    if (resize(im, head.width, head.height, png_most(&head, size)) != 0)
        return -1;
    if (head.color_type == SPNG_COLOR_TYPE_INDEXED && (rc = read_palette(s, &r)) != 0)
        return png_fault(rc);
    int format = png_format(&head);
    if ((rc = spng_decoded_image_size(s, format, &bytes)) != 0)
        return png_fault(rc);
    if (room(&im->raw, &im->raw_cap, bytes) != 0)
        return -1;
    if ((rc = spng_decode_image(s, im->raw, bytes, format, 0)) != 0 || (rc = spng_decode_chunks(s)) != 0)
        return png_fault(rc);
    png_convert(im, &r, format, bytes / head.height);
    return 0;
}

static int decode_png(image *im, const void *bytes, size_t size)
{
    spng_ctx *s = spng_ctx_new(0);
    if (!s)
        return fault("no memory to decode a PNG");
    int rc = spng_set_png_buffer(s, bytes, size);
    rc = rc != 0 ? png_fault(rc) : png_pixels(s, im, size);
    spng_ctx_free(s);
    return rc;
}

/* --- JPEG --- */

/* A block of 64 pixels takes a bit, or little less where they are all alike. Every scan of a
 * progressive image goes over all of it; usual are ten. */
enum { JPEG_PIXELS_A_BYTE = 1024, JPEG_SCANS = 200 };

typedef struct jpeg {
    struct jpeg_decompress_struct d; /* first: libjpeg hands back its address */
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
} jpeg;

static void jpeg_refuse(j_common_ptr common)
{
    jpeg *j = (jpeg *)common;
    char why[JMSG_LENGTH_MAX];
    j->errors.format_message(common, why);
    fault("broken JPEG: %s", why);
    longjmp(j->back, 1);
}

/* libjpeg invents the pixels that are missing and only warns; of its warnings
 * these three leave all pixels as they were meant. */
static void jpeg_warning(j_common_ptr common, int level)
{
    int code = common->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
        jpeg_refuse(common);
}

static void jpeg_silent(j_common_ptr common)
{
    (void)common;
}

static void jpeg_count_scans(j_common_ptr common)
{
    jpeg *j = (jpeg *)common;
    if (j->d.input_scan_number <= JPEG_SCANS)
        return;
    fault("broken JPEG: more than %d scans", JPEG_SCANS);
    longjmp(j->back, 1);
}

/* Ink to light as Pillow does it; the file holds 255 - ink. */
static void rgb_from_cmyk(uint8_t *out, const uint8_t *in, int64_t n)
{
    for (int64_t i = 0; i < n; i++, in += 4) {
        int white = in[3];
        for (int c = 0; c < 3; c++) {
            int t = (255 - in[c]) * white + 128, v = white - ((t + (t >> 8)) >> 8);
            *out++ = (uint8_t)(v < 0 ? 0 : v);
        }
    }
}

static int jpeg_pixels(jpeg *j, image *im, size_t size)
{
    jpeg_read_header(&j->d, TRUE);
    int64_t most = (int64_t)(size < INT32_MAX ? size : INT32_MAX) * JPEG_PIXELS_A_BYTE;
    if (resize(im, j->d.image_width, j->d.image_height, most) != 0)
        return -1;
    int cmyk = j->d.num_components == 4;
    j->d.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&j->d);
    if (cmyk && room(&im->raw, &im->raw_cap, (size_t)im->w * 4) != 0)
        return -1;
    while (j->d.output_scanline < j->d.output_height) {
        uint8_t *out = im->px + (size_t)j->d.output_scanline * (size_t)im->w * 3;
        JSAMPROW row = cmyk ? im->raw : out;
        jpeg_read_scanlines(&j->d, &row, 1);
        if (cmyk)
            rgb_from_cmyk(out, im->raw, im->w);
    }
    jpeg_finish_decompress(&j->d);
    return 0;
}

static int decode_jpeg(image *im, const void *bytes, size_t size)
{
    jpeg j;
    int rc;
    j.d.err = jpeg_std_error(&j.errors);
    j.errors.error_exit = jpeg_refuse;
    j.errors.emit_message = jpeg_warning;
    j.errors.output_message = jpeg_silent;
    if (setjmp(j.back) == 0) {
        jpeg_create_decompress(&j.d);
        j.progress = (struct jpeg_progress_mgr){.progress_monitor = jpeg_count_scans};
        j.d.progress = &j.progress;
        jpeg_mem_src(&j.d, bytes, size);
        rc = jpeg_pixels(&j, im, size);
    } else {
        rc = -1;
    }
    jpeg_destroy_decompress(&j.d);
    return rc;
}

int image_decode(image *im, const void *bytes, size_t size)
{
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return decode_png(im, bytes, size);
    if (size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return decode_jpeg(im, bytes, size);
    if (size == 0)
        return fault("the file is empty: expected a PNG or JPEG image");
    return fault("neither PNG nor JPEG, by its first bytes");
}

void image_free(image *im)
{
    free(im->px);
    free(im->raw);
    *im = (image){0};
}
