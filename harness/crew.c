/* crew.c - threads that live as long as one computation and take rows piece by
 * piece. Starting one costs some 20 microseconds; where it cannot be started the
 * others do its work. */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { MOST = 32, PIECES = 16 /* for each thread: rows may differ in what they cost */ };

typedef struct share {
    crew_work *work;
    void *what;
    int64_t rows, piece;
    atomic_llong next;
} share;

static void *take_pieces(void *arg)
{
    share *s = arg;
    for (int64_t first; (first = atomic_fetch_add(&s->next, s->piece)) < s->rows;)
        s->work(s->what, first, first + s->piece < s->rows ? first + s->piece : s->rows);
    return NULL;
}

int crew_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void crew_share(int threads, int64_t rows, crew_work *work, void *what)
{
    pthread_t hired[MOST];
    int wanted = threads > 0 ? threads : crew_processors(), n = 0;
    wanted = wanted < MOST ? wanted : MOST;
    share s = {.work = work, .what = what, .rows = rows, .piece = rows / (wanted * PIECES) + 1};
    while (n < wanted - 1 && pthread_create(&hired[n], NULL, take_pieces, &s) == 0)
        n++;
    take_pieces(&s);
    for (int i = 0; i < n; i++)
        pthread_join(hired[i], NULL);
}
