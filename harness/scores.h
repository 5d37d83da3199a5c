/* scores.h - what a scorer said of every sample, kept beside the results for
 * figures and comparisons: OUT/scores/RUN/SET.h5 holds `scores`, float32 [n,1],
 * of the set's splits one after another, each in the order of its data. `run` is
 * that of the row of results.csv. Functions return 0, or -1 with fault() set. */
#ifndef SCORES_H
#define SCORES_H

#include <stddef.h>
#include <stdint.h>

/* Returns `path`; ends the process when cap is too small. */
char *scores_path(char *path, size_t cap, const char *out, const char *run, const char *set);

/* Written aside and renamed: whole or absent. */
int scores_write(const char *path, const char *run, const char *set, const float *scores, int64_t n);

/* *scores are the caller's to free. A fault names the command that computes them. */
int scores_read(const char *out, const char *run, const char *set, float **scores, int64_t *n);

/* 1: they are there and whole. */
int scores_kept(const char *out, const char *run, const char *set);

#endif
