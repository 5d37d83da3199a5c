/* subset.c - batches have equal extents, as few of them as there can be, so that
 * none is mostly filling. */
#include "subset.h"
#include "../kernels/random.h"
#include "engine.h"
#include "fault.h"
#include "reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 128 }; /* at most */

/* Splits of one file, seen as one list of images. */
typedef struct splits {
    dataset **d;
    int n;
    int64_t count;
} splits;

static void close_splits(splits *all)
{
    for (int i = 0; i < all->n; i++)
        dataset_close(all->d[i]);
    free(all->d);
}

static int open_splits(splits *all, const char *path, const char *const names[], int64_t side)
{
    int n = 0;
    while (names[n])
        n++;
    *all = (splits){.d = pool_host((size_t)n * sizeof *all->d)};
    for (int i = 0; i < n; i++) {
        dataset *d;
        if (dataset_open(&d, path, names[i]) != 0)
            break;
        all->d[all->n++] = d;
        all->count += dataset_count(d);
        if (dataset_side(d) != side) {
            fault("the network takes images of %lld x %lld, those of %s are %lld x %lld: import the set for this "
                  "network",
                  (long long)side, (long long)side, dataset_name(d), (long long)dataset_side(d),
                  (long long)dataset_side(d));
            break;
        }
        if (i == n - 1)
            return 0;
    }
    close_splits(all);
    return n ? -1 : fault("%s: no split of it was asked for", path);
}

/* Which split image `at` is in; becomes its number there. */
static const dataset *find(const splits *all, int64_t *at)
{
    int i = 0;
    for (; *at >= dataset_count(all->d[i]); i++)
        *at -= dataset_count(all->d[i]);
    return all->d[i];
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* n different numbers below count: the first n of a shuffle, sorted. To be freed. */
static int32_t *choose(int64_t count, int64_t n, uint64_t draw)
{
    int32_t *order = pool_host((size_t)count * sizeof *order);
    uint64_t seed = random_stream(draw, (uint64_t)count);
    for (int64_t i = 0; i < count; i++)
        order[i] = (int32_t)i;
    for (int64_t i = 0; i < n; i++) {
        int64_t j = i + random_below(seed, (uint64_t)i, count - i);
        int32_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    qsort(order, (size_t)n, sizeof *order, ascending);
    return order;
}

static int gather_labels(subset *s, const splits *all, const int32_t *order, int64_t classes)
{
    for (int64_t i = 0; i < s->n; i++) {
        int64_t at = order[i];
        const dataset *d = find(all, &at);
        s->labels[i] = dataset_labels(d)[at];
        if (s->labels[i] < 0 || s->labels[i] >= classes)
            return fault("%s: image %lld has the label %d, outside the network's %lld classes: a loss needs sets "
                         "of the classes that were trained",
                         dataset_name(d), (long long)at, s->labels[i], (long long)classes);
    }
    return 0;
}

/* The images that were chosen; `px` may be filled up behind them. They are sorted: one split after the other. */
static int gather_images(const subset *s, const splits *all, const int32_t *order, uint8_t *px, size_t image)
{
    int64_t *which = pool_host((size_t)s->n * sizeof *which), done = 0, before = 0;
    int rc = 0;
    for (int k = 0; rc == 0 && k < all->n; k++) {
        int64_t count = dataset_count(all->d[k]), n = 0;
        while (done + n < s->n && order[done + n] < before + count) {
            which[n] = order[done + n] - before;
            n++;
        }
        reader *r = reader_open(all->d[k], 0);
        rc = reader_pick(r, px + (size_t)done * image, which, n);
        reader_close(r);
        done += n;
        before += count;
    }
    free(which);
    return rc;
}

static int64_t rows_of(const subset *s, int b)
{
    int64_t left = s->n - b * s->batch;
    return left < s->batch ? left : s->batch;
}

static void upload(subset *s, const extractor *e, const dataset *d, uint8_t *px, size_t image)
{
    int64_t side = dataset_side(d), channels = dataset_channels(d);
    tensor *mean = tx_channels(e->mean), *dev = tx_channels(e->std);
    for (int64_t i = s->n; i < s->batches * s->batch; i++)
        memcpy(px + (size_t)i * image, px + (size_t)(s->n - 1) * image, image);
    for (int b = 0; b < s->batches; b++) {
        s->x[b] = tx_images(DIMS(s->batch, side, side, channels), px + (size_t)(b * s->batch) * image, NULL, mean,
                            dev);
        s->y[b] = tx_index(DIMS(rows_of(s, b), 1), s->labels + b * s->batch);
    }
}

int subset_open(subset *s, const extractor *e, const char *path, const char *const names[], int64_t images,
                uint64_t draw)
{
    splits all;
    *s = (subset){0};
    if (open_splits(&all, path, names, nn_side(e->net)) != 0)
        return -1;
    const dataset *d = all.d[0];
    size_t image = (size_t)(dataset_side(d) * dataset_side(d) * dataset_channels(d));
    s->n = images < all.count ? images : all.count;
    s->batches = (int)((s->n + BATCH - 1) / BATCH);
    s->batch = s->batches ? (s->n + s->batches - 1) / s->batches : 0;
    s->labels = pool_host((size_t)s->n * sizeof *s->labels);
    s->x = pool_host((size_t)s->batches * sizeof *s->x);
    s->y = pool_host((size_t)s->batches * sizeof *s->y);
    int32_t *order = choose(all.count, s->n, draw);
    uint8_t *px = pool_host((size_t)(s->batches * s->batch) * image);
    int rc = s->n ? gather_labels(s, &all, order, nn_classes(e->net)) : fault("%s: it has no images", path);
    if (rc == 0)
        rc = gather_images(s, &all, order, px, image);
    tx_open();
    if (rc == 0)
        upload(s, e, d, px, image);
    free(px);
    free(order);
    close_splits(&all);
    if (rc != 0)
        subset_close(s);
    return rc;
}

void subset_close(subset *s)
{
    tx_close();
    free(s->labels);
    free(s->x);
    free(s->y);
    *s = (subset){0};
}

/* The cross-entropy of one row of logits; counts it where it is right. */
static double row_loss(const real *z, int64_t classes, int32_t label, int64_t *right)
{
    int64_t best = 0;
    double sum = 1; /* the largest one's own share */
    for (int64_t k = 1; k < classes; k++)
        best = z[k] > z[best] ? k : best;
    for (int64_t k = 0; k < classes; k++)
        sum += k == best ? 0 : exp((double)z[k] - (double)z[best]);
    double loss = (double)z[best] + log(sum) - (double)z[label];
    *right += isfinite(loss) && best == label;
    return isfinite(loss) ? loss : INFINITY;
}

/* Waits for the logits of all batches. */
static double sum_up(const subset *s, tensor *const z[], int64_t classes, int64_t *right)
{
    real *rows = pool_host((size_t)(s->batch * classes) * sizeof *rows);
    double sum = 0;
    for (int b = 0; b < s->batches; b++) {
        tx_read(z[b], rows);
        for (int64_t i = 0; i < rows_of(s, b); i++)
            sum += row_loss(rows + i * classes, classes, s->labels[b * s->batch + i], right);
    }
    free(rows);
    return sum / (double)s->n;
}

double subset_loss(const subset *s, net *n, int64_t *right)
{
    tensor **z = pool_host((size_t)s->batches * sizeof *z);
    bool wanted = engine_parameters(false);
    int64_t ignored = 0, *count = right ? right : &ignored;
    *count = 0;
    tx_open();
    for (int b = 0; b < s->batches; b++) {
        pool_step();
        pool_images(s->batch);
        tx_open();
        z[b] = tx_keep(nn_forward(n, s->x[b]));
        tx_close();
    }
    double loss = sum_up(s, z, nn_classes(n), count);
    tx_close();
    engine_parameters(wanted);
    free(z);
    return loss;
}

double subset_gradient(const subset *s, net *n)
{
    tensor **z = pool_host((size_t)s->batches * sizeof *z);
    bool wanted = engine_parameters(true);
    int recording = ad_record(1);
    int64_t right = 0;
    tx_open();
    tx_fill(nn_grads(n), 0);
    for (int b = 0; b < s->batches; b++) {
        pool_step();
        pool_images(s->batch);
        tx_open();
        tensor *logits = nn_forward(n, s->x[b]);
        z[b] = tx_keep(tx_copy(logits));
        tensor *counted = tx_slice(logits, 0, rows_of(s, b));
        ad_backward(tx_scale(tx_sum(tx_pick(tx_log_softmax(counted), s->y[b])), -1.0 / (double)s->n));
        tx_close();
    }
    double loss = sum_up(s, z, nn_classes(n), &right);
    tx_close();
    ad_record(recording);
    engine_parameters(wanted);
    free(z);
    return loss;
}
