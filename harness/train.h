/* train.h - the training loop: data order, learning rate, optimiser, checkpoint
 * and diagnostics are the host's, the loss is the method's. */
#ifndef TRAIN_H
#define TRAIN_H

#include "experiment.h"
#include "plugin.h"
#include "recipe.h"

typedef struct train_job {
    recipe recipe;
    double save_s;        /* seconds between saves within an epoch; 0: only at its end */
    plugin *base;         /* whose loss run_base_loss computes; NULL: plain cross-entropy */
    const char *name;     /* the run's, for metadata */
    const char *id;       /* HDF5 with the splits train and val */
    const char *outliers; /* HDF5 with the split train, or NULL */
    const char *out;      /* the .safetensors to write */
    const char *csv;      /* diagnostics */
} train_job;

/* Whether so many ranks can train it (ranks.h); -1 with fault() set. base may be NULL. */
int train_suits(const plugin *p, const plugin *base, const recipe *c, int64_t ranks);

/* Trains r->net, leaves the checkpoint of the best validation accuracy (the
 * later of equals) at job->out. Until the end it lies beside it, as
 * <out>.best, and stays there when a run is cut short. One that was cut short
 * goes on where it last saved (resume.h), to the same bytes in the end but for
 * the images_s of the diagnostics, which are measured. Returns an exit code with
 * the status reported, or -1 with fault() set. */
int train_run(plugin *p, run *r, const train_job *job);

#endif
