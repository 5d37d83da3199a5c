/* dispatch.h - the cells of an agenda, several at a time, each in a process of its
 * own. This process opens no device and loads no method, so whatever a cell does
 * costs its own rows and nothing else. */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "agenda.h"

enum { DISPATCH_INTERRUPTED = 1 }; /* beside 0 and -1: stopped, and what is there is kept */

/* Until nothing is left; -1 with fault() set when this process could not go on. */
int dispatch(rows *r, agenda *a, int jobs);

/* What became of models whose cells did not run here: a failed row with `why` for
 * each that is missing, if that is not NULL; points are counted as unfinished. */
int dispatch_fail(rows *r, agenda *a, const char *why);

#endif
