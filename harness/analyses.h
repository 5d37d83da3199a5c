/* analyses.h - the points of a running experiment's analyses: which are there,
 * which a cell reports. Functions return 0, or -1 with fault(). */
#ifndef ANALYSES_H
#define ANALYSES_H

#include "rows.h"

#include <stdio.h>

/* How many points a model lacks. `todo`, if not NULL, receives what its cell is told
 * of them: sets, axes, `todo.0`, ... the numbers of points in the first set. */
int analyses_missing(const rows *r, const model *m, enum analysis a, config *todo);

/* `point\tset=..\tsplit=..\t..`: a row. */
int analyses_take(const reports *w, char *line);

/* Rows on images that have changed, or of models that have seen such, go. */
int analyses_forget(rows *r, const char *set);

/* ", 1764 points of landscape" of all models, to be freed; "" when none is missing. */
char *analyses_left(const rows *r);
void analyses_print(FILE *to, const rows *r); /* where the files are */

#endif
