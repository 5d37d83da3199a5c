/* scramble.h - outliers made of training images: the cells of a grid in random
 * order, the colours in another one. */
#ifndef SCRAMBLE_H
#define SCRAMBLE_H

#include "method.h"

static inline void shuffle(run *r, int32_t *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = run_int(r, i + 1);
        int32_t held = v[i];
        v[i] = v[j];
        v[j] = held;
    }
}

/* Where each value of one image comes from, [h][w][3]. Channels do not keep
 * their places, all three at least not at once. */
static inline void scramble(run *r, int32_t *from, int32_t *cells, int64_t side, int64_t grid)
{
    int32_t channels[3] = {0, 1, 2};
    int64_t cell = side / grid;
    shuffle(r, cells, grid * grid);
    while (channels[0] == 0 && channels[1] == 1)
        shuffle(r, channels, 3);
    for (int64_t i = 0; i < side * side * 3; i++) {
        int64_t y = i / (side * 3), x = i / 3 % side;
        int32_t source = cells[y / cell * grid + x / cell];
        int64_t sy = source / grid * cell + y % cell, sx = source % grid * cell + x % cell;
        from[i] = (int32_t)((sy * side + sx) * 3 + channels[i % 3]);
    }
}

/* x[n,side,side,3], each image in another order, as pixels: a channel's mean and
 * deviation stay with its place, not with its values. grid divides side. */
static inline tensor *scrambled(run *r, tensor *x, int64_t grid)
{
    dims d = tx_dims(x);
    int64_t values = d.d[1] * d.d[2] * d.d[3];
    if (d.d[1] != d.d[2] || d.d[3] != 3 || d.d[1] % grid != 0)
        run_refuse(
            r,
            "a grid of %lld does not cut images of %lld x %lld into equal cells of three colours: choose another",
            (long long)grid, (long long)d.d[1], (long long)d.d[2]);
    int32_t *from = run_scratch(r, (size_t)(d.d[0] * values) * sizeof *from);
    int32_t *cells = run_scratch(r, (size_t)(grid * grid) * sizeof *cells);
    for (int64_t i = 0; i < d.d[0]; i++)
        scramble(r, from + i * values, cells, d.d[1], grid);
    tensor *pixels = tx_add(tx_mul(x, run_input_std(r)), run_input_mean(r));
    tensor *moved = tx_reshape(tx_pick(tx_flat(pixels), tx_index(DIMS(d.d[0], values), from)), d);
    return tx_div(tx_sub(moved, run_input_mean(r)), run_input_std(r));
}

#endif
