/* reader.c - decoding by a crew of threads, each at a desk (what it decodes and
 * resizes with) that it leaves for the next one. There are two ranges of pixels: the
 * one that was shown last and the coming one, which is the ahead thread's between
 * ahead_begin and ahead_wait. */
#include "reader.h"
#include "../datasets/decode.h"
#include "../datasets/resize.h"
#include "ahead.h"
#include "crew.h"
#include "fault.h"
#include "text.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct desk {
    image im;
    resizer r;
    struct desk *next;
} desk;

typedef struct job { /* images to decode, and what came of it */
    reader *r;
    uint8_t *out;
    const int64_t *which; /* NULL: first, first+1, ... */
    int64_t first, n;
    const atomic_bool *stop; /* may be NULL */
    atomic_llong bad;        /* the first that cannot be decoded; n: none */
    char why[512];           /* fault() is per thread */
} job;

typedef struct range {
    job did;    /* n = 0: holds nothing */
    size_t cap; /* bytes did.out has room for */
} range;

struct reader {
    const dataset *d;
    int threads;
    size_t image;
    pthread_mutex_t lock; /* of the desks and a job's `why` */
    desk *idle;
    range ranges[2], *shown, *coming;
    ahead *thread; /* NULL: never asked for, or none to be had */
    bool begun;    /* `coming` is the thread's */
};

static desk *take_desk(reader *r)
{
    pthread_mutex_lock(&r->lock);
    desk *k = r->idle;
    if (k)
        r->idle = k->next;
    pthread_mutex_unlock(&r->lock);
    if (!k) {
        k = text_more(NULL, sizeof *k);
        *k = (desk){0};
    }
    return k;
}

static void leave_desk(reader *r, desk *k)
{
    pthread_mutex_lock(&r->lock);
    k->next = r->idle;
    r->idle = k;
    pthread_mutex_unlock(&r->lock);
}

static int64_t number_of(const job *j, int64_t i)
{
    return j->which ? j->which[i] : j->first + i;
}

static int decode(const job *j, desk *k, int64_t i)
{
    const dataset *d = j->r->d;
    size_t size;
    const void *bytes = dataset_file(d, number_of(j, i), &size);
    if (image_decode(&k->im, bytes, size) != 0)
        return -1;
    return resize_centre(&k->r, j->out + (size_t)i * j->r->image, dataset_side(d), k->im.px, k->im.w, k->im.h,
                         dataset_resize(d));
}

/* Of several that fail the first is told of, whichever thread met it when. */
static void note(job *j, int64_t i)
{
    pthread_mutex_lock(&j->r->lock);
    if (i < atomic_load(&j->bad)) {
        atomic_store(&j->bad, i);
        snprintf(j->why, sizeof j->why, "%s", fault_text());
    }
    pthread_mutex_unlock(&j->r->lock);
}

/* A set may be larger than memory. */
static void leave_files(const job *j, int64_t first, int64_t last)
{
    if (!j->which)
        dataset_leave(j->r->d, j->first + first, last - first);
    for (int64_t i = first; j->which && i < last; i++)
        dataset_leave(j->r->d, j->which[i], 1);
}

static void decode_rows(void *what, int64_t first, int64_t last)
{
    job *j = what;
    desk *k = take_desk(j->r);
    for (int64_t i = first; i < last && i < atomic_load(&j->bad) && !(j->stop && atomic_load(j->stop)); i++)
        if (decode(j, k, i) != 0)
            note(j, i);
    leave_files(j, first, last);
    leave_desk(j->r, k);
}

static void begin(job *j, reader *r, int64_t first, int64_t n)
{
    j->r = r;
    j->which = NULL;
    j->first = first;
    j->n = n;
    j->stop = NULL;
    atomic_store(&j->bad, n);
}

static void work(job *j)
{
    if (j->n == 1 || j->r->threads == 1)
        decode_rows(j, 0, j->n);
    else
        crew_share(j->r->threads, j->n, decode_rows, j);
}

static int verdict(const job *j)
{
    if (atomic_load(&j->bad) >= j->n)
        return 0;
    return fault("%s: its image %lld cannot be decoded: %s; the file was damaged since: import it again",
                 dataset_name(j->r->d), (long long)number_of(j, atomic_load(&j->bad)), j->why);
}

/* --- ranges --- */

static int holds(const range *g, int64_t first, int64_t n)
{
    return g->did.n == n && g->did.first == first;
}

static void make_room(range *g, size_t bytes)
{
    if (bytes <= g->cap)
        return;
    g->did.out = text_more(g->did.out, bytes);
    g->cap = bytes;
}

static void work_ahead(void *what, const atomic_bool *stop)
{
    reader *r = what;
    r->coming->did.stop = stop;
    work(&r->coming->did);
    if (atomic_load(stop))
        r->coming->did.n = 0;
    r->coming->did.stop = NULL;
}

/* The coming range is the caller's again: whole, if it is the one that is wanted. */
static void settle(reader *r, int64_t first, int64_t n)
{
    if (!r->begun)
        return;
    if (holds(r->coming, first, n))
        ahead_wait(r->thread);
    else
        ahead_stop(r->thread);
    r->begun = false;
}

void reader_ahead(reader *r, int64_t first, int64_t n)
{
    if (!dataset_encoded(r->d) || (n && r->begun && holds(r->coming, first, n)))
        return;
    settle(r, -1, 0);
    if (n == 0 || holds(r->shown, first, n) || holds(r->coming, first, n))
        return;
    if (!r->thread && !(r->thread = ahead_open(work_ahead, r)))
        return;
    make_room(r->coming, (size_t)n * r->image);
    begin(&r->coming->did, r, first, n);
    r->begun = true;
    ahead_begin(r->thread);
}

const uint8_t *reader_range(reader *r, int64_t first, int64_t n)
{
    if (!dataset_encoded(r->d))
        return dataset_images(r->d) + (size_t)first * r->image;
    if (!holds(r->shown, first, n)) {
        settle(r, first, n);
        range *g = r->coming;
        if (!holds(g, first, n)) {
            make_room(g, (size_t)n * r->image);
            begin(&g->did, r, first, n);
            work(&g->did);
        }
        r->coming = r->shown;
        r->shown = g;
    }
    return verdict(&r->shown->did) == 0 ? r->shown->did.out : NULL;
}

int reader_pick(reader *r, uint8_t *out, const int64_t *which, int64_t n)
{
    job j = {.out = out};
    for (int64_t i = 0; i < n && !dataset_encoded(r->d); i++)
        memcpy(out + (size_t)i * r->image, dataset_images(r->d) + (size_t)which[i] * r->image, r->image);
    if (n == 0 || !dataset_encoded(r->d))
        return 0;
    begin(&j, r, 0, n);
    j.which = which;
    work(&j);
    return verdict(&j);
}

/* --- from beginning to end --- */

reader *reader_open(const dataset *d, int threads)
{
    reader *r = text_more(NULL, sizeof *r);
    *r = (reader){
        .d = d, .threads = threads, .image = (size_t)(dataset_side(d) * dataset_side(d) * dataset_channels(d))};
    pthread_mutex_init(&r->lock, NULL);
    r->shown = &r->ranges[0];
    r->coming = &r->ranges[1];
    return r;
}

void reader_close(reader *r)
{
    if (!r)
        return;
    ahead_close(r->thread);
    for (desk *k = r->idle, *next; k; k = next) {
        next = k->next;
        image_free(&k->im);
        resize_free(&k->r);
        free(k);
    }
    free(r->ranges[0].did.out);
    free(r->ranges[1].did.out);
    pthread_mutex_destroy(&r->lock);
    free(r);
}
