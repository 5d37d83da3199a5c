/* corruption.h - the corruptions of CIFAR-10-C and ImageNet-C (Hendrycks and
 * Dietterich 2019) and the augmentations that share their code. All work on
 * 8-bit RGB images [side][side][3], side 32 or 224 (other sides take the
 * constants of the nearer one), and depend on their seed and on nothing else. */
#ifndef CORRUPTION_H
#define CORRUPTION_H

#include <stdint.h>

enum corruption_kind {
    CORRUPTION_MAIN,         /* one of the fifteen that published means are over */
    CORRUPTION_EXTRA,        /* one of the four for validation */
    CORRUPTION_AUGMENTATION, /* for training only: augmix, random_crop */
};

typedef struct corruption {
    const char
        *name; /* "gaussian_noise"; "frost_proc" is a stand-in for frost, which needs its authors' photographs */
    enum corruption_kind kind;
    /* out and in do not overlap; severity is 1 to 5. */
    void (*apply)(uint8_t *out, const uint8_t *in, int side, int severity, uint64_t seed);
} corruption;

/* In the order they are published; NULL behind the last. */
const corruption *corruption_at(int i);
const corruption *corruption_find(const char *name);

/* The seed of one image: a stream per (seed, corruption, severity, image). */
uint64_t corruption_seed(uint64_t seed, const corruption *c, int severity, int64_t image);

#endif
