/* colours.h - a tiny data set: three classes that differ in colour, all else is
 * noise; and outliers that are noise alone. */
#ifndef COLOURS_H
#define COLOURS_H

#include "../datasets/store.h"
#include "../kernels/random.h"

enum { COLOURS = 3, COLOURS_SIDE = 32, COLOURS_PIXELS = COLOURS_SIDE * COLOURS_SIDE * 3 };

static inline int colours_split(store *to, const char *split, int64_t n, int labelled, uint64_t seed)
{
    uint8_t px[COLOURS_PIXELS];
    int rc = store_split(to, split, n, COLOURS_SIDE, "tests/colours.h");
    for (int64_t i = 0; i < n && rc == 0; i++) {
        int32_t label = labelled ? (int32_t)(i % COLOURS) : -1;
        for (int64_t j = 0; j < COLOURS_PIXELS; j++) {
            int bright = label >= 0 && j % 3 == label ? 90 : 0;
            px[j] = (uint8_t)(bright + random_below(seed, (uint64_t)(i * COLOURS_PIXELS + j), 120));
        }
        rc = store_images(to, px, &label, 1);
    }
    return rc;
}

/* Both files; -1 with fault() set. */
static inline int colours_write(const char *id, const char *outliers, int64_t train, int64_t val, int64_t auxiliary)
{
    static const char *const names[] = {"red", "green", "blue"};
    static const double mean[] = {0.5, 0.5, 0.5}, std[] = {0.25, 0.25, 0.25};
    const store_header header = {"colours", names, COLOURS, mean, std};
    store *s;
    if (store_create(&s, id, &header) != 0 || colours_split(s, "train", train, 1, 1) != 0 ||
        colours_split(s, "val", val, 1, 2) != 0 || store_commit(s) != 0)
        return -1;
    return store_create(&s, outliers, &header) != 0 || colours_split(s, "train", auxiliary, 0, 3) != 0 ||
                   store_commit(s) != 0
               ? -1
               : 0;
}

#endif
