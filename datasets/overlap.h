/* overlap.h - outliers to train with must share neither images nor classes with
 * the sets that the trained network is judged or tuned by. */
#ifndef OVERLAP_H
#define OVERLAP_H

#include "../harness/text.h"
#include "benchmark.h"

/* Compares a set of outliers with other sets of the benchmark, all of them imported.
 * A fault (-1) when two lists name one image, when both have a class folder in common
 * (a WordNet number such as n01443537, or one folder name in data sets of one family:
 * tin, tin_aux), and when both sets hold identical images (alike.h), one in a thousand
 * of the other set's or more. Only a warning, a line in `warnings`: fewer of them;
 * images that are also in the in-distribution set; sets without lists, whose classes
 * cannot be compared. What the images came to is remembered in overlap.txt beside the
 * files, which may be removed. */
int overlap_check(const benchmark *b, const char *outliers, const char *const others[], int n, text *warnings);

#endif
