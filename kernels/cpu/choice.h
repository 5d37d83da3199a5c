/* choice.h - the k largest of a stream of values, for topk.c and nearest.c.
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

typedef struct choice {
    uint64_t *key;
    int64_t k, n, cap;
    float bar; /* values not above it cannot matter; NaN lets all pass */
} choice;

int64_t choice_room(int64_t k); /* how many keys a choice needs memory for */
void choice_open(choice *c, uint64_t *keys, int64_t k);
/* n values with the indices first, first + 1, ...; above those seen before. */
void choice_scan(choice *c, const float *x, int64_t n, int64_t first);
/* Sorted descending; at least k values were seen. Writes k of each. */
void choice_close(choice *c, float *y, int32_t *at);

#endif
