/* mls.c - maximum logit: how much speaks for the winner, before it is compared. */
#include "method.h"

static tensor *score(void *self, run *r, samples *s)
{
    (void)self, (void)r;
    return tx_rowmax(samples_logits(s));
}

const method method_entry = {METHOD_HEAD, .name = "mls", .cite = "Hendrycks et al. 2022", .score = score};
