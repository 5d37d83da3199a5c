/* table.h - results as people read them: a line per scorer, a column per set and
 * group, means over seeds. */
#ifndef TABLE_H
#define TABLE_H

#include "headings.h"
#include "results.h"

#include <stdio.h>

enum table_format { TABLE_TEXT, TABLE_CSV, TABLE_MARKDOWN, TABLE_LATEX, TABLE_OPENOOD, TABLE_HTML /* of a page */ };

/* A table per metric with every set, or one with the groups' means of all metrics. */
enum table_layout { TABLE_SETS, TABLE_PAPER };

typedef struct table_options {
    enum table_format format;
    enum table_layout layout;
    const char *metrics;                        /* "fpr95,auroc"; NULL: these two, in CSV all */
    const char *score;                          /* only this scorer; NULL: all */
    int bold;                                   /* mark the best and the second of a column with terminal codes */
    const char *left_out;                       /* left_out.h: sets the means lack; NULL: none */
    int width;                                  /* of a line of text; 0: the usual 120 */
    enum heading (*heading)(const char *train); /* heading_of; NULL: lines stay in one group */
} table_options;

table_options table_to_terminal(void); /* text, as standard output takes it */

/* keep[row]: which rows count; NULL: all. -1 with fault() set when nothing is left. */
int table_print(FILE *to, const sheet *rows, const char *keep, const table_options *o);

/* Lists the rows that are not `ok` with their reasons; returns how many. */
int table_failures(FILE *to, const sheet *rows, const char *keep);

#endif
