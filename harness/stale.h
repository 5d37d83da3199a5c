/* stale.h - rows whose images have changed since: a set imported anew from other
 * files must not keep its old figures. */
#ifndef STALE_H
#define STALE_H

#include "rows.h"

/* Compares the sets with those listed in data.csv of the output folder, gives
 * rows of changed ones the status `stale`, and brings the list up to date. All
 * sets must have been imported. 0, or -1 with fault(). */
int stale_mark(rows *r);

#endif
