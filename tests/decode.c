/* decode.c - images against Pillow. The digests are SHA-256, cut to 16 digits,
 * of what Pillow 12.3 and torchvision 0.29 make of the files of pictures.h:
 *
 *   im = Image.open(f).convert('RGB')                     # decoded
 *   im = F.center_crop(F.resize(im, side, BILINEAR), crop)   # resized
 *   sha256(numpy.asarray(im).tobytes())
 */
#include "../datasets/decode.h"
#include "../datasets/resize.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const png_case pngs[] = {
    {"grey, 1 bit", 13, 7, 0, 1, 0, 0, 0},
    {"grey, 2 bits", 13, 7, 0, 2, 0, 0, 0},
    {"grey, 4 bits", 13, 7, 0, 4, 0, 0, 0},
    {"grey", 28, 28, 0, 8, 0, 0, 0},
    {"grey, one clear", 9, 5, 0, 8, 0, 0, 1},
    {"grey, 16 bits", 21, 30, 0, 16, 0, 0, 0},
    {"RGB", 33, 31, 2, 8, 0, 0, 0},
    {"RGB, one clear", 33, 31, 2, 8, 0, 0, 1},
    {"RGB, 16 bits", 19, 20, 2, 16, 0, 0, 0},
    {"palette, 1 bit", 13, 7, 3, 1, 0, 2, 0},
    {"palette, 2 bits", 13, 7, 3, 2, 0, 4, 0},
    {"palette, 4 bits", 13, 7, 3, 4, 0, 16, 1},
    {"palette", 40, 25, 3, 8, 0, 256, 0},
    {"palette, clear", 40, 25, 3, 8, 0, 256, 1},
    {"palette, too short", 40, 25, 3, 8, 0, 99, 0},
    {"grey, alpha", 17, 18, 4, 8, 0, 0, 0},
    {"grey, alpha, 16 bits", 17, 18, 4, 16, 0, 0, 0},
    {"RGBA", 32, 32, 6, 8, 0, 0, 0},
    {"RGBA, 16 bits", 11, 12, 6, 16, 0, 0, 0},
    {"RGB, interlaced", 37, 29, 2, 8, 1, 0, 0},
    {"palette, interlaced", 21, 19, 3, 4, 1, 16, 0},
    {"grey, 16 bits, interlaced", 5, 3, 0, 16, 1, 0, 0},
    {"one pixel", 1, 1, 6, 8, 0, 0, 0},
};

static const jpeg_case jpegs[] = {
    {"4:4:4", 64, 64, JCS_RGB, JCS_YCbCr, 1, 1, 90, 0, 0},
    {"4:2:2", 61, 43, JCS_RGB, JCS_YCbCr, 2, 1, 75, 0, 0},
    {"4:2:0", 50, 67, JCS_RGB, JCS_YCbCr, 2, 2, 75, 0, 0},
    {"4:4:0", 50, 67, JCS_RGB, JCS_YCbCr, 1, 2, 75, 0, 0},
    {"4:1:1", 77, 30, JCS_RGB, JCS_YCbCr, 4, 1, 60, 0, 0},
    {"grey", 64, 64, JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 1, 80, 0, 0},
    {"progressive", 64, 48, JCS_RGB, JCS_YCbCr, 2, 2, 75, 1, 0},
    {"progressive grey", 31, 33, JCS_GRAYSCALE, JCS_GRAYSCALE, 1, 1, 50, 1, 0},
    {"stored as RGB", 40, 40, JCS_RGB, JCS_RGB, 1, 1, 85, 0, 0},
    {"CMYK", 45, 38, JCS_CMYK, JCS_CMYK, 1, 1, 90, 0, 0},
    {"YCCK", 45, 38, JCS_CMYK, JCS_YCCK, 2, 2, 90, 0, 0},
    {"restarts", 64, 64, JCS_RGB, JCS_YCbCr, 2, 2, 75, 0, 1},
    {"poor", 96, 80, JCS_RGB, JCS_YCbCr, 2, 2, 3, 0, 0},
    {"one pixel", 1, 1, JCS_RGB, JCS_YCbCr, 2, 2, 75, 0, 0},
};

static const struct resize_case {
    int w, h, side, crop;
} resizes[] = {
    {64, 64, 32, 32}, {28, 28, 32, 32},     {32, 32, 32, 32},  {96, 130, 32, 32}, {130, 96, 32, 32},
    {45, 31, 32, 32}, {7, 5, 32, 32},       {1, 40, 32, 32},   {300, 20, 32, 32}, {33, 32, 32, 32},
    {32, 35, 32, 32}, {500, 375, 256, 224}, {20, 31, 24, 40},  {31, 20, 0, 24},   {50, 41, 0, 32},
    {9, 200, 3, 3},   {64, 63, 1, 1},       {90, 200, 32, 32},
};

static const char *const pngs_pillow[] = {
    "f6db9a317ac1792d", "8d906e1bfa70cdc3", "18ab7fa5418679f7", "a6dff4b2ed464fdd", "39b745553010a8cf",
    "fccecc4d5914fe54", "53cb83926185057c", "231f1f3b7e8c5651", "438ee03ed99d9e02", "c085872c029dcc63",
    "470359cc42fd5406", "05fd1d361e1e7206", "4939c41231d3d05f", "0ecaf39d0685e077", "6682c5223b73e09f",
    "319826bf1d671394", "a90df113fa0a5a7c", "3298a8b8c9e70ab6", "060c784cad7a4649", "a8500994cdd1900e",
    "dbe487fca7a7f556", "3c957521573a740f", "65fc6453e252dfb9"};
static const char *const jpegs_pillow[] = {
    "ab86b5d7230a4cee", "0a7027fd8dc597a8", "60253071418402da", "45c741b2ab1ffd4b", "14f18dfccc9eda59",
    "05f1b388ff8f8930", "4f3693c7d2df3bc8", "4a6521e196f4d4ed", "132aec6a71837207", "38b2be630135b395",
    "7e51351b7d47aafa", "5b82e369e024c26e", "2c246bd6b02e7fe2", "45ee342bd89c913f"};
static const char *const resizes_pillow[] = {
    "8f2fa44e1afc0553", "c07a6be8d94cbf59", "3a9f157439bffb7c", "c18f2b49ab554f3c", "fe5e7798d45c1867",
    "97addead2bb12dd4", "3b88abc427c04029", "73038b5b5eac019e", "8f48f224c88a87cc", "be03fca743b8ee9e",
    "13a982d306037a78", "b0c0953cf0999651", "e74cb668acc6823a", "5cb04a6fe1a0198d", "6bf8ba214ea6e5de",
    "e8b8a5a92db29252", "4f4531c4ddc4bc05", "1ac67a771e984b46"};

static void check(const uint8_t *px, size_t n, const char *expected, const char *what, const char *name)
{
    char digest[FILE_DIGEST];
    file_digest_bytes(digest, px, n);
    if (strncmp(digest, expected, 16) != 0)
        fail_msg("%s %s: Pillow gives %s, this is %.16s", what, name, expected, digest);
}

static void check_file(image *im, bytes file, const char *expected, const char *name)
{
    if (image_decode(im, file.at, file.n) != 0)
        fail_msg("%s: %s", name, fault_text());
    check(im->px, (size_t)(im->w * im->h * 3), expected, "decoding", name);
    free(file.at);
}

static void png_as_pillow(void **state)
{
    (void)state;
    image im = {0};
    assert_int_equal(COUNT(pngs), COUNT(pngs_pillow));
    for (size_t i = 0; i < COUNT(pngs); i++)
        check_file(&im, png_make(&pngs[i], i), pngs_pillow[i], pngs[i].name);
    image_free(&im);
}

static void jpeg_as_pillow(void **state)
{
    (void)state;
    image im = {0};
    assert_int_equal(COUNT(jpegs), COUNT(jpegs_pillow));
    for (size_t i = 0; i < COUNT(jpegs); i++)
        check_file(&im, jpeg_make(&jpegs[i], i), jpegs_pillow[i], jpegs[i].name);
    image_free(&im);
}

static void resize_as_torchvision(void **state)
{
    (void)state;
    image im = {0};
    resizer r = {0};
    assert_int_equal(COUNT(resizes), COUNT(resizes_pillow));
    for (size_t i = 0; i < COUNT(resizes); i++) {
        const struct resize_case *c = &resizes[i];
        const png_case source = {.w = c->w, .h = c->h, .type = 2, .depth = 8};
        bytes file = png_make(&source, 1000 + i);
        size_t n = (size_t)(c->crop * c->crop * 3);
        uint8_t *out = malloc(n + 2);
        char name[64];
        snprintf(name, sizeof name, "%d x %d, side %d, crop %d", c->w, c->h, c->side, c->crop);
        out[0] = out[n + 1] = 0xA5; /* nothing is written outside */
        assert_int_equal(image_decode(&im, file.at, file.n), 0);
        assert_int_equal(resize_centre(&r, out + 1, c->crop, im.px, im.w, im.h, c->side), 0);
        check(out + 1, n, resizes_pillow[i], "resizing", name);
        assert_int_equal(out[0], 0xA5);
        assert_int_equal(out[n + 1], 0xA5);
        free(out);
        free(file.at);
    }
    resize_free(&r);
    image_free(&im);
}

static void flat_stays_flat(void **state)
{
    (void)state;
    static uint8_t px[60 * 47 * 3], out[32 * 32 * 3];
    resizer r = {0};
    for (int v = 0; v < 256; v += 15) {
        memset(px, v, sizeof px);
        assert_int_equal(resize_centre(&r, out, 32, px, 60, 47, 32), 0);
        for (size_t i = 0; i < sizeof out; i++)
            assert_int_equal(out[i], v);
    }
    resize_free(&r);
}

/* Every prefix of a file is refused, and in a sentence. */
static int refuse_prefixes(bytes file, size_t step, size_t keep)
{
    image im = {0};
    int refused = 0;
    for (size_t n = 0; n + keep < file.n; n += step, refused++) {
        uint8_t *cut = malloc(n + 1); /* so that reading past the end is seen */
        memcpy(cut, file.at, n);
        if (image_decode(&im, cut, n) == 0)
            fail_msg("the first %zu of %zu bytes are taken for an image", n, file.n);
        assert_true(strlen(fault_text()) > 10);
        assert_null(strchr(fault_text(), '\n'));
        free(cut);
    }
    image_free(&im);
    free(file.at);
    return refused;
}

static void truncated_is_refused(void **state)
{
    (void)state;
    int refused = 0;
    for (size_t i = 0; i < COUNT(pngs); i += 4)
        refused += refuse_prefixes(png_make(&pngs[i], i), 13, 4); /* of the last checksum */
    for (size_t i = 0; i < COUNT(jpegs); i += 3) /* without its end marker a JPEG may still have every pixel */
        refused += refuse_prefixes(jpeg_make(&jpegs[i], i), 31, 2);
    assert_true(refused > 100);
}

/* Flipped bits give an image or a sentence, but no crash: run it under the sanitizers. */
static void damaged_is_survived(void **state)
{
    (void)state;
    image im = {0};
    int refused = 0, taken = 0;
    for (uint64_t k = 0; k < 3000; k++) {
        size_t which = (size_t)random_below(k, 0, COUNT(pngs) + COUNT(jpegs));
        bytes b = which < COUNT(pngs) ? png_make(&pngs[which], k) : jpeg_make(&jpegs[which - COUNT(pngs)], k);
        for (uint64_t f = 0; f < 1 + k % 4; f++)
            b.at[random_below(k, 1 + f, (int64_t)b.n)] ^= (uint8_t)(1 << (k + f) % 8);
        if (image_decode(&im, b.at, b.n) == 0)
            taken++;
        else
            refused++;
        free(b.at);
    }
    assert_true(refused > 500);
    assert_true(taken > 50); /* a pixel of a JPEG may change without anybody knowing */
    image_free(&im);
}

static void refuse(const void *file, size_t n, const char *word)
{
    image im = {0};
    assert_int_equal(image_decode(&im, file, n), -1);
    if (!strstr(fault_text(), word))
        fail_msg("expected `%s` in: %s", word, fault_text());
    image_free(&im);
}

static void hostile_is_refused(void **state)
{
    (void)state;
    png_case huge = {.w = 60000, .h = 1, .type = 2, .depth = 8};
    bytes b = png_make(&huge, 1), head = {0};
    bytes_add(&head, b.at, 16);
    bytes_add32(&head, 60000); /* 3.6e9 pixels, with a checksum that is right */
    bytes_add32(&head, 60000);
    bytes_add(&head, b.at + 24, 5);
    bytes_add32(&head, (uint32_t)crc32(0, head.at + 12, 17));
    bytes_add(&head, b.at + 33, b.n - 33);
    refuse(head.at, head.n, "60000 x 60000");
    free(head.at);
    free(b.at);

    jpeg_case small = {"", 16, 16, JCS_RGB, JCS_YCbCr, 1, 1, 75, 0, 0};
    b = jpeg_make(&small, 1);
    for (size_t i = 0; i + 9 < b.n; i++)
        if (b.at[i] == 0xff && b.at[i + 1] == 0xc0)
            memset(b.at + i + 5, 0xf0, 4); /* height and width */
    refuse(b.at, b.n, "61680 x 61680");
    free(b.at);

    refuse("GIF89a....", 10, "neither PNG nor JPEG");
    refuse("", 0, "empty");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_as_pillow),         cmocka_unit_test(jpeg_as_pillow),
        cmocka_unit_test(resize_as_torchvision), cmocka_unit_test(flat_stays_flat),
        cmocka_unit_test(truncated_is_refused),  cmocka_unit_test(damaged_is_survived),
        cmocka_unit_test(hostile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
