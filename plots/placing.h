/* placing.h - where labels beside points go, so that they neither overlap each other nor
 * cover points. Lengths are in cm on paper, y upwards. */
#ifndef PLACING_H
#define PLACING_H

typedef struct placed {
    double x, y;             /* the point */
    double wide, tall;       /* of its label */
    double label_x, label_y; /* the label's middle: what is found */
} placed;

typedef struct area { /* labels stay inside, but for the boxes in its corners */
    double wide, tall, corner_wide, corner_tall;
    double line_x, line_y; /* a vertical and a horizontal line that are better not crossed */
} area;

void place_labels(placed *p, int n, const area *a);

/* How wide `s` is in 8 pt. */
double place_width(const char *s);

#endif
