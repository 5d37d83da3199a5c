/* heap.c - a method that writes behind what it has allocated, over what the
 * allocator keeps there, and goes on until the allocator notices. */
#include "../../methods/method.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL = 40, BEHIND = 4096, TIMES = 64 };

static tensor *score(void *self, run *r, samples *s)
{
    (void)self, (void)r;
    for (int i = 0; i < TIMES; i++) {
        char *volatile mine = malloc(SMALL);
        char *volatile next = malloc(SMALL);
        char *at = mine;
        volatile size_t n = BEHIND;
        if (at)
            memset(at, 0x5a, n);
        free(next);
        free(mine);
    }
    return tx_rowmax(samples_logits(s));
}

const method method_entry = {METHOD_HEAD, .name = "heap", .cite = "nobody", .score = score};
