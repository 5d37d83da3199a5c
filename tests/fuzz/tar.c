/* tar.c - tars; members lie inside the bytes, and none is named out of its folder. */
#include "../../datasets/tar.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tar t = {0};
    if (fuzz_answer(tar_read(&t, "a.tar", bytes, (int64_t)n, "")) == 0)
        for (int64_t i = 0; i < t.n; i++) {
            const tar_member *m = &t.members[i];
            char *inside = text_format("/%s/", m->name);
            fuzz_require(m->name[0] != '/' && !strstr(inside, "/../"), "a member leaves its folder");
            fuzz_require(m->at >= bytes && m->size >= 0 && m->size <= bytes + n - m->at, "a member is not inside");
            free(inside);
        }
    tar_free(&t);
    return 0;
}
