/* ash_s.c - energy after sharpening: the weakest features of a sample become
 * zero, the others are multiplied by exp(sum of all / sum of the others). The
 * authors use 90 on ImageNet and CIFAR-100, 95 on CIFAR-10. */
#include "shaping.h"

static const param params[] = {SHAPING_PERCENTILE(90)};

static tensor *score(void *self, run *r, samples *s)
{
    const struct shaping *p = self;
    tensor *h = samples_features(s), *where, *kept = strongest(r, h, p->percentile, &where);
    return shaped_energy(r, tx_place(kept, where, tx_cols(h)), boost(h, kept));
}

const method method_entry = {METHOD_HEAD, .name = "ash_s", .cite = "Djurisic et al. 2023",
                             PARAMS(struct shaping, params), .score = score};
