/* jobarray.h - the folder OUT/parts, there while a job array is at work: array.yml, what
 * was queued and how to make the plan again; for each part, number K, a folder K with
 * the files of an experiment's rows, and `done` when it has ended by itself. A part is
 * all that one network lacks: training, features, scores, analyses. */
#ifndef JOBARRAY_H
#define JOBARRAY_H

#include "rows.h"
#include "slurm.h"

enum { PARTS_ARRAYS = 64, PARTS_PER_ARRAY = 1000 }; /* Slurm's own limit is 1,001 unless set otherwise */

typedef struct jobarray {
    char folder[4096];
    char digest[65], name[SLURM_WORD]; /* of the plan; of the jobs */
    int *model, n;                     /* [n] which model each part is of */
    struct {
        int first, n; /* its parts */
        char id[SLURM_ID];
    } array[PARTS_ARRAYS];
    int arrays, queued; /* the first `queued` of them have been accepted */
} jobarray;

/* What is missing, in arrays of which the second half waits for the first where
 * networks start from others. -1 with fault(), as below. */
int jobarray_make(jobarray *p, const rows *r);
void jobarray_free(jobarray *p);

int jobarray_there(const char *out); /* is there an array.yml? */
int jobarray_write(const jobarray *p, int argc, char **argv);
int jobarray_read(jobarray *p, const char *folder, config *said); /* said: receives array.yml */
int jobarray_remove(const jobarray *p);

/* A name for all that is computed by a plan: the same text, the same runs. */
void jobarray_digest(const plan *p, char digest[65]);

/* The folder of a part; has it come to its end? */
char *jobarray_folder(const jobarray *p, int part, char *path, size_t cap);
int jobarray_done(const jobarray *p, int part);

#endif
