/* run.h - an experiment from its plan to its table: for the commands that make plans. */
#ifndef RUN_H
#define RUN_H

#include "expand.h"

/* Computes what is missing, prints, frees the plan. An exit code, or -1 with fault() set. */
int run_experiment(plan *p);

#endif
