/* idx.c - MNIST's IDX files, and gzip. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_images(&format_idx, fuzz_file("i-images-idx3-ubyte", bytes, n));
    return 0;
}
