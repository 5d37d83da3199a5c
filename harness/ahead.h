/* ahead.h - one thread that does one job at a time while its owner does other
 * things. The owner hands a job over with ahead_begin and has it back, with all
 * that it wrote, when ahead_wait or ahead_stop returns; in between neither may
 * touch what the other uses. */
#ifndef AHEAD_H
#define AHEAD_H

#include <stdatomic.h>

typedef struct ahead ahead;

/* A job leaves early once *stop is set. It works on host memory and calls
 * nothing of the tensor engine or of a method, which know one thread only. */
typedef void ahead_job(void *what, const atomic_bool *stop);

/* NULL when the machine grants no thread: the owner then does the job itself. */
ahead *ahead_open(ahead_job *job, void *what);
void ahead_close(ahead *a); /* stops first; a may be NULL */

void ahead_begin(ahead *a); /* only after one of the next two, or as the first call */
void ahead_wait(ahead *a);  /* until no job is being done */
void ahead_stop(ahead *a);  /* the same, by way of *stop */

#endif
