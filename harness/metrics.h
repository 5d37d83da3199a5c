/* metrics.h - how well scores tell ID from OOD: spec of OpenOOD v1.5, computed
 * exactly as its scikit-learn calls do, in percent. Scores are float32 and grow
 * with how in-distribution a sample looks; all must be finite. */
#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>

typedef struct metrics {
    double auroc;
    double aupr_in, aupr_out; /* trapezoids under precision-recall, ID or OOD positive */
    double fpr95;    /* OOD positive: share of ID flagged at the first kept ROC point that catches 95 % of OOD;
                        ROC points where both counts have a zero second difference are dropped before */
    double fpr95_id; /* ID positive: share of OOD accepted at the largest threshold that accepts 95 % of ID */
} metrics;

/* n, m >= 1. Returns -1 with fault() set for an empty side or a score that is not finite. */
int metrics_detect(metrics *out, const float *id, int64_t n, const float *ood, int64_t m);

#endif
