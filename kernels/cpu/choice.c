/* choice.c - the k largest of a stream of values: filter, selection, sort. */
#include "choice.h"

#include <math.h>
#include <string.h>

#include "lanes.h"

enum { GROUP = 8, SPARE = GROUP * LANES, SHORT = 24 };

int64_t choice_room(int64_t k)
{
    return (k > SPARE ? 2 * k : k + SPARE) + SPARE;
}

void choice_open(choice *c, uint64_t *keys, int64_t k)
{
    *c = (choice){.key = keys, .k = k, .cap = choice_room(k) - SPARE, .bar = NAN};
}

/* Moves keys above the pivot before those below it; returns where the pivot
 * ends up. Any element may be the pivot: one is drawn, so that no order of the
 * input is a bad one. */
static int64_t split(uint64_t *key, int64_t n)
{
    int64_t p = (int64_t)(((uint64_t)n * UINT64_C(0x9E3779B97F4A7C15) >> 32) % (uint64_t)n), store = 0;
    uint64_t pivot = key[p];
    key[p] = key[n - 1];
    for (int64_t i = 0; i < n - 1; i++) {
        uint64_t x = key[i];
        key[i] = key[store];
        key[store] = x;
        store += x > pivot;
    }
    key[n - 1] = key[store];
    key[store] = pivot;
    return store;
}

void choice_keep(uint64_t *key, int64_t n, int64_t k)
{
    int64_t want = k - 1;
    while (n > 1) {
        int64_t at = split(key, n);
        if (at == want)
            return;
        if (at < want) {
            key += at + 1;
            want -= at + 1;
            n -= at + 1;
        } else {
            n = at;
        }
    }
}

static void sort(uint64_t *key, int64_t n)
{
    while (n > SHORT) {
        int64_t at = split(key, n), rest = n - at - 1;
        if (at < rest) {
            sort(key, at);
            key += at + 1;
            n = rest;
        } else {
            sort(key + at + 1, rest);
            n = at;
        }
    }
    for (int64_t i = 1; i < n; i++) {
        uint64_t x = key[i];
        int64_t j = i;
        for (; j > 0 && key[j - 1] < x; j--)
            key[j] = key[j - 1];
        key[j] = x;
    }
}

static void raise_bar(choice *c)
{
    choice_keep(c->key, c->n, c->k);
    c->n = c->k;
    c->bar = choice_value(c->key[c->k - 1]);
}

/* One bit per lane that is set in the mask. */
CPU_INLINE unsigned lanes_set(const ivec *mask)
{
    typedef int32_t half __attribute__((vector_size(LANE_BYTES / 2)));
    const ivec bit = {1, 2, 4, 8, 16, 32, 64, 128};
    ivec m = *mask & bit;
    half h = __builtin_shufflevector(m, m, 0, 1, 2, 3) | __builtin_shufflevector(m, m, 4, 5, 6, 7);
    return (unsigned)(h[0] | h[1] | h[2] | h[3]);
}

CPU_INLINE void add_lanes(choice *c, const float *x, const ivec *pass, int64_t first)
{
    for (unsigned left = lanes_set(pass); left; left &= left - 1) {
        int lane = __builtin_ctz(left);
        c->key[c->n++] = choice_key(x[lane], first + lane);
    }
}

CPU_CLONES static void scan_blocks(choice *c, const float *x, int64_t n, int64_t first)
{
    for (int64_t i = 0; i < n; i += SPARE) {
        ivec pass[GROUP], any = {0};
        for (int j = 0; j < GROUP; j++) {
            pass[j] = ~(VEC_AT(x + i + j * LANES) <= c->bar);
            any |= pass[j];
        }
        if (!lanes_set(&any))
            continue;
        for (int j = 0; j < GROUP; j++)
            add_lanes(c, x + i + j * LANES, &pass[j], first + i + j * LANES);
        if (c->n >= c->cap)
            raise_bar(c);
    }
}

void choice_scan(choice *c, const float *x, int64_t n, int64_t first)
{
    int64_t blocks = n / SPARE * SPARE;
    scan_blocks(c, x, blocks, first);
    for (int64_t i = blocks; i < n; i++)
        if (!(x[i] <= c->bar))
            c->key[c->n++] = choice_key(x[i], first + i);
    if (c->n >= c->cap)
        raise_bar(c);
}

void choice_close(choice *c, float *y, int32_t *at)
{
    choice_keep(c->key, c->n, c->k);
    sort(c->key, c->k);
    for (int64_t j = 0; j < c->k; j++) {
        y[j] = choice_value(c->key[j]);
        at[j] = (int32_t)choice_index(c->key[j]);
    }
}
