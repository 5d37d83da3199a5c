/* gather.h - the images of a batch as bytes: which they are, how each is cut
 * and mirrored, and how they look corrupted. What a batch holds depends on
 * (seed, epoch, position) and on nothing else. Host memory only, so that any
 * thread may do it; gather() writes to the gatherer and is for one at a time. */
#ifndef GATHER_H
#define GATHER_H

#include "../datasets/corruption.h"
#include "data.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct place { /* of an image in a stream */
    int64_t epoch, position;
} place;

typedef struct view {     /* of the images of a batch, cut and mirrored */
    const corruption *by; /* NULL: none */
    int severity;
} view;

typedef struct gatherer {
    const dataset *d;
    uint64_t seed;
    int64_t crop, flip; /* as stream_options has them */
    int64_t n, side, channels;
    size_t image;   /* bytes */
    bool numbers;   /* without px: pixels are taken from elsewhere; before the first gather_room() */
    int64_t epoch;  /* whose permutation `order` is; -1: none yet */
    int32_t *order; /* [n] */
} gatherer;

typedef struct gathered {
    int64_t n, room;     /* images that are here; that fit */
    place first, behind; /* of the first one, and of the one behind the last */
    uint8_t *px;         /* [n][side][side][channels], as stored; NULL: numbers only */
    int32_t *moves;      /* [n][3]: dy, dx, mirrored, as the backend's images() takes them */
    int32_t *cuts;       /* [n][4]: number in the set, dy, dx, mirrored, as its cut() takes them */
    int32_t *labels;     /* [n] */
    view seen;           /* what view_px holds of the n images */
    uint8_t *view_px;    /* [n][side][side][channels], and one image more to work in; NULL: no room yet */
} gathered;

/* d stays the caller's and must outlive g. -1 with fault() set. */
int gather_open(gatherer *g, const dataset *d, uint64_t seed, int64_t crop, int flip);
void gather_close(gatherer *g);

/* Memory for n images, and for a view of as many as there is room for. What is
 * in b is lost when the former grows. Not thread-safe, as pool_host() is not. */
void gather_room(const gatherer *g, gathered *b, int64_t n);
void gather_view_room(const gatherer *g, gathered *b);
void gather_free(gathered *b);

/* The place behind p by n images: past the last image of an epoch comes the
 * first of the next. 0 <= p.position <= g->n. */
place gather_behind(const gatherer *g, place p, int64_t n);

/* Fills b, which has room, with the n images from `first` on. When *stop is set
 * (stop may be NULL) it leaves early, and b is empty. */
void gather(gatherer *g, gathered *b, place first, int64_t n, const atomic_bool *stop);

/* Makes v of b's images, unless it is there; stop as above. Each is corrupted
 * with a seed of its place, by corruption_seed() of gather_view_seed(). */
void gather_view(const gatherer *g, gathered *b, view v, const atomic_bool *stop);
uint64_t gather_view_seed(uint64_t seed, int64_t epoch);
bool gather_same_view(view a, view b);

/* Image i of b cut and mirrored, zeros (black) where nothing is left of it. */
void gather_cut(const gatherer *g, const gathered *b, int64_t i, uint8_t *out);

#endif
