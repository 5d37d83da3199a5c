/* pixels.h - images as bytes in memory, in whatever order their rows, columns and
 * channels lie, as a fill: gathered, resized if asked for. Grey becomes RGB. */
#ifndef PIXELS_H
#define PIXELS_H

#include "fill.h"

typedef struct piece { /* images in one array; steps are bytes */
    const uint8_t *at;
    int64_t n, h, w;
    int64_t step_n, step_y, step_x, step_c;
} piece;

typedef struct pixels { /* several of them, one behind the other */
    piece *pieces;
    int n_pieces;
    int64_t n;
    int64_t resize, side; /* as images.h; side 0: as they are, which must be square */
    int32_t *labels;      /* [n]; NULL: all -1 */
} pixels;

/* How the extents of an array are stored. */
enum pixels_order {
    PIXELS_C,       /* the last varies fastest: NumPy, HDF5 */
    PIXELS_FORTRAN, /* the first does: MATLAB */
};

/* A piece of an array of bytes: [n][h][w][c], [n][c][h][w], [n][h][w], or rows of c * side * side
 * as CIFAR has them; of MATLAB also (h, w, c, n) and (h, w, n). c is 1 or 3. `what` names
 * it in the fault. Extents have no product beyond int64_t, and `at` holds as many bytes. */
int pixels_shape(piece *p, const uint8_t *at, const int64_t *extent, int dims, enum pixels_order order,
                 const char *what);

void pixels_add(pixels *p, const piece *more);
/* After the last piece: -1 with fault() when the images are of several sizes, not square, or none. */
int pixels_fill(fill *f, pixels *p, const char *what);
void pixels_free(pixels *p);

#endif
