/* scoring.c - what scoring is made of: the nearest of a large bank, and the metrics
 * of scores. scorers.c has the methods. */
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/metrics.h"
#include "../../kernels/random.h"

#include <stdio.h>
#include <stdlib.h>

/* The 50 nearest of a bank of 50,000 features of a ResNet-18, on a card. */

enum { BANK = 50000, MANY = 100000, WIDE = 512, NEAR = 50 };
static tensor *bank, *asked;

static int begin_nearest(const subject *s)
{
    (void)s;
    tx_open();
    bank = tx_unit_rows(tx_normal(DIMS(BANK, WIDE), 1));
    asked = tx_unit_rows(tx_normal(DIMS(MANY, WIDE), 2));
    return 0;
}

static void end_nearest(const subject *s)
{
    (void)s;
    tx_close();
    pool_trim();
}

static void run_nearest(const subject *s)
{
    (void)s;
    tx_open();
    tx_nearest(asked, bank, NEAR, NULL);
    device_sync();
    tx_close();
}

static double floor_nearest(const subject *s)
{
    floor_of f = floor_for(s->peak);
    double compute = s->cost / f.rate;
    double memory = 1e-9 * (4.0 * WIDE * (BANK + MANY) + 8.0 * MANY * NEAR) / f.bandwidth;
    return compute > memory ? compute : memory;
}

/* Metrics: two sets of scores that overlap, `number` in each. */

static float *id, *ood;

static int begin_metrics(const subject *s)
{
    id = pool_host((size_t)s->number * sizeof *id);
    ood = pool_host((size_t)s->number * sizeof *ood);
    for (int i = 0; i < s->number; i++) {
        id[i] = random_normal(1, (uint64_t)i) + 1;
        ood[i] = random_normal(2, (uint64_t)i);
    }
    return 0;
}

static void end_metrics(const subject *s)
{
    (void)s;
    free(id);
    free(ood);
}

static void run_metrics(const subject *s)
{
    metrics m;
    if (metrics_detect(&m, id, s->number, ood, s->number) != 0 || !(m.auroc > 75 && m.auroc < 77)) {
        fprintf(stderr, "bench: %s: an AUROC of %g where 76 is due: %s\n", s->name, m.auroc, fault_text());
        exit(EXIT_NOT_FINITE);
    }
}

#define NEAREST(label, precision, limit, how)                                                                      \
    {                                                                                                              \
        .name = label, .size = "100000 x 50000 x 512 k 50 " precision, .unit = "s", .amount = 1, .peak = limit,    \
        .cost = 2e-9 * BANK * MANY * WIDE, .least = 5, .begin = begin_nearest, .run = run_nearest,                 \
        .end = end_nearest, .floor = floor_nearest, .flags = how, .card = 1                                        \
    }
#define METRICS(label, text, n)                                                                                    \
    {                                                                                                              \
        .name = label, .size = text, .unit = "s", .amount = 1, .peak = PEAK_MEMORY, .cost = 8e-9 * (n),            \
        .least = 9, .begin = begin_metrics, .run = run_metrics, .end = end_metrics, .number = n                    \
    }

const subject scoring_subjects[] = {
    METRICS("metrics-1e4", "10000 + 10000", 10000),
    METRICS("metrics-1e6", "1000000 + 1000000", 1000000),
    NEAREST("nearest", "f32", PEAK_F32, 0),
    NEAREST("nearest-tf32", "tf32", PEAK_TF32, BK_TF32),
    {.name = NULL},
};
