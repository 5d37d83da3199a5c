/* hdf.h - one place that starts and ends the HDF5 library, and that keeps what is wrong
 * with a file from ending the program: HDF5 1.10 itself dies of some damaged ones. */
#ifndef HDF_H
#define HDF_H

#include <stdint.h>

/* Before any other call of HDF5, as often as you like. */
void hdf_begin(void);

/* A file could not be closed. The library keeps it in its books and would read
 * freed memory when the program ends, so it is left alone then. */
void hdf_broken(void);

/* Runs work(arg), which reads `path` by HDF5, in a child first, with limits of time and memory
 * that follow from the size of the file. Returns 0 when the child came back, whatever work()
 * said: the same calls on the same bytes from the same state of memory come back here, too.
 * Else -1 with fault(). A file is not rehearsed twice for the same `what` unless it changed.
 * The child has this thread alone: no other may be inside of HDF5. */
int hdf_rehearse(const char *path, const char *what, int (*work)(void *arg), void *arg);

/* This process may die of a file itself, as a cell may: its parent, which has rehearsed the
 * same files, makes a row of it. Nothing is rehearsed here any more. */
void hdf_dare(void);

/* Do all bytes of data set `d` lie in `file`: none in another one, and no more of them than any
 * packing yields of what is stored? bytes: as its extents say; -1: more than fit. Both are hid_t. */
int hdf_is_whole(int64_t file, int64_t d, int64_t bytes);

#endif
