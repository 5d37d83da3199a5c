/* tsne.c - seconds of a whole t-SNE, on all pairs and with a quadtree, of points in ten
 * clusters like the features of a classifier. */
#include "../../harness/tsne.h"
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../kernels/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 5000, WIDTH = 64, CLUSTERS = 10 };

static float *points;
static double *plane;

static int begin(const subject *s)
{
    (void)s;
    points = pool_host((size_t)POINTS * WIDTH * sizeof *points);
    plane = pool_host((size_t)POINTS * 2 * sizeof *plane);
    for (int i = 0; i < POINTS * WIDTH; i++)
        points[i] = random_normal(1, (uint64_t)i) +
                    2 * random_normal(2, (uint64_t)(i / WIDTH % CLUSTERS * WIDTH + i % WIDTH));
    return 0;
}

static void end(const subject *s)
{
    (void)s;
    free(points);
    free(plane);
}

static void run(const subject *s)
{
    tsne_options o = TSNE_USUAL;
    tsne_fit fit;
    o.exact = s->number;
    if (tsne(plane, &fit, points, POINTS, WIDTH, &o) != 0 || !(fit.divergence > 0 && fit.divergence < 4)) {
        fprintf(stderr, "bench: %s: a layout that is none: %s\n", s->name, fault_text());
        exit(EXIT_NOT_FINITE);
    }
}

#define ROW(called, text, most)                                                                                    \
    {                                                                                                              \
        .name = called, .size = "5000 x 64, 1000 steps, " text, .unit = "s", .amount = 1, .least = 1,              \
        .begin = begin, .run = run, .end = end, .number = most                                                     \
    }

const subject tsne_subjects[] = {
    ROW("tsne-exact", "all pairs", POINTS),
    ROW("tsne-tree", "Barnes-Hut", 0),
    {.name = NULL},
};
