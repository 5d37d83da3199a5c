/* given.c - features from elsewhere, in .npz, .safetensors or what torch.save() wrote. */
#include "given.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *path = fuzz_file("a", bytes, n);
    given_whole(path, 0);
    given_whole(path, 100);
    return 0;
}
