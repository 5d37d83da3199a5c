/* shuffle.c - Fisher and Yates: over all images, or over blocks and then within windows. */
#include "shuffle.h"
#include "../kernels/random.h"

#include <stdlib.h>

enum { PURPOSE_BLOCKS, PURPOSE_WINDOWS }; /* branches of the seed of a shuffle by blocks */

/* The draw for place i is number i + offset. */
static void mix(int32_t *at, int64_t n, uint64_t seed, int64_t offset)
{
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = random_below(seed, (uint64_t)(i + offset), i + 1);
        int32_t held = at[i];
        at[i] = at[j];
        at[j] = held;
    }
}

static void count_up(int32_t *at, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        at[i] = (int32_t)i;
}

void shuffle_whole(int32_t *order, int64_t n, uint64_t seed)
{
    count_up(order, n);
    mix(order, n, seed, 0);
}

int64_t shuffle_count(int64_t n)
{
    return (n + SHUFFLE_BLOCK - 1) / SHUFFLE_BLOCK;
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void shuffle_blocks(int32_t *order, int32_t *blocks, int64_t n, uint64_t seed)
{
    int64_t count = shuffle_count(n), done = 0;
    uint64_t within = random_stream(seed, PURPOSE_WINDOWS);
    count_up(blocks, count);
    mix(blocks, count, random_stream(seed, PURPOSE_BLOCKS), 0);
    for (int64_t first = 0; first < count; first += SHUFFLE_WINDOW) {
        int64_t some = count - first < SHUFFLE_WINDOW ? count - first : SHUFFLE_WINDOW, began = done;
        qsort(blocks + first, (size_t)some, sizeof *blocks, ascending);
        for (int64_t b = first; b < first + some; b++)
            for (int64_t i = (int64_t)blocks[b] * SHUFFLE_BLOCK; i < n && i / SHUFFLE_BLOCK == blocks[b]; i++)
                order[done++] = (int32_t)i;
        mix(order + began, done - began, within, began);
    }
}
