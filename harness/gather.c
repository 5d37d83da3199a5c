/* gather.c - images by a seeded permutation, and what is drawn for each from its
 * place: shifts, mirrorings, where it is cut. Copying is for one thread; decoding and
 * resizing are shared among many. */
#include "gather.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"
#include "paging.h"
#include "shuffle.h"

#include <stdlib.h>
#include <string.h>

/* Branches of the stream's seed. */
enum { PURPOSE_ORDER, PURPOSE_AUGMENTATION, PURPOSE_VIEW, PURPOSE_CROP };

int gather_open(gatherer *g, const dataset *d, const gather_options *o)
{
    int64_t n = dataset_count(d);
    if (n < 1 || n > INT32_MAX)
        return fault("%s: expected 1 to %d images, found %lld", dataset_name(d), INT32_MAX, (long long)n);
    *g = (gatherer){.d = d, .o = *o, .n = n, .epoch = -1};
    g->side = dataset_side(d);
    g->channels = dataset_channels(d);
    g->image = (size_t)(g->side * g->side * g->channels);
    g->made = dataset_encoded(d) || o->resized.scale[1] > 0;
    g->order = pool_host((size_t)n * sizeof *g->order);
    if (o->blocks)
        g->blocks = pool_host((size_t)shuffle_count(n) * sizeof *g->blocks);
    desks_open(&g->desks);
    return 0;
}

void gather_close(gatherer *g)
{
    if (g->d)
        desks_close(&g->desks);
    free(g->order);
    free(g->blocks);
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

/* The same for (seed, epoch) everywhere. */
static void shuffle(gatherer *g, int64_t epoch)
{
    uint64_t seed = random_stream(random_stream(g->o.seed, PURPOSE_ORDER), (uint64_t)epoch);
    if (g->blocks)
        shuffle_blocks(g->order, g->blocks, g->n, seed);
    else
        shuffle_whole(g->order, g->n, seed);
    g->epoch = epoch;
    g->hinted = 0;
}

/* Where n images from `first` on lie in the mapped file. */
static paged bytes_of(const gatherer *g, int64_t first, int64_t n)
{
    size_t bytes, behind;
    if (!dataset_encoded(g->d))
        return (paged){dataset_images(g->d) + (size_t)first * g->image, (size_t)n * g->image};
    const uint8_t *at = dataset_file(g->d, first, &bytes), *last = dataset_file(g->d, first + n - 1, &behind);
    return (paged){at, (size_t)(last - at) + behind};
}

static paged block(const gatherer *g, int64_t b)
{
    int64_t first = b * SHUFFLE_BLOCK, left = g->n - first;
    return bytes_of(g, first, left < SHUFFLE_BLOCK ? left : SHUFFLE_BLOCK);
}

/* As images of a window pass, the blocks of the next are fetched one by one, and those of the one before let go. */
static void hint(gatherer *g, int64_t position)
{
    int64_t count = shuffle_count(g->n), here = position / SHUFFLE_BLOCK;
    if (g->hinted < here) /* what a seek has left out */
        g->hinted = here;
    for (; g->hinted < count && g->hinted * SHUFFLE_BLOCK <= position; g->hinted++) {
        int64_t next = g->hinted + SHUFFLE_WINDOW, done = g->hinted - SHUFFLE_WINDOW;
        if (next < count)
            paging_want(block(g, g->blocks[next]));
        if (done >= 0)
            paging_leave(block(g, g->blocks[done]), bytes_of(g, 0, g->n));
    }
}

/* The image at p becomes image i of b, but for pixels that are to be made; its draws belong to its place. */
static void gather_one(gatherer *g, gathered *b, int64_t i, place p)
{
    if (p.epoch != g->epoch)
        shuffle(g, p.epoch);
    if (g->blocks)
        hint(g, p.position);
    uint64_t seed = random_stream(random_stream(g->o.seed, PURPOSE_AUGMENTATION), (uint64_t)p.epoch);
    uint64_t at = 3 * (uint64_t)p.position;
    int64_t from = g->order[p.position], crop = g->o.resized.scale[1] > 0 ? 0 : g->o.crop;
    int32_t *move = b->moves + 3 * i, *cut = b->cuts + 4 * i;
    if (b->px && !g->made)
        memcpy(b->px + (size_t)i * g->image, dataset_images(g->d) + (size_t)from * g->image, g->image);
    b->labels[i] = dataset_labels(g->d)[from];
    move[0] = (int32_t)(random_below(seed, at, 2 * crop + 1) - crop);
    move[1] = (int32_t)(random_below(seed, at + 1, 2 * crop + 1) - crop);
    move[2] = g->o.flip ? (int32_t)random_below(seed, at + 2, 2) : 0;
    cut[0] = (int32_t)from;
    memcpy(cut + 1, move, 3 * sizeof *move);
}

/* Decoding and resizing. */

typedef struct making { /* of a batch's pixels */
    gatherer *g;
    gathered *b;
} making;

resize_part gather_part(const gatherer *g, place p, int64_t w, int64_t h)
{
    uint64_t seed = random_stream(random_stream(g->o.seed, PURPOSE_CROP), (uint64_t)p.epoch);
    return crop_draw(&g->o.resized, w, h, seed, CROP_DRAWS * (uint64_t)p.position);
}

static int make_one(void *what, desk *k, int64_t i)
{
    const making *m = what;
    const gatherer *g = m->g;
    int64_t from = m->b->cuts[4 * i], w = g->side, h = w;
    uint8_t *out = m->b->px + (size_t)i * g->image;
    const uint8_t *px;
    if (dataset_encoded(g->d)) {
        if (desk_decode(k, g->d, from) != 0)
            return -1;
        px = k->im.px;
        w = k->im.w;
        h = k->im.h;
    } else {
        px = dataset_images(g->d) + (size_t)from * g->image;
    }
    if (g->o.resized.scale[1] <= 0)
        return resize_centre(&k->r, out, g->side, px, w, h, dataset_resize(g->d));
    place p = gather_behind(g, m->b->first, i);
    return resize_box(&k->r, out, g->side, px, w, gather_part(g, p, w, h));
}

static int make(gatherer *g, gathered *b, int64_t n, const atomic_bool *stop)
{
    making m = {.g = g, .b = b};
    for (int64_t i = 0; dataset_encoded(g->d) && i < n; i++) /* all at once, before the first is waited for */
        paging_want(bytes_of(g, b->cuts[4 * i], 1));
    return desks_share(&g->desks, g->o.threads, n, make_one, &m, stop);
}

int gather(gatherer *g, gathered *b, place first, int64_t n, const atomic_bool *stop)
{
    b->n = 0;
    b->seen = (view){0};
    b->first = gather_behind(g, first, 0);
    b->behind = gather_behind(g, first, n);
    for (int64_t i = 0; i < n; i++) {
        if (stop && atomic_load(stop))
            return 0;
        gather_one(g, b, i, gather_behind(g, first, i));
    }
    if (g->made && b->px && make(g, b, n, stop) != 0)
        return -1;
    if (!stop || !atomic_load(stop))
        b->n = n;
    return 0;
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
    const uint8_t *in = g->made ? b->px + (size_t)i * g->image : dataset_images(g->d) + (size_t)cut[0] * g->image;
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
                    corruption_seed(gather_view_seed(g->o.seed, p.epoch), v.by, v.severity, p.position));
    }
    b->seen = v;
}
