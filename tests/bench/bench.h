/* bench.h - what is measured, and the machine's own limits it is held against.
 *
 * A subject is one piece of work that is run again and again on the same data.
 * Its figure is either an amount per second or plain seconds; its share of peak
 * is how fast the arithmetic (or the traffic) it cannot do without went by,
 * against the fastest that this machine did it in the same run. Subjects that
 * count a floor are held against that on a card: the least seconds that the bytes
 * and the operations take which they cannot do without. */
#ifndef BENCH_H
#define BENCH_H

#include "../../harness/machine.h"

#include <stdint.h>

enum peak { PEAK_NONE, PEAK_F32, PEAK_TF32, PEAK_BF16, PEAK_MEMORY, PEAK_OWN, PEAKS };

typedef struct subject subject;
struct subject {
    const char *name, *size; /* "knn", "33,500 x 25,000 x 64, k = 50" */
    const char *unit;        /* "images/s", or "s" */
    double amount;           /* of work in one run, in what the unit counts; or else count() */
    enum peak peak;
    double cost; /* of one run, in what the peak counts: GFLOP, or GB */
    int least;   /* repeats, at least */

    /* begin returns 0, or -1 with fault() set, or 1 when this machine or device
     * cannot do it at all, with fault() set to why. run returns when all is done. */
    int (*begin)(const subject *s);
    void (*run)(const subject *s);
    double (*figure)(const subject *s); /* instead of run: one repeat's figure itself, in the unit */
    void (*end)(const subject *s);
    double (*count)(const subject *s);    /* after a run: the amount where it is not known before */
    double (*own_peak)(const subject *s); /* PEAK_OWN: between begin and end, in the unit */
    double (*floor)(const subject *s);    /* on a card: between begin and end, in seconds of one run */
    int number;                           /* tells apart what shares these functions */
    unsigned flags;                       /* the device is opened with */
    int card;                             /* of a card alone: too much for a processor */
};

/* Ended by a name of NULL. */
extern const subject net_subjects[], step_subjects[], pipeline_subjects[], startup_subjects[], scorer_subjects[],
    peer_subjects[], odin_subjects[], scoring_subjects[], import_subjects[], corrupt_subjects[], tsne_subjects[],
    landscape_subjects[], photo_subjects[];

/* convolutions.c: all convolutions of a network, forward and both gradients, one
 * after the other and nothing between, each in the order of memory that
 * oneDNN has the fastest loops for. */
struct net;
typedef struct convolutions convolutions;
convolutions *convolutions_open(const struct net *n, int64_t images);
double convolutions_run(convolutions *c); /* seconds */
void convolutions_close(convolutions *c);

/* precision.c: has n compute in bfloat16 when `limit` is that; for training, too,
 * if `train`. Returns 1 with fault() set when the device does not. */
int precision_begin(struct net *n, enum peak limit, int train);

/* --- The floor on a card (floor.c), in seconds. --- */

typedef struct floor_of {
    double rate, bandwidth, bytes; /* GFLOP/s, GB/s, of a value */
} floor_of;
floor_of floor_for(enum peak limit); /* bench.c: from the peaks of this run; rate 0: none was measured */
double floor_forward(const floor_of *f, const struct net *n, int64_t images);
double floor_backward(const floor_of *f, const struct net *n, int64_t images);
double floor_update(const floor_of *f, const struct net *n);

/* --- The machine (machine.h, peaks.c; card.c: when the device is a card). --- */

/* On all threads: GFLOP/s of fused multiply-adds, GB/s of a triad. */
typedef struct peak_found {
    const char *how; /* the instructions used; NULL: the processor has none */
    double median, low, high;
    double best; /* what shares are taken of: the machine may have been disturbed, but did do that */
    int tries;
} peak_found;
peak_found peak_measure(enum peak which);
const char *peak_unit(enum peak which);

int card_is_open(void);
void card_name(char name[96]); /* "h200" */
peak_found card_peak(enum peak which);
void card_close(void);

/* A loop of multiply-adds on registers: does `rounds`, says how many operations
 * each has. peaks_x86.c lists those of that family, the fastest first. */
typedef struct peak_loop {
    const char *how;
    enum peak peak;
    int flops; /* of a round */
    int (*here)(void);
    float (*run)(int64_t rounds);
} peak_loop;
extern const peak_loop peak_loops_x86[]; /* ended by a name of NULL */
void peak_triad(float *a, const float *b, const float *c, float s,
                int64_t n); /* a = b + s c; n: a multiple of 64 */

/* --- Rows (rows.c). --- */

typedef struct measured {
    const char *name, *size, *unit;
    double median, low, high; /* low and high hold the middle half of the repeats */
    int repeats;
    double peak; /* 0: none */
    const char *peak_unit;
    double share;
} measured;

void rows_add(const measured *m); /* and prints it */

/* Into the CSV at `path`; rows of other names and devices that are there stay.
 * -1 with fault() set. */
int rows_write(const char *path, const char *machine, const char *device);

#endif
