/* kmeans.c - k-means: Lloyd's algorithm from k-means++ seeds, the best of three.
 *
 * Rows are looked at in tiles, moved so that their common mean is the origin:
 * what is multiplied is then as small as it can be. The nearest centre c of a row
 * x is the largest x c - |c|^2 / 2, one product with a column more. Labels and
 * sums over all rows live on the host, in double; rows never do. */
#define TX_PLAIN
#include <stdlib.h>
#include <string.h>

#include "../kernels/random.h"
#include "engine.h"

enum {
    RESTARTS = 3,
    STEPS = 300,
    TILE = 1 << 15,    /* rows whose augmented copy exists at a time */
    KEPT = 1 << 25,    /* so few reals, and that copy is made once */
    PAIRWISE = 1 << 11 /* so few rows have all their products computed at once */
};
static const double tolerance = 1e-4; /* of the summed squared shift, in mean feature variances */

typedef struct kmeans {
    tensor *x, *mean;
    tensor *rows; /* [n,d+1] less the mean, and a column of ones; NULL: made by the tile */
    int64_t n, d, k;
    uint64_t seed, draws;
    real *norm;     /* [n] |x - mean|^2 */
    real *products; /* [n][n] of the rows among each other, or NULL */
    double spread;  /* sum of norm */
    tensor *centre; /* [k,d], less the mean */
    int32_t *label, *last, *best;
    real *score; /* [n] x c - |c|^2 / 2 of the centre a row belongs to */
    int64_t *members;
} kmeans;

static int64_t tile_rows(const kmeans *m, int64_t first)
{
    return m->n - first < TILE ? m->n - first : TILE;
}

static tensor *tile(const kmeans *m, int64_t first)
{
    return tx_sub(tx_slice(m->x, first, tile_rows(m, first)), m->mean);
}

/* The tile and a column of ones, which meets -|c|^2 / 2 in a product. */
static tensor *augmented(const kmeans *m, int64_t first)
{
    if (m->rows)
        return tx_slice(m->rows, first, tile_rows(m, first));
    return tx_concat_cols(tile(m, first), tx_full(DIMS(tile_rows(m, first), 1), 1));
}

static double uniform(kmeans *m)
{
    return (double)random_uniform(m->seed, m->draws++);
}

/* Sizes, and products where few rows make them cheap. */
static void measure(kmeans *m)
{
    for (int64_t i = 0; i < m->n; i += TILE) {
        tx_open();
        tx_read(tx_rowsum(tx_square(tile(m, i))), m->norm + i);
        tx_close();
    }
    for (int64_t i = 0; i < m->n; i++)
        m->spread += (double)m->norm[i];
    if (m->n > PAIRWISE)
        return;
    m->products = pool_host((size_t)(m->n * m->n) * sizeof *m->products);
    tx_open();
    tensor *x = tile(m, 0);
    tx_read(tx_matmul(x, x, 0, 1), m->products);
    tx_close();
}

/* ---- seeds ---- */

/* out[n][count]: x_i x_j for some rows j. */
static void products_with(const kmeans *m, const int32_t *rows, int64_t count, real *out)
{
    if (m->products) {
        for (int64_t i = 0; i < m->n * count; i++)
            out[i] = m->products[rows[i % count] * m->n + i / count];
        return;
    }
    tx_open();
    tensor *these = tx_sub(tx_take(m->x, tx_index(DIMS(count, 1), rows)), m->mean);
    for (int64_t i = 0; i < m->n; i += TILE) {
        tx_open();
        tx_read(tx_matmul(tile(m, i), these, 0, 1), out + i * count);
        tx_close();
    }
    tx_close();
}

/* A row, drawn in proportion to its weight; uniformly when there is none. */
static int32_t draw_row(kmeans *m, const double *weight)
{
    double total = 0, u = uniform(m);
    int64_t at = -1;
    for (int64_t i = 0; i < m->n; i++)
        total += weight[i];
    if (!(total > 0))
        return (int32_t)(u * (double)m->n);
    double left = u * total;
    for (int64_t i = 0; i < m->n && left >= 0; i++)
        if (weight[i] > 0) {
            left -= weight[i];
            at = i;
        }
    return (int32_t)(at < 0 ? 0 : at);
}

/* near[i]: to the seed at hand; returns the sum of what min(far, near) would be. */
static double shorten(const kmeans *m, const real *products, int64_t count, int64_t j, int32_t seed,
                      const double *far, double *near)
{
    double sum = 0;
    for (int64_t i = 0; i < m->n; i++) {
        double d = (double)m->norm[i] + (double)m->norm[seed] - 2 * (double)products[i * count + j];
        d = i == seed || d < 0 ? 0 : d;
        near[i] = d < far[i] ? d : far[i];
        sum += near[i];
    }
    return sum;
}

/* k-means++ (Arthur and Vassilvitskii 2007), the best of several draws for each seed. */
static void seed_rows(kmeans *m, int32_t *rows)
{
    int64_t trials = 2 + (int64_t)log((double)m->k);
    size_t n = (size_t)m->n;
    real *products = pool_host(n * (size_t)trials * sizeof *products);
    double *far = pool_host(n * sizeof *far), *near = pool_host(n * sizeof *near),
           *best = pool_host(n * sizeof *best);
    int32_t tried[64];
    rows[0] = (int32_t)(uniform(m) * (double)m->n);
    for (int64_t i = 0; i < m->n; i++)
        far[i] = TX_HUGE;
    products_with(m, rows, 1, products);
    shorten(m, products, 1, 0, rows[0], far, far);
    for (int64_t c = 1; c < m->k; c++) {
        double least = TX_HUGE;
        for (int64_t j = 0; j < trials; j++)
            tried[j] = draw_row(m, far);
        products_with(m, tried, trials, products);
        rows[c] = tried[0];
        memcpy(best, far, n * sizeof *best);
        for (int64_t j = 0; j < trials; j++) {
            double sum = shorten(m, products, trials, j, tried[j], far, near);
            if (sum < least) {
                double *held = best;
                best = near;
                near = held;
                least = sum;
                rows[c] = tried[j];
            }
        }
        memcpy(far, best, n * sizeof *far);
    }
    free(products);
    free(far);
    free(near);
    free(best);
}

/* ---- Lloyd's steps ---- */

/* Labels and scores of all rows, for the centres as they are. */
static void assign(kmeans *m)
{
    tx_open();
    tensor *size = tx_rowsum(tx_square(m->centre));
    tensor *target = tx_concat_cols(m->centre, tx_scale(size, -0.5));
    for (int64_t i = 0; i < m->n; i += TILE) {
        tx_open();
        tensor *which;
        tx_read(tx_nearest(augmented(m, i), target, 1, &which), m->score + i);
        tx_read(which, m->label + i);
        tx_close();
    }
    tx_close();
    memset(m->members, 0, (size_t)m->k * sizeof *m->members);
    for (int64_t i = 0; i < m->n; i++)
        m->members[m->label[i]]++;
}

static double distance(const kmeans *m, int64_t i)
{
    return (double)m->norm[i] - 2 * (double)m->score[i];
}

/* Each empty cluster gets the row farthest from its centre, of those that are not
 * alone in theirs. */
static void fill_empty(kmeans *m)
{
    for (int64_t c = 0; c < m->k; c++) {
        int64_t farthest = -1;
        for (int64_t i = 0; i < m->n && m->members[c] == 0; i++)
            if (m->members[m->label[i]] > 1 && (farthest < 0 || distance(m, i) > distance(m, farthest)))
                farthest = i;
        if (farthest < 0)
            continue;
        m->members[m->label[farthest]]--;
        m->members[c]++;
        m->label[farthest] = (int32_t)c;
        m->score[farthest] = (real)((double)m->norm[farthest] / 2); /* it is its own centre now */
    }
}

/* Means of the rows that bear each label; the summed squared shift. A cluster
 * that is still empty keeps its centre. */
static double move_centres(kmeans *m)
{
    real *share = pool_host((size_t)m->k * sizeof *share), *stay = pool_host((size_t)m->k * sizeof *stay);
    for (int64_t c = 0; c < m->k; c++) {
        share[c] = m->members[c] ? (real)(1 / (double)m->members[c]) : 0;
        stay[c] = m->members[c] == 0;
    }
    tx_open();
    tensor *sum = tx_mul(m->centre, tx_from(DIMS(m->k, 1), stay));
    for (int64_t i = 0; i < m->n; i += TILE) {
        tx_open();
        tensor *labels = tx_index(DIMS(tile_rows(m, i), 1), m->label + i);
        tensor *part = tx_slice_cols(tx_put(m->rows ? augmented(m, i) : tile(m, i), labels, m->k), 0, m->d);
        sum = tx_keep(tx_add(sum, tx_mul(part, tx_from(DIMS(m->k, 1), share))));
        tx_close();
    }
    double shift = tx_item(tx_sum(tx_square(tx_sub(sum, m->centre))));
    tx_assign(m->centre, sum);
    tx_close();
    free(share);
    free(stay);
    return shift;
}

/* From the centres as they are; the sum of squared distances. */
static double settle(kmeans *m)
{
    double enough = tolerance * m->spread / (double)(m->n * m->d), inertia = 0;
    size_t bytes = (size_t)m->n * sizeof *m->label;
    assign(m);
    for (int i = 0; i < STEPS; i++) {
        memcpy(m->last, m->label, bytes);
        fill_empty(m);
        double shift = move_centres(m);
        assign(m);
        if (shift <= enough || memcmp(m->last, m->label, bytes) == 0)
            break;
    }
    for (int64_t i = 0; i < m->n; i++)
        inertia += distance(m, i);
    return inertia;
}

static void prepare(kmeans *m)
{
    size_t n = (size_t)m->n;
    m->mean = tx_scale(tx_colsum(m->x), 1 / (double)m->n);
    m->centre = tx_full(DIMS(m->k, m->d), 0);
    m->norm = pool_host(n * sizeof *m->norm);
    m->score = pool_host(n * sizeof *m->score);
    m->label = pool_host(n * sizeof *m->label);
    m->last = pool_host(n * sizeof *m->last);
    m->best = pool_host(n * sizeof *m->best);
    m->members = pool_host((size_t)m->k * sizeof *m->members);
    if (m->n * (m->d + 1) <= KEPT)
        m->rows = tx_concat_cols(tx_sub(m->x, m->mean), tx_full(DIMS(m->n, 1), 1));
    measure(m);
}

static void discard(kmeans *m)
{
    free(m->norm);
    free(m->products);
    free(m->score);
    free(m->label);
    free(m->last);
    free(m->best);
    free(m->members);
}

/* Leaves the labels of the best restart in m->best; its centres. */
static tensor *best_of(kmeans *m)
{
    int32_t *rows = pool_host((size_t)m->k * sizeof *rows);
    tensor *centres = tx_full(DIMS(m->k, m->d), 0);
    double least = TX_HUGE;
    for (int restart = 0; restart < RESTARTS; restart++) {
        seed_rows(m, rows);
        tx_open();
        tx_assign(m->centre, tx_sub(tx_take(m->x, tx_index(DIMS(m->k, 1), rows)), m->mean));
        tx_close();
        double inertia = settle(m);
        if (restart > 0 && !(inertia < least))
            continue;
        least = inertia;
        memcpy(m->best, m->label, (size_t)m->n * sizeof *m->best);
        tx_assign(centres, m->centre);
    }
    free(rows);
    return centres;
}

tensor *tx_kmeans(tensor *x, int64_t k, uint64_t seed, tensor **centres)
{
    kmeans m = {.n = x->rows, .d = x->cols, .k = k, .seed = seed};
    if (x->integer || x->d.n != 2 || k < 1 || k > x->rows)
        tx_die("tx_kmeans", "%lld clusters of %s: a matrix of at least as many rows is expected", (long long)k,
               tx_text(x));
    int recording = ad_record(0);
    tx_open();
    m.x = x;
    prepare(&m);
    tensor *found = tx_add(best_of(&m), m.mean), *labels = tx_keep(tx_index(DIMS(m.n, 1), m.best));
    if (centres)
        *centres = tx_keep(found);
    tx_close();
    ad_record(recording);
    discard(&m);
    return labels;
}
