/* crops.c - random resized crops against torchvision 0.17 with Pillow 9.5 to 12.0:
 * where they are cut, from the same uniform draws, and what is resized from there. */
#include "../datasets/decode.h"
#include "../harness/crop.h"
#include "../harness/fault.h"
#include "../harness/file.h"
#include "pictures.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* SHA-256, cut to 16 digits, of the bytes that these calls give of PNGs of pictures.h:
 *
 *   F.resized_crop(Image.open(f).convert('RGB'), y, x, h, w, [side, side], BILINEAR)
 */
static const struct {
    int w, h;
    resize_part part;
    int side;
    const char *digest;
} parts[] = {
    {500, 375, {37, 11, 301, 250}, 224, "57f1f24a01ca8954"},
    {500, 375, {0, 0, 500, 375}, 224, "28ba3cf5ac60db6b"},
    {500, 375, {400, 300, 100, 75}, 224, "eb8b845bf14c8716"},
    {375, 500, {100, 200, 275, 300}, 224, "b4d9431bfa0991f8"},
    {64, 64, {5, 9, 31, 47}, 32, "51c18e484290827b"},
    {64, 48, {1, 1, 7, 5}, 32, "d32ff8ee172c66b8"},
    {33, 35, {0, 3, 32, 32}, 32, "9c370130a4ddde4c"},
    {33, 35, {1, 0, 32, 31}, 32, "831c5e5f2dec2c21"},
    {33, 35, {1, 0, 31, 32}, 32, "5c60cf21fe79baba"},
    {90, 41, {89, 40, 1, 1}, 24, "e9b8563ca18b070f"},
    {90, 41, {0, 0, 90, 1}, 24, "e8625a576f19e7e8"},
    {90, 41, {17, 0, 1, 41}, 24, "9c4af043992fefb7"},
    {300, 20, {100, 3, 199, 17}, 17, "2f4488ed6d99e010"},
    {20, 300, {2, 7, 15, 29}, 64, "7df6c5ff3aab1a88"},
    {700, 500, {3, 5, 691, 489}, 7, "768e7c2ee771d7ff"},
    {96, 96, {13, 17, 64, 64}, 1, "8ae40a3583aef669"},
};

static void parts_as_torchvision(void **state)
{
    (void)state;
    image im = {0};
    resizer r = {0};
    for (size_t i = 0; i < COUNT(parts); i++) {
        const png_case source = {.w = parts[i].w, .h = parts[i].h, .type = i % 4 == 3 ? 0 : 2, .depth = 8};
        bytes file = png_make(&source, 2000 + i);
        int64_t side = parts[i].side;
        size_t n = (size_t)(side * side * 3), whole = (size_t)(source.w * source.h * 3);
        uint8_t *out = malloc(n + 2), *px = malloc(whole); /* of just that size, so that reading past it is seen */
        char digest[FILE_DIGEST];
        assert_true(out && px);
        out[0] = out[n + 1] = 0xA5;
        assert_int_equal(image_decode(&im, file.at, file.n), 0);
        memcpy(px, im.px, whole);
        assert_int_equal(resize_box(&r, out + 1, side, px, im.w, parts[i].part), 0);
        file_digest_bytes(digest, out + 1, n);
        if (strncmp(digest, parts[i].digest, 16) != 0)
            fail_msg("part %zu: torchvision gives %s, this is %.16s", i, parts[i].digest, digest);
        assert_true(out[0] == 0xA5 && out[n + 1] == 0xA5);
        free(out);
        free(px);
        free(file.at);
    }
    resize_free(&r);
    image_free(&im);
}

/* RandomResizedCrop.get_params(image w x h, scale, ratio), where Tensor.uniform_ and
 * torch.randint were handed draws 0, 1, ... and 20, 21 of seed 1000 + the row's number. */
static const crop_range ranges[] = {
    {{0.08, 1}, {3.0 / 4, 4.0 / 3}}, {{0.2, 1}, {0.5, 2}}, {{0.9, 1}, {0.99, 1.01}}};
static const struct {
    int w, h;
    resize_part part;
} cuts[] = {
    /* twelve of each range */
    {500, 375, {142, 4, 275, 363}},
    {375, 500, {1, 7, 359, 446}},
    {32, 32, {7, 14, 23, 18}},
    {640, 480, {285, 66, 342, 414}},
    {1, 1, {0, 0, 1, 1}},
    {3, 2, {0, 1, 2, 1}},
    {2000, 20, {986, 0, 27, 20}},
    {20, 2000, {0, 986, 20, 27}},
    {100, 1, {49, 0, 1, 1}},
    {333, 500, {7, 155, 277, 311}},
    {4288, 2848, {467, 1142, 1913, 1594}},
    {224, 224, {34, 38, 94, 105}},
    {500, 375, {81, 21, 188, 339}},
    {375, 500, {45, 12, 296, 213}},
    {32, 32, {1, 5, 30, 27}},
    {640, 480, {51, 55, 485, 404}},
    {1, 1, {0, 0, 1, 1}},
    {3, 2, {2, 1, 1, 1}},
    {2000, 20, {980, 0, 40, 20}},
    {20, 2000, {0, 980, 20, 40}},
    {100, 1, {49, 0, 2, 1}},
    {333, 500, {13, 284, 317, 172}},
    {4288, 2848, {605, 55, 2830, 2790}},
    {224, 224, {0, 49, 224, 136}},
    {500, 375, {60, 0, 379, 375}},
    {375, 500, {0, 60, 375, 379}},
    {32, 32, {2, 1, 30, 30}},
    {640, 480, {77, 0, 485, 480}},
    {1, 1, {0, 0, 1, 1}},
    {3, 2, {1, 0, 2, 2}},
    {2000, 20, {990, 0, 20, 20}},
    {20, 2000, {0, 990, 20, 20}},
    {100, 1, {49, 0, 1, 1}},
    {333, 500, {0, 82, 333, 336}},
    {4288, 2848, {706, 0, 2876, 2848}},
    {224, 224, {1, 0, 220, 222}},
};

static void cut_as_torchvision(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        resize_part p = crop_draw(&ranges[i / 12], cuts[i].w, cuts[i].h, 1000 + i, 0);
        if (memcmp(&p, &cuts[i].part, sizeof p) != 0)
            fail_msg("cut %zu is %d x %d at %d, %d", i, (int)p.w, (int)p.h, (int)p.x, (int)p.y);
    }
}

/* Of 400 x 400: areas even from 0.08 to 1, the logarithm of the ratio even between its
 * ends, but for what does not fit; each place of the rectangle as likely as another. */
static void cut_evenly(void **state)
{
    (void)state;
    enum { N = 40000, SIDE = 400 };
    int small = 0, left = 0, top = 0, wide = 0, placed = 0;
    double area = 0;
    for (uint64_t i = 0; i < N; i++) {
        resize_part p = crop_draw(&ranges[0], SIDE, SIDE, 7, i * CROP_DRAWS);
        double share = (double)(p.w * p.h) / (SIDE * SIDE), ratio = (double)p.w / (double)p.h;
        assert_true(p.x >= 0 && p.y >= 0 && p.w > 0 && p.h > 0 && p.x + p.w <= SIDE && p.y + p.h <= SIDE);
        assert_true(share > 0.078 && share <= 1 && ratio > 0.74 && ratio < 1.35);
        area += share;
        small += share < 0.31; /* a quarter of 0.08 .. 1, and all of these fit */
        wide += ratio > 1;
        if (p.w < SIDE && p.h < SIDE && ++placed) {
            left += 2 * p.x < SIDE - p.w;
            top += 2 * p.y < SIDE - p.h;
        }
    }
    assert_true(fabs((double)wide / N - 0.5) < 0.02);
    assert_true(fabs((double)left / placed - 0.5) < 0.02 && fabs((double)top / placed - 0.5) < 0.02);
    /* A share s fits when |log ratio| <= -log s: all below 3/4, a part above. */
    double sum = 0, weight = 0, least = 0;
    for (double s = 0.08; s < 1; s += 1e-5) {
        double fits = fmin(1, -log(s) / log(4.0 / 3));
        weight += fits;
        sum += fits * s;
        least += s < 0.31 ? fits : 0;
    }
    assert_true(fabs(area / N - sum / weight) < 0.005);
    assert_true(fabs((double)small / N - least / weight) < 0.01);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(parts_as_torchvision),
        cmocka_unit_test(cut_as_torchvision),
        cmocka_unit_test(cut_evenly),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
