/* agenda.h - the cells that a plan lacks, in the plan's order, and which of them
 * waits for which: training before features, features before scores and analyses,
 * the network that others `start` from before theirs. Nothing is run here. */
#ifndef AGENDA_H
#define AGENDA_H

#include "rows.h"

enum task_state { TASK_WAITS, TASK_RUNS, TASK_ENDED };

typedef struct task { /* one cell */
    const model *m;
    enum cell_kind kind;
    const scored *by; /* NULL but of a score cell */
    int after;        /* the task that must have ended, or -1 */
    enum task_state state;
    char *why; /* of an ended one: why it, and what waits for it, came to nothing; NULL: it went well */
} task;

typedef struct agenda {
    task *at;
    int n, ended;
} agenda;

/* What is missing of all models; of model number `only` alone, whose parent is
 * then somebody else's to train, unless that is -1. */
void agenda_make(agenda *a, const rows *r, int only);
void agenda_free(agenda *a);

int agenda_next(const agenda *a);               /* the first that waits for nothing any more, or -1 */
const char *agenda_why(const agenda *a, int i); /* what keeps it from being possible, or NULL */
void agenda_end(agenda *a, int i, char *why);   /* takes over `why` */
int agenda_left(const agenda *a, const model *m, enum cell_kind kind); /* such that have not ended */

/* Does a model lack anything? */
int agenda_wanted(const rows *r, const model *m);

#endif
