/* mat.c - MATLAB's files of level 5. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_images(&format_mat, fuzz_file("a.mat", bytes, n));
    return 0;
}
