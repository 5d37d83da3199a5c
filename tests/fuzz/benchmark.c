/* benchmark.c - datasets/NAME.yml, and what its sets would be made from. */
#include "../../datasets/benchmark.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    benchmark *b;
    char path[PATH_MAX];
    fuzz_file("b.yml", bytes, n);
    if (fuzz_answer(benchmark_open(&b, fuzz_folder, "b", fuzz_folder, fuzz_folder)) != 0)
        return 0;
    for (int i = 0; i < benchmark_sets(b); i++) {
        const char *set = benchmark_set(b, i);
        fuzz_answer(benchmark_path(b, set, path, sizeof path));
        fuzz_answer(benchmark_fresh(b, set) < 0 ? -1 : 0);
        for (int k = 0; k < 100 && benchmark_part(b, set, k); k++)
            fuzz_require(*benchmark_part(b, set, k) != '\0', "a part without a name");
    }
    benchmark_close(b);
    return 0;
}
