/* parts.h - which corruptions at which severities a corrupted set has. Each is
 * a split of its file, called `gaussian_noise_3`. */
#ifndef PARTS_H
#define PARTS_H

#include "corruption.h"

#define PARTS_SEVERITIES 5

typedef struct part {
    char name[80];              /* of the split: corruption and severity */
    char corruption[56];        /* "gaussian_noise" */
    const struct corruption *c; /* what computes it; also known for published images */
    int severity;               /* 1 to 5 */
} part;

typedef struct parts {
    part *at;
    int n;
} parts;

/* What is asked for. A word of `corruptions` is a name or `main`, `extra`, `all`; none:
 * main. A word of `severities` is 1 to 5; none: all five. Naming one twice is naming it
 * once. `published`: by the names of the published files, whose `frost` is frost itself.
 * Returns 0, or -1 with fault(): an unknown name (and the nearest), a severity out of range. */
typedef struct parts_wish {
    const char *const *corruptions, *const *severities;
    int n_corruptions, n_severities;
    int published;
} parts_wish;

int parts_choose(parts *p, const parts_wish *w);
void parts_free(parts *p);

/* The name among the published files: `frost` for `frost_proc`, else its own. */
void parts_published(char name[56], const corruption *c);

#endif
