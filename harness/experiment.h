/* experiment.h - what stands behind `run` and `samples` of method.h. */
#ifndef EXPERIMENT_H
#define EXPERIMENT_H

#include "../methods/method.h"
#include "features.h"
#include "reader.h"

#include <setjmp.h>

/* Branches of the run's seed (random.h), one for each purpose. */
enum run_purpose { RUN_WEIGHTS = 1, RUN_BATCHES, RUN_OUTLIERS, RUN_STREAMS, RUN_DRAWS };

struct samples {
    struct run *run;
    const char *path, *split; /* where its images are; path may be NULL when no one may ask for inputs */
    dataset *images;          /* opened when inputs are asked for */
    reader *pixels;           /* of images */
    struct samples *whole;    /* what this is a part of, whose images it shows; NULL: nothing else's */
    features known;           /* of the whole set */
    int loaded;
    int64_t first, n; /* the rows shown; those past the end repeat the last one */
};

struct scratch {
    struct scratch *next;
    max_align_t bytes[];
};

struct run {
    const extractor *extractor;
    net *net;
    uint64_t seed, streams, draws; /* streams and draws handed out so far */
    double loading_s;              /* spent on getting features, which is no method's own time */
    struct scratch *scratch;
    jmp_buf *refused;        /* where run_refuse goes on, its sentence in fault_text(); NULL: it ends the process */
    samples splits[2], part; /* by enum run_split; what run_part gave last */
    struct trainer *trainer; /* NULL while scoring */
};

/* The run a method is given, without a trainer. The extractor is the caller's
 * and lives longer. path: the ID set's file, NULL when `splits` are filled by hand. */
void run_begin(run *r, const extractor *e, const char *path, uint64_t seed);
void run_end(run *r);

/* Calls between which scratch memory lives. */
void run_forget_scratch(run *r);

/* A set to score: like a split of the run, but any file. */
void samples_begin(samples *s, run *r, const char *path, const char *split);
int samples_load(samples *s); /* -1 with fault() set */
void samples_show(samples *s, int64_t first, int64_t n);
int64_t samples_correct(samples *s); /* labels that the largest logit names; -1: one of them is not known */
void samples_unload(samples *s);     /* until they are asked for again */
void samples_end(samples *s);

#endif
