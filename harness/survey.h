/* survey.h - what the cells of analyses have in common: sets of images, places on
 * two axes, and which points of each set are wanted (analyses.h says the same from
 * the other side). Functions return 0, or -1 with fault() set. */
#ifndef SURVEY_H
#define SURVEY_H

#include "analysis.h"
#include "cell.h"
#include "subset.h"

typedef struct survey_set {
    const char *name, *split; /* as rows have them */
    unsigned char *wanted;    /* by point: first axis times length of the second, and second */
    int left;                 /* how many */
    subset images;            /* of a set of which nothing is wanted, none */
} survey_set;

typedef struct survey {
    enum analysis kind;
    uint64_t draw;
    double *first, *second; /* places on the axes */
    int nfirst, nsecond;
    survey_set *sets;
    int nsets;
    int64_t done, total; /* points, for the line that tells progress */
} survey;

/* The network is in evaluation mode from here on. */
int survey_open(survey *s, cell *k, enum analysis kind);
void survey_close(survey *s);

/* Reports a point and counts it. fmt: what the kind's own columns say, "loss=%.9g\tacc=..". */
void survey_tell(survey *s, const cell *k, const survey_set *of, int first, int second, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

#endif
