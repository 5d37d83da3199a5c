/* backend.c - every backend that was built, against ref, on the table of cases.h.
 *
 * One case is one entry on one shape. It holds the backend to ref within a
 * bound (epsilon times the sum of the magnitudes that were added, or to the
 * bit where nothing is rounded), twice to the same bits, once more at odd
 * addresses and once in place where that is allowed; guards stand around every
 * array, inputs must survive, a NaN put into each input must come out where it
 * comes out of ref, and an extent of zero must leave the outputs alone. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends.h"
#include "call.h"

enum { GUARD = 64, GUARD_BYTE = 0xA5, FRESH_BYTE = 0xFF }; /* fresh reals are NaN */
enum { SPARE = 3 };                                        /* images that lie in the store beside those cut */

/* --- The entries. --- */

static void run_fill(call *c)
{
    real *y = out(c, c->d[0]);
    CALL(c, fill, y, c->d[0], (real)-1.25);
}

static void run_affine(call *c)
{
    real *y = out(c, c->d[0]);
    const real *x = in(c, c->d[0], EVEN);
    CALL(c, affine, y, x, c->d[0], (real)1.7, (real)-0.3);
}

static void run_axpy(call *c)
{
    real *y = both(c, c->d[0]);
    const real *x = in(c, c->d[0], EVEN);
    CALL(c, axpy, y, x, c->d[0], (real)0.7);
}

static void run_map(call *c)
{
    enum bk_map op = (enum bk_map)c->e->variant;
    real *y = out(c, c->d[0]);
    const real *x = in(c, c->d[0], op == BK_LOG || op == BK_SQRT ? POSITIVE : op == BK_SIGN ? GRID : EVEN);
    CALL(c, map, op, y, x, c->d[0]);
}

static void run_clamp(call *c)
{
    real *y = out(c, c->d[0]);
    const real *x = in(c, c->d[0], GRID);
    CALL(c, clamp, y, x, c->d[0], (real)-0.75, (real)1.1);
}

static void run_within(call *c)
{
    real *y = out(c, c->d[0]);
    const real *v = in(c, c->d[0], EVEN), *r = in(c, c->d[0], GRID);
    CALL(c, within, y, v, r, c->d[0], (real)-0.75, (real)1);
}

static void run_zip(call *c)
{
    int64_t outer = c->d[0], mid = c->d[1], inner = c->d[2];
    real *y = out(c, outer * mid * inner);
    const real *a = in(c, outer * mid * inner, EVEN), *v = in(c, mid, EVEN);
    CALL(c, zip, (enum bk_zip)c->e->variant, y, a, v, outer, mid, inner);
}

static void run_spread(call *c)
{
    real *y = out(c, c->d[0] * c->d[1] * c->d[2]);
    const real *v = in(c, c->d[1], EVEN);
    CALL(c, spread, y, v, c->d[0], c->d[1], c->d[2]);
}

static void run_fold(call *c)
{
    real *v = out(c, c->d[1]);
    const real *a = in(c, c->d[0] * c->d[1] * c->d[2], EVEN);
    CALL(c, fold, (enum bk_fold)c->e->variant, v, a, c->d[0], c->d[1], c->d[2]);
}

static void run_copy_cols(call *c)
{
    const int64_t *d = c->d; /* what is not copied must stay: hence both() */
    real *y = both(c, d[0] * d[2]);
    const real *x = in(c, d[0] * d[4], EVEN);
    CALL(c, copy_cols, y, d[2], d[3], x, d[4], d[5], d[0], d[1]);
}

static void run_lse(call *c)
{
    real *y = out(c, c->d[0]);
    const real *x = in(c, c->d[0] * c->d[1], EVEN);
    CALL(c, lse, y, x, c->d[0], c->d[1]);
}

static void run_topk(call *c)
{
    real *y = out(c, c->d[0] * c->d[2]);
    int32_t *i = out_indices(c, c->d[0] * c->d[2]);
    const real *x = in(c, c->d[0] * c->d[1], c->e->variant ? ODD : GRID);
    CALL(c, topk, y, i, x, c->d[0], c->d[1], c->d[2]);
}

static void run_pick(call *c)
{
    real *y = out(c, c->d[0] * c->d[2]);
    const real *x = in(c, c->d[0] * c->d[1], EVEN);
    const int32_t *i = indices(c, c->d[0] * c->d[2], c->d[1]);
    CALL(c, pick, y, x, i, c->d[0], c->d[1], c->d[2]);
}

static void run_place(call *c)
{
    real *x = out(c, c->d[0] * c->d[1]);
    const real *y = in(c, c->d[0] * c->d[2], EVEN);
    const int32_t *i = indices(c, c->d[0] * c->d[2], c->d[1]);
    CALL(c, place, x, y, i, c->d[0], c->d[1], c->d[2]);
}

static void run_take_rows(call *c)
{
    real *y = out(c, c->d[2] * c->d[1]);
    const real *x = in(c, c->d[0] * c->d[1], EVEN);
    const int32_t *i = indices(c, c->d[2], c->d[0]);
    CALL(c, take_rows, y, x, i, c->d[0], c->d[1], c->d[2]);
}

static void run_put_rows(call *c)
{
    real *x = out(c, c->d[0] * c->d[1]);
    const real *y = in(c, c->d[2] * c->d[1], EVEN);
    const int32_t *i = indices(c, c->d[2], c->d[0]);
    CALL(c, put_rows, x, y, i, c->d[0], c->d[1], c->d[2]);
}

static void run_gemm(call *c)
{
    int64_t m = c->d[0], n = c->d[1], k = c->d[2];
    int how = c->e->variant;
    real *y = how & 4 ? both(c, m * n) : out(c, m * n); /* without beta, a NaN in c is not read */
    const real *a = in(c, m * k, EVEN), *b = in(c, k * n, EVEN);
    CALL(c, gemm, how & 1, (how & 2) / 2, m, n, k, a, b, (real)(how & 4 ? 0.75 : 0), y);
}

static void run_conv_y(call *c)
{
    real *y = out(c, c->ys);
    const real *x = in(c, c->xs, EVEN), *w = in(c, c->ws, EVEN);
    CALL(c, conv_y, &c->g, y, x, w);
}

static void run_conv_x(call *c)
{
    real *x = out(c, c->xs);
    const real *y = in(c, c->ys, EVEN), *w = in(c, c->ws, EVEN);
    CALL(c, conv_x, &c->g, x, y, w);
}

static void run_conv_w(call *c)
{
    real *w = out(c, c->ws);
    const real *x = in(c, c->xs, EVEN), *y = in(c, c->ys, EVEN);
    CALL(c, conv_w, &c->g, w, x, y);
}

static void run_pool_max(call *c)
{
    real *y = out(c, c->ys);
    int32_t *i = out_indices(c, c->ys);
    const real *x = in(c, c->xs, GRID);
    CALL(c, pool_max, &c->g, y, i, x);
}

static void run_pool_max_t(call *c)
{
    real *x = out(c, c->xs);
    const real *y = in(c, c->ys, EVEN);
    const int32_t *i = indices(c, c->ys, c->g.h * c->g.w * c->g.c);
    CALL(c, pool_max_t, &c->g, x, y, i);
}

static void run_pool_avg(call *c)
{
    real *y = out(c, c->ys);
    const real *x = in(c, c->xs, EVEN);
    CALL(c, pool_avg, &c->g, y, x);
}

static void run_pool_avg_t(call *c)
{
    real *x = out(c, c->xs);
    const real *y = in(c, c->ys, EVEN);
    CALL(c, pool_avg_t, &c->g, x, y);
}

static void run_images(call *c)
{
    int64_t n = c->d[0], h = c->d[1], w = c->d[2], k = c->d[3];
    real *x = out(c, n * h * w * k);
    const real *mean = in(c, k, EVEN), *dev = in(c, k, POSITIVE);
    CALL(c, images, x, c->px, c->e->variant ? c->moves : NULL, n, h, w, k, mean, dev);
}

/* The bytes on the device are four to an index, which may be any 32 bits. */
static void run_cut(call *c)
{
    int64_t n = c->d[0], h = c->d[1], w = c->d[2], k = c->d[3], stored = n + SPARE;
    real *x = out(c, n * h * w * k);
    const real *mean = in(c, k, EVEN), *dev = in(c, k, POSITIVE);
    const int32_t *store = indices(c, (stored * h * w * k + 3) / 4, INT64_C(1) << 32);
    CALL(c, cut, x, (const uint8_t *)store, stored, c->cuts, n, h, w, k, mean, dev);
}

static void run_uniform(call *c)
{
    real *y = out(c, c->d[0]);
    CALL(c, uniform, y, c->d[0], c->seed);
}

static void run_normal(call *c)
{
    real *y = out(c, c->d[0]);
    CALL(c, normal, y, c->d[0], c->seed);
}

static void run_bn(call *c)
{
    int64_t rows = c->d[0], cols = c->d[1];
    real *y = out(c, rows * cols), *mean = out(c, cols), *var = out(c, cols);
    const real *x = in(c, rows * cols, EVEN), *gamma = in(c, cols, EVEN), *beta = in(c, cols, EVEN);
    CALL(c, bn, y, mean, var, x, gamma, beta, rows, cols, (real)1e-5);
}

static void run_bn_grad(call *c)
{
    int64_t rows = c->d[0], cols = c->d[1];
    real *dx = out(c, rows * cols), *dgamma = out(c, cols), *dbeta = out(c, cols);
    const real *dy = in(c, rows * cols, EVEN), *x = in(c, rows * cols, EVEN), *gamma = in(c, cols, EVEN);
    const real *mean = in(c, cols, EVEN), *var = in(c, cols, POSITIVE);
    CALL(c, bn_grad, dx, dgamma, dbeta, dy, x, gamma, mean, var, rows, cols, (real)1e-5);
}

static void run_log_softmax(call *c)
{
    real *y = out(c, c->d[0] * c->d[1]);
    const real *x = in(c, c->d[0] * c->d[1], EVEN);
    CALL(c, log_softmax, y, x, c->d[0], c->d[1]);
}

static void run_log_softmax_grad(call *c)
{
    real *dx = out(c, c->d[0] * c->d[1]);
    const real *dy = in(c, c->d[0] * c->d[1], EVEN), *y = in(c, c->d[0] * c->d[1], LOG_PROBS);
    CALL(c, log_softmax_grad, dx, dy, y, c->d[0], c->d[1]);
}

static void run_sgd(call *c)
{
    real *w = both(c, c->d[0]), *velocity = both(c, c->d[0]);
    const real *grad = in(c, c->d[0], EVEN);
    CALL(c, sgd, w, velocity, grad, c->d[0], (real)0.1, (real)0.9, (real)5e-4, c->e->variant);
}

/* ref has no such entry: the judge is the composition that the host falls back to. */
static void run_nearest(call *c)
{
    int64_t m = c->d[0], n = c->d[1], d = c->d[2], k = c->d[3];
    real *y = out(c, m * k);
    int32_t *i = out_indices(c, m * k);
    const real *a = in(c, m * d, GRID), *bank = in(c, n * d, GRID);
    if (!c->f || c->empty)
        return;
    if (c->f->nearest) {
        c->f->nearest(c->b, y, i, a, bank, m, n, d, k);
        return;
    }
    real *products = need((size_t)(m * n) * sizeof *products);
    c->f->gemm(c->b, 0, 1, m, n, d, a, bank, 0, products);
    c->f->topk(c->b, y, i, products, m, n, k);
    free(products);
}

/* --- How far a result may be from ref's: the magnitudes that are added. --- */

typedef void magnitude(const call *c);

static const real *values(const call *c, int i)
{
    return c->a[i].data;
}

static void relative(const call *c)
{
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = fabs(((const real *)c->want[0])[j]);
}

static void logarithm_too(const call *c)
{
    relative(c);
    for (int64_t j = 0; j < c->a[0].count && c->e->variant == BK_LOG; j++)
        c->a[0].slack[j] += 1; /* near an argument of 1, where the logarithm vanishes */
}

static void of_affine(const call *c)
{
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = fabs(1.7 * values(c, 1)[j]) + 0.3;
}

static void of_axpy(const call *c)
{
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = fabs(values(c, 0)[j]) + fabs(0.7 * values(c, 1)[j]);
}

static void of_images(const call *c)
{
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = (1 + fabs(values(c, 1)[j % c->d[3]])) / values(c, 2)[j % c->d[3]];
}

static void of_sgd(const call *c)
{
    for (int64_t j = 0; j < c->a[0].count; j++) {
        double w = fabs(values(c, 0)[j]);
        double g = fabs(values(c, 2)[j]) + 5e-4 * w, v = 0.9 * fabs(values(c, 1)[j]) + g;
        c->a[0].slack[j] = w + 0.1 * (g + v);
        c->a[1].slack[j] = v;
    }
}

/* Of every row's log sum exp: its largest value and the logarithm. */
static double of_row(const real *x, int64_t cols)
{
    double most = 0;
    for (int64_t j = 0; j < cols; j++)
        most = fmax(most, fabs(x[j]));
    return most + log((double)cols) + 1;
}

static void of_lse(const call *c)
{
    int64_t cols = c->d[1];
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = of_row(values(c, 1) + j * cols, cols);
}

static void of_log_softmax(const call *c)
{
    int64_t cols = c->d[1];
    for (int64_t j = 0; j < c->a[0].count; j++)
        c->a[0].slack[j] = 2 * of_row(values(c, 1) + j / cols * cols, cols);
}

static void of_log_softmax_grad(const call *c)
{
    int64_t cols = c->d[1];
    for (int64_t i = 0; i < c->d[0]; i++) {
        double sum = 0;
        for (int64_t j = i * cols; j < (i + 1) * cols; j++)
            sum += fabs(values(c, 1)[j]);
        for (int64_t j = i * cols; j < (i + 1) * cols; j++)
            c->a[0].slack[j] = fabs(values(c, 1)[j]) + exp(values(c, 2)[j]) * sum;
    }
}

/* The variance may be the mean square less the squared mean. */
static void of_bn(const call *c)
{
    int64_t rows = c->d[0], cols = c->d[1];
    for (int64_t j = 0; j < cols; j++) {
        double mean = 0, square = 0, var = ((const real *)c->want[2])[j] + 1e-5;
        for (int64_t i = 0; i < rows; i++) {
            double x = fabs(values(c, 3)[i * cols + j]);
            mean += x / (double)rows;
            square += x * x / (double)rows;
        }
        for (int64_t i = 0; i < rows; i++)
            c->a[0].slack[i * cols + j] = (fabs(values(c, 3)[i * cols + j]) + mean) * fabs(values(c, 4)[j]) /
                                              sqrt(var) * (1 + square / var) +
                                          fabs(values(c, 5)[j]);
        c->a[1].slack[j] = mean;
        c->a[2].slack[j] = square;
    }
}

static void of_bn_grad(const call *c)
{
    int64_t rows = c->d[0], cols = c->d[1];
    const real *dy = values(c, 3), *x = values(c, 4);
    for (int64_t j = 0; j < cols; j++) {
        double r = 1 / sqrt(values(c, 7)[j] + 1e-5), mean = fabs(values(c, 6)[j]), db = 0, dc = 0;
        for (int64_t i = j; i < rows * cols; i += cols) {
            db += fabs(dy[i]);
            dc += fabs(dy[i]) * (fabs(x[i]) + mean) * r;
        }
        for (int64_t i = j; i < rows * cols; i += cols)
            c->a[0].slack[i] = (fabs(dy[i]) + (db + (fabs(x[i]) + mean) * r * dc) / (double)rows) *
                               fabs(values(c, 5)[j]) * r;
        c->a[1].slack[j] = dc;
        c->a[2].slack[j] = db;
    }
}

enum { TO_THE_BIT, BOUNDED, LINEAR }; /* LINEAR: ref's own result on the magnitudes of the inputs */

static const struct driver {
    const char *entry;
    size_t at; /* in bk_api */
    void (*run)(call *);
    int how;
    magnitude *magnitude;
    int in_place; /* the input that the output may equal, or 0 */
    int smears;   /* a NaN may reach more outputs than in ref: products by tiles */
} drivers[] = {
#define D(name) #name, offsetof(bk_api, name), run_##name
    {D(fill), TO_THE_BIT, NULL, 0, 0},
    {D(affine), BOUNDED, of_affine, 1, 0},
    {D(axpy), BOUNDED, of_axpy, 0, 0},
    {D(map), BOUNDED, logarithm_too, 1, 0},
    {D(clamp), TO_THE_BIT, NULL, 1, 0},
    {D(within), TO_THE_BIT, NULL, 0, 0},
    {D(zip), BOUNDED, relative, 1, 0},
    {D(spread), TO_THE_BIT, NULL, 0, 0},
    {D(fold), LINEAR, NULL, 0, 0},
    {D(copy_cols), TO_THE_BIT, NULL, 0, 0},
    {D(lse), BOUNDED, of_lse, 0, 0},
    {D(topk), TO_THE_BIT, NULL, 0, 0},
    {D(pick), TO_THE_BIT, NULL, 0, 0},
    {D(place), LINEAR, NULL, 0, 0},
    {D(take_rows), TO_THE_BIT, NULL, 0, 0},
    {D(put_rows), LINEAR, NULL, 0, 0},
    {D(gemm), LINEAR, NULL, 0, 1},
    {D(conv_y), LINEAR, NULL, 0, 1},
    {D(conv_x), LINEAR, NULL, 0, 1},
    {D(conv_w), LINEAR, NULL, 0, 1},
    {D(pool_max), TO_THE_BIT, NULL, 0, 0},
    {D(pool_avg), LINEAR, NULL, 0, 0},
    {D(pool_avg_t), LINEAR, NULL, 0, 0},
    {D(images), BOUNDED, of_images, 0, 0},
    {D(uniform), TO_THE_BIT, NULL, 0, 0},
    {D(normal), TO_THE_BIT, NULL, 0, 0},
    {D(cut), BOUNDED, of_images, 0, 0},
    {D(bn), BOUNDED, of_bn, 0, 0},
    {D(bn_grad), BOUNDED, of_bn_grad, 0, 0},
    {D(log_softmax), BOUNDED, of_log_softmax, 0, 0},
    {D(log_softmax_grad), BOUNDED, of_log_softmax_grad, 0, 0},
    {D(pool_max_t), LINEAR, NULL, 0, 0},
    {D(sgd), BOUNDED, of_sgd, 0, 0},
    {D(nearest), TO_THE_BIT, NULL, 0, 0},
#undef D
};

/* --- One call on one device. --- */

typedef struct block {
    char *device, *host;
    size_t bytes, first; /* where the array begins between its guards */
} block;

static void block_fill(block *k, const arg *a, size_t shift, const device *v)
{
    k->first = GUARD + shift;
    k->bytes = k->first + a->bytes + GUARD;
    k->host = need(k->bytes);
    k->device = v->f->alloc(v->b, k->bytes);
    assert_non_null(k->device);
    memset(k->host, GUARD_BYTE, k->bytes);
    memset(k->host + k->first, FRESH_BYTE, a->bytes);
    if (a->data)
        memcpy(k->host + k->first, a->data, a->bytes);
    v->f->write(v->b, k->device, k->host, k->bytes);
}

static void guard_check(const block *k, size_t from, size_t to, const char *where, int i, const device *v)
{
    for (size_t j = from; j < to; j++)
        if ((unsigned char)k->host[j] != GUARD_BYTE)
            fail_msg("%s wrote %s array %d", v->name, where, i);
}

static void block_check(const block *k, const arg *a, int i, int changed, const device *v)
{
    guard_check(k, 0, k->first, "before", i, v);
    guard_check(k, k->first + a->bytes, k->bytes, "behind", i, v);
    if (a->use == IN && !changed && a->bytes && memcmp(k->host + k->first, a->data, a->bytes) != 0)
        fail_msg("%s changed its input, array %d", v->name, i);
}

/* got[i] receives what array i holds after the call; the caller frees it. The
 * arrays begin `shift` bytes off a 64-byte line. in_place: that input lies where
 * the output does. */
static void perform(call *c, const device *v, size_t shift, int in_place, void *got[])
{
    block k[ARGS];
    for (int i = 0; i < c->n; i++) {
        block_fill(&k[i], &c->a[i], shift, v);
        c->p[i] = k[i].device + k[i].first;
    }
    if (in_place)
        c->p[0] = c->p[in_place];
    c->f = v->f, c->b = v->b, c->next = 0;
    c->driver->run(c);
    c->f = NULL;
    for (int i = 0; i < c->n; i++) {
        v->f->read(v->b, k[i].host, k[i].device, k[i].bytes);
        block_check(&k[i], &c->a[i], i, i == in_place, v);
    }
    for (int i = 0; i < c->n; i++) {
        const block *from = &k[i == 0 ? in_place : i];
        got[i] = need(c->a[i].bytes);
        if (c->a[i].bytes)
            memcpy(got[i], from->host + from->first, c->a[i].bytes);
    }
    for (int i = 0; i < c->n; i++) {
        v->f->free(v->b, k[i].device, k[i].bytes);
        free(k[i].host);
    }
}

static void release(call *c, void *got[])
{
    for (int i = 0; i < c->n; i++)
        free(got[i]);
}

/* --- Comparison. --- */

static int64_t compared; /* values, since the case began */

static void compare_indices(const int32_t *want, const int32_t *got, int64_t n, const char *what)
{
    for (int64_t j = 0; j < n; j++)
        if (want[j] != got[j])
            fail_msg("%s: index %lld is %d, not %d", what, (long long)j, (int)got[j], (int)want[j]);
    compared += n;
}

static void compare_reals(const arg *a, const real *want, const real *got, int smears, const char *what)
{
    for (int64_t j = 0; j < a->count; j++) {
        if (isnan(want[j]) || isnan(got[j])) {
            if (!isnan(got[j]) || !(isnan(want[j]) || smears))
                fail_msg("%s: value %lld of %lld is %g, not %g", what, (long long)j, (long long)a->count,
                         (double)got[j], (double)want[j]);
            continue;
        }
        double slack = a->slack ? a->slack[j] : 0;
        if (!(want[j] == got[j] || fabs((double)want[j] - got[j]) <= slack))
            fail_msg("%s: value %lld of %lld is %.9g, not %.9g; allowed %.3g", what, (long long)j,
                     (long long)a->count, (double)got[j], (double)want[j], slack);
    }
    compared += a->count;
}

static void compare(const call *c, void *const want[], void *const got[], int smears, const char *what)
{
    for (int i = 0; i < c->n; i++)
        if (c->a[i].use != IN && c->a[i].integer)
            compare_indices(want[i], got[i], c->a[i].count, what);
        else if (c->a[i].use != IN)
            compare_reals(&c->a[i], want[i], got[i], smears, what);
}

static void compare_bits(const call *c, void *const want[], void *const got[], const char *what)
{
    for (int i = 0; i < c->n; i++)
        if (c->a[i].use != IN && c->a[i].bytes) {
            if (memcmp(want[i], got[i], c->a[i].bytes) != 0)
                fail_msg("%s: array %d has other bits", what, i);
            compared += c->a[i].count;
        }
}

static void absolute(call *c)
{
    for (int i = 0; i < c->n; i++)
        for (int64_t j = 0; c->a[i].data && !c->a[i].integer && j < c->a[i].count; j++)
            ((real *)c->a[i].data)[j] = (real)fabs(((real *)c->a[i].data)[j]);
}

/* What ref makes of the magnitudes of the inputs. */
static void linear_slack(call *c, const device *ref)
{
    void *kept[ARGS], *sum[ARGS];
    for (int i = 0; i < c->n; i++) {
        kept[i] = need(c->a[i].bytes);
        if (c->a[i].data)
            memcpy(kept[i], c->a[i].data, c->a[i].bytes);
    }
    absolute(c);
    perform(c, ref, 0, 0, sum);
    for (int i = 0; i < c->n; i++) {
        if (c->a[i].data)
            memcpy(c->a[i].data, kept[i], c->a[i].bytes);
        for (int64_t j = 0; c->a[i].slack && j < c->a[i].count; j++)
            c->a[i].slack[j] = ((real *)sum[i])[j];
        free(kept[i]);
    }
    release(c, sum);
}

/* Four roundings of everything that is added: enough for any order of summing
 * that is not naive, and far too little for a term that is missing. */
static void allow(call *c, const device *ref)
{
    if (c->driver->how == TO_THE_BIT || (c->driver->run == run_fold && c->e->variant == BK_MAX))
        return;
    for (int i = 0; i < c->n; i++)
        if (c->a[i].use != IN && !c->a[i].integer)
            c->a[i].slack = need((size_t)c->a[i].count * sizeof(double));
    if (c->driver->how == LINEAR)
        linear_slack(c, ref);
    else
        c->driver->magnitude(c);
    for (int i = 0; i < c->n; i++)
        for (int64_t j = 0; c->a[i].slack && j < c->a[i].count; j++)
            c->a[i].slack[j] *= 4 * (sizeof(real) == sizeof(float) ? FLT_EPSILON : DBL_EPSILON);
}

static int any_nan(const call *c, void *const got[])
{
    for (int i = 0; i < c->n; i++)
        for (int64_t j = 0; c->a[i].use != IN && !c->a[i].integer && j < c->a[i].count; j++)
            if (isnan(((real *)got[i])[j]))
                return 1;
    return 0;
}

/* A NaN in array i: one, at a place from where ref lets it come out; in all of
 * the array when tries at a dozen places find none. */
static void check_nan(call *c, const device *ref, const device *v, int i)
{
    arg *a = &c->a[i];
    real *data = a->data, *kept = need(a->bytes);
    void *want[ARGS], *got[ARGS];
    memcpy(kept, data, a->bytes);
    int seen = 0;
    for (int attempt = 0; attempt <= 12 && !seen; attempt++) {
        int64_t at = random_below(c->seed, (uint64_t)(1000 * i + attempt), a->count);
        memcpy(data, kept, a->bytes);
        for (int64_t j = 0; j < a->count; j++)
            if (attempt == 12 || j == at)
                data[j] = (real)NAN;
        perform(c, ref, 0, 0, want);
        seen = any_nan(c, want);
        if (!seen && attempt == 12 && a->use == IN)
            fail_msg("a NaN in array %d does not come out of ref", i);
        if (!seen && attempt < 12)
            release(c, want);
    }
    perform(c, v, 0, 0, got);
    char what[64];
    snprintf(what, sizeof what, "with a NaN in array %d", i);
    compare(c, want, got, c->driver->smears, what);
    memcpy(data, kept, a->bytes);
    free(kept);
    release(c, want);
    release(c, got);
}

/* An extent of zero: nothing may be written. */
static void check_empty(call *c, const device *v)
{
    void *got[ARGS];
    perform(c, v, 0, 0, got);
    for (int i = 0; i < c->n; i++) {
        arg *a = &c->a[i];
        for (size_t j = 0; a->use != IN && j < a->bytes; j++)
            if (((unsigned char *)got[i])[j] != (a->data ? ((unsigned char *)a->data)[j] : FRESH_BYTE))
                fail_msg("%s wrote to array %d though an extent is zero", v->name, i);
        compared += 1; /* the guards, at least */
    }
    release(c, got);
}

static void check_run(call *c, const device *v, size_t shift, int in_place, const char *what)
{
    void *got[ARGS];
    perform(c, v, shift, in_place, got);
    compare(c, c->want, got, 0, what);
    release(c, got);
}

static void check_full(call *c, const device *ref, const device *v)
{
    void *got[ARGS], *again[ARGS];
    perform(c, ref, 0, 0, c->want);
    allow(c, ref);
    perform(c, v, 0, 0, got);
    perform(c, v, 0, 0, again);
    compare(c, c->want, got, 0, "the result");
    compare_bits(c, got, again, "a second run");
    release(c, got);
    release(c, again);
    check_run(c, v, sizeof(real), 0, "at odd addresses");
    if (c->driver->in_place)
        check_run(c, v, 0, c->driver->in_place, "in place");
    for (int i = 0; i < c->n; i++)
        if (c->a[i].use != OUT && !c->a[i].integer && c->a[i].count > 0)
            check_nan(c, ref, v, i);
    release(c, c->want);
}

/* --- The table. --- */

typedef struct one_case {
    const device *ref, *v;
    const struct case_entry *e;
    const case_shape *shape;
    char name[128];
} one_case;

static const struct driver *driver_of(const char *entry)
{
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (strcmp(drivers[i].entry, entry) == 0)
            return &drivers[i];
    return NULL;
}

static int has(const bk_api *f, const struct driver *d)
{
    void (*entry)(void);
    memcpy(&entry, (const char *)f + d->at, sizeof entry);
    return entry != NULL;
}

/* From cut on, entries are fast paths that a backend may lack. */
static int optional(const struct driver *d)
{
    return d->at >= offsetof(bk_api, cut);
}

static void make_images(call *c)
{
    int64_t bytes = c->d[0] * c->d[1] * c->d[2] * c->d[3];
    c->px = need((size_t)bytes);
    c->moves = need((size_t)c->d[0] * 3 * sizeof *c->moves);
    for (int64_t i = 0; i < bytes; i++)
        c->px[i] = (uint8_t)random_bits(c->seed, (uint64_t)i);
    for (int64_t i = 0; i < c->d[0] * 3; i++)
        c->moves[i] = (int32_t)(i % 3 == 2 ? random_below(~c->seed, (uint64_t)i, 2)
                                           : random_below(~c->seed, (uint64_t)i, 13) - 6);
    c->cuts = need((size_t)c->d[0] * 4 * sizeof *c->cuts);
    for (int64_t i = 0; i < c->d[0]; i++) {
        c->cuts[4 * i] = (int32_t)random_below(c->seed, (uint64_t)i, c->d[0] + SPARE);
        memcpy(c->cuts + 4 * i + 1, c->moves + 3 * i, 3 * sizeof *c->cuts);
    }
}

static void set_window(call *c)
{
    const bk_window *g = &c->g;
    c->g = case_window(c->d);
    c->xs = g->n * g->h * g->w * g->c;
    c->ys = g->n * g->p * g->q * g->k;
    c->ws = g->k * g->r * g->s * g->c;
}

static void test_case(void **state)
{
    const one_case *t = *state;
    call c = {.e = t->e, .driver = driver_of(t->e->entry), .d = t->shape->d};
    if (!has(t->v->f, c.driver))
        fail_msg("%s lacks %s", t->v->name, t->e->entry);
    c.seed = random_stream((uint64_t)(t->e - case_entries), (uint64_t)c.d[0]);
    c.empty = case_size(t->e->family, c.d) == 0;
    if (t->e->family == CASE_CONV || t->e->family == CASE_POOL)
        set_window(&c);
    if (t->e->family == CASE_IMAGES)
        make_images(&c);
    c.driver->run(&c);
    compared = 0;
    if (c.empty) {
        check_empty(&c, t->ref);
        check_empty(&c, t->v);
    } else {
        check_full(&c, t->ref, t->v);
    }
    if (compared == 0)
        fail_msg("%s compared nothing", t->name);
    for (int i = 0; i < c.n; i++) {
        free(c.a[i].data);
        free(c.a[i].slack);
    }
    free(c.px);
    free(c.moves);
    free(c.cuts);
}

/* Every computing entry of backend.h has a row in cases.h and a driver here. */
static void test_table(void **state)
{
    (void)state;
    size_t entries = (offsetof(bk_api, plan_open) - offsetof(bk_api, fill)) / sizeof(void (*)(void)), drawn = 0;
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
        int rows = 0;
        for (int j = 0; j < CASES(case_entries); j++)
            rows += strcmp(case_entries[j].entry, drivers[i].entry) == 0;
        assert_true(rows > 0);
        drawn += drivers[i].at >= offsetof(bk_api, fill) && drivers[i].at < offsetof(bk_api, plan_open);
    }
    for (int j = 0; j < CASES(case_entries); j++)
        assert_non_null(driver_of(case_entries[j].entry));
    assert_int_equal(drawn, entries);
}

static void name_case(one_case *t)
{
    int at = snprintf(t->name, sizeof t->name, "%s %s%s", t->v->name, t->e->entry, t->e->label);
    for (int i = 0; i < case_shapes[t->e->family].extents; i++)
        at += snprintf(t->name + at, sizeof t->name - (size_t)at, "%s%lld", i ? "," : " ",
                       (long long)t->shape->d[i]);
}

enum { DEVICES = 8 };

static int too_large(const struct case_entry *e, int shape)
{
    return tested_small() && case_size(e->family, case_shapes[e->family].shape[shape].d) > TESTED_SMALL;
}

/* One test stands for all of a backend that was built but finds no device here. */
static void test_absent(void **state)
{
    (void)state;
    skip();
}

static int left_out(const device *v, const struct case_entry *e, int shape)
{
    const struct driver *d = driver_of(e->entry);
    return too_large(e, shape) || (optional(d) && !has(v->f, d));
}

/* The tests, one per device, entry and shape. */
static int list_cases(one_case *cases, struct CMUnitTest *tests, const device *ref, const device *v)
{
    int n = 0;
    if (!v->b) {
        print_message("%s\n", v->why);
        tests[0] = (struct CMUnitTest){v->name, test_absent, NULL, NULL, NULL};
        return 1;
    }
    for (int e = 0; e < CASES(case_entries); e++)
        for (int s = 0; s < case_shapes[case_entries[e].family].count; s++) {
            if (left_out(v, &case_entries[e], s))
                continue;
            cases[n] = (one_case){ref, v, &case_entries[e], &case_shapes[case_entries[e].family].shape[s], ""};
            name_case(&cases[n]);
            tests[n] = (struct CMUnitTest){cases[n].name, test_case, NULL, NULL, &cases[n]};
            n++;
        }
    return n;
}

int main(void)
{
    char names[DEVICES][32];
    int devices = backends_built(names, DEVICES), each = 0, n = 0;
    device ref = backends_open("ref"), v[DEVICES];
    if (!ref.b || devices == 0) {
        fprintf(stderr, "tests/backend: %s\n", ref.b ? "no backend but ref is built" : ref.why);
        return 1;
    }
    for (int e = 0; e < CASES(case_entries); e++)
        each += case_shapes[case_entries[e].family].count;
    one_case *cases = calloc((size_t)(devices * each), sizeof *cases);
    struct CMUnitTest *tests = calloc((size_t)(devices * each + 1), sizeof *tests);
    if (!cases || !tests)
        return 1;
    tests[n++] = (struct CMUnitTest){"the table is whole", test_table, NULL, NULL, NULL};
    for (int i = 0; i < devices; i++) {
        v[i] = backends_open(names[i]);
        n += list_cases(cases + i * each, tests + n, &ref, &v[i]);
    }
    int failed = _cmocka_run_group_tests("backend", tests, (size_t)n, NULL, NULL);
    for (int i = 0; i < devices; i++)
        backends_close(&v[i]);
    backends_close(&ref);
    free(tests);
    free(cases);
    return failed;
}
