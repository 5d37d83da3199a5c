/* drsam.c - distribution-robust sharpness-aware minimisation: outlier exposure's
 * loss, climbed with augmented images and descended with clean ones, so that the
 * worst weights nearby are those of a shifted world (algorithm 1). The authors
 * fine-tune for 100 epochs of 128 images and 256 outliers, rate 0.01 (ImageNet
 * 0.001) cut by 0.1 on a plateau; severity and score are not stated: score with
 * msp, and ebo beside it. */
#include "ascent.h"
#include "losses.h"

#include <stdio.h>
#include <string.h>

struct drsam {
    double weight, rho;
    int64_t severity;
    int aug, bn_update;
};
enum { BN_BOTH, BN_CLEAN, BN_FIRST };

/* Those of datasets/corruption.h; the first is none of them. */
static const char augmentations[] =
    "none gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost_proc "
    "fog "
    "brightness contrast elastic_transform pixelate jpeg_compression speckle_noise gaussian_blur spatter saturate "
    "augmix random_crop";
enum { BRIGHTNESS = 11 };

static const param params[] = {
    PARAM(struct drsam, weight, .init = 0.5, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1",
          .help = "lambda, of the outliers' term (CIFAR-100: 0.2)"),
    PARAM(struct drsam, rho, .init = 0.5, .min = 0, .max = 10, .sweep = "0.05 0.1 0.2 0.5 1 1.5 2",
          .help = "radius of the neighbourhood (CIFAR-100: 0.2)"),
    PARAM(struct drsam, aug, .init = BRIGHTNESS, .choices = augmentations,
          .help = "of the images that are climbed with"),
    PARAM(struct drsam, severity, .init = 1, .min = 0, .max = 5, .help = "1 to 5; 0: drawn anew for each step"),
    PARAM(struct drsam, bn_update, .init = BN_BOTH, .choices = "both clean_pass first_pass",
          .help = "passes that move batch-norm's running statistics"),
};

static tensor *augmented(const struct drsam *s, run *r, const batch *b)
{
    char name[32];
    const char *word = augmentations;
    if (s->aug == 0)
        return b->x;
    for (int i = 0; i < s->aug; i++)
        word += strcspn(word, " ") + 1;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, " "), word);
    return run_augmented(r, b, name, s->severity ? s->severity : 1 + run_int(r, 5));
}

static tensor *loss(const struct drsam *s, run *r, tensor *x, const batch *b, const batch *o)
{
    pair z = forward_pair(run_net(r), x, o->x);
    return tx_add(tx_nll(z.in, b->y), tx_scale(uniform_cross_entropy(z.out), s->weight));
}

static void step(void *self, run *r, const batch *b)
{
    const struct drsam *s = self;
    net *n = run_net(r);
    const batch *o = run_outliers(r, run_outlier_batch(r));
    enum nn_mode mode = nn_mode(n, s->bn_update == BN_CLEAN ? NN_FROZEN : NN_TRAIN);
    run_backward(r, loss(s, r, augmented(s, r, b), b, o));
    tensor *home = ascent_climb(n, s->rho, ASCENT_PLAIN);

    nn_mode(n, s->bn_update == BN_FIRST ? NN_FROZEN : NN_TRAIN);
    tensor *perturbed = loss(s, r, b->x, b, o);
    run_note_tensor(r, "perturbed_loss", perturbed);
    nn_mode(n, mode);
    ascent_descend(r, perturbed, home);
}

const method method_entry = {METHOD_HEAD,
                             .name = "drsam",
                             .outliers = true,
                             .ranks = true,
                             .cite = "DR-SAM, under review",
                             .step = step,
                             .family = FAMILY_SHARPNESS,
                             PARAMS(struct drsam, params)};
