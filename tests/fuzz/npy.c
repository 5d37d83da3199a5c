/* npy.c - one array of NumPy, as images, as labels, and number by number. */
#include "../../datasets/npy.h"
#include "fuzz.h"

enum { SOME = 64 };

static void numbers(const npy *a)
{
    float real[SOME];
    int64_t whole[SOME], n = 1;
    for (int i = 0; i < a->dims; i++)
        n *= a->shape[i];
    n = n < SOME ? n : SOME;
    if (npy_is_real(a->type))
        npy_floats(a->type, a->data, n, real);
    else
        npy_integers(a->type, a->data, n, whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    npy a;
    if (fuzz_answer(npy_open(&a, fuzz_file("a.npy", bytes, n))) != 0)
        return 0;
    numbers(&a);
    fuzz_answer(npy_is_images(&a, 0));
    fuzz_answer(npy_is_labels(&a, a.shape[0], 10));
    npy_close(&a);
    return 0;
}
