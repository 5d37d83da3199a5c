/* grid.h - rows of results as a grid: a line is a scorer on a checkpoint, a
 * column a set (in full-spectrum rows another one), behind each cell the seeds.
 * Means are over seeds; a group's mean is taken within each seed first,
 * unweighted over its sets. Lines stand by heading, then by checkpoint. */
#ifndef GRID_H
#define GRID_H

#include "matrix.h"

typedef struct measure {
    enum result_column column;
    const char *name, *title, *word, *meaning; /* word: of a narrow column */
    int higher;                                /* is better */
} measure;

int measure_count(void);
const measure *measure_at(int i);

typedef struct grid {
    const sheet *rows;
    int *lines; /* a row that names the line: its net, weights, scorer ... */
    int *sets;  /* a row that names the set and its group; near, far, csid, fsnear, fsfar in this order */
    int *seeds; /* a row that names the seed */
    enum heading *headings; /* of each line */
    char **settings;        /* of each line's scorer, less what a search chose: that may differ from seed to seed */
    int nlines, nsets, nseeds;
    int *at;              /* [lines][seeds][sets] rows that are ok, or -1 */
    const char *left_out; /* left_out.h; not owned */
    const measure *measures[8];
    int nmeasures;
} grid;

typedef struct mean {
    double value, std; /* std of the population */
    int n;             /* seeds; 0: nothing to take a mean of */
    int partial;       /* some set or seed of the grid is missing in it */
} mean;

/* Welford's sums, in which std holds squared deviations until mean_end. */
void mean_take(mean *m, double value);
void mean_end(mean *m);

int grid_make(grid *g, const sheet *rows, const char *keep, const table_options *o);
void grid_free(grid *g);

mean grid_set(const grid *g, int line, int set, enum result_column column);

/* Over the sets of one group, or of "near far". */
mean grid_group(const grid *g, int line, const char *groups, enum result_column column);
mean grid_average(const grid *g, int line, enum result_column column); /* of near's and far's mean */
mean grid_accuracy(const grid *g, int line, const char *groups); /* the checkpoint's: no set is missing in it */
int grid_has_group(const grid *g, const char *group);

/* Of sets by name, whatever their group: lists[n] of names separated by blanks, the mean
 * over each list's sets that are there, then over the lists. Only detection: csid and
 * full-spectrum rows do not count. */
mean grid_named(const grid *g, int line, char *const lists[], int n, enum result_column column);

/* The ID of the full-spectrum rows, "cifar10+cifar10c": NULL without any, "" when they differ in it. */
const char *grid_spectrum(const grid *g);

/* The text of a line's or set's own row; the scorer's settings are those of all its rows. */
const char *grid_line(const grid *g, int line, enum result_column column);
const char *grid_name(const grid *g, int set, enum result_column column);

/* The title of the group that begins with this line; NULL, also when there is one group. */
const char *grid_heading(const grid *g, int line);

/* Do the lines differ in this column? */
int grid_varies(const grid *g, enum result_column column);

/* lines.c: labels are numbered; those that tell no lines apart are not shown. */
enum { LINE_LABELS = 8 };
int line_shown(const grid *g, int label);
char *line_label(const grid *g, int line, int label); /* "sam rho=0.1"; to be freed */
const char *line_title(int label);
char *line_context(const grid *g); /* what all lines have in common; to be freed */

/* layouts.c, and one table like those of papers in layout_paper.c */
void layout_paper(FILE *to, const grid *g, const table_options *o);
matrix layout_labels(const grid *g, int n); /* headings and labels of all lines, n empty columns behind them */
char *layout_number(const grid *g, mean m); /* "61.00 ± 0.50*"; to be freed */
void layout_print(FILE *to, const grid *g, const table_options *o);
void layout_words(FILE *to, const char *words, const table_options *o); /* a line that is part of no table */
void layout_openood(FILE *to, const grid *g, int line, int spectrum);   /* spectrum: 1, the full-spectrum variant */
int layout_has_spectrum(const grid *g);
char *layout_file_name(const grid *g, int line); /* "knn.csv", longer where that tells lines apart; to be freed */

#endif
