/* stream.h - shuffled, augmented batches of one data set, without end. What a
 * batch holds depends on (seed, epoch, position) and on nothing else, so a run
 * can be taken up again anywhere, and every backend sees the same images. A
 * thread gathers the next batch while this one is being computed with; files of
 * encoded sets are decoded by as many threads as the machine runs at once. */
#ifndef STREAM_H
#define STREAM_H

#include "../datasets/corruption.h"
#include "../methods/method.h"
#include "crop.h"
#include "data.h"

typedef struct stream stream;

typedef struct stream_options {
    uint64_t seed;
    int64_t crop; /* pad by as many zeros and cut at random; 0: not at all */
    int flip;     /* mirror every other image, by chance */
    double mean[3], std[3];
    crop_range resized; /* instead of crop: cut at random and resized, when scale[1] > 0 */
    int blocks;         /* shuffled by blocks (shuffle.h), for sets larger than memory; 0: as a whole */
    int threads;        /* that decode and resize; 0: as many as this machine runs at once */
    int no_thread;      /* each batch is made when it is asked for; it holds the same */
    int rank, ranks;    /* of each batch this is share number `rank` of so many; ranks 0: the whole */
    int no_store;       /* the device keeps no copy of the set; batches hold the same */
} stream_options;

/* d stays the caller's and must outlive the stream. Where the backend cuts
 * batches itself and has the room, the set is copied to it: close the stream
 * before the scope it was opened in. -1 with fault() set. */
int stream_open(stream **s, const dataset *d, const stream_options *o);
void stream_close(stream *s);

/* The order is a permutation drawn anew every epoch. Reading past the end of
 * one goes on with the next; seeking drops what is left. 0 <= position <= count. */
void stream_seek(stream *s, int64_t epoch, int64_t position);
int64_t stream_count(const stream *s);

/* Where the next batch begins: seeking there goes on as if nothing had been. */
void stream_where(const stream *s, int64_t *epoch, int64_t *position);

/* The next n images as tensors of the current scope; with several ranks this one's n
 * of ranks * n, which the stream then stands behind. They are there already
 * when n is what the call before asked for. x is NULL, with fault() set, when a file
 * of theirs cannot be decoded; the stream stays where it was. */
batch stream_next(stream *s, int64_t n);

/* The images of the last batch once more, [n,h,w,c]: cut and mirrored as they
 * are there, then corrupted as bytes with a seed of their place, then
 * normalised. x is that batch's x or a slice of it (tx_slice); NULL when it is
 * anything else. Asked for with every batch, one view is made ahead with them. */
tensor *stream_view(stream *s, const tensor *x, const corruption *by, int severity);

/* Batches and views so far that were not under way when they were asked for. */
int64_t stream_late(const stream *s);

#endif
