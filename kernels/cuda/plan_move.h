/* plan_move.h - the numbers of act_move: the extents of both images, and which
 * channel and pixel of x goes where in y. Channel c of y is channel c + shift of
 * x + added, and pixel (i,j) is (i,j) * up / down; zero where there is none. */
#ifndef CUDA_PLAN_MOVE_H
#define CUDA_PLAN_MOVE_H

enum plan_moving {
    MOVE_N,
    MOVE_YH,
    MOVE_YW,
    MOVE_YC,
    MOVE_XH,
    MOVE_XW,
    MOVE_XC,
    MOVE_SHIFT,
    MOVE_UP,
    MOVE_DOWN,
    MOVE_BF16,
    MOVE_NUMBERS
};

#endif
