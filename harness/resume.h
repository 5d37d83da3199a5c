/* resume.h - the whole state of a training on disk, so that one that was cut
 * short goes on as if nothing had been: the same batches, the same draws, and in
 * the end the same bytes. It lies at <out>.state, whole or absent, until
 * training ends. What a method keeps for itself between steps is not in it: of
 * such a method no state is written, and an interruption starts it over. */
#ifndef RESUME_H
#define RESUME_H

#include "trainer.h"

/* Before the first step, and at the end. -1 with fault() set. */
int resume_begin(trainer *t);
void resume_end(trainer *t);

/* Takes up the state that is there: 1, and says so; 0 when there is none. Ranks
 * (ranks.h) read it all, and the first alone writes it; any number of them goes on with
 * what any other left. One
 * that is damaged or of another training is named on standard error and left
 * unread. -1 with fault() set when the diagnostics cannot be written. */
int resume_load(trainer *t);

/* Between two steps; at the end of an epoch after its row and its checkpoint.
 * resume_due: the last save is longer ago than job->save_s. -1 with fault() set. */
int resume_save(trainer *t);
int resume_due(const trainer *t);

/* Removes the state: training is over. */
void resume_forget(const trainer *t);

#endif
