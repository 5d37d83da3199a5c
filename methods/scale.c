/* scale.c - energy after scaling: all features of a sample are multiplied by
 * exp(sum of all / sum of the strongest), and none is pruned. */
#include "shaping.h"

static const param params[] = {SHAPING_PERCENTILE(85)};

static tensor *score(void *self, run *r, samples *s)
{
    const struct shaping *p = self;
    tensor *h = samples_features(s), *where;
    return shaped_energy(r, h, boost(h, strongest(r, h, p->percentile, &where)));
}

const method method_entry = {METHOD_HEAD, .name = "scale", .cite = "Xu et al. 2024", PARAMS(struct shaping, params),
                             .score = score};
