/* leak.c - a method that takes memory and never gives it back: the parent's limit
 * ends it. Where none does, it stops by itself, and fails. */
#include "../../methods/method.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 16 << 20, BLOCKS = 200 };

static char *volatile memory; /* what the compiler must believe is used */

static tensor *score(void *self, run *r, samples *s)
{
    (void)self, (void)s;
    for (int i = 0; i < BLOCKS; i++) {
        char *block = malloc(BLOCK);
        if (block)
            memset(block, 1, BLOCK);
        memory = block;
        usleep(5000); /* slower than the parent looks */
    }
    run_refuse(r, "leak: nobody stopped it");
    return NULL;
}

const method method_entry = {METHOD_HEAD, .name = "leak", .cite = "nobody", .score = score};
