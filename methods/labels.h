/* labels.h - the true labels of the training samples, for methods that cannot do
 * without: read and checked. */
#ifndef LABELS_H
#define LABELS_H

#include "method.h"

/* Scratch memory. */
static inline int32_t *checked_labels(run *r, samples *s)
{
    int64_t n = samples_count(s), classes = run_classes(r);
    int32_t *label = run_scratch(r, (size_t)n * sizeof *label);
    tx_read(samples_labels(s), label);
    for (int64_t i = 0; i < n; i++)
        if (label[i] < 0 || label[i] >= classes)
            run_refuse(r, "%s needs a label from 0 to %lld with each training sample, found %d: give labels",
                       method_entry.name, (long long)classes - 1, (int)label[i]);
    return label;
}

#endif
