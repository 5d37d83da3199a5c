/* sheets.h - the files that the rows of an experiment stand in: results, accuracies,
 * points of searches and of analyses. Functions return 0, or -1 with fault(). */
#ifndef SHEETS_H
#define SHEETS_H

#include "rows.h"

/* Those that the plan writes, in `folder`; closed again by sheets_close also when this fails. */
int sheets_open(rows *r, const char *folder);
void sheets_close(rows *r);

/* Puts what the files of another folder say of a model into these. */
int sheets_gather(rows *r, const char *folder, const model *m);

/* Copies the files of one folder to another where they are not there yet. */
int sheets_copy(const char *from, const char *to);

#endif
