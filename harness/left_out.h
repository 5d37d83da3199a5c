/* left_out.h - the sets that a benchmark has and an experiment could not have, because they
 * are not on disk and nobody asked for them by name: the means of their groups carry a mark.
 * They are kept beside results.csv in left_out.txt, a line `far svhn` for each. */
#ifndef LEFT_OUT_H
#define LEFT_OUT_H

#include "../datasets/benchmark.h"
#include "config.h"

/* Of a configuration that sets_choose() filled in; NULL: none. The caller frees it. */
char *left_out_of(const benchmark *b, const config *c);

/* Writes the file into the folder `out`, or removes it when lines is NULL. 0, or -1 with fault(). */
int left_out_keep(const char *lines, const char *out);

/* What is kept beside a results.csv; NULL: nothing. The caller frees it. */
char *left_out_beside(const char *results);

/* Is a set of one of these groups ("near far", "fsnear") left out? lines may be NULL. */
int left_out_has(const char *lines, const char *groups);

/* What the mark means: a line below a table, to be freed. */
char *left_out_note(const char *lines);

#endif
