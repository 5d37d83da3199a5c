/* hdf.h - one place that starts and ends the HDF5 library. */
#ifndef HDF_H
#define HDF_H

/* Before any other call of HDF5, as often as you like. */
void hdf_begin(void);

/* A file could not be closed. The library keeps it in its books and would read
 * freed memory when the program ends, so it is left alone then. */
void hdf_broken(void);

#endif
