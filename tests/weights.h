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

#endif
