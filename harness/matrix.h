/* matrix.h - a table of strings in one of the formats that people read. The first
 * row is the heading, the first `labels` columns are words, the others numbers. */
#ifndef MATRIX_H
#define MATRIX_H

#include "table.h"

typedef struct matrix {
    int rows, cols, labels;
    char **at;            /* the matrix frees them; NULL prints as nothing */
    char *rank;           /* of each cell: 1 the best of its column, 2 the second, else 0 */
    const char **heading; /* of each row: a line before it that begins a group, or NULL; not owned */
    char **above;         /* of each column: the title that neighbours share, or NULL; the matrix frees them */
} matrix;

/* "AUROC", "in %, higher is better ..."; note: a line below, or NULL. */
typedef struct caption {
    const char *title, *rest, *note;
} caption;

matrix matrix_new(int rows, int cols, int labels);
void matrix_free(matrix *m);
char **matrix_at(const matrix *m, int row, int col);

/* Marks the best of rows 1.. of a column as it is printed, and the second where there is
 * a third; nothing when all are the same. */
void matrix_mark_best(matrix *m, int col, int higher);

/* Text: a label is left out where the row above has the same; what is wider than
 * `width` columns goes on below, behind the labels. */
void matrix_print(FILE *to, const matrix *m, const caption *c, const table_options *o);

#endif
