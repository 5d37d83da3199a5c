/* desks.h - images made by several threads, each at a desk: memory for pixels and
 * filters, taken by one thread at a time and left for the next, so that none is
 * allocated twice. What an image becomes must not depend on its desk. */
#ifndef DESKS_H
#define DESKS_H

#include "../datasets/decode.h"
#include "../datasets/resize.h"
#include "data.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct desk {
    image im;
    resizer r;
    struct desk *next;
} desk;

typedef struct desks {
    pthread_mutex_t lock; /* of `idle`, and of why a desk_work failed */
    desk *idle;
} desks;

void desks_open(desks *d);
void desks_close(desks *d);

/* Makes image i of those that `what` knows. 0, or -1 with fault(). */
typedef int desk_work(void *what, desk *k, int64_t i);

/* Images 0 .. n-1 by so many threads, this one among them; 0: as many as this machine runs
 * at once. Leaves early once *stop is set (stop may be NULL). -1 with the fault() of the
 * first that failed, whichever thread met it when. */
int desks_share(desks *d, int threads, int64_t n, desk_work *work, void *what, const atomic_bool *stop);

/* Image i of an encoded set into k->im; its file is let go of. -1 with fault(), naming set and image. */
int desk_decode(desk *k, const dataset *d, int64_t i);

#endif
