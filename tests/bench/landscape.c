/* landscape.c - a loss landscape beside plain evaluation: the same network sees the
 * same number of images, once with other weights at every point, once with none
 * changed, in the same run. */
#include "bench.h"
#include "noise.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/landscape.h"
#include "../../harness/subset.h"

#include <stdlib.h>
#include <unistd.h>

enum { IMAGES = 1000, GRID = 21, CLASSES = 10, POINTS = 4 /* of a repeat */ };

static char path[NOISE_PATH];
static net *seen;
static dataset *set;
static subset images;
static landscape plane;
static float *logits;

static void end(const subject *s)
{
    (void)s;
    landscape_close(&plane);
    subset_close(&images);
    dataset_close(set);
    nn_free(seen);
    free(logits);
    unlink(path);
    pool_trim();
}

static int begin(const subject *s)
{
    static const char *const splits[] = {"train", NULL};
    extractor e = {.mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    (void)s;
    if (noise_write(path, "train", IMAGES) != 0 || nn_build(&seen, "resnet20", CLASSES, 1) != 0)
        return -1;
    e.net = seen;
    nn_mode(seen, NN_EVAL);
    if (dataset_open(&set, path, "train") != 0 || subset_open(&images, &e, path, splits, IMAGES, 1) != 0)
        return -1;
    logits = pool_host(IMAGES * CLASSES * sizeof *logits);
    landscape_open(&plane, seen, (landscape_options){.draw = 1});
    return 0;
}

static void visit(int points)
{
    for (int i = 0; i < points; i++) {
        landscape_go(&plane, 0.001 * i, -0.001 * i);
        subset_loss(&images, seen, NULL);
    }
}

static void run(const subject *s)
{
    (void)s;
    visit(POINTS);
}

/* Features of as many images, as a scorer's cell computes them. */
static double plain(const subject *s)
{
    double best = 0;
    const double mean[] = {0.5, 0.5, 0.5}, dev[] = {0.25, 0.25, 0.25};
    for (int i = 0; i < 5; i++) {
        double began = clock_now();
        for (int j = 0; j < POINTS; j++)
            if (features_forward(seen, set, 0, dataset_count(set), mean, dev, logits) != 0)
                exit(EXIT_CONFIG);
        double rate = s->amount / (clock_now() - began);
        best = rate > best ? rate : best;
    }
    return best;
}

/* One of the landscape's lines is measured, all are counted. */
static double whole(const subject *s)
{
    (void)s;
    double began = clock_now();
    visit(GRID);
    return GRID * (clock_now() - began);
}

const subject landscape_subjects[] = {
    {.name = "landscape",
     .size = "ResNet-20, 1,000 images f32",
     .unit = "images/s",
     .amount = POINTS * IMAGES,
     .peak = PEAK_OWN,
     .least = 5,
     .begin = begin,
     .run = run,
     .end = end,
     .own_peak = plain},
    {.name = "landscape-grid",
     .size = "21 x 21 x 1,000 images, 21 timed",
     .unit = "s",
     .least = 1,
     .begin = begin,
     .figure = whole,
     .end = end},
    {.name = NULL},
};
