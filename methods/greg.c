/* greg.c - GReg: energy margins, and a penalty on the input gradients of samples
 * that keep them, with outliers as they come. The authors fine-tune for 20
 * epochs with 64 images and 64 outliers a step (cosine from 0.001, weight decay
 * 1e-4); score with ebo. */
#include "greg.h"

static const param params[] = {GREG_MARGINS, GREG_PENALTY};

static tensor *loss(void *self, run *r, const batch *b)
{
    return greg_loss(self, r, b, run_outliers(r, run_outlier_batch(r))->x);
}

const method method_entry = {METHOD_HEAD,
                             .name = "greg",
                             .outliers = true,
                             .ranks = true,
                             .cite = "Sharifi et al. 2024",
                             .loss = loss,
                             PARAMS(struct greg, params)};
