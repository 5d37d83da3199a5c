/* points.h - search.csv: what a scorer's search tried, as its cell reports it. */
#ifndef POINTS_H
#define POINTS_H

#include "rows.h"

/* Takes the report of one point; a search that is run again writes over the rows
 * of the earlier one. 0, or -1 with fault() set. */
int points_take(const reports *w, char *line);

#endif
