/* ash_b.c - energy after binarising: the weakest features of a sample become
 * zero, the others share the sum of all alike. This is the variant that the
 * benchmark runs. The authors use 65 on ImageNet, 75 on CIFAR-10, 85 on CIFAR-100. */
#include "shaping.h"

static const param params[] = {SHAPING_PERCENTILE(90)};

static tensor *score(void *self, run *r, samples *s)
{
    const struct shaping *p = self;
    tensor *h = samples_features(s), *where, *kept = strongest(r, h, p->percentile, &where);
    tensor *ones = tx_place(tx_full(tx_dims(kept), 1), where, tx_cols(h));
    return shaped_energy(r, ones, tx_scale(tx_rowsum(h), 1 / (double)tx_cols(kept)));
}

const method method_entry = {METHOD_HEAD, .name = "ash_b", .cite = "Djurisic et al. 2023",
                             PARAMS(struct shaping, params), .score = score};
