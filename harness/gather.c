/* gather.c - rows of bytes by a seeded permutation, and the shifts and
 * mirrorings drawn for them, each from the place of its image. */
#include "gather.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"

#include <stdlib.h>
#include <string.h>

enum { PURPOSE_ORDER, PURPOSE_AUGMENTATION, PURPOSE_VIEW }; /* branches of the stream's seed */

int gather_open(gatherer *g, const dataset *d, uint64_t seed, int64_t crop, int flip)
{
    int64_t n = dataset_count(d);
    if (n < 1 || n > INT32_MAX)
        return fault("%s: expected 1 to %d images, found %lld", dataset_name(d), INT32_MAX, (long long)n);
    *g = (gatherer){.d = d, .seed = seed, .crop = crop, .flip = flip, .n = n, .epoch = -1};
    g->side = dataset_side(d);
    g->channels = dataset_channels(d);
    g->image = (size_t)(g->side * g->side * g->channels);
    g->order = pool_host((size_t)n * sizeof *g->order);
    return 0;
}

void gather_close(gatherer *g)
{
    free(g->order);
    *g = (gatherer){0};
}

void gather_room(const gatherer *g, gathered *b, int64_t n)
{
    if (n <= b->room)
        return;
    gather_free(b);
    b->px = g->numbers ? NULL : pool_host((size_t)n * g->image);
    b->moves = pool_host((size_t)n * 3 * sizeof *b->moves);
    b->cuts = pool_host((size_t)n * 4 * sizeof *b->cuts);
    b->labels = pool_host((size_t)n * sizeof *b->labels);
    b->room = n;
}

void gather_view_room(const gatherer *g, gathered *b)
{
    if (!b->view_px)
        b->view_px = pool_host((size_t)(b->room + 1) * g->image);
}

void gather_free(gathered *b)
{
    free(b->px);
    free(b->moves);
    free(b->cuts);
    free(b->labels);
    free(b->view_px);
    *b = (gathered){0};
}

place gather_behind(const gatherer *g, place p, int64_t n)
{
    int64_t at = p.position + n;
    return (place){p.epoch + at / g->n, at % g->n};
}

/* Fisher and Yates, from the identity: the same for (seed, epoch) everywhere. */
static void shuffle(gatherer *g, int64_t epoch)
{
    uint64_t seed = random_stream(random_stream(g->seed, PURPOSE_ORDER), (uint64_t)epoch);
    for (int64_t i = 0; i < g->n; i++)
        g->order[i] = (int32_t)i;
    for (int64_t i = g->n - 1; i > 0; i--) {
        int64_t j = random_below(seed, (uint64_t)i, i + 1);
        int32_t held = g->order[i];
        g->order[i] = g->order[j];
        g->order[j] = held;
    }
    g->epoch = epoch;
}

/* The image at p becomes image i of b; its draws belong to its place. */
static void gather_one(gatherer *g, gathered *b, int64_t i, place p)
{
    if (p.epoch != g->epoch)
        shuffle(g, p.epoch);
    uint64_t seed = random_stream(random_stream(g->seed, PURPOSE_AUGMENTATION), (uint64_t)p.epoch);
    uint64_t at = 3 * (uint64_t)p.position;
    int64_t from = g->order[p.position];
    int32_t *move = b->moves + 3 * i, *cut = b->cuts + 4 * i;
    if (b->px)
        memcpy(b->px + (size_t)i * g->image, dataset_images(g->d) + (size_t)from * g->image, g->image);
    b->labels[i] = dataset_labels(g->d)[from];
    move[0] = (int32_t)(random_below(seed, at, 2 * g->crop + 1) - g->crop);
    move[1] = (int32_t)(random_below(seed, at + 1, 2 * g->crop + 1) - g->crop);
    move[2] = g->flip ? (int32_t)random_below(seed, at + 2, 2) : 0;
    cut[0] = (int32_t)from;
    memcpy(cut + 1, move, 3 * sizeof *move);
}

void gather(gatherer *g, gathered *b, place first, int64_t n, const atomic_bool *stop)
{
    b->n = 0;
    b->seen = (view){0};
    b->first = gather_behind(g, first, 0);
    b->behind = gather_behind(g, first, n);
    for (int64_t i = 0; i < n; i++) {
        if (stop && atomic_load(stop))
            return;
        gather_one(g, b, i, gather_behind(g, first, i));
    }
    b->n = n;
}

/* Column u of the shifted line shows column u - dx of the stored one; mirrored,
 * it stands at side - 1 - u. */
static void cut_line(const gatherer *g, uint8_t *out, const uint8_t *in, int64_t dx, int mirrored)
{
    int64_t c = g->channels, begin = dx > 0 ? dx : 0, end = dx < 0 ? g->side + dx : g->side;
    memset(out, 0, (size_t)(g->side * c));
    if (!mirrored && begin < end)
        memcpy(out + begin * c, in + (begin - dx) * c, (size_t)((end - begin) * c));
    for (int64_t u = begin; mirrored && u < end; u++)
        for (int64_t k = 0; k < c; k++)
            out[(g->side - 1 - u) * c + k] = in[(u - dx) * c + k];
}

void gather_cut(const gatherer *g, const gathered *b, int64_t i, uint8_t *out)
{
    const int32_t *cut = b->cuts + 4 * i, *move = cut + 1;
    const uint8_t *in = dataset_images(g->d) + (size_t)cut[0] * g->image;
    int64_t line = g->side * g->channels;
    for (int64_t y = 0; y < g->side; y++) {
        int64_t from = y - move[0];
        if (from < 0 || from >= g->side)
            memset(out + y * line, 0, (size_t)line);
        else
            cut_line(g, out + y * line, in + from * line, move[1], move[2]);
    }
}

uint64_t gather_view_seed(uint64_t seed, int64_t epoch)
{
    return random_stream(random_stream(seed, PURPOSE_VIEW), (uint64_t)epoch);
}

bool gather_same_view(view a, view b)
{
    return a.by == b.by && a.severity == b.severity;
}

void gather_view(const gatherer *g, gathered *b, view v, const atomic_bool *stop)
{
    uint8_t *cut = b->view_px + (size_t)b->room * g->image;
    if (gather_same_view(b->seen, v))
        return;
    b->seen = (view){0};
    for (int64_t i = 0; i < b->n; i++) {
        place p = gather_behind(g, b->first, i);
        if (stop && atomic_load(stop))
            return;
        gather_cut(g, b, i, cut);
        v.by->apply(b->view_px + (size_t)i * g->image, cut, (int)g->side, v.severity,
                    corruption_seed(gather_view_seed(g->seed, p.epoch), v.by, v.severity, p.position));
    }
    b->seen = v;
}
