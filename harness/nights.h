/* nights.h - the columns of the history that nightlies leave, a CSV for each kind of machine:
 * one row is one series of scores of one experiment in one night; means over the sets of a
 * group, in percent; seconds as they were measured. */
#ifndef NIGHTS_H
#define NIGHTS_H

enum night_column {
    NIGHT_BEGAN,
    NIGHT_COMMIT,
    NIGHT_EXPERIMENT,
    NIGHT_VERDICT,   /* of the experiment, as the screen has it */
    NIGHT_REGRESSED, /* findings of the experiment */
    NIGHT_SERIES,
    NIGHT_ROWS,
    NIGHT_ACC,
    NIGHT_NEAR_AUROC,
    NIGHT_FAR_AUROC,
    NIGHT_NEAR_FPR95,
    NIGHT_FAR_FPR95,
    NIGHT_FIT_S,
    NIGHT_SCORE_S,
    NIGHT_FEATURES_S, /* of the experiment */
    NIGHT_TRAIN_S,
    NIGHT_CALIBRATION_BEFORE_S, /* seconds of the calibration loop */
    NIGHT_CALIBRATION_AFTER_S,
    NIGHT_COLUMNS
};
extern const char *const night_names[NIGHT_COLUMNS];

#endif
