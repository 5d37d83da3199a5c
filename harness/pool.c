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
static struct {
    int64_t images, fixed; /* looked at; bytes live when it began */
} step_now;

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

void pool_step(void)
{
    step_now.images = 0;
    step_now.fixed = counts.live;
}

void pool_images(int64_t n)
{
    step_now.images += n;
}

/* How many images would have fitted; 0: nothing is known. All that the step took
 * grows with them. What it would still have asked for is anybody's guess unless
 * the block wanted is most of it, as what a plan keeps is; then it is half of
 * them. Called behind a trim, when nothing is cached. */
static int64_t would_fit(size_t wanted)
{
    size_t unused = 0, total = 0;
    double asked = (double)wanted, taken = (double)(counts.live - step_now.fixed);
    int64_t half = step_now.images / 2, n = half;

    engine.api->memory(engine.b, &unused, &total);
    if (asked > taken && taken >= 0)
        n = (int64_t)((double)step_now.images * (taken + (double)unused) / (taken + asked));
    if (n >= step_now.images) /* there is enough, but in pieces */
        n = half;
    return n >= 8 ? n / 8 * 8 : n > 0 ? n : step_now.images > 1;
}

static void print_advice(const char *what, size_t wanted)
{
    int64_t fits = engine.b && strcmp(what, "device") == 0 ? would_fit(wanted) : 0;

    if (fits > 0)
        fprintf(stderr, " in use; a batch of %lld would fit, by estimate, where %lld images were asked for",
                (long long)fits, (long long)step_now.images);
    else
        fprintf(stderr, " in use; a smaller batch needs less");
}

/* What is live, then a sentence: the last line becomes a row's status. */
static void out_of_memory(const char *what, size_t bytes) __attribute__((noreturn));
static void out_of_memory(const char *what, size_t bytes)
{
    origin p = tx_where();

    for (int i = 0; i < BUCKETS; i++)
        for (sizeclass *c = buckets[i]; c; c = c->next)
            if (c->live > 0) {
                fprintf(stderr, "  %6lld x ", (long long)c->live);
                print_size(c->bytes);
                fputc('\n', stderr);
            }
    fprintf(stderr, "out of %s memory: ", what);
    if (bytes) { /* a library may not say how much it wanted */
        print_size(bytes);
        fprintf(stderr, " wanted, ");
    }
    print_size((size_t)counts.live);
    print_advice(what, bytes);
    if (p.file)
        fprintf(stderr, " (%s:%d)", p.file, p.line);
    fputc('\n', stderr);
    exit(EXIT_MEMORY);
}

void pool_exhausted(size_t bytes)
{
    pool_trim();
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
