/* accuracies.h - accuracy under covariate shift: for each model and shifted set a
 * table of corruptions x severities, then the models side by side. */
#ifndef ACCURACIES_H
#define ACCURACIES_H

#include "table.h"

/* `rows` is an accuracy.csv. -1 with fault() set when no shifted set is in it. */
int accuracies_print(FILE *to, const sheet *rows, const table_options *o);

/* The accuracy file that belongs to a file of results: NAME-accuracy.csv beside NAME.csv
 * where there is one, else accuracy.csv in the same folder. To be freed. */
char *accuracies_beside(const char *results);

#endif
