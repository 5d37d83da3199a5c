/* sets.h - the data sets of an experiment: which benchmark, which of its sets.
 * Functions return 0, or -1 with fault() set. */
#ifndef SETS_H
#define SETS_H

#include "../datasets/benchmark.h"
#include "config.h"

/* Opens the benchmark that `benchmark` or `id` names and fills in what comes
 * from it: id, near, far, mean, std, classes. A set that is named but not in the
 * benchmark, or not where it should be on disk, is a fault; one that would only
 * be taken by default and is not there is left out and mentioned. */
int sets_choose(benchmark **b, config *c, const char *file);

/* Imports what is not there yet or made from something else: every set of c. Then
 * refuses outliers that share images or classes with a set they are judged by. */
int sets_import(benchmark *b, const config *c);

#endif
