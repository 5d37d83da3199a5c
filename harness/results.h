/* results.h - the columns of results.csv, accuracy.csv and search.csv. One row of results
 * is one scorer on one checkpoint against one OOD set; metrics in percent.
 *
 * group        ID is                       OOD is              acc is that of
 * near, far    the ID set's test images    the set             the test images
 * csid         the ID set's test images    a shifted set       the shifted images
 * fsnear fsfar those and all shifted sets  a near or far set   all of them: the benchmark's
 *              (full spectrum)                                 own "csid accuracy"
 *
 * precision: what factors of products are rounded to, of everything. With bf16
 * that is evaluation, and training where the device trains in it (cpu does not);
 * `trained_in` among a checkpoint's metadata says what its training used. */
#ifndef RESULTS_H
#define RESULTS_H

#include "sheet.h"

enum result_column {
    RESULT_RUN,
    RESULT_COMMIT,
    RESULT_DEVICE,
    RESULT_FAST,
    RESULT_PRECISION,
    RESULT_NET,
    RESULT_WEIGHTS,
    RESULT_ID, /* in full-spectrum rows with the shifted sets: "cifar10+cifar10c" */
    RESULT_TRAIN,
    RESULT_TRAIN_PARAMS,
    RESULT_SCORE,
    RESULT_SCORE_PARAMS,
    RESULT_SEED,
    RESULT_OOD,
    RESULT_GROUP,
    RESULT_N_ID,
    RESULT_N_OOD,
    RESULT_ACC,
    RESULT_AUROC,
    RESULT_AUPR_IN,
    RESULT_AUPR_OUT,
    RESULT_FPR95,
    RESULT_FPR95_ID,
    RESULT_FIT_S,
    RESULT_SCORE_S,
    RESULT_PEAK_MB,
    RESULT_STATUS,
    RESULT_COLUMNS
};
extern const char *const result_names[RESULT_COLUMNS];

enum accuracy_column {
    ACCURACY_RUN,
    ACCURACY_NET,
    ACCURACY_WEIGHTS,
    ACCURACY_ID,
    ACCURACY_TRAIN,
    ACCURACY_TRAIN_PARAMS,
    ACCURACY_SEED,
    ACCURACY_SET,
    ACCURACY_SPLIT, /* val test val+test; of a shifted set its parts, "all" of them, "all+id" with the ID test */
    ACCURACY_N,
    ACCURACY_CORRECT,
    ACCURACY_ACC,
    ACCURACY_COLUMNS
};
extern const char *const accuracy_names[ACCURACY_COLUMNS];

/* Every point that a search tried, in the grid's order. */
enum search_column {
    SEARCH_RUN, /* as in results.csv */
    SEARCH_NET,
    SEARCH_WEIGHTS,
    SEARCH_ID,
    SEARCH_TUNE,
    SEARCH_TRAIN,
    SEARCH_TRAIN_PARAMS,
    SEARCH_SEED,
    SEARCH_SCORE,
    SEARCH_SCORE_PARAMS,
    SEARCH_AUROC, /* of validation images against the sets to tune by; empty unless ok */
    SEARCH_SECONDS,
    SEARCH_STATUS,
    SEARCH_CHOSEN, /* true, or false */
    SEARCH_COLUMNS
};
extern const char *const search_names[SEARCH_COLUMNS];

/* score_params without the values that a search chose, which a run's other
 * checkpoints need not share: "gamma=0.5;m=10;searched=gamma" leaves
 * "m=10;searched=gamma". To be freed. */
char *result_settings(const char *score_params);

int result_ok(const sheet *s, int row); /* its status is `ok` */
int result_spectrum(const char *group); /* fsnear or fsfar */

/* The last row of this run and set, or -1. A set stands in one of near, far and
 * csid, so the group matters in so far as a full-spectrum row is another one. */
int result_find(const sheet *s, const char *run, const char *ood, const char *group);
int accuracy_find(const sheet *s, const char *run, const char *set, const char *split);

/* `id` of a row is the set, or the set and shifted ones that include `set`. */
int result_id_has(const char *id, const char *set);

#endif
