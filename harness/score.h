/* score.h - runs one scoring method: fit once, score the ID test set and every
 * OOD set, report one row for each of the latter. */
#ifndef SCORE_H
#define SCORE_H

#include "experiment.h"
#include "plugin.h"

typedef struct score_set {
    const char *name, *group, *path, *split;
} score_set;

/* What the method's scores of one set are, after fit. Returns the number of
 * scores that are not finite (0: all is well), or -1 with fault() set. */
int64_t score_samples(plugin *p, run *r, samples *s, float *scores);

void score_fit(plugin *p, run *r);

/* sets[0] is the ID test set, its group "id". Returns an exit code, with the
 * status reported, or -1 with fault() set. */
int score_sets(plugin *p, run *r, const score_set *sets, int n);

#endif
