/* quantile.c - a value at a given share of all, by counting instead of sorting:
 * each pass over the values fixes eleven more bits of the one that is sought.
 * What does not fit in one piece of memory is read in tiles, once per pass, so
 * that a training set's features cost time and no memory. Waits; no derivative. */
#define TX_PLAIN
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { DIGIT = 11, BINS = 1 << DIGIT, BITS = 8 * sizeof(real), TILE = 1 << 22 /* reals */ };

/* The values, a tile of them at a time; `first` < 0: none is held yet. */
typedef struct tiles {
    tensor *flat;
    real *held;
    int64_t first, n;
} tiles;

static void show(tiles *t, int64_t first)
{
    if (t->first == first)
        return;
    t->first = first;
    t->n = t->flat->count - first < TILE ? t->flat->count - first : TILE;
    tx_read(tx_slice(t->flat, first, t->n), t->held);
}

/* Unsigned numbers in the order of the values; -0 comes before 0. */
static inline uint64_t key_of(real v)
{
    const uint64_t sign = 1ull << (BITS - 1), all = sign | (sign - 1);
    uint64_t bits = 0;
    if (sizeof v == sizeof(uint32_t)) {
        uint32_t narrow;
        memcpy(&narrow, &v, sizeof v);
        bits = narrow;
    } else {
        memcpy(&bits, &v, sizeof v);
    }
    return bits & sign ? ~bits & all : bits | sign;
}

static double value_of(uint64_t key)
{
    const uint64_t sign = 1ull << (BITS - 1);
    uint64_t bits = key & sign ? key ^ sign : ~key;
    uint32_t narrow = (uint32_t)bits;
    real v;
    if (sizeof v == sizeof narrow)
        memcpy(&v, &narrow, sizeof v);
    else
        memcpy(&v, &bits, sizeof v);
    return (double)v;
}

/* How many of the keys that begin with `prefix` go on with each digit at `shift`. */
static void count_digits(tiles *t, uint64_t prefix, int shift, int64_t counts[BINS])
{
    memset(counts, 0, BINS * sizeof *counts);
    for (int64_t first = 0; first < t->flat->count; first += TILE) {
        show(t, first);
        for (int64_t i = 0; i < t->n; i++) {
            uint64_t key = key_of(t->held[i]) >> shift;
            if (key >> DIGIT == prefix)
                counts[key % BINS]++;
        }
    }
}

/* The key of the given rank, from 0; `equal`: how many keys of higher rank equal it. */
static uint64_t key_at(tiles *t, int64_t rank, int64_t *equal)
{
    int64_t counts[BINS];
    uint64_t prefix = 0;
    for (int shift = (BITS - 1) / DIGIT * DIGIT; shift >= 0; shift -= DIGIT) {
        uint64_t digit = 0;
        count_digits(t, prefix, shift, counts);
        while (rank >= counts[digit])
            rank -= counts[digit++];
        prefix = prefix << DIGIT | digit;
        *equal = counts[digit] - 1 - rank;
    }
    return prefix;
}

/* The least key above this one; there is one. */
static uint64_t key_after(tiles *t, uint64_t key)
{
    uint64_t least = UINT64_MAX;
    for (int64_t first = 0; first < t->flat->count; first += TILE) {
        show(t, first);
        for (int64_t i = 0; i < t->n; i++) {
            uint64_t k = key_of(t->held[i]);
            least = k > key && k < least ? k : least;
        }
    }
    return least;
}

static bool any_nan(tiles *t)
{
    bool nan = false;
    for (int64_t first = 0; first < t->flat->count; first += TILE) {
        show(t, first);
        for (int64_t i = 0; i < t->n; i++)
            nan |= isnan(t->held[i]) != 0;
    }
    return nan;
}

/* v_i + (r - i)(v_(i+1) - v_i), r = (n-1) p, of the sorted values. p is mostly a
 * rounded hundredth: an r that is whole but for that is whole. */
static double interpolated(tiles *t, double p)
{
    double r = (double)(t->flat->count - 1) * p, whole = nearbyint(r);
    if (fabs(r - whole) <= 2 * DBL_EPSILON * whole)
        r = whole;
    int64_t i = (int64_t)r, equal;
    uint64_t key = key_at(t, i, &equal);
    double below = value_of(key);
    if (r <= (double)i || equal > 0)
        return below;
    return below + (r - (double)i) * (value_of(key_after(t, key)) - below);
}

double tx_quantile(tensor *x, double p)
{
    if (x->integer || x->count == 0 || !(p >= 0 && p <= 1))
        tx_die("tx_quantile", "%g of %s: a share from 0 to 1 of at least one value is expected", p, tx_text(x));
    int64_t most = x->count < TILE ? x->count : TILE;
    tx_open();
    tiles t = {tx_reshape(x, DIMS(x->count)), pool_host((size_t)most * sizeof(real)), -1, 0};
    double found = any_nan(&t) ? NAN : interpolated(&t, p);
    free(t.held);
    tx_close();
    return found;
}
