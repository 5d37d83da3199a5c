/* torch.c - what torch.save() writes, in both layouts. */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_checkpoint(fuzz_file("a.pt", bytes, n));
    return 0;
}
