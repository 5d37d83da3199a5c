/* models.h - the checkpoints that rows of results or of accuracies are about, over all
 * sources, each with a label short enough for a figure. */
#ifndef MODELS_OF_FIGURES_H
#define MODELS_OF_FIGURES_H

#include "figure.h"

enum models_of { MODELS_OF_RESULTS, MODELS_OF_ACCURACY, MODELS_OF_LANDSCAPE, MODELS_OF_SHARPNESS };

typedef struct models {
    enum models_of kind;
    const sheet **sheets; /* of each source */
    int nsheets, n;
    int *source, *row; /* [n] where each stands first */
    char **label;      /* [n] "sam rho=0.1": what tells them apart */
} models;

/* -1 with fault() set when a source lacks the sheet. */
int models_make(models *m, const figure_input *in, enum models_of kind);
void models_free(models *m);

int models_find(const models *m, int from, int row); /* which one this row is about */

/* The mean over a model's seeds, taken row by row. */
typedef struct seeds {
    double sum;
    int n;
} seeds;
void seeds_take(seeds *s, const char *number); /* an empty field is a NaN */
double seeds_mean(const seeds *s);             /* NaN of nothing */

#endif
