/* shuffle.h - the order of n images in an epoch, a function of n and the seed.
 *
 * whole: every order is as likely as any other. Reading jumps through the whole set.
 *
 * blocks: for sets larger than memory. SHUFFLE_BLOCK neighbours of the file make a
 * block; blocks are drawn at random, SHUFFLE_WINDOW of them make a window, and the
 * images of a window are shuffled as in `whole`. So
 *   - every image comes once an epoch, anywhere in it with the same chance (but for
 *     images of a last, shorter block);
 *   - images of one block always share a window, and two of different blocks do with
 *     the chance (SHUFFLE_WINDOW - 1) / (blocks - 1). Only what shares a window can
 *     meet in a batch, unless the batch lies across the border of two, and all pairs
 *     within are equally likely to. Over epochs any two images can meet;
 *   - a window shows at most SHUFFLE_WINDOW places of the file: where classes lie one
 *     after another in thousands, that many classes;
 *   - a set of no more images than one window is shuffled as a whole.
 * The disk reads a block in one piece, the blocks of a window in ascending order. */
#ifndef SHUFFLE_H
#define SHUFFLE_H

#include <stdint.h>

enum {
    SHUFFLE_BLOCK = 32,   /* images: 3.5 MB of ImageNet's files */
    SHUFFLE_WINDOW = 128, /* blocks: 4,096 images */
    SHUFFLE_IMAGES = SHUFFLE_BLOCK * SHUFFLE_WINDOW
};

int64_t shuffle_count(int64_t n); /* blocks of n images */
void shuffle_whole(int32_t *order, int64_t n, uint64_t seed);
/* blocks[shuffle_count(n)]: the blocks' numbers, window after window. */
void shuffle_blocks(int32_t *order, int32_t *blocks, int64_t n, uint64_t seed);

#endif
