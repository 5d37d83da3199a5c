/* scorers.c - scoring methods on features of the size that the real run has, through
 * the plugins themselves: each alone, all together, and a search of parameters. */
#include "bench.h"
#include "scored.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/report.h"
#include "../../harness/score.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN = 25000, VAL = 1000, QUERIES = 33500, WIDTH = 64, CLASSES = 10, DIM = 32 };

static const scored_size real_run = {"resnet20", TRAIN, VAL, QUERIES};

/* Those that need features and logits alone, with what a network of 64 features and 10
 * classes wants other than the default. */
#define SCORERS(X)                                                                                                 \
    X(ash_b, NULL, NULL)                                                                                           \
    X(ash_p, NULL, NULL)                                                                                           \
    X(ash_s, NULL, NULL)                                                                                           \
    X(delta_energy, NULL, NULL)                                                                                    \
    X(dice, NULL, NULL)                                                                                            \
    X(ebo, NULL, NULL)                                                                                             \
    X(fdbd, NULL, NULL)                                                                                            \
    X(gen, "gen.m", "10")                                                                                          \
    X(gradnorm, NULL, NULL)                                                                                        \
    X(klm, NULL, NULL)                                                                                             \
    X(knn, NULL, NULL)                                                                                             \
    X(line, NULL, NULL)                                                                                            \
    X(mds, NULL, NULL)                                                                                             \
    X(mls, NULL, NULL)                                                                                             \
    X(msp, NULL, NULL)                                                                                             \
    X(nci, NULL, NULL)                                                                                             \
    X(nnguide, NULL, NULL)                                                                                         \
    X(openmax, NULL, NULL)                                                                                         \
    X(react, NULL, NULL)                                                                                           \
    X(relation, NULL, NULL)                                                                                        \
    X(residual, "residual.dim", "32")                                                                              \
    X(rmds, NULL, NULL)                                                                                            \
    X(scale, NULL, NULL)                                                                                           \
    X(she, NULL, NULL)                                                                                             \
    X(temp_scaling, NULL, NULL)                                                                                    \
    X(vim, "vim.dim", "32")                                                                                        \
    X(vra, NULL, NULL)

#define NUMBER(name, key, value) NUMBER_##name,
enum { SCORERS(NUMBER) COUNT };
#define SETTING(name, key, value) {#name, key, value},
static const struct {
    const char *name, *key, *value;
} scorers[] = {SCORERS(SETTING)};

static scored at;

static int begin(const subject *s)
{
    int i = s->number;
    return scored_begin(&at, &real_run, scorers[i].name, scorers[i].key, scorers[i].value);
}

static int begin_fitted(const subject *s)
{
    int rc = begin(s);
    if (rc == 0)
        scored_fit(&at);
    return rc;
}

static void end(const subject *s)
{
    (void)s;
    scored_end(&at);
}

static void run_score(const subject *s)
{
    (void)s;
    scored_score(&at);
}

static void run_fit(const subject *s)
{
    (void)s;
    tx_open();
    scored_fit(&at);
    device_sync();
    tx_close();
}

static void run_both(const subject *s)
{
    (void)s;
    tx_open();
    scored_fit(&at);
    scored_score(&at);
    tx_close();
}

static void need(int rc, const subject *s)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench: %s: %s\n", s->name, fault_text());
    exit(EXIT_CONFIG);
}

/* One after another; to open them is a part of a cell's start. */
static double all_of_them(const subject *s)
{
    double seconds = 0;
    for (int i = 0; i < COUNT; i++) {
        need(scored_change(&at, scorers[i].name, scorers[i].key, scorers[i].value), s);
        double began = clock_now();
        run_both(s);
        seconds += clock_now() - began;
    }
    return seconds;
}

/* --- A search, against one fit and the scoring of its points --- */

/* Its points are reported: to nobody here. */
static int begin_search(const subject *s)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0 || (nowhere != 3 && dup2(nowhere, 3) < 0))
        return fault("cannot open /dev/null");
    report_open();
    return begin(s);
}

static int score_validation(void)
{
    return score_samples(at.method, &at.run, &at.run.splits[RUN_VAL], at.scores) < 0 ||
                   score_samples(at.method, &at.run, &at.outliers, at.scores + VAL) < 0
               ? -1
               : 0;
}

/* Of a method whose only swept parameter is its first. */
static double least_seconds(const subject *s)
{
    tx_open();
    double began = clock_now();
    scored_fit(&at);
    for (int i = 0; i < plugin_sweep(at.method, 0); i++) {
        plugin_try(at.method, 0, i);
        need(score_validation(), s);
    }
    double seconds = clock_now() - began;
    tx_close();
    return seconds;
}

static double search(const subject *s)
{
    static const unsigned char wanted[] = {1};
    const tuning by = {wanted, &at.run.splits[RUN_VAL], &at.outliers, 1};
    char settings[1024];
    double fit_s, least = least_seconds(s), began = clock_now();
    tx_open();
    need(search_fit(at.method, &at.run, &by, &fit_s, settings, sizeof settings), s);
    tx_close();
    return (clock_now() - began) / least;
}

/* Costs: products (in double where that is twice the work they count as one), or
 * what is read once. */
#define METHOD(label, text, limit, amount_, repeats, first, then, which)                                           \
    {                                                                                                              \
        .name = label, .size = text, .unit = "s", .amount = 1, .peak = limit, .cost = amount_, .least = repeats,   \
        .begin = first, .run = then, .end = end, .number = NUMBER_##which                                          \
    }
#define ONE(scorer, key, value)                                                                                    \
    {.name = "scorers-" #scorer,                                                                                   \
     .size = "fit 25000, score 33500",                                                                             \
     .unit = "s",                                                                                                  \
     .amount = 1,                                                                                                  \
     .least = 5,                                                                                                   \
     .begin = begin,                                                                                               \
     .run = run_both,                                                                                              \
     .end = end,                                                                                                   \
     .number = NUMBER_##scorer},
#define SEARCH(scorer, text)                                                                                       \
    {                                                                                                              \
        .name = "search-" #scorer, .size = text, .unit = "of least", .least = 5, .begin = begin_search,            \
        .figure = search, .end = end, .number = NUMBER_##scorer                                                    \
    }
const subject scorer_subjects[] = {
    METHOD("knn", "33500 x 25000 x 64 k 50", PEAK_F32, 2e-9 * QUERIES * TRAIN * WIDTH, 5, begin_fitted, run_score,
           knn),
    METHOD("knn-fit", "25000 x 64", PEAK_MEMORY, 4e-9 * TRAIN * WIDTH, 9, begin, run_fit, knn),
    METHOD("vim", "33500 x 64 dim 32", PEAK_MEMORY, 4e-9 * QUERIES * (WIDTH + CLASSES), 9, begin_fitted, run_score,
           vim),
    METHOD("vim-fit", "25000 x 64 dim 32", PEAK_F32, 2e-9 * TRAIN * WIDTH * (WIDTH + DIM), 9, begin, run_fit, vim),
    SCORERS(ONE){.name = "scorers",
                 .size = "all 27, fit and score",
                 .unit = "s",
                 .least = 3,
                 .begin = begin,
                 .figure = all_of_them,
                 .end = end},
    SEARCH(knn, "fit, scoring of 5 points"),
    SEARCH(relation, "fit, scoring of 5 points"),
    {.name = NULL},
};
