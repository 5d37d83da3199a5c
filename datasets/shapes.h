/* shapes.h - the embedded data: images drawn by a program, so that everything
 * can be tried without a download.
 *
 * Five sets of 32x32 RGB images. `shapes` has ten classes of outlines, under
 * nuisance variation (position, scale, rotation, colour, background, clutter,
 * noise); `newshapes` has eight outlines it lacks, under the same variation
 * (near-OOD); `plasma` and `gratings` hold no object (far-OOD, unlike each
 * other); `scribbles` are strokes on the backgrounds of `shapes` (auxiliary
 * outliers: no outline, no texture of the others).
 *
 * An image is a function of (set, seed, index) alone and has the same bytes
 * everywhere: integers and the exact double operations of random.h only. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdint.h>

enum { SHAPES_SIDE = 32, SHAPES_BYTES = SHAPES_SIDE * SHAPES_SIDE * 3 };

/* The number of a set by its name, -1 when there is none of it. */
int shapes_set(const char *name);

/* How many kinds of image a set has: its classes, 1 without any. */
int shapes_kinds(int set);

/* "disc"; NULL past the last. Only `shapes` and `newshapes` have named kinds. */
const char *shapes_kind(int set, int kind);

/* Draws image number `index`, which is of kind index % shapes_kinds(set). */
void shapes_draw(uint8_t px[SHAPES_BYTES], int set, uint64_t seed, uint64_t index);

#endif
