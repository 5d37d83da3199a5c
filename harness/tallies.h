/* tallies.h - from what a features cell reports to the rows of accuracy.csv: the
 * ID set's val, test and both; every part of a shifted set, all of its parts,
 * and those with the ID test set. Functions return 0, or -1 with fault(). */
#ifndef TALLIES_H
#define TALLIES_H

#include "rows.h"
#include "table.h"

void tally_take(reports *w, char *line); /* `accuracy\tset=..\tsplit=..\tn=..\tcorrect=..` */
void tally_forget(reports *w);

/* All rows of a model that the reports suffice for. */
int tallies_put(const reports *w);
int tallies_there(const rows *r, const model *m);

/* Of every model of the plan: on the whole test set and on the shifted sets. */
void tallies_print(FILE *to, const rows *r, const table_options *o);

#endif
