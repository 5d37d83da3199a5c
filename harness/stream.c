/* stream.c - batches gathered by a thread, one ahead, and handed to the device,
 * which shifts, mirrors and normalises them (tx_images). Two batches of bytes
 * exist: the one shown last and the coming one, which is the thread's between
 * ahead_begin and ahead_wait, as is the gatherer. A set that the device holds
 * as a whole is cut there (tx_cut): a batch is then a few numbers. */
#include "stream.h"
#include "ahead.h"
#include "engine.h"
#include "gather.h"

#include <stdlib.h>

enum { SHARE = 4, SLICE = 1 << 26 }; /* of unused memory a set may take one in so many; bytes written at once */

struct stream {
    stream_options o;
    gatherer from;
    tensor *store; /* the set's bytes on the device; NULL: they are sent with each batch */
    ahead *thread; /* NULL: everything is made when it is asked for */
    gathered slots[2], *shown, *coming;
    place next;             /* of the image that stream_next shows first */
    int64_t asked;          /* images of the batch that was asked for last; 0: none was */
    view coming_view;       /* to be made with the coming batch */
    view wanted, last;      /* with the batches behind it; asked for last */
    bool viewed;            /* a view was asked for since the last batch */
    const storage *mem;     /* of the last batch's x, and where in it that begins */
    int64_t offset, images; /* in elements; how many */
    int64_t late;
};

/* Where this rank's share of the next batch, n images, begins. */
static place share(const stream *s, int64_t n)
{
    return s->o.ranks > 1 ? gather_behind(&s->from, s->next, s->o.rank * n) : s->next;
}

static void make_coming(void *what, const atomic_bool *stop)
{
    stream *s = what;
    if (s->coming->n != s->asked)
        gather(&s->from, s->coming, share(s, s->asked), s->asked, stop);
    if (s->coming->n == s->asked && s->coming_view.by)
        gather_view(&s->from, s->coming, s->coming_view, stop);
}

/* The set on the device, if it can be cut there and leaves the room that training needs. */
static tensor *send_set(const gatherer *g)
{
    size_t bytes = (size_t)g->n * g->image, unused = 0, total = 0;
    if (!engine.b || !engine.api->cut || !engine.fused)
        return NULL;
    engine.api->memory(engine.b, &unused, &total);
    if (bytes > unused / SHARE)
        return NULL;
    tensor *store = tx_bytes(bytes);
    for (size_t at = 0; at < bytes; at += SLICE)
        engine.api->write(engine.b, store->mem->at + at, dataset_images(g->d) + at,
                          bytes - at < SLICE ? bytes - at : SLICE);
    return store;
}

int stream_open(stream **out, const dataset *d, const stream_options *o)
{
    const gather_options how = {.seed = o->seed,
                                .crop = o->crop,
                                .flip = o->flip,
                                .resized = o->resized,
                                .blocks = o->blocks,
                                .threads = o->threads};
    stream *s = pool_host(sizeof *s);
    *s = (stream){.o = *o};
    if (gather_open(&s->from, d, &how) != 0) {
        free(s);
        return -1;
    }
    s->store = o->no_store || s->from.made ? NULL : send_set(&s->from);
    s->from.numbers = s->store != NULL;
    s->shown = &s->slots[0];
    s->coming = &s->slots[1];
    s->thread = o->no_thread ? NULL : ahead_open(make_coming, s);
    *out = s;
    return 0;
}

void stream_close(stream *s)
{
    if (!s)
        return;
    ahead_close(s->thread);
    gather_free(&s->slots[0]);
    gather_free(&s->slots[1]);
    gather_close(&s->from);
    if (s->store)
        tx_drop(s->store);
    free(s);
}

int64_t stream_count(const stream *s)
{
    return s->from.n;
}

void stream_where(const stream *s, int64_t *epoch, int64_t *position)
{
    *epoch = s->next.epoch;
    *position = s->next.position;
}

int64_t stream_late(const stream *s)
{
    return s->late;
}

/* Once a batch was asked for, another as large is expected. */
static void begin_coming(stream *s)
{
    if (!s->thread || !s->asked)
        return;
    gather_room(&s->from, s->coming, s->asked);
    s->coming_view = s->wanted;
    if (s->coming_view.by)
        gather_view_room(&s->from, s->coming);
    ahead_begin(s->thread);
}

void stream_seek(stream *s, int64_t epoch, int64_t position)
{
    if (s->thread)
        ahead_stop(s->thread);
    s->coming->n = 0;
    s->next = gather_behind(&s->from, (place){epoch, position}, 0);
    begin_coming(s);
}

/* Makes the coming batch the next n images, if it is not. What could not be decoded ahead fails here again. */
static int have_coming(stream *s, int64_t n)
{
    if (s->thread && n == s->asked)
        ahead_wait(s->thread);
    else if (s->thread)
        ahead_stop(s->thread);
    if (n > 0 && s->coming->n == n)
        return 0;
    s->late++;
    s->asked = n;
    gather_room(&s->from, s->coming, n);
    return gather(&s->from, s->coming, share(s, n), n, NULL);
}

/* A view that the last batch was not asked for is wanted no more. */
static void turn(stream *s)
{
    gathered *b = s->coming;
    s->coming = s->shown;
    s->shown = b;
    s->next = s->o.ranks > 1 ? gather_behind(&s->from, s->next, s->o.ranks * b->n) : b->behind;
    s->coming->n = 0;
    if (!s->viewed)
        s->wanted = s->last = (view){0};
    s->viewed = false;
}

static tensor *normalised(const stream *s, const uint8_t *px, const int32_t *moves, int64_t n)
{
    return tx_images(DIMS(n, s->from.side, s->from.side, s->from.channels), px, moves, tx_channels(s->o.mean),
                     tx_channels(s->o.std));
}

static tensor *images_of(const stream *s, const gathered *b, int64_t n)
{
    if (!s->store)
        return normalised(s, b->px, (s->o.crop && s->o.resized.scale[1] <= 0) || s->o.flip ? b->moves : NULL, n);
    return tx_cut(DIMS(n, s->from.side, s->from.side, s->from.channels), s->store, s->from.n, b->cuts,
                  tx_channels(s->o.mean), tx_channels(s->o.std));
}

batch stream_next(stream *s, int64_t n)
{
    pool_images(n);
    if (have_coming(s, n) != 0)
        return (batch){0};
    turn(s);
    begin_coming(s);
    tensor *x = images_of(s, s->shown, n);
    s->mem = x->mem;
    s->offset = x->offset;
    s->images = n;
    return (batch){.x = x, .y = tx_index(DIMS(n, 1), s->shown->labels), .n = n};
}

/* Views. */

/* What is asked for once is expected again, until it turns out to change from
 * batch to batch: then the thread would work for nothing. */
static void expect(stream *s, view v)
{
    bool steady = !s->last.by || gather_same_view(s->last, v);
    s->last = v;
    s->viewed = true;
    s->wanted = steady ? v : (view){0};
    if (!steady || s->coming_view.by || !s->thread || !s->asked)
        return;
    ahead_stop(s->thread);
    begin_coming(s);
}

/* The number within the last batch of the first image of x; -1: x is no part of it. */
static int64_t part(const stream *s, const tensor *x)
{
    int64_t at = x->offset - s->offset, each = (int64_t)s->from.image;
    int same = s->mem && x->mem == s->mem && x->d.n == 4 && x->d.d[1] == s->from.side &&
               x->d.d[2] == s->from.side && x->d.d[3] == s->from.channels;
    return same && at >= 0 && at % each == 0 && at / each + x->d.d[0] <= s->images ? at / each : -1;
}

tensor *stream_view(stream *s, const tensor *x, const corruption *by, int severity)
{
    view v = {by, severity};
    int64_t first = part(s, x);
    if (first < 0)
        return NULL;
    expect(s, v);
    if (!gather_same_view(s->shown->seen, v)) {
        s->late++;
        gather_view_room(&s->from, s->shown);
        gather_view(&s->from, s->shown, v, NULL);
    }
    return normalised(s, s->shown->view_px + (size_t)first * s->from.image, NULL, x->d.d[0]);
}
