/* rmds.c - relative Mahalanobis: how much nearer a feature is to a class than to
 * one Gaussian of all training features, whatever their class. */
#include "gauss.h"

struct rmds {
    struct gauss classes, background;
};

static void fit(void *self, run *r)
{
    struct rmds *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    tensor *f = samples_features(train);
    int64_t n = tx_rows(f);
    tensor *alike = tx_index(DIMS(n, 1), run_scratch(r, (size_t)n * sizeof(int32_t)));
    gauss_fit(&s->classes, r, f, samples_labels(train), run_classes(r));
    gauss_fit(&s->background, r, f, alike, 1);
}

static tensor *score(void *self, run *r, samples *q)
{
    struct rmds *s = self;
    tensor *f = samples_features(q);
    (void)r;
    return tx_sub(gauss_distance(&s->background, f), gauss_distance(&s->classes, f));
}

const method method_entry = {
    METHOD_HEAD, .name = "rmds", .cite = "Ren et al. 2021", .self_bytes = sizeof(struct rmds),
    .fit = fit,  .score = score};
