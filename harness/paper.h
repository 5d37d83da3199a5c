/* paper.h - a published table, results/paper/NAME.csv, with its setting, NAME.yml
 * beside it; both are explained in results/paper/README.md. Figures stay as printed. */
#ifndef PAPER_H
#define PAPER_H

#include "config.h"
#include "grid.h"

enum paper_column { /* the first columns; figures follow */
                    PAPER_METHOD,
                    PAPER_NETWORK,
                    PAPER_ID,
                    PAPER_NET,
                    PAPER_TRAIN,
                    PAPER_SCORE,
                    PAPER_COLUMNS
};

/* What a column of figures holds. */
typedef struct quantity {
    const char *name;  /* "far_fpr95", as in the header */
    char *subject;     /* "far" */
    const measure *of; /* NULL: accuracy, of ID images or of shifted ones */
    enum { PAPER_GROUP, PAPER_AVERAGE, PAPER_SET, PAPER_CLEAN, PAPER_SHIFTED } what;
    int column, std; /* std: the number of its column of deviations, -1 without one */
} quantity;

typedef struct paper {
    sheet *rows;
    config *setting;
    char *text; /* the header's fields stand in it */
    char **header;
    int columns;
    quantity *quantities;
    int n;
    const char **groups; /* the keys of the setting that list their sets: "sets.near" */
    int ngroups;
} paper;

/* -1 with fault() set: no such table, an unknown column, a figure that is no number. */
int paper_open(paper *p, const char *path);
void paper_close(paper *p);

/* Is this figure there, and what is it? */
int paper_figure(const paper *p, int row, int column, double *value);

/* The sets that a quantity is about, separated by blanks, one text per group; the
 * number of groups. To be freed, each and the list; NULL and 0 for accuracies. */
int paper_sets(const paper *p, const quantity *q, char ***lists);

#endif
