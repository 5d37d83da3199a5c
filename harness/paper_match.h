/* paper_match.h - which of our lines stands beside which published row, and our
 * figure for a published quantity. */
#ifndef PAPER_MATCH_H
#define PAPER_MATCH_H

#include "paper.h"

typedef struct pair {
    int row, line; /* -1: there is none on that side */
} pair;

typedef struct paper_match {
    const paper *paper;
    const grid *grid;
    const sheet *accuracies; /* accuracy.csv, or NULL */
    pair *pairs;             /* published rows in their order, then the lines that the paper lacks */
    int n, nlines;           /* nlines: pairs that have a line and a row */
    int any_scorer;          /* no published row names one: lines stand for checkpoints */
    int other_ids;           /* published rows of ID sets that are not in the results: left out */
} paper_match;

/* network: only published rows of this one; NULL: all. -1 with fault() set when the two
 * have nothing in common. */
int paper_match_make(paper_match *m, const char *network);
void paper_match_free(paper_match *m);

/* Does `spec` of a published table, "none ce" or "sam;base=ce", name this method, "sam
 * (reconstruction)" with the settings "rho=0.05;base=ce"? The number of the alternative
 * that does, or -1. */
int paper_names(const char *spec, const char *name, const char *settings);

/* Nothing of line -1; partial where sets, corruptions or seeds are missing that the published figure has. */
mean paper_ours(const paper_match *m, int line, const quantity *q);

/* A published text, "" where the row is -1. */
const char *paper_text(const paper_match *m, int row, enum paper_column column);

/* Ours less the printed figure; 0 where one of them is missing. */
int paper_difference(const paper_match *m, pair at, const quantity *q, double *d);

/* Sets of a list, separated by blanks, that this line has; line -1: any line. To be freed. */
char *paper_present(const paper_match *m, int line, const char *list);

/* Where our accuracy on shifted images comes from: a set, or corruptions; "" for nothing. To be freed. */
char *paper_shifted(const paper_match *m, int line);

#endif
