/* mds.c - minus the squared Mahalanobis distance to the nearest class: its mean
 * training feature, by true labels, and one covariance for all classes. */
#include "gauss.h"
#include "labels.h"

static void fit(void *self, run *r)
{
    samples *train = run_split(r, RUN_TRAIN);
    gauss_fit(self, r, samples_features(train), checked_labels(r, train), run_classes(r));
}

static tensor *score(void *self, run *r, samples *q)
{
    (void)r;
    return tx_scale(gauss_distance(self, samples_features(q)), -1);
}

const method method_entry = {
    METHOD_HEAD, .name = "mds", .cite = "Lee et al. 2018", .self_bytes = sizeof(struct gauss),
    .fit = fit,  .score = score};
