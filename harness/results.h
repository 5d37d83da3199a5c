/* results.h - the columns of results.csv and accuracy.csv. One row of results
 * is one scorer on one checkpoint against one OOD set; metrics in percent. */
#ifndef RESULTS_H
#define RESULTS_H

#include "sheet.h"

enum result_column {
    RESULT_RUN,
    RESULT_COMMIT,
    RESULT_DEVICE,
    RESULT_FAST,
    RESULT_NET,
    RESULT_WEIGHTS,
    RESULT_ID,
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
    ACCURACY_SPLIT,
    ACCURACY_N,
    ACCURACY_CORRECT,
    ACCURACY_ACC,
    ACCURACY_COLUMNS
};
extern const char *const accuracy_names[ACCURACY_COLUMNS];

int result_ok(const sheet *s, int row); /* its status is `ok` */

#endif
