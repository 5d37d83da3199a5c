/* msp.c - maximum softmax probability: how sure the classifier is of its class.
 *
 * The probability of the winner is 1 / sum exp(f - max f), taken in float as the
 * benchmark does: confident samples saturate at exactly 1 and tie, and those
 * ties are part of the published numbers. The logarithm would rank them apart.
 * How a library orders the sum decides which ones tie: PyTorch's differs from
 * this by less than 0.02 points of AUROC on a CIFAR-10 network. */
#include "method.h"

static tensor *score(void *self, run *r, samples *s)
{
    tensor *f = samples_logits(s);
    (void)self, (void)r;
    return tx_map(BK_RECIP, tx_rowsum(tx_exp(tx_sub(f, tx_rowmax(f)))));
}

const method method_entry = {METHOD_HEAD, .name = "msp", .cite = "Hendrycks and Gimpel 2017", .score = score};
