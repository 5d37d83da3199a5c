/* noise.h - a data set of noise on disk, for what reads images. */
#ifndef NOISE_H
#define NOISE_H

#include <stdint.h>

enum { NOISE_PATH = 4200 };

/* Writes `path` as well; the caller unlinks it. -1 with fault() set. */
int noise_write(char path[NOISE_PATH], const char *split, int64_t images);

#endif
