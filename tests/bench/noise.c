/* noise.c - a data set of noise on disk, for what reads images. */
#include "noise.h"

#include "../../datasets/store.h"
#include "../../kernels/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE * 3 };

static int fill(store *to, const char *split, int64_t images)
{
    uint8_t px[PIXELS];
    int rc = store_split(to, split, images, SIDE, "tests/bench/noise.c");
    for (int32_t i = 0; i < images && rc == 0; i++) {
        int32_t label = i % 10;
        for (int j = 0; j < PIXELS; j += 8) {
            uint64_t eight = random_bits(1, (uint64_t)i * PIXELS + (uint64_t)j);
            for (int k = 0; k < 8; k++)
                px[j + k] = (uint8_t)(eight >> 8 * k);
        }
        rc = store_images(to, px, &label, 1);
    }
    return rc;
}

int noise_write(char path[NOISE_PATH], const char *split, int64_t images)
{
    static const double half[] = {0.5, 0.5, 0.5};
    const store_header header = {"noise", NULL, 0, half, half};
    const char *tmp = getenv("TMPDIR");
    store *to;
    snprintf(path, NOISE_PATH, "%.4000s/oodbench-bench-%ld.h5", tmp ? tmp : "/tmp", (long)getpid());
    if (store_create(&to, path, &header) != 0)
        return -1;
    if (fill(to, split, images) == 0)
        return store_commit(to);
    store_discard(to);
    return -1;
}
