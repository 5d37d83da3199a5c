/* sam.c - sharpness-aware minimisation: climb to the worst weights nearby, take
 * the gradient there, come back exactly, and step with it. `base` names the
 * method whose loss is minimised, so sam over oe needs no code. */
#include "ascent.h"

struct sam {
    double rho;
    const char *base;
    int bn_update;
};
enum { BN_FIRST, BN_BOTH };

static const param params[] = {
    PARAM(struct sam, rho, .init = 0.05, .min = 0, .max = 10, .sweep = "0.02 0.05 0.1 0.2 0.5",
          .help = "radius of the neighbourhood"),
    PARAM(struct sam, base, .choices = "ce", .help = "method whose loss is minimised"),
    PARAM(struct sam, bn_update, .init = BN_FIRST, .choices = "first both",
          .help = "passes that move batch-norm's running statistics"),
};

static void step(void *self, run *r, const batch *b)
{
    struct sam *s = self;
    net *n = run_net(r);
    run_backward(r, run_base_loss(r, b));
    tensor *home = ascent_climb(n, s->rho, ASCENT_PLAIN);

    enum nn_mode mode = nn_mode(n, s->bn_update == BN_BOTH ? NN_TRAIN : NN_FROZEN);
    run_backward(r, run_base_loss(r, b));
    nn_mode(n, mode);
    ascent_return(n, home);
    run_update(r);
}

const method method_entry = {METHOD_HEAD, .name = "sam", .cite = "Foret et al. 2021", PARAMS(struct sam, params),
                             .step = step};
