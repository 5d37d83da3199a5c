/* zip.c - pictures in a zip. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_images(&format_tree, fuzz_file("a.zip", bytes, n));
    return 0;
}
