/* fickle.c - scores like the largest logit and calls itself a reconstruction; the
 * n-th call of its process, n being FICKLE in the environment, is not finite. */
#include "../../methods/method.h"

#include <stdlib.h>

static tensor *score(void *self, run *r, samples *s)
{
    static long calls;
    const char *bad = getenv("FICKLE");
    (void)self, (void)r;
    return tx_scale(tx_rowmax(samples_logits(s)), bad && ++calls == atol(bad) ? HUGE_VAL : 1);
}

const method method_entry = {METHOD_HEAD, .name = "fickle", .reconstruction = true, .cite = "nobody",
                             .score = score};
