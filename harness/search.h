/* search.h - a scorer's parameters chosen on validation data. */
#ifndef SEARCH_H
#define SEARCH_H

#include "experiment.h"
#include "plugin.h"

typedef struct tuning {
    const unsigned char *wanted; /* by parameter: 1 where it is chosen, 0 where it stays */
    samples *id;                 /* the ID set's validation split */
    samples *outliers;           /* [n], validation splits of the sets to tune by; tested as one set */
    int n;
} tuning;

/* Tries the whole grid of the sweeps, the first parameter changing fastest, and
 * keeps the first point of highest AUROC; leaves the method fitted with it, its
 * tensors in the innermost scope, as a fit with these parameters alone would
 * have. A fit is repeated for parameters marked `refit` only. What a method
 * refuses, or scores with what is not finite, is no candidate. Reports every
 * point. fit_s: of the fit that is left. settings: the parameters, as
 * plugin_settings has them, and `searched=` with the names of those chosen.
 * -1 with fault() set, also when no point is a candidate. */
int search_fit(plugin *p, run *r, const tuning *s, double *fit_s, char *settings, size_t cap);

#endif
