/* ash_p.c - energy after pruning: the weakest features of a sample become zero,
 * the others stay as they are. The authors use 60 on ImageNet, 90 on CIFAR-10
 * and 80 on CIFAR-100. */
#include "shaping.h"

static const param params[] = {SHAPING_PERCENTILE(90)};

static tensor *score(void *self, run *r, samples *s)
{
    const struct shaping *p = self;
    tensor *h = samples_features(s), *where, *kept = strongest(r, h, p->percentile, &where);
    return shaped_energy(r, tx_place(kept, where, tx_cols(h)), NULL);
}

const method method_entry = {METHOD_HEAD, .name = "ash_p", .cite = "Djurisic et al. 2023",
                             PARAMS(struct shaping, params), .score = score};
