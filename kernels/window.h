/* window.h - when the extents of a convolution or a pooling belong together; the
 * same for every backend. */
#ifndef WINDOW_H
#define WINDOW_H

#include "backend.h"

/* An extent of zero: there is nothing to do. */
static inline int window_empty(const bk_window *g)
{
    return !(g->n && g->h && g->w && g->c && g->k && g->p && g->q && g->r && g->s);
}

static inline int window_fits(const bk_window *g)
{
    return g->stride > 0 && g->pad >= 0 && g->h + 2 * g->pad >= g->r && g->w + 2 * g->pad >= g->s &&
           g->p == (g->h + 2 * g->pad - g->r) / g->stride + 1 && g->q == (g->w + 2 * g->pad - g->s) / g->stride + 1;
}

#endif
