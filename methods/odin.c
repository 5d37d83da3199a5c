/* odin.c - the softmax at a high temperature, of an input that was moved a
 * little towards the class it was given: in-distribution ones gain more.
 *
 * The step is epsilon of a pixel's range along each gradient's sign, against
 * the loss. Only signs count, so the loss is T times the cross-entropy: its
 * gradient does not shrink with the temperature. A gradient of zero steps as a
 * positive one does, as in the original code; no pixel is clipped.
 *
 * Pixels reach the network divided by the standard deviations of its
 * preprocessing, and so does the step. The original code and the benchmark know
 * those of CIFAR-10, whatever the network was trained with. */
#include "method.h"

struct odin {
    double temperature, epsilon;
    int std;
};

enum { INPUT, ORIGINAL };
static const real original[] = {(real)(63.0 / 255), (real)(62.1 / 255), (real)(66.7 / 255)};

static const param params[] = {
    PARAM(struct odin, temperature, .init = 1000, .min = 1e-3, .max = 1e6, .sweep = "1 10 100 1000",
          .help = "divides the logits"),
    PARAM(struct odin, epsilon, .init = 0.0014, .min = 0, .max = 1, .sweep = "0.0014 0.0028",
          .help = "size of the step, where pixels go from 0 to 1"),
    PARAM(struct odin, std, .init = INPUT, .choices = "input original",
          .help = "which deviations divide it: the network's, or (63, 62.1, 66.7) / 255, CIFAR-10's"),
};

/* +1 for zero. */
static tensor *signs(tensor *g)
{
    return tx_sign(tx_affine(tx_sign(g), 1, 0.5));
}

static tensor *deviations(const struct odin *o, run *r)
{
    tensor *own = run_input_std(r);
    if (o->std == INPUT)
        return own;
    if (tx_cols(own) != 3)
        run_refuse(r, "odin.std is original, of red, green and blue, but images have %lld channels: choose input",
                   (long long)tx_cols(own));
    return tx_from(DIMS(3), original);
}

/* Where the step leads, in pixels normalised as the network has them. */
static tensor *moved(const struct odin *o, run *r, tensor *input)
{
    tensor *x = ad_leaf(input), *g;
    tensor *f = tx_scale(nn_forward(run_net(r), x), 1 / o->temperature);
    tensor *loss = tx_scale(tx_sum(tx_sub(tx_lse(f), tx_rowmax(f))), o->temperature);
    ad_grad(loss, 1, &x, &g, 0);
    return tx_sub(input, tx_div(tx_scale(signs(g), o->epsilon), deviations(o, r)));
}

/* 1 / sum exp((f - max f) / T): near 1 / classes, but no digits cancel. */
static tensor *score(void *self, run *r, samples *s)
{
    const struct odin *o = self;
    tensor *f = nn_forward(run_net(r), moved(o, r, samples_input(s)));
    return tx_map(BK_RECIP, tx_rowsum(tx_exp(tx_scale(tx_sub(f, tx_rowmax(f)), 1 / o->temperature))));
}

const method method_entry = {METHOD_HEAD,    .name = "odin",
                             .inputs = true, .cite = "Liang et al. 2018",
                             .score = score, PARAMS(struct odin, params)};
