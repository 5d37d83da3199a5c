/* fill.c - a block is filled by all threads and then written by one: pixels go
 * to the disk in order, and no more than two blocks' worth of memory is needed. */
#include "fill.h"
#include "../harness/fault.h"
#include "../harness/progress.h"
#include "../harness/text.h"
#include "interrupt.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_BYTES (INT64_C(32) << 20)
#define MOST_THREADS 64
#define AT_A_TIME 16 /* images a thread takes at once: neighbours are written by one core */

typedef struct crew {
    const fill *f;
    uint8_t *px;
    int32_t *labels;
    int64_t first, count, done; /* the block; what came before it */
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

static int fill_one(worker *w, int64_t k)
{
    crew *c = w->crew;
    int64_t bytes = c->f->side * c->f->side * 3;
    if (c->f->make(c->f->what, w->own, c->first + k, c->px + k * bytes, c->labels + k) == 0)
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
    for (int64_t k; (k = atomic_fetch_add(&c->next, AT_A_TIME)) < c->count;) {
        int64_t end = k + AT_A_TIME < c->count ? k + AT_A_TIME : c->count;
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

static int fill_blocks(crew *c, store *s, worker *w, int n)
{
    int64_t bytes = c->f->side * c->f->side * 3, most = BLOCK_BYTES / bytes + 1;
    most = most < c->f->n ? most : c->f->n;
    c->px = text_more(NULL, (size_t)(most * bytes));
    c->labels = text_more(NULL, (size_t)most * sizeof *c->labels);
    int rc = 0;
    for (; rc == 0 && c->first < c->f->n; c->first += c->count) {
        c->count = c->f->n - c->first < most ? c->f->n - c->first : most;
        rc = fill_block(c, w, n);
        if (rc == 0)
            rc = store_images(s, c->px, c->labels, c->count);
    }
    free(c->px);
    free(c->labels);
    return rc;
}

static int cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > MOST_THREADS ? MOST_THREADS : n;
}

int fill_store(store *s, const fill *f, int64_t done)
{
    crew c = {.f = f, .done = done};
    int n = cores(), opened = 0, rc = 0;
    worker *w = text_more(NULL, (size_t)n * sizeof *w);
    for (; rc == 0 && opened < n; opened++) {
        w[opened] = (worker){.crew = &c, .talks = opened == 0, .bad = -1};
        if (f->open)
            rc = f->open(f->what, &w[opened].own);
    }
    if (rc == 0)
        rc = fill_blocks(&c, s, w, n);
    for (int i = 0; f->close && i < opened; i++)
        if (w[i].own)
            f->close(w[i].own);
    free(w);
    return rc;
}
