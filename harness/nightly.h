/* nightly.h - `oodbench nightly`: experiments run anew, their rows held against those of
 * results/baseline, what differs said on one screen. What its parts share; functions return
 * 0, or -1 with fault() set.
 *
 * OUT/night.yml      which night this is and how far it has come
 * OUT/NAME           an experiment, as `oodbench run --out` leaves it; OUT/NAME.log what that said
 * OUT/NAME/made.csv  what it was made by: machine, threads, settings, speeds
 * BASELINE.csv, -accuracy.csv, -data.csv, -made.csv: the same, kept */
#ifndef NIGHTLY_H
#define NIGHTLY_H

#include "config.h"
#include "results.h"
#include "text.h"

#include <stdio.h>

/* How much a finding matters: a note is only said, a warning stands among what is to be
 * looked at, a regression makes the exit status 1. */
enum weight { NOTED, WARNED, REGRESSED };

typedef struct side {                        /* an experiment's files, those of tonight or of the baseline */
    sheet *results, *accuracy, *data, *made; /* NULL: no such file */
} side;

enum ending { NIGHT_WAITS, NIGHT_RAN, NIGHT_PARTLY, NIGHT_SKIPPED, NIGHT_FAILED };

typedef struct experiment {
    char *name, *file, *baseline; /* absolute; the baseline's without its endings */
    char *out;
    config *options;  /* of the run: epochs: 1 */
    int needs_data;   /* skipped where no data folder is named */
    enum ending ends; /* PARTLY: some of its rows failed */
    char *why;        /* SKIPPED, FAILED: in words */
    config *settings; /* those of its run that results may depend on, once it was looked at */
    side now, before;
    int rows, equal, within, regressed, warned; /* rows: tonight's, those equal in every digit, within tolerance */
    char *unpromised;                           /* why equal digits are not promised; NULL: they are */
} experiment;

typedef struct finding {
    int experiment;
    enum weight weight;
    char *series;   /* "ce vim dim=32": findings of one series are one on the screen */
    char *kind;     /* "auroc", "missing row", "fit": those of one kind likewise */
    char *where;    /* "against texture (far), seed 0"; "" */
    char *what;     /* "93.21 -> 91.02 (-2.19)" */
    char *why;      /* "equal digits were promised" */
    char *was, *is; /* "run 9b29c8838633 of commit dc210e991136", or why there is none */
    char *key;      /* the first that differs: "k: 50 -> 10" */
    double size;    /* the larger the further up */
} finding;

enum { MEASURES = 5, CHECKED = MEASURES + 1 }; /* of a row; CHECKED: and the accuracy */
typedef struct measure {
    const char *name;
    int column;
    int good;                                             /* 1: larger is better, -1: smaller */
    enum noise { NOISE_AREA, NOISE_ID, NOISE_OOD } noise; /* an AUROC; a share of the ID, of the OOD samples */
} measure;
extern const measure measures[MEASURES];

/* What the tolerance speaks about: a difference that awaits its verdict. */
typedef struct trial {
    finding of;          /* as it will be said when it is found */
    double p;            /* NaN: chance cannot be told, see `unknown` */
    double least;        /* of the difference, in points, to matter at all */
    double difference;   /* in points; negative: worse */
    const char *unknown; /* why p is not known */
} trial;

typedef struct night {
    const char *given;                    /* the file as it was named */
    char *file, *out, *history, *machine; /* absolute folders; the machine's kind */
    char *began, *commit, *program;       /* "2025-11-21T03:00:00Z"; program: the digest of what runs */
    config *c;
    double level, speed_factor;
    int bonferroni;
    enum weight exact, speed; /* how much such a finding matters */
    experiment *at;
    int n;
    finding *findings;
    int nfindings;
    trial *trials;
    int ntrials, compared; /* compared: differences that were held against chance */
    int reports;
    double seconds;
} night;

/* nightly_plan.c: the file, its keys and defaults. only: names with commas, or NULL. */
int nightly_read(night *n, const char *file, const char *only);
void nightly_free(night *n);
double nightly_least(const night *n, const char *measure, int *given); /* `tolerance.auroc` */

/* nightly_run.c: runs what is not done yet. again: begin a new night even if one was cut
 * short; keep: rows that are there are not computed again. 1: interrupted. */
int nightly_run(night *n, int again, int keep);
int nightly_look(night *n); /* only finds out what the last night left */

/* nightly_made.c: calibration, and what made.csv says. */
double calibration_loop(void); /* seconds that a fixed piece of arithmetic takes now */
int made_write(const experiment *e, const night *n, double before, double after);
const char *made_get(const sheet *made, const char *key); /* NULL: it does not say */
double made_number(const sheet *made, const char *key);   /* NaN likewise */
char *series_of(const sheet *results, int row);           /* "resnet20 ce vim dim=32"; to be freed */

/* nightly_pair.c: which rows are the same cell. pair[row of b] is a row of a, or -1. */
int *pair_rows(const sheet *a, const sheet *b);
int *pair_accuracies(const sheet *a, const sheet *b);
extern const char *const made_names[2];             /* the columns of made.csv */
int side_open(side *s, const char *stem, int kept); /* kept: STEM-accuracy.csv, else STEM/accuracy.csv */
void side_close(side *s);
/* "k: 50 -> 10" of two rows of results, or "none: ..."; likewise of those of accuracy.csv. */
char *first_key(const experiment *e, int was, int is);
char *first_key_of_accuracy(const experiment *e, int was, int is);
int nearest_row(const sheet *s, const sheet *of, int row); /* the most like it; -1: s is empty */
char *row_name(const sheet *results, int row);             /* "run X of commit Y" */
char *data_differs(const experiment *e, const char *set);  /* "texture test: sha256 0123 -> 4567", or NULL */

/* nightly_compare.c: findings and trials of all experiments, then verdicts. */
void nightly_compare(night *n);
void nightly_add(night *n, finding f); /* takes over its texts */
void nightly_drop(finding *f);         /* frees them */

/* nightly_trials.c: the differences of a pair whose digits are not promised. */
void trials_of_pairs(night *n, int experiment, const int pair[]);
void trials_of_accuracy(night *n, int experiment, const int pair[]);
void trials_decide(night *n);

/* nightly_speed.c */
void speed_compare(night *n, int experiment);

/* nightly_accept.c: -1 also when one was not run to its end, unless `incomplete`. */
int nightly_accept(night *n, int incomplete);

/* nightly_history.c */
int history_append(const night *n);

/* nightly_print.c: the screen. nightly_page.c: OUT/nightly.html. */
void nightly_print(const night *n, FILE *to);
const char *nightly_verdict(const experiment *e); /* "ok", "REGRESSED", "no baseline" */
int nightly_status(const night *n);               /* the exit status */
const char *nightly_word(const night *n);         /* of the whole night: "OK" */
int nightly_page(night *n);

#endif
