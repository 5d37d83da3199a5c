/* tolerance.h - how far two estimates may differ by chance. Shares and AUROC are in
 * [0, 1] here, not in percent. */
#ifndef TOLERANCE_H
#define TOLERANCE_H

#include <stdint.h>

/* DeLong's variance of the AUROC of these scores, at least one on each side; larger means
 * in-distribution, ties count half. *auroc: the area itself. */
double tolerance_delong(const float *id, int64_t n, const float *ood, int64_t m, double *auroc);

/* The same from the area alone, as Hanley and McNeil have it. */
double tolerance_hanley_mcneil(double auroc, double n, double m);

/* Of a share that was counted among n; half a count away from 0 and 1. */
double tolerance_binomial(double share, double n);

/* The probability of a difference as large as this, in either direction, by chance alone.
 * se == 0: 1 when there is no difference, else 0. */
double tolerance_normal(double difference, double se);
double tolerance_student(double difference, double se, double freedom);

/* Which of n probabilities are too small for chance, with at most `level` for one mistake
 * among them all. Holm's: the smallest is held against level/n, the next against
 * level/(n-1), until one is not below; Bonferroni's: all against level/n. NaN is none. */
void tolerance_holm(const double p[], int n, double level, char found[]);
void tolerance_bonferroni(const double p[], int n, double level, char found[]);

#endif
