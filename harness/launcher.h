/* launcher.h - a plan's cells elsewhere: as tasks of a Slurm job array, one a
 * network. The tasks write rows of their own (jobarray.h); this process queues them,
 * waits, and gathers what they wrote. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

#include "rows.h"

/* Is that what the configuration asks for? -1 with fault() set when it is and
 * cannot be, or when it is not and an array is still at work on these results. */
int launcher_asked(const plan *p);

/* As dispatch(): 0, DISPATCH_INTERRUPTED, when the array goes on by itself, or -1. */
int launch(rows *r);

#endif
