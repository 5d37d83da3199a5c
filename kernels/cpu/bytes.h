/* bytes.h - products of rows rounded to eight bits, and how far off they are.
 *
 * A bank's row y becomes whole numbers: w = (y - centre) / shrink, column by
 * column, is about scale * q with |q| <= 127. Rows stand by panels of BYTES_COLS,
 * in a panel by quads of columns: [quad][row][4] bytes, each q + 128. Queries
 * are rounded by the caller and stand by blocks: [quad][BYTES_ROWS][4] bytes. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

enum { BYTES_ROWS = 6, BYTES_COLS = 64, BYTES_WIDEST = 1 << 15 /* columns: sums fit in 32 bits */ };

typedef struct bytes_row {
    float scale;
    float size, lost, full; /* norms, no smaller than: |w|, |w - scale q|, |y|; all infinite: not to be rounded */
} bytes_row;

typedef struct bytes_block {
    const int8_t *q;
    const uint8_t *panel;
    const float *scale; /* [BYTES_COLS] of the panel's rows; NaN: there is no such row */
    int64_t quads;
    int32_t start[BYTES_ROWS]; /* -128 sum q */
    float bar[BYTES_ROWS];
} bytes_block;

typedef struct bytes_kernels {
    /* One row of d values into a panel, the row's first quad at `to`. */
    bytes_row (*pack)(uint8_t *to, const float *y, const float *centre, const float *stretch, int64_t d);
    /* Bit c of pass[r]: scale[c] times the product of q's row r and the panel's row c is
     * at least bar[r]; then (at least) near[r][c] is that number. */
    void (*screen)(uint64_t *pass, float near[][BYTES_COLS], const bytes_block *b);
    /* y[i] = <x, c[at[i]]>, the terms added one after the other, each sum rounded once. */
    void (*dots)(float *y, const float *x, const float *c, int64_t d, const int32_t *at, int64_t n);
} bytes_kernels;

const bytes_kernels *bytes_of_processor(void); /* NULL: it multiplies bytes no faster than floats */

#endif
