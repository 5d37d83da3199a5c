/* hdf.c - HDF5 1.10 closes its books by itself when the program ends, and dies
 * of a segmentation fault if a full disk kept a file from being closed. So it is
 * told not to, and the books are closed here when they are in order. */
#include "hdf.h"

#include <hdf5.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int broken;

static void finish(void)
{
    if (!broken)
        H5close();
}

static void start(void)
{
    H5dont_atexit();
    H5open();
    atexit(finish);
}

void hdf_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

void hdf_broken(void)
{
    broken = 1;
}
