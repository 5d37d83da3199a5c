/* odin.c - what a scorer costs that looks at images and differentiates the network,
 * in forward passes over the same images, one right after the other. */
#include "bench.h"
#include "noise.h"
#include "scored.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../harness/score.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { IMAGES = 1280 };

static const scored_size small = {"resnet20", 128, 128, IMAGES};
static const double half[] = {0.5, 0.5, 0.5};
static scored at;
static samples pictures;
static dataset *set;
static char path[NOISE_PATH];

static void end(const subject *s)
{
    (void)s;
    samples_end(&pictures);
    dataset_close(set);
    set = NULL;
    scored_end(&at);
    unlink(path);
}

static int begin(const subject *s)
{
    if (scored_begin(&at, &small, "odin", NULL, NULL) != 0)
        return -1;
    for (int i = 0; i < 3; i++)
        at.source.mean[i] = at.source.std[i] = half[i];
    nn_mode(at.head, NN_EVAL);
    int rc = noise_write(path, "test", IMAGES);
    if (rc == 0)
        rc = dataset_open(&set, path, "test");
    if (rc == 0) {
        samples_begin(&pictures, &at.run, path, "test");
        rc = samples_load(&pictures);
    }
    if (rc != 0)
        end(s);
    return rc;
}

static double forward_passes(const subject *s)
{
    double began = clock_now();
    if (features_forward(at.head, set, 0, dataset_count(set), half, half, at.queries.known.logits) != 0)
        exit(EXIT_CONFIG);
    double one = clock_now() - began;
    began = clock_now();
    if (score_samples(at.method, &at.run, &pictures, at.scores) != 0) {
        fprintf(stderr, "bench: %s: a score is not finite: %s\n", s->name, fault_text());
        exit(EXIT_NOT_FINITE);
    }
    return (clock_now() - began) / one;
}

const subject odin_subjects[] = {
    {.name = "odin",
     .size = "resnet20, 1280 images",
     .unit = "forwards",
     .least = 5,
     .begin = begin,
     .figure = forward_passes,
     .end = end},
    {.name = NULL},
};
