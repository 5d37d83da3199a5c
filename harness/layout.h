/* layout.h - where the program finds what comes with it, from where it lies
 * itself, and where what it makes goes. All paths are absolute.
 *
 *              in a build folder, a bundle    installed
 *   itself     ROOT/build/oodbench            PREFIX/bin/oodbench
 *   plugins    ROOT/build/methods, kernels    PREFIX/lib/oodbench/methods, kernels
 *   data       ROOT/datasets, plots, results  PREFIX/share/oodbench/datasets, ...
 *   results    ROOT/results/out/NAME          results/out/NAME in the working folder
 *   imported   ROOT/datasets/imported         oodbench/imported in the user's data folder */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

const char *layout_program(void); /* the running executable */

/* Joined into out[cap], which is returned. */
char *layout_beside(char *out, size_t cap, const char *name); /* plugins: "methods" */
char *layout_root(char *out, size_t cap, const char *name);   /* what is only read: "datasets" */
char *layout_made(char *out, size_t cap, const char *name);   /* what the program makes: "results/out" */

/* Imported sets, which all experiments of a user share: installed, in $XDG_DATA_HOME
 * or ~/.local/share; without a home, datasets/imported in the working folder. */
char *layout_imported(char *out, size_t cap);

/* A file that the user names: as it stands, or else one that comes with the program,
 * in ROOT or its results: `demo`, `results/demo.yml`. The word itself when there is none. */
char *layout_find(char *out, size_t cap, const char *word);

/* $OODBENCH_CACHE, or oodbench in the folder that $XDG_CACHE_HOME, or else
 * ~/.cache, names; it may not exist. NULL: there is no home. */
char *layout_shared(char *out, size_t cap);

/* A path made absolute against the working directory; links are left alone. */
char *layout_absolute(char *out, size_t cap, const char *path);

#endif
