/* peaks.c - the fastest this machine multiplies, adds and moves memory, on as
 * many threads as the backends use. */
#include "../../harness/clock.h"
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

enum { TRIES = 15, MOST_THREADS = 1024 };
#define TRIAD_FLOATS ((int64_t)16 << 20) /* per array, of all threads: beyond every cache */

/* Where no list has anything better: four lanes, a multiplication and an addition. */
typedef float lanes __attribute__((vector_size(16)));

static int always(void)
{
    return 1;
}

static float run_portable(int64_t rounds)
{
    lanes a = {1, 2, 3, 4}, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    for (; rounds > 0; rounds--) {
        a = a * 0.75f + 0.25f, b = b * 0.75f + 0.25f, c = c * 0.75f + 0.25f, d = d * 0.75f + 0.25f;
        e = e * 0.75f + 0.25f, f = f * 0.75f + 0.25f, g = g * 0.75f + 0.25f, h = h * 0.75f + 0.25f;
    }
    lanes all = a + b + c + d + e + f + g + h;
    return all[0] + all[1] + all[2] + all[3];
}

static const peak_loop portable = {"portable", PEAK_F32, 8 * 4 * 2, always, run_portable};

typedef struct task {
    const peak_loop *loop; /* NULL: the triad */
    int64_t rounds;
    float *a, *b, *c;
    int64_t n;
    pthread_barrier_t *start;
    double began, ended;
    float sink;
} task;

static void *work(void *arg)
{
    task *t = arg;
    pthread_barrier_wait(t->start);
    t->began = clock_now();
    if (t->loop)
        t->sink = t->loop->run(t->rounds);
    else
        peak_triad(t->a, t->b, t->c, 3, t->n);
    t->ended = clock_now();
    return NULL;
}

/* Seconds from the first thread's start to the last one's end. */
static double run_all(task *tasks, int n)
{
    pthread_t id[MOST_THREADS];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        tasks[i].start = &start;
        if (pthread_create(&id[i], NULL, work, &tasks[i]) != 0)
            abort();
    }
    double began = 0, ended = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(id[i], NULL);
        began = i == 0 || tasks[i].began < began ? tasks[i].began : began;
        ended = tasks[i].ended > ended ? tasks[i].ended : ended;
    }
    pthread_barrier_destroy(&start);
    return ended - began;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static peak_found repeat(task *tasks, int n, const char *how, double work_of_all)
{
    double rate[TRIES];
    run_all(tasks, n); /* warm-up */
    for (int i = 0; i < TRIES; i++)
        rate[i] = work_of_all / run_all(tasks, n);
    qsort(rate, TRIES, sizeof *rate, by_size);
    return (peak_found){how, rate[TRIES / 2], rate[TRIES / 4], rate[TRIES - 1 - TRIES / 4], rate[TRIES - 1], TRIES};
}

static const peak_loop *loop_for(enum peak which)
{
    for (const peak_loop *l = peak_loops_x86; l->how; l++)
        if (l->peak == which && l->here())
            return l;
    return which == portable.peak ? &portable : NULL;
}

static peak_found measure_loop(const peak_loop *l, task *tasks, int threads)
{
    int64_t rounds = 1000;
    for (double s = 0; s < 0.02; rounds *= 2) { /* until a try takes 20 ms or more */
        double began = clock_now();
        tasks[0].sink = l->run(rounds);
        s = clock_now() - began;
    }
    for (int i = 0; i < threads; i++)
        tasks[i] = (task){.loop = l, .rounds = rounds};
    return repeat(tasks, threads, l->how, 1e-9 * l->flops * (double)rounds * threads);
}

static peak_found measure_triad(task *tasks, int threads)
{
    int64_t n = TRIAD_FLOATS / threads / 64 * 64;
    float *all = aligned_alloc(64, 3 * TRIAD_FLOATS * sizeof *all);
    if (!all)
        abort();
    for (int64_t i = 0; i < 3 * TRIAD_FLOATS; i++)
        all[i] = (float)(i % 7);
    for (int i = 0; i < threads; i++)
        tasks[i] =
            (task){.a = all + i * n, .b = all + TRIAD_FLOATS + i * n, .c = all + 2 * TRIAD_FLOATS + i * n, .n = n};
    peak_found found = repeat(tasks, threads, "triad", 1e-9 * 3 * sizeof(float) * (double)n * threads);
    free(all);
    return found;
}

peak_found peak_measure(enum peak which)
{
    static task tasks[MOST_THREADS];
    int threads = machine_threads() < MOST_THREADS ? machine_threads() : MOST_THREADS;
    if (which == PEAK_MEMORY)
        return measure_triad(tasks, threads);
    const peak_loop *l = loop_for(which);
    return l ? measure_loop(l, tasks, threads) : (peak_found){.how = NULL};
}

const char *peak_unit(enum peak which)
{
    return which == PEAK_MEMORY                                            ? "GB/s"
           : which == PEAK_F32 || which == PEAK_TF32 || which == PEAK_BF16 ? "GFLOP/s"
                                                                           : "";
}
