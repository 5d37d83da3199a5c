/* slurm.h - what is asked of Slurm, by its own commands: to queue an array of tasks,
 * and what has become of each. Functions return 0, or -1 with fault(). */
#ifndef SLURM_H
#define SLURM_H

#include "config.h"

enum { SLURM_ID = 32, SLURM_WORD = 64 };

typedef struct slurm_array { /* what to queue */
    const char *name;        /* of the job */
    const char *script;      /* run as `script words... `, with SLURM_ARRAY_TASK_ID from 0 */
    char *const *words;      /* ends with NULL */
    const char *folder;      /* where it begins and where its output goes */
    const char *after;       /* "12:13": arrays that must have ended, or NULL */
    const config *c;         /* slurm.partition and so on */
    int n;                   /* tasks */
} slurm_array;

/* Is there Slurm? The fault says what to do without. */
int slurm_there(void);

int slurm_submit(const slurm_array *a, char id[SLURM_ID]);

/* The array of this name that is queued or running; 1, 0 when there is none. */
int slurm_named(const char *name, char id[SLURM_ID]);

/* Calls for every task of the arrays "12,13" that Slurm knows of: its state, such as
 * RUNNING, and why it waits or ended. 1 when it answered, 0 when it did not. */
typedef void slurm_task(void *arg, const char *id, int index, const char *state, const char *reason);
int slurm_states(const char *ids, slurm_task *tell, void *arg);

/* The same from its accounts, where it keeps any: of tasks that it has forgotten. */
int slurm_accounts(const char *ids, slurm_task *tell, void *arg);

/* Has a task in this state ended? */
int slurm_ended(const char *state);

#endif
