/* share.h - a split divided in two: every tenth image is held back for validation,
 * where nobody published which. */
#ifndef SHARE_H
#define SHARE_H

#include "fill.h"

enum { SHARE_EVERY = 10 };

typedef struct share { /* must outlive its fill, as what it is of */
    const fill *of;
    int held; /* images 9, 19, 29, ...; else the others, in order */
} share;

fill share_fill(const share *s);

#endif
