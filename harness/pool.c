/* pool.c - one caching allocator above every backend's own, and host memory.
 *
 * A block that is let go stays with us, listed under its exact size, and serves
 * the next request of that size: after the first steps of a loop the driver is
 * not called again. Of several the one with the lowest address goes first, so a
 * step that repeats finds the same addresses again, as recorded launches need.
 * The one queue of a device makes reuse safe without events. */
#define TX_PLAIN
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "fault.h"
#include "pool.h"

#define GUARD 256 /* bytes on either side when checking; keeps the alignment */
#define GUARD_BYTE 0xA5
#define BUCKETS 64

typedef struct block {
    storage s; /* first: a storage is its block */
    char *base;
    struct sizeclass *class;
    bool guarded;
    struct block *next;
} block;

/* All blocks of one rounded size. */
typedef struct sizeclass {
    size_t bytes;
    int64_t live;  /* handed out */
    block *cached; /* by address */
    struct sizeclass *next;
} sizeclass;

static sizeclass *buckets[BUCKETS];
static pool_counts counts;
static int checking = -1; /* -1: the environment was not read yet */
static int64_t fail_in;   /* the next allocation but this many fails; 0: none */
static bool fail_on;      /* and all behind it */

/* --- Failing on purpose --- */

static void read_environment(void)
{
    const char *check = getenv("POOL_CHECK"), *fail = getenv("FAIL_ALLOC");
    char *end;

    checking = check && strcmp(check, "0") != 0;
    if (fail) {
        fail_in = strtoll(fail, &end, 10);
        fail_on = *end == '+';
    }
}

void pool_check(bool on)
{
    if (checking < 0)
        read_environment();
    checking = on;
}

void pool_fail(int64_t n, bool onwards)
{
    if (checking < 0)
        read_environment();
    fail_in = n;
    fail_on = onwards;
}

static bool fails_now(void)
{
    if (checking < 0)
        read_environment();
    if (fail_in <= 0)
        return false;
    if (fail_in > 1) {
        fail_in--;
        return false;
    }
    fail_in = fail_on;
    counts.failures++;
    return true;
}

/* --- Running out --- */

static void print_size(size_t bytes)
{
    if (bytes >= 1 << 20)
        fprintf(stderr, "%.1f MB", (double)bytes / (1 << 20));
    else
        fprintf(stderr, "%.1f kB", (double)bytes / (1 << 10));
}

static void out_of_memory(const char *what, size_t bytes) __attribute__((noreturn));
static void out_of_memory(const char *what, size_t bytes)
{
    origin p = tx_where();

    fprintf(stderr, "out of %s memory: ", what);
    print_size(bytes);
    fprintf(stderr, " wanted, ");
    print_size((size_t)counts.live);
    fprintf(stderr, " in use; a smaller batch needs less");
    if (p.file)
        fprintf(stderr, " (%s:%d)", p.file, p.line);
    fputc('\n', stderr);
    for (int i = 0; i < BUCKETS; i++)
        for (sizeclass *c = buckets[i]; c; c = c->next)
            if (c->live > 0) {
                fprintf(stderr, "  %6lld x ", (long long)c->live);
                print_size(c->bytes);
                fputc('\n', stderr);
            }
    exit(EXIT_MEMORY);
}

void pool_exhausted(size_t bytes)
{
    out_of_memory("device", bytes);
}

void *pool_host(size_t bytes)
{
    void *p = fails_now() ? NULL : calloc(1, bytes ? bytes : 1);

    if (!p) { /* on a processor both are the same memory */
        pool_trim();
        p = fails_now() ? NULL : calloc(1, bytes ? bytes : 1);
    }
    if (!p)
        out_of_memory("host", bytes);
    return p;
}

/* --- Blocks --- */

static size_t round_up(size_t bytes)
{
    size_t grain = bytes < ((size_t)1 << 20) ? 512 : (size_t)1 << 21;

    return bytes ? (bytes + grain - 1) / grain * grain : grain;
}

static sizeclass *class_of(size_t bytes)
{
    size_t key = bytes >= ((size_t)1 << 20) ? bytes >> 21 : bytes >> 9;
    sizeclass **head = &buckets[(key * 0x9E3779B1u >> 16) % BUCKETS], *c = *head;

    while (c && c->bytes != bytes)
        c = c->next;
    if (!c) {
        c = pool_host(sizeof *c);
        c->bytes = bytes;
        c->next = *head;
        *head = c;
    }
    return c;
}

static void *driver_alloc(size_t bytes)
{
    counts.allocations++;
    return fails_now() ? NULL : engine.api->alloc(engine.b, bytes);
}

static block *fresh_block(sizeclass *c, size_t asked)
{
    block *k = pool_host(sizeof *k);

    k->class = c;
    k->base = driver_alloc(c->bytes);
    if (!k->base) {
        pool_trim();
        k->base = driver_alloc(c->bytes);
    }
    if (!k->base)
        pool_exhausted(asked);
    counts.held += (int64_t)c->bytes;
    if (counts.held > counts.held_peak)
        counts.held_peak = counts.held;
    return k;
}

void pool_trim(void)
{
    if (!engine.b)
        return;
    device_sync();
    for (int i = 0; i < BUCKETS; i++)
        for (sizeclass *c = buckets[i]; c; c = c->next)
            while (c->cached) {
                block *k = c->cached;
                c->cached = k->next;
                engine.api->free(engine.b, k->base, c->bytes);
                counts.held -= (int64_t)c->bytes;
                free(k);
            }
}

/* --- Guards --- */

static void spoil(block *k)
{
    engine.api->fill(engine.b, (real *)k->s.at, (int64_t)(k->s.bytes / sizeof(real)), (real)NAN);
}

static void guard(block *k)
{
    unsigned char pattern[GUARD];

    memset(pattern, GUARD_BYTE, sizeof pattern);
    k->guarded = true;
    k->s.at += GUARD;
    engine.api->write(engine.b, k->base, pattern, GUARD);
    engine.api->write(engine.b, k->s.at + k->s.bytes, pattern, GUARD);
    spoil(k);
}

static void check_guard(const block *k, const char *at, const char *side)
{
    unsigned char found[GUARD];

    engine.api->read(engine.b, found, at, GUARD);
    for (int i = 0; i < GUARD; i++)
        if (found[i] != GUARD_BYTE)
            tx_die("pool", "something wrote %s a block of %zu bytes, at byte %d of the guard", side, k->s.bytes, i);
}

/* --- Storage --- */

storage *pool_take(size_t bytes)
{
    sizeclass *c;
    block *k;

    if (!engine.b)
        tx_die("pool", "a tensor was made before a device was opened: call device_open first");
    if (checking < 0)
        read_environment();
    c = class_of(round_up(bytes + (checking ? 2 * GUARD : 0)));
    k = c->cached;
    if (k)
        c->cached = k->next;
    else
        k = fresh_block(c, bytes);
    k->s = (storage){.at = k->base, .bytes = bytes, .refs = 1};
    k->guarded = false;
    if (checking)
        guard(k);
    c->live++;
    counts.live += (int64_t)c->bytes;
    if (counts.live > counts.live_peak)
        counts.live_peak = counts.live;
    return &k->s;
}

static void put_back(block *k)
{
    block **at = &k->class->cached;

    while (*at && (uintptr_t)(*at)->base < (uintptr_t)k->base)
        at = &(*at)->next;
    k->next = *at;
    *at = k;
}

void pool_release(storage *s)
{
    block *k = (block *)s;

    if (--s->refs > 0)
        return;
    if (k->guarded) {
        check_guard(k, k->base, "before");
        check_guard(k, s->at + s->bytes, "behind");
        spoil(k);
    }
    k->class->live--;
    counts.live -= (int64_t)k->class->bytes;
    put_back(k);
}

/* --- Counters --- */

pool_counts pool_counters(void)
{
    counts.tensors = scope_tensors();
    return counts;
}

void pool_reset_peaks(void)
{
    counts.live_peak = counts.live;
    counts.held_peak = counts.held;
}

void pool_waited(void)
{
    counts.waits++;
}
