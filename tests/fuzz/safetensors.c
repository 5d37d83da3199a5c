/* safetensors.c - .safetensors files. */
#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_checkpoint(fuzz_file("a.safetensors", bytes, n));
    return 0;
}
