/* corrupt.c - images per second and core through each corruption, at side 32,
 * all five severities in turn. */
#include "bench.h"

#include "../../datasets/corruption.h"
#include "../../harness/fault.h"
#include "../../kernels/random.h"

#include <string.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3, IMAGES = 200, DIFFERENT = 20 };

static uint8_t images[DIFFERENT][BYTES];
static const corruption *subject_corruption;

/* Soft blobs: each value leans on its neighbours, as in photographs. */
static void draw(uint8_t *px, uint64_t seed)
{
    for (int i = 0; i < BYTES; i++) {
        int64_t v = random_below(seed, (uint64_t)i, 256);
        int64_t left = i % (3 * SIDE) >= 3 ? px[i - 3] : v, up = i >= 3 * SIDE ? px[i - 3 * SIDE] : v;
        px[i] = (uint8_t)((v + 4 * left + 4 * up) / 9);
    }
}

static int begin(const subject *s)
{
    subject_corruption = corruption_find(strchr(s->name, '-') + 1);
    for (int i = 0; i < DIFFERENT; i++)
        draw(images[i], (uint64_t)i);
    return subject_corruption ? 0 : fault("%s: the table of corruptions has no such name", s->name);
}

static void run(const subject *s)
{
    uint8_t out[BYTES];
    (void)s;
    for (int i = 0; i < IMAGES; i++)
        subject_corruption->apply(out, images[i % DIFFERENT], SIDE, 1 + i % 5,
                                  corruption_seed(0, subject_corruption, 1 + i % 5, i));
}

static void end(const subject *s)
{
    (void)s;
}

#define ROW(called)                                                                                                \
    {                                                                                                              \
        .name = "corrupt-" called, .size = "32 x 32, one core", .unit = "images/s", .amount = IMAGES, .least = 5,  \
        .begin = begin, .run = run, .end = end                                                                     \
    }

const subject corrupt_subjects[] = {
    ROW("gaussian_noise"),    ROW("shot_noise"),  ROW("impulse_noise"),    ROW("defocus_blur"),
    ROW("glass_blur"),        ROW("motion_blur"), ROW("zoom_blur"),        ROW("snow"),
    ROW("frost_proc"),        ROW("fog"),         ROW("brightness"),       ROW("contrast"),
    ROW("elastic_transform"), ROW("pixelate"),    ROW("jpeg_compression"), ROW("speckle_noise"),
    ROW("gaussian_blur"),     ROW("saturate"),    ROW("spatter"),          ROW("augmix"),
    ROW("random_crop"),       {.name = NULL},
};
