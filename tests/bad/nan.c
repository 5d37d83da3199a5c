/* nan.c - a method whose scores are not finite. */
#include "../../methods/method.h"

static tensor *score(void *self, run *r, samples *s)
{
    tensor *z = samples_logits(s);
    (void)self, (void)r;
    return tx_map(BK_LOG, tx_affine(tx_rowsum(tx_square(z)), -1, -1));
}

const method method_entry = {METHOD_HEAD, .name = "nan", .cite = "nobody", .score = score};
