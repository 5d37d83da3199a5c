/* asam.c - adaptive sharpness-aware minimisation: as sam, in a neighbourhood that
 * stretches with each weight, so that rescaling a layer changes nothing. `base`
 * names the method whose loss is minimised. */
#include "ascent.h"

struct asam {
    double rho;
    const char *base;
    int bn_update;
};
enum { BN_FIRST, BN_BOTH };

static const param params[] = {
    PARAM(struct asam, rho, .init = 2, .min = 0, .max = 100, .sweep = "0.5 1 2",
          .help = "radius, in units of the weights"),
    PARAM(struct asam, base, .choices = "ce", .help = "method whose loss is minimised"),
    PARAM(struct asam, bn_update, .init = BN_FIRST, .choices = "first both",
          .help = "passes that move batch-norm's running statistics"),
};

static void step(void *self, run *r, const batch *b)
{
    struct asam *s = self;
    net *n = run_net(r);
    run_backward(r, run_base_loss(r, b));
    tensor *home = ascent_climb(n, s->rho, ASCENT_ADAPTIVE);

    enum nn_mode mode = nn_mode(n, s->bn_update == BN_BOTH ? NN_TRAIN : NN_FROZEN);
    run_backward(r, run_base_loss(r, b));
    nn_mode(n, mode);
    ascent_return(n, home);
    run_update(r);
}

const method method_entry = {METHOD_HEAD, .name = "asam", .cite = "Kwon et al. 2021", PARAMS(struct asam, params),
                             .step = step};
