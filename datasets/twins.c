/* twins.c - one table for all images, which are compared byte by byte. */
#include "twins.h"
#include "../harness/progress.h"
#include "../harness/text.h"
#include "bag.h"

#include <string.h>

/* Which split the image number lies in; less that split's first number. */
static int split_of(dataset *const d[], int64_t *number)
{
    int k = 0;
    for (; *number >= dataset_count(d[k]); k++)
        *number -= dataset_count(d[k]);
    return k;
}

static twins *pair(twins **all, int *n, int of, int in)
{
    for (int i = 0; i < *n; i++)
        if ((*all)[i].of == of && (*all)[i].in == in)
            return &(*all)[i];
    *all = text_more(*all, (size_t)(*n + 1) * sizeof **all);
    (*all)[*n] = (twins){.of = of, .in = in};
    return &(*all)[(*n)++];
}

int twins_find(twins **out, dataset *const d[], int n)
{
    bag seen = {0};
    int pairs = 0;
    int64_t number = 0, total = 0;
    *out = NULL;
    for (int k = 0; k < n; k++)
        total += dataset_count(d[k]);
    progress_begin("comparing", "images", total);
    for (int k = 0; k < n; k++) {
        int64_t bytes = dataset_side(d[k]) * dataset_side(d[k]) * dataset_channels(d[k]);
        for (int64_t i = 0; i < dataset_count(d[k]); i++, number++) {
            const uint8_t *px = dataset_images(d[k]) + i * bytes;
            int64_t twin = bag_find(&seen, px, (size_t)bytes);
            if (twin < 0) {
                bag_add(&seen, px, (size_t)bytes, number);
                continue;
            }
            int in = split_of(d, &twin);
            twins *t = pair(out, &pairs, k, in);
            if (t->count++ == 0) {
                t->image = i;
                t->twin = twin;
            }
        }
        progress_step(number);
    }
    progress_end();
    bag_free(&seen);
    return pairs;
}
