/* gallery.h - the figures that a configuration asks for when a run is over: each item of
 * `figures` is what stands behind `oodbench plot`, less the results: "roc --score ebo,knn". */
#ifndef GALLERY_H
#define GALLERY_H

#include "config.h"

/* Before anything is computed: -1 with fault() set for a figure or an option that there is not. */
int gallery_check(const config *c);

/* Draws them into OUT/figures, naming each on standard output, and on standard error, in a
 * line, those that could not be drawn. Returns how many those are. */
int gallery_draw(const config *c, const char *out);

#endif
