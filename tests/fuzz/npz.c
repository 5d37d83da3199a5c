/* npz.c - archives of NumPy's arrays. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_images(&format_npz, fuzz_file("a.npz", bytes, n));
    return 0;
}
