/* trainer.h - a training in progress, shared by its loop (train.c) and by the
 * calls of method.h that only a training method may make (training.c). */
#ifndef TRAINER_H
#define TRAINER_H

#include "diagnostics.h"
#include "optimiser.h"
#include "stream.h"
#include "train.h"

enum { TRAINER_NOTES = 16 }; /* tensors noted in one step; read together with its loss */

/* What one step has drawn, so that a second run_base_loss sees the same. */
typedef struct trainer_replay {
    const batch **drawn; /* outliers handed to the base's loss, in order */
    int64_t n, room, next;
    uint64_t streams, draws; /* of the run, when the first call began */
    bool begun, inside;      /* this step has called it; it is being called */
    bool again;              /* not for the first time: what it notes now is dropped */
} trainer_replay;

typedef struct trainer {
    plugin *plugin, *base; /* base: NULL for plain cross-entropy */
    run *run;
    const train_job *job;
    dataset *train, *val, *outliers;
    stream *batches, *outlier_batches;
    diagnostics *notes;
    optimiser optimiser;
    recipe_plateau plateau;
    tensor *said; /* [1 + TRAINER_NOTES] of this step: its loss, as first shown to run_backward, then notes */
    const char *said_of[TRAINER_NOTES];
    int nsaid;
    bool has_loss;
    trainer_replay replay;
    float *logits;       /* of the validation split */
    int64_t step, steps; /* done and wanted; epochs * steps_each */
    int64_t steps_each;  /* steps of an epoch */
    int64_t best;        /* right answers of the kept checkpoint; -1: none yet */
    int64_t best_epoch;
    double accuracy;             /* of the last validation, in % */
    double epoch_began, epoch_s; /* of the epoch in progress; seconds spent on it before an interruption */
    double saved;                /* when the state was last saved */
    char *made_of;               /* what a state must have been made by: resume.c's own */
    bool unsaved;                /* it was said that no state is written */
    void *self;                  /* the method's struct as it was configured */
    char kept[4096];             /* its path until training ends */
    char state[4096];
} trainer;

/* training.c: the host's own columns of the diagnostics, which methods leave alone; ends with NULL. */
extern const char *const trainer_columns[];

/* train.c: the learning rate of the step that comes. */
double trainer_rate(const trainer *t);

/* training.c: before each step; after the last. */
void trainer_begin_step(trainer *t);
void trainer_forget(trainer *t);

#endif
