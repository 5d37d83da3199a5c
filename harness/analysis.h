/* analysis.h - what is computed of a model beside scores: its loss landscape, its
 * sharpness. An analysis is a table of points, each a set of images and a place on
 * two axes (alpha and beta; restart and radius), and each a row of NAME.csv. */
#ifndef ANALYSIS_H
#define ANALYSIS_H

#include "config.h"

enum analysis { ANALYSIS_LANDSCAPE, ANALYSIS_SHARPNESS, ANALYSES };

enum { /* columns that all have */
       ANALYSIS_RUN,
       ANALYSIS_COMMIT,
       ANALYSIS_DEVICE,
       ANALYSIS_FAST,
       ANALYSIS_PRECISION,
       ANALYSIS_NET,
       ANALYSIS_WEIGHTS,
       ANALYSIS_ID,
       ANALYSIS_TRAIN,
       ANALYSIS_TRAIN_PARAMS,
       ANALYSIS_SEED,
       ANALYSIS_SETTINGS, /* "images=1000;draw=0;bn=false;bias=false" */
       ANALYSIS_SET,
       ANALYSIS_SPLIT, /* train val test; "all" parts of a shifted set */
       ANALYSIS_N,     /* images, at most those asked for */
       ANALYSIS_FIRST, /* alpha, restart */
       ANALYSIS_SECOND /* beta, rho */
};
enum {                                       /* of landscape.csv */
       LANDSCAPE_LOSS = ANALYSIS_SECOND + 1, /* may be inf */
       LANDSCAPE_ACC,                        /* in % */
       LANDSCAPE_COSINE,                     /* of the angle between the directions */
       LANDSCAPE_COLUMNS
};
enum {                                       /* of sharpness.csv */
       SHARPNESS_RISE = ANALYSIS_SECOND + 1, /* the largest found at this radius, from this start */
       SHARPNESS_ONE_STEP,                   /* after one step of this length along the gradient */
       SHARPNESS_LOSS,                       /* where it rises from */
       SHARPNESS_COLUMNS
};

typedef struct analysis_kind {
    const char *name; /* of its keys (`landscape.grid`), its cells and its file */
    const char *const *columns;
    int ncolumns;
    const char *const *depends; /* its keys that a point's value depends on; ends with NULL */
} analysis_kind;
extern const analysis_kind analysis_kinds[ANALYSES];

int analysis_asked(const config *c, enum analysis a); /* does `analyses` list it? */

/* Of keys whose values were checked one by one: what they say together; fills in
 * which sets are looked at. -1 with fault() set. */
int analysis_check(config *c);

/* The value of `landscape.KEY`, "" without one. */
const char *analysis_value(const config *c, enum analysis a, const char *key);
char *analysis_settings(const config *c, enum analysis a); /* the column; the caller frees it */

/* The places on both axes as they stand in rows, into `axis.first` and `axis.second`. */
void analysis_axes(config *to, const config *c, enum analysis a);

/* The i-th item of `landscape.sets` as a row has it: a split of the ID set, or all
 * of a shifted set. NULL behind the last. */
const char *analysis_set(const config *c, enum analysis a, int i, const char **split);

#endif
