/* matrix.h - a table of strings in one of the formats that people read. The first
 * row is the heading, the first `labels` columns are words, the others numbers. */
#ifndef MATRIX_H
#define MATRIX_H

#include "table.h"

typedef struct matrix {
    int rows, cols, labels;
    char **at;  /* the matrix frees them; NULL prints as nothing */
    char *best; /* of each cell */
} matrix;

/* "AUROC", "in %, higher is better ..."; note: a line below, or NULL. */
typedef struct caption {
    const char *title, *rest, *note;
} caption;

matrix matrix_new(int rows, int cols, int labels);
void matrix_free(matrix *m);
char **matrix_at(const matrix *m, int row, int col);

/* Marks the best of rows 1.. of a column as it is printed; nothing when all are the same. */
void matrix_mark_best(matrix *m, int col, int higher);

/* Text: a label is left out where the row above has the same; what is wider than
 * `width` columns goes on below, behind the labels. */
void matrix_print(FILE *to, const matrix *m, const caption *c, const table_options *o);

#endif
