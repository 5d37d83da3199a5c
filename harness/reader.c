/* reader.c - there are two ranges of pixels: the one that was shown last and the
 * coming one, which is the ahead thread's between ahead_begin and ahead_wait. */
#include "reader.h"
#include "ahead.h"
#include "desks.h"
#include "fault.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct range {
    int64_t first, n; /* n = 0: holds nothing */
    uint8_t *px;
    size_t cap;    /* bytes px has room for */
    char why[512]; /* one cannot be decoded; "": all are there. fault() is per thread */
} range;

struct reader {
    const dataset *d;
    int threads;
    size_t image;
    desks desks;
    range ranges[2], *shown, *coming;
    ahead *thread; /* NULL: never asked for, or none to be had */
    bool begun;    /* `coming` is the thread's */
};

typedef struct wanted { /* images to decode */
    reader *r;
    uint8_t *out;
    const int64_t *which; /* NULL: first, first+1, ... */
    int64_t first;
} wanted;

static int show_one(void *what, desk *k, int64_t i)
{
    const wanted *w = what;
    const dataset *d = w->r->d;
    if (desk_decode(k, d, w->which ? w->which[i] : w->first + i) != 0)
        return -1;
    return resize_centre(&k->r, w->out + (size_t)i * w->r->image, dataset_side(d), k->im.px, k->im.w, k->im.h,
                         dataset_resize(d));
}

/* --- ranges --- */

static int holds(const range *g, int64_t first, int64_t n)
{
    return g->n == n && g->first == first;
}

static void claim(reader *r, range *g, int64_t first, int64_t n)
{
    size_t bytes = (size_t)n * r->image;
    if (bytes > g->cap) {
        g->px = text_more(g->px, bytes);
        g->cap = bytes;
    }
    g->first = first;
    g->n = n;
}

static void show(reader *r, range *g, const atomic_bool *stop)
{
    wanted w = {.r = r, .out = g->px, .first = g->first};
    int rc = desks_share(&r->desks, r->threads, g->n, show_one, &w, stop);
    snprintf(g->why, sizeof g->why, "%s", rc == 0 ? "" : fault_text());
    if (stop && atomic_load(stop))
        g->n = 0;
}

static void show_ahead(void *what, const atomic_bool *stop)
{
    reader *r = what;
    show(r, r->coming, stop);
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
    if (!r->thread && !(r->thread = ahead_open(show_ahead, r)))
        return;
    claim(r, r->coming, first, n);
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
            claim(r, g, first, n);
            show(r, g, NULL);
        }
        r->coming = r->shown;
        r->shown = g;
    }
    if (!r->shown->why[0])
        return r->shown->px;
    fault("%s", r->shown->why);
    return NULL;
}

int reader_pick(reader *r, uint8_t *out, const int64_t *which, int64_t n)
{
    wanted w = {.r = r, .out = out, .which = which};
    if (dataset_encoded(r->d))
        return desks_share(&r->desks, r->threads, n, show_one, &w, NULL);
    for (int64_t i = 0; i < n; i++)
        memcpy(out + (size_t)i * r->image, dataset_images(r->d) + (size_t)which[i] * r->image, r->image);
    return 0;
}

/* --- from beginning to end --- */

reader *reader_open(const dataset *d, int threads)
{
    reader *r = text_more(NULL, sizeof *r);
    *r = (reader){
        .d = d, .threads = threads, .image = (size_t)(dataset_side(d) * dataset_side(d) * dataset_channels(d))};
    desks_open(&r->desks);
    r->shown = &r->ranges[0];
    r->coming = &r->ranges[1];
    return r;
}

void reader_close(reader *r)
{
    if (!r)
        return;
    ahead_close(r->thread);
    desks_close(&r->desks);
    free(r->ranges[0].px);
    free(r->ranges[1].px);
    free(r);
}
