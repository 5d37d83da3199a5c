/* bytes.h - products of rows rounded to eight bits, and how far off they are.
 *
 * A bank's row y becomes whole numbers: w = (y - centre) stretch, column by column,
 * is about low + scale * u, u from 0 to 255. Rows stand by panels of BYTES_COLS, in a
 * panel by quads of columns: [quad][row][4] bytes. Queries are rounded by the
 * caller, to q from -127 to 127, and stand by blocks: [quad][BYTES_ROWS][4] bytes. */
#ifndef BYTES_H
#define BYTES_H

#include <stdint.h>

enum { BYTES_ROWS = 6, BYTES_COLS = 64, BYTES_WIDEST = 1 << 15 /* columns: sums fit in 32 bits */ };

typedef struct bytes_row {
    float scale, low, sum;  /* sum: of w */
    float size, lost, full; /* norms, no smaller than: |w|, |w - low - scale u|, |y|; infinite: not to be rounded */
} bytes_row;

typedef struct bytes_block {
    const int8_t *q;
    const uint8_t *panel;
    const float *scale, *low, *sum; /* [BYTES_COLS] of the panel's rows; NaN: there is no such row */
    int64_t quads;
    float by_low[BYTES_ROWS], by_sum[BYTES_ROWS], bar[BYTES_ROWS];
} bytes_block;

typedef struct bytes_kernels {
    /* One row of d values into a panel, the row's first quad at `to`. */
    bytes_row (*pack)(uint8_t *to, const float *y, const float *centre, const float *stretch, int64_t d);
    /* Bit c of pass[r]: row r of the block and row c of the panel give at least bar[r] by
     * scale[c] q u + low[c] by_low[r] + sum[c] by_sum[r]; then near[r] is that for all c. */
    void (*screen)(uint64_t *pass, float near[][BYTES_COLS], const bytes_block *b);
    /* y[i] = <x, c[at[i]]>, the terms added one after the other, each sum rounded once. */
    void (*dots)(float *y, const float *x, const float *c, int64_t d, const int32_t *at, int64_t n);
} bytes_kernels;

const bytes_kernels *bytes_of_processor(void); /* NULL: it multiplies bytes no faster than floats */

#endif
