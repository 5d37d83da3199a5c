/* weights.h - a ResNet-20 of random weights, as a file in the folder of program.h. */
#ifndef WEIGHTS_H
#define WEIGHTS_H

#include "../harness/engine.h"
#include "../harness/models.h"
#include "program.h"

/* 0, or -1 with fault(). A device must be open. */
static inline int put_weights(const char *name, uint64_t seed)
{
    net *n = NULL;
    char *path = text_format("%s/%s", here, name);
    int rc = nn_build(&n, "resnet20", 10, seed) != 0 || nn_save(n, path, NULL) != 0 ? -1 : 0;
    nn_free(n);
    free(path);
    return rc;
}

/* So many, w0.safetensors and on, and mini.yml, a benchmark of few drawn images. As above. */
static inline int put_networks(int n)
{
    for (int i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "w%d.safetensors", i);
        if (put_weights(name, (uint64_t)i + 1) != 0)
            return -1;
    }
    write_text("mini.yml",
               "generator: shapes\nseed: 1\nclasses: [disc, ring, square, frame, triangle, cross, star, "
               "crescent, heart, arrow]\nside: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
               "sets:\n  shapes: {group: id, train: 100, val: 20, test: 30}\n"
               "  newshapes: {group: near, test: 20}\n  plasma: {group: far, test: 20}\n");
    return 0;
}

#endif
