/* plain.c - HDF5 files of others, as images. */
#include "images.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    fuzz_images(&format_hdf5, fuzz_file("a.h5", bytes, n));
    return 0;
}
