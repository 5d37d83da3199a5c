/* layout.h - where the program finds its own files, from where it lies itself:
 * ROOT/build/oodbench, with kernels/ and methods/ beside it and datasets/ and
 * results/ in ROOT; and where it keeps what all experiments share. All paths
 * are absolute. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

const char *layout_program(void); /* the running executable */

/* Joined into out[cap], which is returned. */
char *layout_beside(char *out, size_t cap, const char *name); /* "methods" */
char *layout_root(char *out, size_t cap, const char *name);   /* "datasets" */

/* $OODBENCH_CACHE, or oodbench in the folder that $XDG_CACHE_HOME, or else
 * ~/.cache, names; it may not exist. NULL: there is no home. */
char *layout_shared(char *out, size_t cap);

/* A path made absolute against the working directory; links are left alone. */
char *layout_absolute(char *out, size_t cap, const char *path);

#endif
