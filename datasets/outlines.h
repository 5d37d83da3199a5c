/* outlines.h - the outlines that can be drawn, each inside the unit disc. */
#ifndef OUTLINES_H
#define OUTLINES_H

enum outline_group {
    OUTLINE_KNOWN,  /* ten: the classes of the embedded benchmark */
    OUTLINE_UNSEEN, /* ten others: its near-OOD test */
    OUTLINE_TUNING, /* four more: for hyperparameter search */
};

int outline_count(enum outline_group g);
const char *outline_name(enum outline_group g, int i); /* "disc" */

/* Does outline i cover the point? y grows downwards. */
int outline_covers(enum outline_group g, int i, double x, double y);

#endif
