/* score.h - runs one scoring method: fit once, score the ID test set, every OOD
 * set and every shifted set, report the rows that follow from them. */
#ifndef SCORE_H
#define SCORE_H

#include "experiment.h"
#include "plugin.h"
#include "search.h"

typedef struct score_set {
    const char *name, *group, *path; /* group: id near far csid */
    const char **splits;             /* those of the file that make the set, ends with NULL */
    const char *run;                 /* of its row of results */
    char *kept;                      /* where its scores go (scores.h); NULL: nowhere */
} score_set;

/* What the method's scores of one set are, after fit. Returns the number of
 * scores that are not finite (0: all is well), or -1 with fault() set. */
int64_t score_samples(plugin *p, run *r, samples *s, float *scores);

void score_fit(plugin *p, run *r);

/* `s` chooses parameters first; NULL: they are as configured. sets[0] is the ID
 * test set, shifted sets come last. Reports a row for every set against the ID
 * test set and, where there are shifted sets, a second one for near and far sets:
 * full spectrum, ID is the test set and all shifted ones. A set with a score that
 * is not finite costs the rows it takes part in. Returns an exit code, EXIT_NOT_FINITE with the status reported, or -1 with fault() set. */
int score_sets(plugin *p, run *r, const tuning *s, const score_set *sets, int n);

#endif
