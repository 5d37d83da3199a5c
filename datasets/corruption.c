/* corruption.c - the table of corruptions, in the order in which they are published. */
#include "corruption.h"
#include "../kernels/random.h"
#include "corruptions.h"

#include <string.h>

static const corruption table[] = {
    {"gaussian_noise", CORRUPTION_MAIN, corrupt_gaussian_noise},
    {"shot_noise", CORRUPTION_MAIN, corrupt_shot_noise},
    {"impulse_noise", CORRUPTION_MAIN, corrupt_impulse_noise},
    {"defocus_blur", CORRUPTION_MAIN, corrupt_defocus_blur},
    {"glass_blur", CORRUPTION_MAIN, corrupt_glass_blur},
    {"motion_blur", CORRUPTION_MAIN, corrupt_motion_blur},
    {"zoom_blur", CORRUPTION_MAIN, corrupt_zoom_blur},
    {"snow", CORRUPTION_MAIN, corrupt_snow},
    {"frost_proc", CORRUPTION_MAIN, corrupt_frost_proc},
    {"fog", CORRUPTION_MAIN, corrupt_fog},
    {"brightness", CORRUPTION_MAIN, corrupt_brightness},
    {"contrast", CORRUPTION_MAIN, corrupt_contrast},
    {"elastic_transform", CORRUPTION_MAIN, corrupt_elastic_transform},
    {"pixelate", CORRUPTION_MAIN, corrupt_pixelate},
    {"jpeg_compression", CORRUPTION_MAIN, corrupt_jpeg_compression},
    {"speckle_noise", CORRUPTION_EXTRA, corrupt_speckle_noise},
    {"gaussian_blur", CORRUPTION_EXTRA, corrupt_gaussian_blur},
    {"saturate", CORRUPTION_EXTRA, corrupt_saturate},
    {"spatter", CORRUPTION_EXTRA, corrupt_spatter},
    {"augmix", CORRUPTION_AUGMENTATION, corrupt_augmix},
    {"random_crop", CORRUPTION_AUGMENTATION, corrupt_random_crop},
};
enum { COUNT = sizeof table / sizeof *table };

const corruption *corruption_at(int i)
{
    return i >= 0 && i < COUNT ? &table[i] : NULL;
}

const corruption *corruption_find(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* By name, so that a row more or less leaves the others' images as they are. */
uint64_t corruption_seed(uint64_t seed, const corruption *c, int severity, int64_t image)
{
    for (const char *s = c->name; *s; s++)
        seed = random_stream(seed, (unsigned char)*s);
    return random_stream(random_stream(seed, (uint64_t)severity), (uint64_t)image);
}
