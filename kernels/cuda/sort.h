/* sort.h - rows of (key, item) pairs sorted by radix: keys ascending, items of
 * equal keys in the order they had. Keys are unsigned words; an item is a number
 * that goes along, mostly an index. */
#ifndef CUDA_SORT_H
#define CUDA_SORT_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sort_pairs {
    int64_t rows, n;      /* rows: at most 65535; n: below 2^32 */
    uint32_t *key, *item; /* [rows][n]; before and after */
    uint32_t *other_key, *other_item;
    uint32_t *counts; /* [rows][256][chunks], then [rows][256] sums of these */
} sort_pairs;

size_t sort_bytes(int64_t rows, int64_t n);                  /* of room for that */
sort_pairs sort_within(void *room, int64_t rows, int64_t n); /* the arrays in it */
/* By the lower `bits` of the keys. Launches; to be called from the queue. Key and
 * item may have traded places with the others afterwards. */
void sort_launch(bk *b, sort_pairs *s, int bits);

#ifdef __cplusplus
}
#endif
#endif
