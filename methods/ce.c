/* ce.c - cross-entropy: the baseline every training method starts from. */
#include "method.h"

static tensor *loss(void *self, run *r, const batch *b)
{
    (void)self;
    return tx_nll(nn_forward(run_net(r), b->x), b->y);
}

const method method_entry = {METHOD_HEAD,  .name = "ce",  .cite = "the standard recipe",
                             .loss = loss, .ranks = true, .family = FAMILY_BASELINE};
