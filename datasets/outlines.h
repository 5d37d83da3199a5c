/* outlines.h - the shapes of shapes.h, as tests of whether a point lies inside. */
#ifndef OUTLINES_H
#define OUTLINES_H

#include <stdbool.h>

typedef struct outline {
    const char *name;
    bool (*inside)(double u, double v); /* within the unit circle; v points down */
} outline;

enum { OUTLINES_KNOWN = 10, OUTLINES_UNSEEN = 8 };
extern const outline outlines_known[OUTLINES_KNOWN], outlines_unseen[OUTLINES_UNSEEN];

#endif
