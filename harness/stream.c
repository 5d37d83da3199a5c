/* stream.c - batches gathered by a thread, one ahead, and handed to the device,
 * which shifts, mirrors and normalises them (tx_images). Two batches of bytes
 * exist: the one shown last and the coming one, which is the thread's between
 * ahead_begin and ahead_wait, as is the gatherer. */
#include "stream.h"
#include "ahead.h"
#include "engine.h"
#include "gather.h"

#include <stdlib.h>

struct stream {
    stream_options o;
    gatherer from;
    ahead *thread; /* NULL: everything is made when it is asked for */
    gathered slots[2], *shown, *coming;
    place next;    /* of the image that stream_next shows first */
    int64_t asked; /* images of the batch that was asked for last; 0: none was */
    int64_t late;
};

static void gather_coming(void *what, const atomic_bool *stop)
{
    stream *s = what;
    gather(&s->from, s->coming, s->next, s->asked, stop);
}

int stream_open(stream **out, const dataset *d, const stream_options *o)
{
    gatherer from;
    if (gather_open(&from, d, o->seed, o->crop, o->flip) != 0)
        return -1;
    stream *s = pool_host(sizeof *s);
    *s = (stream){.o = *o, .from = from};
    s->shown = &s->slots[0];
    s->coming = &s->slots[1];
    s->thread = o->no_thread ? NULL : ahead_open(gather_coming, s);
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

/* Makes the coming batch the next n images, if it is not. */
static void have_coming(stream *s, int64_t n)
{
    if (s->thread && n == s->asked)
        ahead_wait(s->thread);
    else if (s->thread)
        ahead_stop(s->thread);
    if (n > 0 && s->coming->n == n)
        return;
    s->late++;
    s->asked = n;
    gather_room(&s->from, s->coming, n);
    gather(&s->from, s->coming, s->next, n, NULL);
}

batch stream_next(stream *s, int64_t n)
{
    have_coming(s, n);
    gathered *b = s->coming;
    s->coming = s->shown;
    s->shown = b;
    s->next = b->behind;
    s->coming->n = 0;
    begin_coming(s);
    tensor *x = tx_images(DIMS(n, s->from.side, s->from.side, s->from.channels), b->px,
                          s->o.crop || s->o.flip ? b->moves : NULL, tx_channels(s->o.mean), tx_channels(s->o.std));
    return (batch){.x = x, .y = tx_index(DIMS(n, 1), b->labels), .n = n};
}
