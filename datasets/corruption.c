/* corruption.c - the table of corruptions, in the order in which they are published. */
#include "corruption.h"
#include "../kernels/random.h"
#include "corruptions.h"

#include <string.h>

static const corruption table[] = {
    {"defocus_blur", CORRUPTION_MAIN, corrupt_defocus_blur},
    {"glass_blur", CORRUPTION_MAIN, corrupt_glass_blur},
    {"gaussian_blur", CORRUPTION_EXTRA, corrupt_gaussian_blur},
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
