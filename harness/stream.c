/* stream.c - gathers rows of bytes by a seeded permutation and draws shifts and
 * mirrorings for them; the device does the arithmetic (tx_images). Gathering
 * takes microseconds an image from a mapped file, so no thread runs ahead. */
#include "stream.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"

#include <stdlib.h>
#include <string.h>

enum { PURPOSE_ORDER, PURPOSE_AUGMENTATION }; /* branches of the stream's seed */

struct stream {
    const dataset *d;
    stream_options o;
    size_t image;            /* bytes */
    int64_t epoch, position; /* of the next image */
    int64_t n, room;         /* images in the set; in the buffers below */
    int32_t *order;          /* the epoch's permutation */
    uint8_t *px;
    int32_t *shifts, *labels; /* [room][3], [room] */
};

/* Fisher and Yates, from the identity: the same for (seed, epoch) everywhere. */
static void shuffle(stream *s)
{
    uint64_t seed = random_stream(random_stream(s->o.seed, PURPOSE_ORDER), (uint64_t)s->epoch);
    for (int64_t i = 0; i < s->n; i++)
        s->order[i] = (int32_t)i;
    for (int64_t i = s->n - 1; i > 0; i--) {
        int64_t j = random_below(seed, (uint64_t)i, i + 1);
        int32_t held = s->order[i];
        s->order[i] = s->order[j];
        s->order[j] = held;
    }
}

int stream_open(stream **out, const dataset *d, const stream_options *o)
{
    int64_t n = dataset_count(d);
    if (n < 1 || n > INT32_MAX)
        return fault("%s: expected 1 to %d images, found %lld", dataset_name(d), INT32_MAX, (long long)n);
    stream *s = pool_host(sizeof *s);
    *s = (stream){.d = d, .o = *o, .n = n};
    s->image = (size_t)(dataset_side(d) * dataset_side(d) * dataset_channels(d));
    s->order = pool_host((size_t)n * sizeof *s->order);
    shuffle(s);
    *out = s;
    return 0;
}

void stream_close(stream *s)
{
    if (!s)
        return;
    free(s->order);
    free(s->px);
    free(s->shifts);
    free(s->labels);
    free(s);
}

void stream_seek(stream *s, int64_t epoch, int64_t position)
{
    int same = epoch == s->epoch;
    s->epoch = epoch;
    s->position = position;
    if (!same)
        shuffle(s);
}

int64_t stream_count(const stream *s)
{
    return s->n;
}

static void make_room(stream *s, int64_t n)
{
    if (n <= s->room)
        return;
    free(s->px);
    free(s->shifts);
    free(s->labels);
    s->px = pool_host((size_t)n * s->image);
    s->shifts = pool_host((size_t)n * 3 * sizeof *s->shifts);
    s->labels = pool_host((size_t)n * sizeof *s->labels);
    s->room = n;
}

/* Copies the next image to slot i; its draws belong to its position. */
static void gather(stream *s, int64_t i)
{
    if (s->position >= s->n)
        stream_seek(s, s->epoch + 1, 0);
    uint64_t seed = random_stream(random_stream(s->o.seed, PURPOSE_AUGMENTATION), (uint64_t)s->epoch);
    uint64_t at = 3 * (uint64_t)s->position;
    int64_t from = s->order[s->position++];
    int32_t *shift = s->shifts + 3 * i;
    memcpy(s->px + (size_t)i * s->image, dataset_images(s->d) + (size_t)from * s->image, s->image);
    s->labels[i] = dataset_labels(s->d)[from];
    shift[0] = (int32_t)(random_below(seed, at, 2 * s->o.crop + 1) - s->o.crop);
    shift[1] = (int32_t)(random_below(seed, at + 1, 2 * s->o.crop + 1) - s->o.crop);
    shift[2] = s->o.flip ? (int32_t)random_below(seed, at + 2, 2) : 0;
}

batch stream_next(stream *s, int64_t n)
{
    int64_t side = dataset_side(s->d);
    make_room(s, n);
    for (int64_t i = 0; i < n; i++)
        gather(s, i);
    tensor *x = tx_images(DIMS(n, side, side, dataset_channels(s->d)), s->px,
                          s->o.crop || s->o.flip ? s->shifts : NULL, tx_channels(s->o.mean), tx_channels(s->o.std));
    return (batch){.x = x, .y = tx_index(DIMS(n, 1), s->labels), .n = n};
}
