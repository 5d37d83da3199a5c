/* cell.h - one process of an experiment, for the files that run its kinds: cell.c
 * reads the cell file and opens what all kinds need, cell_train.c,
 * cell_sets.c, cell_landscape.c and cell_sharpness.c do the work. Functions return an exit code, or -1 with fault() set. */
#ifndef CELL_H
#define CELL_H

#include "config.h"
#include "experiment.h"
#include "given.h"
#include "plugin.h"

typedef struct cell {
    config *c;
    const char *kind, *run, *id;
    const char *starter; /* the process that started it as one of several ranks; NULL: it is by itself */
    net *net;
    extractor extractor;
    given *given; /* of a cell on features from elsewhere, else NULL */
    int64_t seed;
    plugin *plugin;
} cell;

int cell_train(cell *k);
int cell_features(cell *k);
int cell_score(cell *k);
int cell_landscape(cell *k);
int cell_sharpness(cell *k);

/* cell_ranks.c: how many processes are to train its network; -1 with fault() set. start: becomes the
 * command that starts them, and returns only when it cannot. bind: of one of them, to end with
 * that command. join: it and the others are many from now on. */
int64_t cell_ranks(const cell *k);
int cell_ranks_start(cell *k, const char *file, int64_t ranks);
void cell_ranks_bind(const char *starter);
int cell_ranks_join(int64_t ranks);

int cell_missing(const char *key);                         /* a fault: the cell file lacks it */
const char *cell_set_path(const cell *k, const char *set); /* the key `data.<set>`, a file; NULL with fault() set */
int cell_open_method(cell *k, const char *key); /* the plugin that `train` or `score` names, into k->plugin */

#endif
