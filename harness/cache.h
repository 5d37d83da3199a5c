/* cache.h - arrays that are costly to compute, kept in HDF5 files named by the
 * hash of everything they depend on. That text stands in the file too and is
 * compared on reading, so neither a collision nor a stale entry is believed; a
 * file that is cut short or damaged counts as absent. Deleting the folder is
 * always safe, and any number of processes may write the same entry. */
#ifndef CACHE_H
#define CACHE_H

#include <stddef.h>
#include <stdint.h>

enum cache_type { CACHE_REAL, CACHE_INT }; /* float, int32_t */

typedef struct cache_array {
    const char *name;
    enum cache_type type;
    int64_t rows, cols; /* filled in by cache_read */
    void *values;       /* [rows][cols]; after cache_read the caller's to free */
} cache_array;

/* "<folder>/<kind>-<16 hex digits>.h5"; ends the process when cap is too small. */
char *cache_path(char *path, size_t cap, const char *folder, const char *kind, const char *ingredients);

/* 1 when all n arrays were found whole, else 0 and nothing to free. */
int cache_read(const char *path, const char *ingredients, cache_array *arrays, int n);

/* Writes aside and renames. -1 with fault() set, and no file, on failure. */
int cache_write(const char *path, const char *ingredients, const cache_array *arrays, int n);

#endif
