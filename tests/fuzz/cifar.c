/* cifar.c - a batch of CIFAR as Python pickled it. */
#include "../../datasets/cifar.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    batch b;
    unsigned sum = 0;
    if (fuzz_answer(batch_read(&b, "batch", bytes, (int64_t)n)) == 0)
        for (int64_t i = 0; b.px && i < b.n * b.row; i++)
            sum += b.px[i];
    fuzz_require(sum <= 255 * n, "more pixels than bytes");
    batch_close(&b);
    return 0;
}
