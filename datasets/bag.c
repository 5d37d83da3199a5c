/* bag.c - open addressing; a hit is compared byte by byte, so that the hash
 * need only be fast. */
#include "bag.h"
#include "../harness/text.h"

#include <stdlib.h>
#include <string.h>

struct bag_entry {
    const void *bytes;
    size_t size;
    uint64_t hash;
    int64_t number;
};

/* Eight bytes a step. */
static uint64_t hash_of(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t h = 0x9e3779b97f4a7c15u ^ size, word;
    for (; size >= 8; p += 8, size -= 8) {
        memcpy(&word, p, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, p, size);
    h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 29;
}

/* The slot of the string, or the free one where it would go. */
static size_t slot_of(const bag *b, const void *bytes, size_t size, uint64_t hash)
{
    size_t at = hash & (b->cap - 1);
    for (; b->slots[at]; at = (at + 1) & (b->cap - 1)) {
        const struct bag_entry *e = &b->entries[b->slots[at] - 1];
        if (e->hash == hash && e->size == size && memcmp(e->bytes, bytes, size) == 0)
            break;
    }
    return at;
}

/* At most half full. */
static void grow(bag *b)
{
    b->cap = b->cap ? 2 * b->cap : 1024;
    b->slots = text_more(b->slots, b->cap * sizeof *b->slots);
    memset(b->slots, 0, b->cap * sizeof *b->slots);
    for (size_t i = 0; i < b->n; i++) {
        const struct bag_entry *e = &b->entries[i];
        b->slots[slot_of(b, e->bytes, e->size, e->hash)] = (int64_t)i + 1;
    }
}

void bag_add(bag *b, const void *bytes, size_t size, int64_t number)
{
    if (2 * b->n >= b->cap)
        grow(b);
    uint64_t hash = hash_of(bytes, size);
    size_t at = slot_of(b, bytes, size, hash);
    if (b->slots[at])
        return;
    if (b->n == b->room) {
        b->room = b->room ? 2 * b->room : 512;
        b->entries = text_more(b->entries, b->room * sizeof *b->entries);
    }
    b->entries[b->n++] = (struct bag_entry){bytes, size, hash, number};
    b->slots[at] = (int64_t)b->n;
}

int64_t bag_find(const bag *b, const void *bytes, size_t size)
{
    if (!b->n)
        return -1;
    size_t at = slot_of(b, bytes, size, hash_of(bytes, size));
    return b->slots[at] ? b->entries[b->slots[at] - 1].number : -1;
}

void bag_free(bag *b)
{
    free(b->entries);
    free(b->slots);
    *b = (bag){0};
}
