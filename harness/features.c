/* features.c - one forward pass per checkpoint and data set.
 *
 * Batches always have BATCH rows, the last one filled up with its last image:
 * libraries choose their kernels by extents, and a row's bits must not depend
 * on how many others came with it. GROUP batches are enqueued before any is
 * read, so an asynchronous device always has work. */
#include "features.h"
#include "cache.h"
#include "engine.h"
#include "fault.h"
#include "given_features.h"
#include "progress.h"
#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 128, GROUP = 4 };

/* Where a forward pass reads and writes. */
typedef struct pass {
    net *net;
    const dataset *d;
    reader *images;
    tensor *mean, *std;
    int64_t from, n, width, classes; /* images [from, n) */
    float *values, *logits;
    uint8_t *filled; /* the last batch, filled up */
    real *rows;      /* a batch of results on its way to float */
} pass;

void extractor_weights(extractor *e)
{
    nn_digest(e->net, e->weights);
}

static int64_t rows_of(const pass *p, int64_t first)
{
    return p->n - first < BATCH ? p->n - first : BATCH;
}

/* NULL with fault(). While the network computes with them, those of the next batch are decoded. */
static const uint8_t *batch_pixels(const pass *p, int64_t first)
{
    size_t image = (size_t)(dataset_side(p->d) * dataset_side(p->d) * dataset_channels(p->d));
    int64_t rows = rows_of(p, first);
    const uint8_t *px = reader_range(p->images, first, rows);
    if (!px)
        return NULL;
    if (first + rows < p->n)
        reader_ahead(p->images, first + rows, rows_of(p, first + rows));
    if (rows == BATCH)
        return px;
    memcpy(p->filled, px, (size_t)rows * image);
    for (int64_t i = rows; i < BATCH; i++)
        memcpy(p->filled + (size_t)i * image, px + (size_t)(rows - 1) * image, image);
    return p->filled;
}

static int enqueue(const pass *p, int64_t first, tensor **f, tensor **z)
{
    int64_t side = dataset_side(p->d);
    const uint8_t *px = batch_pixels(p, first);
    if (!px)
        return -1;
    pool_step();
    pool_images(BATCH);
    tx_open();
    tensor *x = tx_images(DIMS(BATCH, side, side, dataset_channels(p->d)), px, NULL, p->mean, p->std);
    *f = nn_body(p->net, x);
    *z = tx_keep(nn_head(p->net, *f));
    *f = tx_keep(tx_flat(*f));
    tx_close();
    return 0;
}

static void collect(const pass *p, const tensor *t, float *out, int64_t first, int64_t cols)
{
    int64_t rows = rows_of(p, first);
    if (!out)
        return;
    tx_read(t, p->rows);
    for (int64_t i = 0; i < rows * cols; i++)
        out[first * cols + i] = (float)p->rows[i];
}

static int run_pass(const pass *p, int tell)
{
    int rc = 0;
    for (int64_t first = p->from; rc == 0 && first < p->n; first += GROUP * BATCH) {
        tensor *f[GROUP], *z[GROUP];
        int n = 0;
        tx_open();
        for (int64_t at = first; n < GROUP && at < p->n && (rc = enqueue(p, at, &f[n], &z[n])) == 0; at += BATCH)
            n++;
        for (int i = 0; i < n; i++) {
            collect(p, f[i], p->values, first + i * BATCH, p->width);
            collect(p, z[i], p->logits, first + i * BATCH, p->classes);
        }
        tx_close();
        if (tell)
            progress_step(first + n * BATCH < p->n ? first + n * BATCH : p->n);
    }
    return rc;
}

static int forward(net *n, const dataset *d, int64_t first, int64_t last, const double mean[3], const double std[3],
                   float *values, float *logits, int tell)
{
    int64_t width = nn_features(n), classes = nn_classes(n);
    size_t image = (size_t)(dataset_side(d) * dataset_side(d) * dataset_channels(d));
    bool wanted = engine_parameters(false);
    tx_open();
    pass p = {.net = n,
              .d = d,
              .images = reader_open(d, 0),
              .mean = tx_channels(mean),
              .std = tx_channels(std),
              .from = first,
              .n = last,
              .width = width,
              .classes = classes,
              .values = values,
              .logits = logits};
    p.filled = pool_host(BATCH * image);
    p.rows = pool_host(BATCH * (size_t)(width > classes ? width : classes) * sizeof(real));
    int rc = run_pass(&p, tell);
    reader_close(p.images);
    free(p.filled);
    free(p.rows);
    tx_close();
    engine_parameters(wanted);
    return rc;
}

int features_forward(net *n, const dataset *d, int64_t first, int64_t last, const double mean[3],
                     const double std[3], float *logits)
{
    return forward(n, d, first, last, mean, std, NULL, logits, 0);
}

static void write_ingredients(char *text, size_t cap, const extractor *e, const dataset *d)
{
    snprintf(text, cap,
             "features of every image, in order, in batches of %d\n"
             "net: %s\nweights: %s\nimages: %s\nmean: %.17g %.17g %.17g\nstd: %.17g %.17g %.17g\n"
             "backend: %s\nprecision: %s\nfast: %d\nabi: %d\n",
             BATCH, nn_name(e->net), e->weights, dataset_digest(d), e->mean[0], e->mean[1], e->mean[2], e->std[0],
             e->std[1], e->std[2], e->backend, e->precision, e->fast, BK_ABI);
}

static int fits(const features *f, const dataset *d, const cache_array a[3])
{
    return a[0].rows == dataset_count(d) && a[0].cols == f->width && a[1].rows == a[0].rows &&
           a[1].cols == f->classes && a[2].rows == a[0].rows && a[2].cols == 1;
}

static int compute(features *f, const extractor *e, const dataset *d, const char *split)
{
    char label[64];
    if (dataset_side(d) != nn_side(e->net))
        return fault("%s takes images of %lld x %lld, those of %s are %lld x %lld: import the set for this network",
                     nn_name(e->net), (long long)nn_side(e->net), (long long)nn_side(e->net), dataset_name(d),
                     (long long)dataset_side(d), (long long)dataset_side(d));
    f->values = pool_host((size_t)(f->n * f->width) * sizeof(float));
    f->logits = pool_host((size_t)(f->n * f->classes) * sizeof(float));
    f->labels = pool_host((size_t)f->n * sizeof(int32_t));
    memcpy(f->labels, dataset_labels(d), (size_t)f->n * sizeof(int32_t));
    snprintf(label, sizeof label, "features of %s %s", dataset_name(d), split);
    enum nn_mode mode = nn_mode(e->net, NN_EVAL);
    progress_begin(label, "images", f->n);
    int rc = forward(e->net, d, 0, dataset_count(d), e->mean, e->std, f->values, f->logits, 1);
    progress_end();
    nn_mode(e->net, mode);
    return rc;
}

/* 1 when the cache has them. `path` and `ingredients` tell where they stand, or would. */
static int find(features *f, const extractor *e, const dataset *d, char path[4096], char ingredients[1024])
{
    cache_array arrays[3] = {{.name = "features", .type = CACHE_REAL},
                             {.name = "logits", .type = CACHE_REAL},
                             {.name = "labels", .type = CACHE_INT}};
    *f = (features){.n = dataset_count(d), .width = nn_features(e->net), .classes = nn_classes(e->net)};
    write_ingredients(ingredients, 1024, e, d);
    cache_path(path, 4096, e->cache, "features", ingredients);
    if (!cache_read(path, ingredients, arrays, 3))
        return 0;
    f->values = arrays[0].values;
    f->logits = arrays[1].values;
    f->labels = arrays[2].values;
    if (fits(f, d, arrays))
        return 1;
    features_free(f);
    return 0;
}

static int get(features *f, const extractor *e, const dataset *d, const char *split)
{
    char ingredients[1024], path[4096];
    if (e->cache && find(f, e, d, path, ingredients))
        return 0;
    *f = (features){.n = dataset_count(d), .width = nn_features(e->net), .classes = nn_classes(e->net)};
    if (compute(f, e, d, split) != 0)
        return -1;
    const cache_array arrays[3] = {{"features", CACHE_REAL, f->n, f->width, f->values},
                                   {"logits", CACHE_REAL, f->n, f->classes, f->logits},
                                   {"labels", CACHE_INT, f->n, 1, f->labels}};
    return e->cache ? cache_write(path, ingredients, arrays, 3) : 0;
}

int features_get(features *f, const extractor *e, const char *path, const char *split)
{
    dataset *d;
    if (e->given)
        return given_begin(f, e, path, split);
    if (dataset_open(&d, path, split) != 0)
        return -1;
    int rc = get(f, e, d, split);
    if (rc != 0)
        features_free(f);
    dataset_close(d);
    return rc;
}

int features_kept(features *f, const extractor *e, const char *path, const char *split)
{
    char ingredients[1024], where[4096];
    dataset *d;
    if (dataset_open(&d, path, split) != 0)
        return -1;
    int found = find(f, e, d, where, ingredients);
    dataset_close(d);
    return found;
}

void features_free(features *f)
{
    free(f->values);
    free(f->logits);
    free(f->labels);
    f->values = f->logits = NULL;
    f->labels = NULL;
}

int64_t features_correct(const float *logits, const int32_t *labels, int64_t n, int64_t classes)
{
    int64_t correct = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *z = logits + i * classes;
        int64_t best = 0;
        for (int64_t k = 1; k < classes; k++)
            best = z[k] > z[best] ? k : best;
        correct += best == labels[i];
    }
    return correct;
}
