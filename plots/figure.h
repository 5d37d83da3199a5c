/* figure.h - all that a figure must provide, and everything it may use.
 *
 * A figure is two files here: KIND.c, which says what of the results goes into a
 * CSV, and KIND.gp, a gnuplot script that draws that CSV and nothing else. Nothing
 * is edited to add one. `oodbench plot KIND` fills the CSV, refuses what would be
 * an empty picture, and runs the script as anyone can by hand:
 *
 *     gnuplot -c plots/KIND.gp DATA.csv OUT.svg [WIDTH_CM]
 *
 * All that a script needs stands in the CSV; what names and labels say is never
 * made part of a script. Functions that can fail return -1 with fault() set. */
#ifndef FIGURE_H
#define FIGURE_H

#include "../harness/analysis.h"
#include "../harness/fault.h"
#include "../harness/results.h"

typedef struct figure_option { /* --name VALUE */
    const char *name, *init;   /* init: the default */
    const char *choices;       /* "fpr95 auroc": one of these; NULL: anything */
    const char *help;          /* one line */
} figure_option;

/* One of the RESULTS of the command line. */
typedef struct source {
    const char *given; /* as it stands there */
    char *folder;      /* results/out/NAME, where cache/ and weights/ are, too */
    char *name;        /* NAME */
    char *stem;        /* "NAME" of results kept as NAME.csv and NAME-accuracy.csv, else NULL */
    sheet *results, *accuracy, *analyses[ANALYSES];
} source;

/* The sheets of a source, opened when first asked for; NULL with fault() set. */
const sheet *source_results(source *s);
const sheet *source_accuracy(source *s);
const sheet *source_analysis(source *s, enum analysis a);

typedef struct figure figure;
typedef struct figure_data figure_data; /* the CSV in progress */

typedef struct figure_input {
    const figure *of;
    source *sources; /* at least one */
    int n;
    const char **values; /* of the options, in their order */
    int at_hand;         /* what takes longer than a moment is drawn if kept from before, else refused */
} figure_input;

/* The value of an option of the figure's own. `_number` is -1 with fault() set
 * unless it is a number in [lo, hi]. */
const char *figure_value(const figure_input *in, const char *name);
int figure_number(const figure_input *in, const char *name, double *out, double lo, double hi);

/* The next field of the CSV, from left to right, row after row. A row with a NaN
 * or an infinity is left out, and how many were is said. */
void data_text(figure_data *d, const char *field);
void data_number(figure_data *d, double value);
void data_none(figure_data *d); /* an empty field, of a number that does not apply */

/* One line that is printed below the figure's path: what was left out, and why. */
void data_note(figure_data *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct figure {
    const char *name;             /* KIND, the files' own name */
    const char *help;             /* one line */
    const char *columns;          /* of the CSV: "model severity acc" */
    const char *numbers;          /* those of them that hold numbers: "severity acc" */
    const char *varies;           /* those that must not all be the same value, each by itself: "acc"; or NULL */
    int least;                    /* fewer rows than this are no figure */
    const figure_option *options; /* ended by one without a name; NULL: none */
    int (*data)(const figure_input *in, figure_data *out);
};

/* Registers a figure, once per KIND.c, at file scope. */
#define FIGURE(f) static const figure *const figure_entry __attribute__((section("figures"), used)) = &(f)

#endif
