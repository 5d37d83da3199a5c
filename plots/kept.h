/* kept.h - the scores of every sample (harness/scores.h) behind the rows of results that a
 * figure is about, chosen by options that such figures share. */
#ifndef KEPT_H
#define KEPT_H

#include "models.h"

#include <stddef.h>
#include <stdint.h>

#define KEPT_OPTIONS                                                                                               \
    {"train", "", NULL, "training methods or labels, comma between them; all there are"},                          \
        {"score", "", NULL, "scorers, comma between them, or `all`; the one of highest mean AUROC"},               \
        {"sets", "", NULL, "OOD and shifted sets, comma between them; all there are"},                             \
    {                                                                                                              \
        "seed", "", NULL, "the seed; the first there is"                                                           \
    }

typedef struct kept_set {
    const char *name, *group; /* group: id near far csid */
    int row;                  /* of the results; of the ID set's, any of its verdict's */
    float *scores;            /* [n]; larger means in-distribution */
    int64_t n;
} kept_set;

typedef struct verdict { /* of one scorer on one checkpoint */
    char *label;         /* what tells it from the others: "drsam ebo" */
    const sheet *results;
    kept_set *sets; /* [n], sets[0] the ID test set */
    int n;
} verdict;

typedef struct kept {
    verdict *at;
    int n;
    models m;
} kept;

/* -1 with fault() set, also when a file of scores is not there, or nothing is chosen. */
int kept_make(kept *k, const figure_input *in);
void kept_free(kept *k);

/* Is `word` one of "a,b"? An empty list has every word. */
int kept_listed(const char *list, const char *word);

/* -1 with fault() set when these are more than one figure can show apart. */
int kept_readable(const figure_input *in, int panels, int lines);

/* In place, upwards. */
void kept_sort(float *scores, int64_t n);

#endif
