/* bag.h - a set of byte strings with numbers, by hashing: paths, classes, images. */
#ifndef BAG_H
#define BAG_H

#include <stddef.h>
#include <stdint.h>

typedef struct bag {
    struct bag_entry *entries; /* in the order they came */
    int64_t *slots;            /* entry + 1; 0: free */
    size_t n, cap, room;
} bag;

/* The bytes are the caller's and stay where they are. A string that is there already
 * is not taken again: the first number stays. */
void bag_add(bag *b, const void *bytes, size_t size, int64_t number);
int64_t bag_find(const bag *b, const void *bytes, size_t size); /* its number, or -1 */
void bag_free(bag *b);

#endif
