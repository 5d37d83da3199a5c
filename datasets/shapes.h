/* shapes.h - the embedded benchmark: images drawn by the program, the same
 * bytes for the same seed on every machine. An image is a function of (seed,
 * kind, split, index) and of nothing else. */
#ifndef SHAPES_H
#define SHAPES_H

#include "fill.h"

#define SHAPES_SIDE 32
#define SHAPES_CLASSES 10

/* Raised whenever the drawing changes: generated sets are then made again. */
#define SHAPES_VERSION 1

typedef struct shapes {
    int kind; /* shapes_kind() */
    uint64_t seed;
    uint64_t split; /* any number: splits with different ones share no image */
    int64_t n;
} shapes;

/* "shapes" (ten classes), "newshapes" (ten others), "othershapes" (four more), "plasma",
 * "gratings", "scribbles"; -1: unknown. */
int shapes_kind(const char *name);

/* NULL past the last. */
const char *shapes_kind_name(int kind);

/* Class 0..9 of kind "shapes". */
const char *shapes_class(int label);

/* Labels: i mod 10 for "shapes", -1 for the others. px[32][32][3]. */
void shapes_draw(const shapes *s, int64_t i, uint8_t *px, int32_t *label);

fill shapes_fill(const shapes *s);    /* s must outlive it */
char *shapes_source(const shapes *s); /* one `key value` a line; the caller frees it */

#endif
