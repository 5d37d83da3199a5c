/* fill.c - a block is filled by all threads and then written by one: bytes go to
 * the disk in order, and no more than two blocks' worth of memory is needed. */
#include "fill.h"
#include "../harness/crew.h"
#include "../harness/fault.h"
#include "../harness/progress.h"
#include "../harness/text.h"
#include "interrupt.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES (INT64_C(32) << 20)
#define MOST_THREADS 64
#define PIECES 8      /* of a block for each thread: images differ in what they cost */
#define MOST_PIECE 16 /* images; several, that neighbours are written by one core */

typedef struct crew {
    const fill *f;
    int (*one)(struct crew *c, void *own, int64_t k); /* what is done for image k of the block */
    uint64_t *at;                                     /* [n+1] of files */
    uint8_t *px;                                      /* pixels or files of the block */
    int32_t *labels;
    int64_t first, count, done, piece; /* the block; what came before it; images a thread takes at once */
    atomic_llong next, ready;
    atomic_llong bad; /* no image behind this one matters any more: the first failure is reported */
} crew;

typedef struct worker {
    crew *crew;
    pthread_t thread;
    void *own;
    int talks;      /* draws the progress line: one thread only */
    int64_t bad;    /* the image of the block it failed at, or -1 */
    char why[1024]; /* fault() is per thread */
} worker;

static int make_pixels(crew *c, void *own, int64_t k)
{
    int64_t bytes = c->f->side * c->f->side * 3;
    return c->f->make(c->f->what, own, c->first + k, c->px + k * bytes, c->labels + k);
}

static int copy_file(crew *c, void *own, int64_t k)
{
    const uint64_t *at = c->at + c->first + k;
    return c->f->file(c->f->what, own, c->first + k, c->px + (at[0] - c->at[c->first]), at[1] - at[0],
                      c->labels + k);
}

static int measure(crew *c, void *own, int64_t k)
{
    return c->f->size(c->f->what, own, k, &c->at[k + 1]);
}

static int fill_one(worker *w, int64_t k)
{
    crew *c = w->crew;
    if (c->one(c, w->own, k) == 0)
        return 0;
    snprintf(w->why, sizeof w->why, "%s", fault_text());
    w->bad = k;
    for (long long seen = atomic_load(&c->bad); k < seen && !atomic_compare_exchange_weak(&c->bad, &seen, k);)
        continue;
    return -1;
}

static void *work(void *arg)
{
    worker *w = arg;
    crew *c = w->crew;
    for (int64_t k; (k = atomic_fetch_add(&c->next, c->piece)) < c->count;) {
        int64_t end = k + c->piece < c->count ? k + c->piece : c->count;
        for (int64_t i = k; i < end; i++)
            if (i > atomic_load(&c->bad) || interrupted() || fill_one(w, i) != 0)
                return NULL;
        int64_t ready = atomic_fetch_add(&c->ready, end - k) + end - k;
        if (w->talks)
            progress_step(c->done + c->first + ready);
    }
    return NULL;
}

static int report(const worker *w, int n)
{
    const worker *worst = NULL;
    for (int i = 0; i < n; i++)
        if (w[i].bad >= 0 && (!worst || w[i].bad < worst->bad))
            worst = &w[i];
    if (worst)
        return fault("%s", worst->why);
    return interrupted() ? fault("interrupted: nothing was kept") : 0;
}

/* All of the block; this thread works too. */
static int fill_block(crew *c, worker *w, int n)
{
    int started = 1;
    int64_t even = c->count / (n * PIECES);
    c->piece = even < 1 ? 1 : even < MOST_PIECE ? even : MOST_PIECE;
    atomic_store(&c->next, 0);
    atomic_store(&c->ready, 0);
    atomic_store(&c->bad, INT64_MAX);
    while (started < n && pthread_create(&w[started].thread, NULL, work, &w[started]) == 0)
        started++;
    work(&w[0]);
    for (int i = 1; i < started; i++)
        pthread_join(w[i].thread, NULL);
    return report(w, n);
}

/* How many images from `first` on make a block: one, however large it is, or as many as fit. */
static int64_t block_of(const crew *c, uint64_t *bytes)
{
    uint64_t image = (uint64_t)(c->f->side * c->f->side * 3);
    int64_t n = 0;
    for (*bytes = 0; c->first + n < c->f->n; n++) {
        const uint64_t *at = c->at + c->first + n;
        uint64_t more = c->f->files ? at[1] - at[0] : image;
        if (n && *bytes + more > BLOCK_BYTES)
            break;
        *bytes += more;
    }
    return n;
}

static int fill_blocks(crew *c, store *s, worker *w, int n)
{
    uint64_t cap = 0, bytes;
    int64_t room = 0;
    int rc = 0;
    for (; rc == 0 && c->first < c->f->n; c->first += c->count) {
        c->count = block_of(c, &bytes);
        if (bytes > cap)
            c->px = text_more(c->px, cap = bytes);
        if (c->count > room)
            c->labels = text_more(c->labels, (size_t)(room = c->count) * sizeof *c->labels);
        rc = fill_block(c, w, n);
        if (rc == 0)
            rc = store_images(s, c->px, c->labels, c->count);
    }
    free(c->px);
    free(c->labels);
    return rc;
}

static void dismiss(const fill *f, worker *w, int n)
{
    for (int i = 0; f->close && i < n; i++)
        if (w[i].own)
            f->close(w[i].own);
    free(w);
}

/* As many workers as processors, each with what it works with; NULL with fault(). */
static worker *hire(crew *c, int *n)
{
    int want = crew_processors() < MOST_THREADS ? crew_processors() : MOST_THREADS;
    worker *w = text_more(NULL, (size_t)want * sizeof *w);
    for (*n = 0; *n < want; ++*n) {
        w[*n] = (worker){.crew = c, .talks = *n == 0, .bad = -1};
        if (c->f->open && c->f->open(c->f->what, &w[*n].own) != 0) {
            dismiss(c->f, w, *n + 1);
            return NULL;
        }
    }
    return w;
}

int fill_offsets(const fill *f, uint64_t **out)
{
    crew c = {.f = f, .one = measure, .count = f->n};
    int n, rc = -1;
    worker *w = hire(&c, &n);
    if (!w)
        return -1;
    uint64_t *at = c.at = text_more(NULL, (size_t)(f->n + 1) * sizeof *at);
    at[0] = 0;
    rc = fill_block(&c, w, n);
    for (int64_t i = 0; rc == 0 && i < f->n; i++)
        at[i + 1] += at[i];
    dismiss(f, w, n);
    if (rc == 0)
        *out = at;
    else
        free(at);
    return rc;
}

int fill_store(store *s, const fill *f, const uint64_t *at, int64_t done)
{
    crew c = {.f = f, .one = f->files ? copy_file : make_pixels, .at = (uint64_t *)(uintptr_t)at, .done = done};
    int n, rc = -1;
    worker *w = hire(&c, &n);
    if (w)
        rc = fill_blocks(&c, s, w, n);
    if (w)
        dismiss(f, w, n);
    return rc;
}
