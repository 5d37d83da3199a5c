/* energy_clustering.c - energy margins on the outliers that gregplus would pick,
 * without its penalty: the ablation of its paper. */
#include "clusters.h"

static const param params[] = {GREG_MARGINS, GREG_CLUSTERS};

static tensor *loss(void *self, run *r, const batch *b)
{
    return greg_loss(self, r, b, clustered_outliers(self, r, b)); /* the penalty's weight is no parameter: zero */
}

const method method_entry = {METHOD_HEAD,      .name = "energy_clustering",
                             .outliers = true, .cite = "Sharifi et al. 2024",
                             .loss = loss,     PARAMS(struct greg, params)};
