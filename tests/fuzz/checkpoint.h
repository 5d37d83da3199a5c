/* checkpoint.h - a checkpoint, opened, and the numbers of all its tensors. */
#ifndef FUZZ_CHECKPOINT_H
#define FUZZ_CHECKPOINT_H

#include "../../harness/checkpoint.h"
#include "fuzz.h"

static inline void fuzz_checkpoint(const char *path)
{
    checkpoint *c;
    if (fuzz_answer(checkpoint_open(&c, path)) != 0)
        return;
    for (int64_t i = 0; i < checkpoint_count(c); i++) {
        const checkpoint_tensor *t = checkpoint_at(c, i);
        float *out = text_more(NULL, (size_t)t->count * sizeof *out + 1);
        fuzz_require(checkpoint_find(c, t->name) != NULL, "a tensor is not found by its name");
        fuzz_answer(checkpoint_floats(c, t, out));
        free(out);
    }
    checkpoint_close(c);
}

#endif
