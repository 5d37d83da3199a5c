/* crash.c - a method that dies in its first call: its row says so, others go on. */
#include "../../methods/method.h"

static tensor *score(void *self, run *r, samples *s)
{
    volatile int *nowhere = NULL;
    (void)self, (void)r;
    *nowhere = 1;
    return samples_logits(s);
}

const method method_entry = {METHOD_HEAD, .name = "crash", .cite = "nobody", .score = score};
