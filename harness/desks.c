/* desks.c - a list behind a lock; there are as many as threads ever worked at once. */
#include "desks.h"
#include "crew.h"
#include "fault.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
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

static desk *take(desks *d)
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

static void leave(desks *d, desk *k)
{
    pthread_mutex_lock(&d->lock);
    k->next = d->idle;
    d->idle = k;
    pthread_mutex_unlock(&d->lock);
}

typedef struct job {
    desks *d;
    desk_work *work;
    void *what;
    const atomic_bool *stop;
    atomic_llong bad; /* the first that failed; n: none */
    char why[512];    /* fault() is per thread */
} job;

static void note(job *j, int64_t i)
{
    pthread_mutex_lock(&j->d->lock);
    if (i < atomic_load(&j->bad)) {
        atomic_store(&j->bad, i);
        snprintf(j->why, sizeof j->why, "%s", fault_text());
    }
    pthread_mutex_unlock(&j->d->lock);
}

/* Images behind one that failed do not matter any more. */
static bool is_over(const job *j, int64_t i)
{
    return i >= atomic_load(&j->bad) || (j->stop && atomic_load(j->stop));
}

static void work_some(void *what, int64_t first, int64_t last)
{
    job *j = what;
    desk *k = take(j->d);
    for (int64_t i = first; i < last && !is_over(j, i); i++)
        if (j->work(j->what, k, i) != 0)
            note(j, i);
    leave(j->d, k);
}

int desks_share(desks *d, int threads, int64_t n, desk_work *work, void *what, const atomic_bool *stop)
{
    job j = {.d = d, .work = work, .what = what, .stop = stop};
    atomic_store(&j.bad, n);
    crew_share(n > 1 ? threads : 1, n, work_some, &j);
    return atomic_load(&j.bad) < n ? fault("%s", j.why) : 0;
}

int desk_decode(desk *k, const dataset *d, int64_t i)
{
    size_t size;
    const void *file = dataset_file(d, i, &size);
    int rc = image_decode(&k->im, file, size);
    dataset_leave(d, i, 1);
    if (rc == 0)
        return 0;
    return fault("%s: its image %lld cannot be decoded: %s; the file was damaged since: import it again",
                 dataset_name(d), (long long)i, fault_text());
}
