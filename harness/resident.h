/* resident.h - what memory this process has taken from the machine. */
#ifndef RESIDENT_H
#define RESIDENT_H

/* The high-water mark of this process alone, in MiB: getrusage's would include
 * what the parent used before it started us. 0 where /proc does not tell. */
double resident_peak_mb(void);

#endif
