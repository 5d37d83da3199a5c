/* results.c - the names of the columns, in the order of results.h. */
#include "results.h"

#include <string.h>

const char *const result_names[RESULT_COLUMNS] = {
    "run",     "commit",       "device", "fast",     "net",   "weights", "id",      "train",  "train_params",
    "score",   "score_params", "seed",   "ood",      "group", "n_id",    "n_ood",   "acc",    "auroc",
    "aupr_in", "aupr_out",     "fpr95",  "fpr95_id", "fit_s", "score_s", "peak_mb", "status",
};

const char *const accuracy_names[ACCURACY_COLUMNS] = {
    "run", "net", "weights", "id", "train", "train_params", "seed", "split", "n", "correct", "acc",
};

int result_ok(const sheet *s, int row)
{
    return strcmp(sheet_at(s, row, RESULT_STATUS), "ok") == 0;
}
