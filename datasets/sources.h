/* sources.h - what the sets of a benchmark are made from, for benchmark.c, which
 * reads it, sources.c, which makes them, and overlap.c, which compares them. */
#ifndef SOURCES_H
#define SOURCES_H

#include "../harness/config.h"
#include "benchmark.h"
#include "corrupted.h"
#include "format.h"
#include "images.h"
#include "make.h"
#include "npy.h"
#include "parts.h"
#include "shapes.h"
#include "share.h"

#include <limits.h>

#define SOURCES_SPLITS 3 /* train, val, test */
#define SOURCES_MOST_DRAWN 10000000
extern const char *const sources_splits[SOURCES_SPLITS];

typedef struct bench_set {
    char *name;
    const char *group;
    int drawn;            /* shapes_kind(), or -1 */
    const char *corrupt;  /* the set whose test images are corrupted, or NULL */
    const char *npy;      /* a .npy file or the folder of the published ones, or NULL */
    const format *form;   /* how images and labels of others are stored at `path`, or NULL */
    const char *path;     /* below the user's data folder */
    enum take_which take; /* which folders of a tree */
    parts parts;          /* none: its splits are called train, val, test */
    uint64_t seed;        /* of the corruptions */
    int fresh;            /* benchmark_found_fresh() said so */
    char *trainless;      /* why the training images of an ID set are left out; NULL: they are not */
    int64_t resize;       /* the shorter side of its images before the crop; -1: left alone */
    int files;            /* its images are kept as files */
} bench_set;

struct benchmark {
    char *name, *file, *data, *imported;
    config *c;
    const char **classes;
    char *numbers; /* where the classes' names are kept when only their number was said */
    bench_set *sets;
    int n;
    int64_t n_classes, side, resize;
    uint64_t seed;
    double mean[3], std[3];
};

/* benchmark_settings.c: what holds for all sets, and whether one of them is kept as files; 0, or
 * -1 with fault(). */
int benchmark_settings(benchmark *b);
int benchmark_store(const benchmark *b, bench_set *s);

const bench_set *benchmark_find(const benchmark *b, const char *name); /* NULL: no such set */

/* The value of `sets.<set>.<below>`, or NULL; its key goes to `key`. */
const char *benchmark_text(const benchmark *b, const char *set, const char *below, char key[160]);

/* Of an ID set with lists, why its training images are not to be had; NULL: they are. */
char *sources_trainless(const benchmark *b, const bench_set *s);

/* Split i of a set: 0 .. until NULL. */
const char *sources_split(const benchmark *b, const bench_set *s, int i);

typedef struct origin { /* where one split comes from */
    list l;
    char *root;
    images im;
    shapes sh;
    corrupted co;
    npy_images np;
    npy px;
    wanted want; /* of a published form, and that opened by sources_load() */
    const format *form;
    opened *fo;
    int shared; /* the split is a share of what is opened */
    share part;
    char *source;
} origin;

typedef struct sources { /* a set's splits, ready to be made */
    make_split *splits;
    origin *origins;
    int n;
    dataset *whole; /* what is corrupted */
    npy labels;
} sources;

/* Finds lists, images, arrays, or how many to draw; 0, or -1 with fault(). What a set is
 * made from stays where it is while they are used, `parts` too. A set that is
 * corrupted must be there. */
int sources_find(sources *r, const benchmark *b, const bench_set *s);

/* Of a set with lists these alone, in r->origins: no image is looked at, and nothing can be made. */
int sources_lists(sources *r, const benchmark *b, const bench_set *s);
void sources_free(sources *r);

/* Opens what sources_find() only looked at, because it may have to be unpacked: without it the
 * splits of published forms have no images yet. */
int sources_load(sources *r);

/* Is the split of this file made from `source`, or whole at all when source is NULL? */
int sources_match(const char *path, const char *split, const char *source);

/* The same without a benchmark: a split of an HDF5 file, corrupted; a folder of published
 * files; one .npy of images outside the classes. side 0: any. */
int sources_corrupted(sources *r, const char *path, const char *split, const parts *p, uint64_t seed);
int sources_published(sources *r, const char *folder, const parts *p, int64_t side, int64_t classes);
int sources_array(sources *r, const char *path, const char *split, int64_t side);

/* Of a published form (format.h) the splits in `bits`, each as `w` wants it but for its split; of a
 * source that does not tell splits apart, the one that `w` names. What `w` points at stays.
 * held: val is every tenth of the test images (share.h), and test the others. */
int sources_form(sources *r, const format *form, const wanted *w, unsigned bits, int held);

#endif
