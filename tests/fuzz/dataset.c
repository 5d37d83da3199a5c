/* dataset.c - our own HDF5 files: a split, every byte of its images, and the header. */
#include "../../datasets/store.h"
#include "../../harness/data.h"
#include "fuzz.h"

static unsigned sum_of(const void *bytes, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((const uint8_t *)bytes)[i];
    return sum;
}

static unsigned touch(const dataset *d)
{
    int64_t n = dataset_count(d), side = dataset_side(d);
    unsigned sum = sum_of(dataset_labels(d), (size_t)n * sizeof(int32_t));
    for (int64_t i = 0; dataset_encoded(d) && i < n; i++) {
        size_t size;
        const void *file = dataset_file(d, i, &size);
        sum += sum_of(file, size);
    }
    return dataset_encoded(d) ? sum : sum + sum_of(dataset_images(d), (size_t)(n * side * side * 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *path = fuzz_file("a.h5", bytes, n);
    store_header h;
    dataset *d;
    if (fuzz_answer(dataset_open(&d, path, "test")) == 0) {
        fuzz_require(touch(d) <= 255 * 8 * n, "more than the file holds");
        dataset_close(d);
    }
    if (fuzz_answer(store_header_read(&h, path)) == 0)
        store_header_free(&h);
    fuzz_require(dataset_lacks(path, "val") == 0 || dataset_lacks(path, "val") == 1, "neither there nor not");
    return 0;
}
