/* crew.h - rows of a computation on the host, shared among threads. A device's
 * own loops have their backend's threads; these are for what needs no device. */
#ifndef CREW_H
#define CREW_H

#include <stdint.h>

/* Works on the rows [first, last). What it computes for a row must not depend on
 * where a piece begins: which thread gets which rows is chance. */
typedef void crew_work(void *what, int64_t first, int64_t last);

int crew_processors(void); /* how many threads this machine runs at once for this process */

/* Until all of 0 .. rows-1 are done, this thread being one of `threads`; 0:
 * crew_processors() of them. */
void crew_share(int threads, int64_t rows, crew_work *work, void *what);

#endif
