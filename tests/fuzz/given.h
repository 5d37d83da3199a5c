/* given.h - features, logits and labels from elsewhere, every value of them. */
#ifndef FUZZ_GIVEN_H
#define FUZZ_GIVEN_H

#include "../../harness/given.h"
#include "fuzz.h"

static inline void given_whole(const char *path, double cosine)
{
    given *g;
    int64_t classes;
    if (fuzz_answer(given_open(&g, path, cosine, 0)) != 0)
        return;
    fuzz_answer(given_check(g));
    fuzz_answer(given_count_classes(g, &classes));
    given_close(g);
}

#endif
