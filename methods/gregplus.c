/* gregplus.c - GReg+: greg's loss on outliers that clustering picked from a
 * larger pool, two for each image of a batch. The authors train from scratch for
 * 60 epochs with 64 images a step (0.1, then 0.01 from epoch 50, weight decay
 * 1e-4, SGD); score with ebo. */
#include "clusters.h"

static const param params[] = {GREG_MARGINS, GREG_PENALTY, GREG_CLUSTERS};

static tensor *loss(void *self, run *r, const batch *b)
{
    return greg_loss(self, r, b, clustered_outliers(self, r, b));
}

const method method_entry = {METHOD_HEAD,      .name = "gregplus",
                             .outliers = true, .cite = "Sharifi et al. 2024",
                             .loss = loss,     PARAMS(struct greg, params)};
