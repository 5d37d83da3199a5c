/* gradnorm.c - the L1 norm of the gradient that the cross-entropy to the uniform
 * distribution has with respect to the head's weights.
 *
 * That gradient is the outer product of the feature h and C p - 1 (the benchmark's
 * targets are all ones; the paper's sum to one, which divides all scores by C), so
 * its norm is the product of two norms and needs no differentiation. */
#include "method.h"

static tensor *l1(tensor *x)
{
    return tx_rowsum(tx_map(BK_ABS, x));
}

static tensor *score(void *self, run *r, samples *s)
{
    tensor *p = tx_exp(tx_log_softmax(samples_logits(s)));
    (void)self;
    return tx_mul(l1(samples_features(s)), l1(tx_affine(p, (double)run_classes(r), -1)));
}

const method method_entry = {METHOD_HEAD, .name = "gradnorm", .cite = "Huang et al. 2021", .score = score};
