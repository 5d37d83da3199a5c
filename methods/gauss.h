/* gauss.h - Gaussians that share one covariance, one for each group of the
 * training features, and the squared Mahalanobis distance to the nearest.
 *
 * The covariance is singular wherever a feature is dead or samples are few: its
 * pseudo-inverse counts. Features are whitened once; what remains is Euclidean. */
#ifndef GAUSS_H
#define GAUSS_H

#include "method.h"

struct gauss {
    tensor *origin, *whiten; /* [d], among the means; [rank,d] */
    tensor *means, *target;  /* whitened, [groups,rank]; the same, less half its square, for the search */
};

/* How many of these variances, [d] and descending, count. */
static inline int64_t gauss_rank(run *r, tensor *variances)
{
    int64_t d = tx_cols(variances), rank = 0;
    real *v = run_scratch(r, (size_t)d * sizeof *v);
    tx_read(variances, v);
    while (rank < d && (double)v[rank] > (double)d * 2.22e-16 * (double)v[0])
        rank++;
    if (rank == 0)
        run_refuse(r, "%s measures by the covariance of the training features, but they %s: give others",
                   method_entry.name, isnan(v[0]) ? "are not all finite" : "do not vary within a class");
    return rank;
}

/* The means of the groups below k that have samples. */
static inline tensor *gauss_means(run *r, tensor *f, const int32_t *of, tensor *groups, int64_t k)
{
    int64_t present = 0;
    int32_t *group = run_scratch(r, (size_t)k * sizeof *group);
    bool *has = run_scratch(r, (size_t)k * sizeof *has);
    for (int64_t i = 0; i < tx_rows(f); i++)
        has[of[i]] = true;
    for (int64_t g = 0; g < k; g++)
        if (has[g])
            group[present++] = (int32_t)g;
    return tx_take(tx_means(f, groups, k), tx_index(DIMS(present, 1), group));
}

static inline tensor *gauss_whiten(const struct gauss *g, tensor *f)
{
    return tx_matmul(tx_sub(f, g->origin), g->whiten, 0, 1);
}

/* of: the group of each row, from 0 to k - 1. */
static inline void gauss_fit(struct gauss *g, run *r, tensor *f, const int32_t *of, int64_t k)
{
    tensor *groups = tx_index(DIMS(tx_rows(f), 1), of), *variances;
    tensor *means = gauss_means(r, f, of, groups, k), *directions = tx_scatter(f, groups, k, &variances);
    int64_t rank = gauss_rank(r, variances);
    tensor *deviations = tx_sqrt(tx_slice(tx_reshape(variances, DIMS(tx_cols(f), 1)), 0, rank));
    g->origin = tx_scale(tx_colsum(means), 1.0 / (double)tx_rows(means));
    g->whiten = tx_div(tx_slice(directions, 0, rank), deviations);
    g->means = gauss_whiten(g, means);
    g->target = tx_concat_cols(g->means, tx_scale(tx_rowsum(tx_square(g->means)), -0.5));
}

/* [n,1]. The nearest mean is the largest z m - |m|^2 / 2; the distance is then
 * taken from the difference, as |z|^2 - 2 z m + |m|^2 cancels where the classes
 * lie much farther apart than their samples. */
static inline tensor *gauss_distance(const struct gauss *g, tensor *f)
{
    tensor *z = gauss_whiten(g, f), *i;
    tx_nearest(tx_concat_cols(z, tx_full(DIMS(tx_rows(z), 1), 1)), g->target, 1, &i);
    return tx_rowsum(tx_square(tx_sub(z, tx_take(g->means, i))));
}

#endif
