/* mixoe.c - images mixed with outliers, and labels mixed with the uniform
 * distribution in the same proportion. Classes and mixtures pass the network
 * apart, so each has batch statistics of its own. Ten epochs of fine-tuning at
 * 0.001; score with msp. */
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

static int64_t within(int64_t v, int64_t size)
{
    return v < 0 ? 0 : v > size ? size : v;
}

/* [h*w*c]: 1 where the image stays, 0 in a box whose sides are sqrt(1 - *keep)
 * of the image's, cut at its edges; *keep becomes the share that does stay. */
static tensor *box(run *r, dims d, double *keep)
{
    int64_t h = d.d[1], w = d.d[2], c = d.d[3];
    int64_t half_w = (int64_t)((double)w * sqrt(1 - *keep)) / 2,
            half_h = (int64_t)((double)h * sqrt(1 - *keep)) / 2;
    int64_t x = run_int(r, w), y = run_int(r, h);
    int64_t left = within(x - half_w, w), right = within(x + half_w, w);
    int64_t top = within(y - half_h, h), bottom = within(y + half_h, h);
    real *mask = run_scratch(r, (size_t)(h * w * c) * sizeof *mask);
    for (int64_t i = 0; i < h * w * c; i++) {
        int64_t row = i / (w * c), column = i / c % w;
        mask[i] = row < top || row >= bottom || column < left || column >= right;
    }
    *keep = 1 - (double)((right - left) * (bottom - top)) / (double)(h * w);
    return tx_from(DIMS(h * w * c), mask);
}

static tensor *paste(run *r, tensor *image, tensor *outlier, double *keep)
{
    tensor *stays = box(r, tx_dims(image), keep);
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
    tensor *mixed = tx_add(tx_scale(tx_nll(z, b->y), keep), tx_scale(uniform_cross_entropy(z), 1 - keep));
    run_note_tensor(r, "ce", ce);
    run_note_tensor(r, "mixed", mixed);
    run_note(r, "kept", keep);
    return tx_add(ce, tx_scale(mixed, s->weight));
}

const method method_entry = {METHOD_HEAD,      .name = "mixoe",
                             .outliers = true, .cite = "Zhang et al. 2023",
                             .loss = loss,     PARAMS(struct mixoe, params)};
