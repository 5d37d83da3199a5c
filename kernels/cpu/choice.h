/* choice.h - the k largest of a stream of values, for topk.c, nearest.c
 * and screen.c.
 *
 * Each value becomes a key: its bits, turned so that they compare as the values
 * do (NaN above all), over its index, turned so that the lower one wins a tie.
 * Keys differ, so "the k largest keys" has one answer however it is found. Keys
 * gather in a buffer; when that is full, the k largest stay and the k-th
 * becomes the bar that later values must pass. Few do, and they are found
 * many at a time: the cost is that of reading the values once. */
#ifndef CHOICE_H
#define CHOICE_H

#include <stdint.h>
#include <string.h>

typedef struct choice {
    uint64_t *key;
    int64_t k, n, cap;
    float bar; /* values not above it cannot matter; NaN lets all pass */
} choice;

static inline uint64_t choice_key(float x, int64_t index)
{
    uint32_t bits;
    x += 0.0f; /* -0 equals 0 */
    memcpy(&bits, &x, sizeof bits);
    bits = x != x ? UINT32_MAX : bits ^ (bits >> 31 ? UINT32_MAX : UINT32_C(1) << 31);
    return (uint64_t)bits << 32 | (UINT32_MAX - (uint32_t)index);
}

static inline float choice_value(uint64_t key)
{
    float x;
    uint32_t bits = (uint32_t)(key >> 32);
    bits ^= bits >> 31 ? UINT32_C(1) << 31 : UINT32_MAX;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline int64_t choice_index(uint64_t key)
{
    return (int64_t)(UINT32_MAX - (uint32_t)key);
}

/* Brings the k largest of n keys to the front, the smallest of them last. */
void choice_keep(uint64_t *key, int64_t n, int64_t k);

int64_t choice_room(int64_t k); /* how many keys a choice needs memory for */
void choice_open(choice *c, uint64_t *keys, int64_t k);
/* n values with the indices first, first + 1, ...; above those seen before. */
void choice_scan(choice *c, const float *x, int64_t n, int64_t first);
/* Sorted descending; at least k values were seen. Writes k of each. */
void choice_close(choice *c, float *y, int32_t *at);

#endif
