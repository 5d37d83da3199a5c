/* box.h - a box at random in an image, to be filled from another one (CutMix, Yun
 * et al. 2019). */
#ifndef BOX_H
#define BOX_H

#include "method.h"

static inline int64_t box_edge(int64_t v, int64_t size)
{
    return v < 0 ? 0 : v > size ? size : v;
}

/* [h*w*c]: 1 where the image stays, 0 in a box whose sides are sqrt(1 - *keep)
 * of the image's, cut at its edges; *keep becomes the share that does stay. */
static inline tensor *box_mask(run *r, dims d, double *keep)
{
    int64_t h = d.d[1], w = d.d[2], c = d.d[3];
    int64_t half_w = (int64_t)((double)w * sqrt(1 - *keep)) / 2,
            half_h = (int64_t)((double)h * sqrt(1 - *keep)) / 2;
    int64_t x = run_int(r, w), y = run_int(r, h);
    int64_t left = box_edge(x - half_w, w), right = box_edge(x + half_w, w);
    int64_t top = box_edge(y - half_h, h), bottom = box_edge(y + half_h, h);
    real *mask = run_scratch(r, (size_t)(h * w * c) * sizeof *mask);
    for (int64_t i = 0; i < h * w * c; i++) {
        int64_t row = i / (w * c), column = i / c % w;
        mask[i] = row < top || row >= bottom || column < left || column >= right;
    }
    *keep = 1 - (double)((right - left) * (bottom - top)) / (double)(h * w);
    return tx_from(DIMS(h * w * c), mask);
}

#endif
