/* cifar.h - one batch of CIFAR as Python pickled it, as data. */
#ifndef CIFAR_H
#define CIFAR_H

#include <stdint.h>

typedef struct batch {
    struct pickle *p; /* what the rest points into */
    const uint8_t *px;
    int64_t n, row;  /* images, bytes of each */
    int64_t *labels; /* [n], NULL: none */
    char **names;
    int n_names; /* of the classes, in the files `meta` and `batches.meta` */
} batch;

/* Returns 0, or -1 with fault(). Nothing in the pickle is executed: besides numbers, text and
 * containers it may name NumPy's arrays only. `bytes` stay where they are until batch_close(). */
int batch_read(batch *b, const char *path, const uint8_t *bytes, int64_t n);
void batch_close(batch *b); /* also after a failure */

#endif
