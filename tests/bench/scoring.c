/* scoring.c - scoring methods on features of the size that the real run has,
 * through the plugins themselves, and the metrics of the scores. */
#include "bench.h"

#include "../../harness/config.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/metrics.h"
#include "../../harness/models.h"
#include "../../harness/plugin.h"
#include "../../harness/score.h"
#include "../../kernels/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAIN = 25000, QUERIES = 33500, WIDTH = 64, CLASSES = 10, DIM = 32, FIT = 1 };

/* The methods measured here, with the parameter that the run is to have. */
enum { KNN = 0, VIM = 2 };
static const char *const methods[] = {[KNN] = "knn", [VIM] = "vim"};
static const char *const keys[] = {[KNN] = "knn.k", [VIM] = "vim.dim"};
static const char *const settings[] = {[KNN] = "50", [VIM] = "32"};

static net *head;
static plugin *method_plugin;
static extractor source;
static run the_run;
static samples queries;
static float *scores;

/* What a network leaves behind its last ReLU: not negative, ten clusters. */
static features make_features(int64_t n, uint64_t seed)
{
    features f = {.n = n, .width = WIDTH, .classes = CLASSES};
    f.values = pool_host((size_t)(n * WIDTH) * sizeof *f.values);
    f.logits = pool_host((size_t)(n * CLASSES) * sizeof *f.logits);
    f.labels = pool_host((size_t)n * sizeof *f.labels);
    for (int64_t i = 0; i < n; i++) {
        f.labels[i] = (int32_t)random_below(seed, (uint64_t)i, CLASSES);
        for (int64_t j = 0; j < WIDTH; j++) {
            float z = random_normal(seed, (uint64_t)(i * WIDTH + j)) + (j % CLASSES == f.labels[i] ? 2 : 0);
            f.values[i * WIDTH + j] = z > 0 ? z : 0;
        }
        for (int64_t k = 0; k < CLASSES; k++)
            f.logits[i * CLASSES + k] = 3 * random_normal(~seed, (uint64_t)(i * CLASSES + k));
    }
    return f;
}

static int open_plugin(const char *name, const char *key, const char *value)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/methods/%s.so", getenv("B"), name);
    config *c = config_new();
    int rc = plugin_open(&method_plugin, path);
    if (rc == 0)
        rc = config_set(c, key, value, "bench") || plugin_configure(method_plugin, c) ? -1 : 0;
    config_free(c);
    return rc;
}

static int begin_method(const subject *s)
{
    int which = s->number & ~FIT;
    if (open_plugin(methods[which], keys[which], settings[which]) != 0)
        return -1;
    if (nn_build(&head, "resnet20", CLASSES, 1) != 0)
        return -1;
    source = (extractor){.net = head};
    run_begin(&the_run, &source, NULL, 0);
    for (int split = 0; split < 2; split++)
        the_run.splits[split] = (samples){.run = &the_run,
                                          .known = make_features(split ? 1000 : TRAIN, 1),
                                          .loaded = 1,
                                          .n = split ? 1000 : TRAIN};
    queries = (samples){.run = &the_run, .known = make_features(QUERIES, 2), .loaded = 1, .n = QUERIES};
    scores = pool_host(QUERIES * sizeof *scores);
    tx_open();
    if (!(s->number & FIT))
        score_fit(method_plugin, &the_run);
    return 0;
}

static void end_method(const subject *s)
{
    (void)s;
    tx_close();
    samples_end(&queries);
    run_end(&the_run);
    plugin_close(method_plugin);
    nn_free(head);
    free(scores);
    pool_trim();
}

static void run_score(const subject *s)
{
    (void)s;
    if (score_samples(method_plugin, &the_run, &queries, scores) != 0) {
        fprintf(stderr, "bench: %s: a score is not finite: %s\n", s->name, fault_text());
        exit(EXIT_NOT_FINITE);
    }
}

static void run_fit(const subject *s)
{
    (void)s;
    tx_open();
    score_fit(method_plugin, &the_run);
    device_sync();
    tx_close();
}

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

#define METHOD(label, text, limit, amount_, repeats, then, which)                                                  \
    {                                                                                                              \
        .name = label, .size = text, .unit = "s", .amount = 1, .peak = limit, .cost = amount_, .least = repeats,   \
        .begin = begin_method, .run = then, .end = end_method, .number = which                                     \
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

/* Costs: products (in double where that is twice the work they count as one),
 * or what is read once. */
const subject scoring_subjects[] = {
    METHOD("knn", "33500 x 25000 x 64 k 50", PEAK_F32, 2e-9 * QUERIES * TRAIN * WIDTH, 5, run_score, KNN),
    METHOD("knn-fit", "25000 x 64", PEAK_MEMORY, 4e-9 * TRAIN * WIDTH, 9, run_fit, KNN | FIT),
    METHOD("vim", "33500 x 64 dim 32", PEAK_MEMORY, 4e-9 * QUERIES * (WIDTH + CLASSES), 9, run_score, VIM),
    METHOD("vim-fit", "25000 x 64 dim 32", PEAK_F32, 2e-9 * TRAIN * WIDTH * (WIDTH + DIM), 9, run_fit, VIM | FIT),
    METRICS("metrics-1e4", "10000 + 10000", 10000),
    METRICS("metrics-1e6", "1000000 + 1000000", 1000000),
    NEAREST("nearest", "f32", PEAK_F32, 0),
    NEAREST("nearest-tf32", "tf32", PEAK_TF32, BK_TF32),
    {.name = NULL},
};
