/* ahead.c - a thread, a lock and two flags. A process may exit() while a job is
 * being done: the thread uses nothing that an exit handler takes away. */
#include "ahead.h"
#include "engine.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct ahead {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool busy, over; /* a job is wanted or being done; the thread is to end */
    atomic_bool stop;
    ahead_job *job;
    void *what;
};

static void *serve(void *arg)
{
    ahead *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->busy && !a->over)
            pthread_cond_wait(&a->changed, &a->lock);
        if (a->over)
            break;
        pthread_mutex_unlock(&a->lock);
        a->job(a->what, &a->stop);
        pthread_mutex_lock(&a->lock);
        a->busy = false;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* Signals are the owner's: a thread inherits the mask it is started under. */
static int start(ahead *a)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&a->thread, NULL, serve, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(ahead *a)
{
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

ahead *ahead_open(ahead_job *job, void *what)
{
    ahead *a = pool_host(sizeof *a);
    a->job = job;
    a->what = what;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (start(a) == 0)
        return a;
    release(a);
    return NULL;
}

void ahead_close(ahead *a)
{
    if (!a)
        return;
    ahead_stop(a);
    pthread_mutex_lock(&a->lock);
    a->over = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    release(a);
}

void ahead_begin(ahead *a)
{
    pthread_mutex_lock(&a->lock);
    a->busy = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

void ahead_wait(ahead *a)
{
    pthread_mutex_lock(&a->lock);
    while (a->busy)
        pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
}

void ahead_stop(ahead *a)
{
    atomic_store(&a->stop, true);
    ahead_wait(a);
    atomic_store(&a->stop, false);
}
