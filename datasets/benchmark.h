/* benchmark.h - a benchmark is a file datasets/<name>.yml: its classes, image
 * size, normalisation, and its sets with their groups, lists and archives (or
 * the generator that makes them). Functions return 0, or -1 with fault(). */
#ifndef BENCHMARK_H
#define BENCHMARK_H

#include <stddef.h>
#include <stdint.h>

typedef struct benchmark benchmark;

/* `folder` holds the .yml files. `data` is where the user keeps images and
 * lists (NULL: none, enough for generated sets); `imported` where HDF5 goes. */
int benchmark_open(benchmark **b, const char *folder, const char *name, const char *data, const char *imported);
/* As a command names one: `cifar10` of the program's own, or the path of a .yml file.
 * NULL: OODBENCH_DATA, datasets/imported. */
int benchmark_named(benchmark **b, const char *named, const char *data, const char *imported);
void benchmark_close(benchmark *b);

int64_t benchmark_classes(const benchmark *b);
int64_t benchmark_side(const benchmark *b);
const char *benchmark_class(const benchmark *b, int64_t i); /* its name */
const double *benchmark_mean(const benchmark *b);           /* [3], of values in 0..1 */
const double *benchmark_std(const benchmark *b);

/* Sets in the order of the file. group: "id" "near" "far" "csid" "outliers" "tune". */
int benchmark_sets(const benchmark *b);
const char *benchmark_set(const benchmark *b, int i);
const char *benchmark_group(const benchmark *b, const char *set);   /* NULL: no such set */
const char *benchmark_nearest(const benchmark *b, const char *set); /* a similar name, or NULL */

/* Why a set's training images, which are not on disk, are left out; NULL: they are there, or
 * were never listed. What was imported with them before stays. */
const char *benchmark_trainless(const benchmark *b, const char *set);

/* The splits of a set that tests look at: "test" alone for a plain set;
 * "gaussian_noise_1", ... for a corrupted one; NULL behind the last. */
const char *benchmark_part(const benchmark *b, const char *set, int i);

/* The HDF5 file of a set. benchmark_path only names it; benchmark_fresh says
 * whether it is there and made from the same list, images and settings;
 * benchmark_import makes it (shows progress, writes aside and renames). */
int benchmark_path(const benchmark *b, const char *set, char *path, size_t cap);
int benchmark_fresh(const benchmark *b, const char *set); /* 1 yes, 0 no, -1 fault */
/* The same, without looking again once the answer was yes: hundreds of thousands of images take a second. */
int benchmark_found_fresh(benchmark *b, const char *set);
int benchmark_import(const benchmark *b, const char *set);

#endif
