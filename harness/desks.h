/* desks.h - what threads decode images with: memory for pixels and filters, taken by
 * one thread at a time and left for the next, so that none is allocated twice. */
#ifndef DESKS_H
#define DESKS_H

#include "../datasets/decode.h"
#include "../datasets/resize.h"

#include <pthread.h>

typedef struct desk {
    image im;
    resizer r;
    struct desk *next;
} desk;

typedef struct desks {
    pthread_mutex_t lock; /* of `idle`, and of what the owner wants */
    desk *idle;
} desks;

void desks_open(desks *d);
void desks_close(desks *d); /* all of them were left */
desk *desks_take(desks *d);
void desks_leave(desks *d, desk *k);

#endif
