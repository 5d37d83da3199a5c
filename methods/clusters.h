/* clusters.h - outliers chosen from many candidates: each cluster's lowest and
 * highest energies, so that the hard, the easy and the odd are all seen
 * (Sharifi et al. 2024, algorithm 1). */
#ifndef CLUSTERS_H
#define CLUSTERS_H

#include "greg.h"

#define GREG_CLUSTERS                                                                                              \
    PARAM(struct greg, clusters, .init = 64, .min = 1, .max = 4096, .sweep = "16 32 64",                           \
          .help = "of the candidates; at most one for each image of a batch"),                                     \
        PARAM(struct greg, pool, .init = 6, .min = 2, .max = 64, .help = "candidates for each image of a batch")

/* The first of the lowest and the last of the highest energies of each cluster:
 * two members where there are two. Row numbers, -1 for an empty cluster. */
static inline void cluster_ends(const int32_t *cluster, const real *energy, int64_t n, int32_t (*ends)[2],
                                int64_t k)
{
    for (int64_t j = 0; j < k; j++)
        ends[j][0] = ends[j][1] = -1;
    for (int64_t i = 0; i < n; i++) {
        int32_t *end = ends[cluster[i]];
        end[0] = end[0] < 0 || energy[i] < energy[end[0]] ? (int32_t)i : end[0];
        end[1] = end[1] < 0 || energy[i] >= energy[end[1]] ? (int32_t)i : end[1];
    }
}

/* [wanted,1]: both ends of all k clusters, then random others of n >= wanted >= 2 k. */
static inline tensor *choose_rows(run *r, tensor *labels, tensor *energy, int64_t k, int64_t wanted)
{
    int64_t n = tx_rows(labels), count = 0;
    int32_t *cluster = run_scratch(r, (size_t)n * sizeof *cluster);
    int32_t *chosen = run_scratch(r, (size_t)wanted * sizeof *chosen);
    int32_t(*ends)[2] = run_scratch(r, (size_t)k * sizeof *ends);
    real *e = run_scratch(r, (size_t)n * sizeof *e);
    bool *used = run_scratch(r, (size_t)n * sizeof *used);
    tx_read(labels, cluster);
    tx_read(energy, e);
    cluster_ends(cluster, e, n, ends, k);
    for (int64_t j = 0; j < 2 * k; j++) {
        int32_t i = ends[j / 2][j % 2];
        if (i >= 0 && !used[i])
            chosen[count++] = i;
        if (i >= 0)
            used[i] = true;
    }
    while (count < wanted) {
        int64_t i = run_int(r, n);
        if (!used[i])
            chosen[count++] = (int32_t)i;
        used[i] = true;
    }
    return tx_index(DIMS(wanted, 1), chosen);
}

/* Twice as many outliers as the batch has images, of `pool` times as many. The
 * network looks at the candidates as it would in a test. */
static inline tensor *clustered_outliers(const struct greg *s, run *r, const batch *b)
{
    net *n = run_net(r);
    const batch *pool = run_outliers(r, s->pool * b->n);
    int64_t k = s->clusters < b->n ? s->clusters : b->n;
    enum nn_mode mode = nn_mode(n, NN_EVAL);
    int recording = ad_record(0);
    tensor *f = nn_body(n, pool->x), *energy = energies(nn_head(n, f));
    tensor *labels = tx_kmeans(tx_unit_rows(f), k, run_seed(r), NULL);
    tensor *chosen = tx_take(pool->x, choose_rows(r, labels, energy, k, 2 * b->n));
    ad_record(recording);
    nn_mode(n, mode);
    return chosen;
}

#endif
