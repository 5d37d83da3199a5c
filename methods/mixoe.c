/* mixoe.c - images mixed with outliers, and labels mixed with the uniform
 * distribution in the same proportion. Classes and mixtures pass the network
 * apart, so each has batch statistics of its own. Ten epochs of fine-tuning at
 * 0.001; score with msp. */
#include "box.h"
#include "losses.h"

struct mixoe {
    double weight, alpha;
    int mix;
};
enum { MIXUP, CUTMIX };

static const param params[] = {
    PARAM(struct mixoe, weight, .init = 1, .min = 0, .max = 100, .sweep = "0.1 0.2 0.5 1 2",
          .help = "of the mixtures' term"),
    PARAM(struct mixoe, alpha, .init = 0.1, .min = 0.01, .max = 100, .sweep = "0.1 1",
          .help = "an image's share is drawn from Beta(alpha, 1), once a batch"),
    PARAM(struct mixoe, mix, .init = CUTMIX, .choices = "mixup cutmix",
          .help = "blend, or paste a box of the outlier"),
};

static tensor *paste(run *r, tensor *image, tensor *outlier, double *keep)
{
    tensor *stays = box_mask(r, tx_dims(image), keep);
    tensor *mixed = tx_add(tx_mul(tx_flat(image), stays), tx_mul(tx_flat(outlier), tx_affine(stays, -1, 1)));
    return tx_reshape(mixed, tx_dims(image));
}

static tensor *loss(void *self, run *r, const batch *b)
{
    const struct mixoe *s = self;
    const batch *o = run_outliers(r, b->n);
    double keep = pow(run_uniform(r), 1 / s->alpha); /* Beta(a,1) is U^(1/a) */
    tensor *mixture = s->mix == CUTMIX ? paste(r, b->x, o->x, &keep)
                                       : tx_add(tx_scale(b->x, keep), tx_scale(o->x, 1 - keep));
    tensor *z = nn_forward(run_net(r), mixture), *ce = tx_nll(nn_forward(run_net(r), b->x), b->y);
    tensor *mixed = mixed_cross_entropy(z, b->y, keep);
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "mixed", mixed);
    run_note(r, "kept", keep);
    return tx_add(ce, tx_scale(mixed, s->weight));
}

const method method_entry = {METHOD_HEAD,
                             .name = "mixoe",
                             .outliers = true,
                             .ranks = true,
                             .cite = "Zhang et al. 2023",
                             .loss = loss,
                             PARAMS(struct mixoe, params)};
