/* desks.c - a list behind a lock; there are as many as threads ever worked at once. */
#include "desks.h"
#include "text.h"

#include <stdlib.h>

void desks_open(desks *d)
{
    pthread_mutex_init(&d->lock, NULL);
    d->idle = NULL;
}

void desks_close(desks *d)
{
    for (desk *k = d->idle, *next; k; k = next) {
        next = k->next;
        image_free(&k->im);
        resize_free(&k->r);
        free(k);
    }
    pthread_mutex_destroy(&d->lock);
}

desk *desks_take(desks *d)
{
    pthread_mutex_lock(&d->lock);
    desk *k = d->idle;
    if (k)
        d->idle = k->next;
    pthread_mutex_unlock(&d->lock);
    if (!k) {
        k = text_more(NULL, sizeof *k);
        *k = (desk){0};
    }
    return k;
}

void desks_leave(desks *d, desk *k)
{
    pthread_mutex_lock(&d->lock);
    k->next = d->idle;
    d->idle = k;
    pthread_mutex_unlock(&d->lock);
}
