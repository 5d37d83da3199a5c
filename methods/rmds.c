/* rmds.c - relative Mahalanobis: how much nearer a feature is to a class than to
 * one Gaussian of all training features, whatever their class. */
#include "gauss.h"
#include "labels.h"

struct rmds {
    struct gauss classes, background;
};

static void fit(void *self, run *r)
{
    struct rmds *s = self;
    samples *train = run_split(r, RUN_TRAIN);
    tensor *f = samples_features(train);
    const int32_t *alike = run_scratch(r, (size_t)tx_rows(f) * sizeof *alike);
    gauss_fit(&s->classes, r, f, checked_labels(r, train), run_classes(r));
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
