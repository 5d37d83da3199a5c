/* import.h - what the commands that make HDF5 files share. Functions return 0,
 * or -1 with fault(). */
#ifndef IMPORT_H
#define IMPORT_H

#include "benchmark.h"
#include "sources.h"

/* Makes a set if it is missing or out of date, and says so in one line. */
int import_set(const benchmark *b, const char *name);

/* The set of this name is in the benchmark; the fault names the nearest. */
int import_check(const benchmark *b, const char *name);

/* Makes a file of its sources, says so, and frees them. */
int import_make(const char *path, const store_header *h, sources *r);

/* `path/cub.h5` -> "cub"; the caller frees it. */
char *import_name(const char *path);

/* An option's value: a whole number in lo .. hi. */
int import_number(const char *option, const char *value, int64_t lo, int64_t hi, int64_t *out);

/* One line about a file that was made: its splits, and how fast. */
void import_say(const char *name, const char *path, const make_split *splits, int n, double seconds);

/* A file or folder of a published form, as the command line has it; NULL and 0: not said. */
typedef struct bring {
    const char *form, *path, *name, *split, *group, *out, *imported, *images, *labels;
    int64_t classes, side, resize;
    int files; /* kept as files */
    int look;  /* only to be looked at: what was made is not told of */
} bring;
int bring_in(const bring *b);

/* The name without folders and extensions; the caller frees it. */
char *bring_name(const char *path);

/* Where it goes unless it is said; the caller frees it. */
char *bring_out(const char *path, const char *name, const char *imported);

#endif
