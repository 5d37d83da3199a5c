/* gather.h - the images of a batch as bytes: which they are, how each is cut
 * and mirrored, and how they look corrupted. What a batch holds depends on
 * (seed, epoch, position) and on nothing else. Host memory only, so that any
 * thread may do it; gather() writes to the gatherer and is for one at a time.
 * Files of encoded sets are decoded here, by several threads. */
#ifndef GATHER_H
#define GATHER_H

#include "../datasets/corruption.h"
#include "crop.h"
#include "data.h"
#include "desks.h"

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

typedef struct gather_options {
    uint64_t seed;
    int64_t crop;       /* pad by as many zeros and cut at random; 0: not at all */
    int flip;           /* mirror every other image, by chance */
    crop_range resized; /* instead of crop: cut at random and resized, when scale[1] > 0 */
    int blocks;         /* shuffled by blocks (shuffle.h); 0: as a whole */
    int threads;        /* that decode and resize; 0: as many as this machine runs at once */
} gather_options;

typedef struct gatherer {
    const dataset *d;
    gather_options o;
    int64_t n, side, channels;
    size_t image;    /* bytes */
    bool numbers;    /* without px: pixels are taken from elsewhere; before the first gather_room() */
    bool made;       /* pixels of a batch are decoded or resized, not the set's own */
    int64_t epoch;   /* whose permutation `order` is; -1: none yet */
    int32_t *order;  /* [n] */
    int32_t *blocks; /* of the same epoch, as shuffle.h has them; NULL: shuffled as a whole */
    int64_t hinted;  /* blocks of this epoch that the kernel was told of */
    desks desks;
} gatherer;

typedef struct gathered {
    int64_t n, room;     /* images that are here; that fit */
    place first, behind; /* of the first one, and of the one behind the last */
    uint8_t *px;         /* [n][side][side][channels], as stored or made; NULL: numbers only */
    int32_t *moves;      /* [n][3]: dy, dx, mirrored, as the backend's images() takes them */
    int32_t *cuts;       /* [n][4]: number in the set, dy, dx, mirrored, as its cut() takes them */
    int32_t *labels;     /* [n] */
    view seen;           /* what view_px holds of the n images */
    uint8_t *view_px;    /* [n][side][side][channels], and one image more to work in; NULL: no room yet */
} gathered;

/* d stays the caller's and must outlive g. -1 with fault() set. */
int gather_open(gatherer *g, const dataset *d, const gather_options *o);
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
 * (stop may be NULL) it leaves early, and b is empty. -1 with fault(), naming set
 * and image, and b is empty, where a file cannot be decoded. */
int gather(gatherer *g, gathered *b, place first, int64_t n, const atomic_bool *stop);

/* What is cut out of an image of w x h at p, to be resized. */
resize_part gather_part(const gatherer *g, place p, int64_t w, int64_t h);

/* Makes v of b's images, unless it is there; stop as above. Each is corrupted
 * with a seed of its place, by corruption_seed() of gather_view_seed(). */
void gather_view(const gatherer *g, gathered *b, view v, const atomic_bool *stop);
uint64_t gather_view_seed(uint64_t seed, int64_t epoch);
bool gather_same_view(view a, view b);

/* Image i of b cut and mirrored, zeros (black) where nothing is left of it. */
void gather_cut(const gatherer *g, const gathered *b, int64_t i, uint8_t *out);

#endif
