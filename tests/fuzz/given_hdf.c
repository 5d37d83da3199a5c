/* given_hdf.c - features from elsewhere, in HDF5. */
#include "given.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    given_whole(fuzz_file("a.h5", bytes, n), 0);
    return 0;
}
