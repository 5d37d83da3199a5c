/* decode.c - PNG and JPEG. */
#include "../../datasets/decode.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static image im; /* kept from one to the next, as by those who read many */
    if (fuzz_answer(image_decode(&im, bytes, n)) == 0)
        fuzz_require(im.cap >= (size_t)(im.w * im.h) * 3, "no room for the pixels");
    if (im.cap > 1 << 20)
        image_free(&im);
    return 0;
}
