/* corruptions.h - the functions behind the table of corruption.h, each with the
 * contract of corruption.apply: out and in are [side][side][3] and apart,
 * severity is 1 to 5. Constants and definitions are those of the generators of
 * CIFAR-10-C and ImageNet-C (Hendrycks and Dietterich 2019). */
#ifndef CORRUPTIONS_H
#define CORRUPTIONS_H

#include <stdint.h>

/* Which constants an image takes: 0 those for side 32, 1 those for side 224. */
static inline int corrupt_scale(int side)
{
    return side > (32 + 224) / 2;
}

typedef void corrupt_fn(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed);

/* noise.c */
corrupt_fn corrupt_gaussian_noise, corrupt_shot_noise, corrupt_impulse_noise, corrupt_speckle_noise;
/* blur.c */
corrupt_fn corrupt_defocus_blur, corrupt_glass_blur, corrupt_gaussian_blur;
/* warp.c */
corrupt_fn corrupt_motion_blur, corrupt_zoom_blur, corrupt_elastic_transform;
/* weather.c and spatter.c */
corrupt_fn corrupt_snow, corrupt_frost_proc, corrupt_fog, corrupt_spatter;
/* colour.c */
corrupt_fn corrupt_brightness, corrupt_contrast, corrupt_saturate;
/* recode.c */
corrupt_fn corrupt_pixelate, corrupt_jpeg_compression;
/* augmix.c */
corrupt_fn corrupt_augmix, corrupt_random_crop;

/* One operation of AugMix at strength t in (-1,1), 0 for none, by itself. Shears,
 * translations, rotations and blends go the other way for negative t. */
enum augmix_operation {
    AUGMIX_SHEAR_X, /* by 0.3 t, the upper edge stays */
    AUGMIX_SHEAR_Y,
    AUGMIX_TRANSLATE_X, /* by t / 3 of the side, in whole pixels */
    AUGMIX_TRANSLATE_Y,
    AUGMIX_ROTATE,    /* by 30 t degrees against the clock */
    AUGMIX_POSTERIZE, /* to 4 - 4 t bits */
    AUGMIX_SOLARIZE,  /* values from 255 - 255 t on are inverted */
    AUGMIX_AUTOCONTRAST,
    AUGMIX_EQUALIZE,
    AUGMIX_BRIGHTNESS, /* these blend 1 + 0.9 t of the image with a duller one */
    AUGMIX_COLOUR,
    AUGMIX_CONTRAST,
    AUGMIX_SHARPNESS,
    AUGMIX_OPERATIONS
};
void augmix_operate(uint8_t *out, const uint8_t *in, int side, enum augmix_operation which, double t);

#endif
