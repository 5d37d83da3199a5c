/* fusion.h - fused backend entries against the composition they stand beside,
 * on the open device and the shapes of cases.h. For fused.c (float, cpu and
 * ref) and double/fused.c. Entries are counted, so that a comparison of the
 * composition with itself fails. */
#ifndef FUSION_H
#define FUSION_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../harness/engine.h"
#include "cases.h"

#define PARTS 6 /* results of one operation */

typedef struct outcome {
    int n;
    real *at[PARTS];
    int64_t count[PARTS];
} outcome;

/* --- Counting --- */

static const bk_api *real_api;
static bk_api counting;
static int calls, gradient_calls;

static void count_log_softmax(bk *b, real *y, const real *x, int64_t rows, int64_t cols)
{
    calls++;
    real_api->log_softmax(b, y, x, rows, cols);
}

static void count_log_softmax_grad(bk *b, real *dx, const real *dy, const real *y, int64_t rows, int64_t cols)
{
    gradient_calls++;
    real_api->log_softmax_grad(b, dx, dy, y, rows, cols);
}

static void count_bn(bk *b, real *y, real *mean, real *var, const real *x, const real *gamma, const real *beta,
                     int64_t rows, int64_t cols, real eps)
{
    calls++;
    real_api->bn(b, y, mean, var, x, gamma, beta, rows, cols, eps);
}

static void count_bn_grad(bk *b, real *dx, real *dgamma, real *dbeta, const real *dy, const real *x,
                          const real *gamma, const real *mean, const real *var, int64_t rows, int64_t cols,
                          real eps)
{
    gradient_calls++;
    real_api->bn_grad(b, dx, dgamma, dbeta, dy, x, gamma, mean, var, rows, cols, eps);
}

static void count_pool_max_t(bk *b, const bk_window *g, real *x, const real *y, const int32_t *i)
{
    gradient_calls++;
    real_api->pool_max_t(b, g, x, y, i);
}

static void count_sgd(bk *b, real *w, real *velocity, const real *grad, int64_t n, real rate, real momentum,
                      real decay, int nesterov)
{
    calls++;
    real_api->sgd(b, w, velocity, grad, n, rate, momentum, decay, nesterov);
}

static void count_nearest(bk *b, real *y, int32_t *i, const real *a, const real *c, int64_t m, int64_t n, int64_t d,
                          int64_t k)
{
    calls++;
    real_api->nearest(b, y, i, a, c, m, n, d, k);
}

/* The open device, with every fused entry it has counted. */
static void count_calls(void)
{
    real_api = engine.api;
    counting = *engine.api;
    counting.log_softmax = counting.log_softmax ? count_log_softmax : NULL;
    counting.log_softmax_grad = counting.log_softmax_grad ? count_log_softmax_grad : NULL;
    counting.bn = counting.bn ? count_bn : NULL;
    counting.bn_grad = counting.bn_grad ? count_bn_grad : NULL;
    counting.pool_max_t = counting.pool_max_t ? count_pool_max_t : NULL;
    counting.sgd = counting.sgd ? count_sgd : NULL;
    counting.nearest = counting.nearest ? count_nearest : NULL;
    engine.api = &counting;
}

/* --- The operations --- */

static void add_part(outcome *o, tensor *t)
{
    o->count[o->n] = tx_rows(t) * tx_cols(t);
    o->at[o->n] = calloc((size_t)o->count[o->n] + 1, sizeof(real));
    tx_read(t, o->at[o->n++]);
}

static void add_gradients(outcome *o, tensor *y, int n, tensor *const x[], unsigned flags)
{
    tensor *g[3];

    ad_grad(tx_sum(tx_mul(y, tx_normal(tx_dims(y), 99))), n, x, g, flags);
    for (int i = 0; i < n; i++)
        add_part(o, g[i]);
}

static void run_log_softmax(outcome *o, const int64_t *d, unsigned flags)
{
    tensor *x = ad_leaf(tx_scale(tx_normal(DIMS(d[0], d[1]), 1), 5)), *y = tx_log_softmax(x);

    add_part(o, y);
    add_gradients(o, y, 1, &x, flags);
}

static void run_batchnorm(outcome *o, const int64_t *d, unsigned flags)
{
    tensor *mean, *var,
        *x[3] = {ad_leaf(tx_affine(tx_normal(DIMS(d[0], d[1]), 1), 2, 3)),
                 ad_leaf(tx_affine(tx_uniform(DIMS(d[1]), 2), 1, 0.5)), ad_leaf(tx_normal(DIMS(d[1]), 3))};
    tensor *y = tx_batchnorm(x[0], x[1], x[2], 0.01, &mean, &var);

    add_part(o, y);
    add_part(o, mean);
    add_part(o, var);
    add_gradients(o, y, 3, x, flags);
}

static void run_maxpool(outcome *o, const int64_t *d, unsigned flags)
{
    tensor *x = ad_leaf(tx_normal(DIMS(d[0], d[1], d[2], d[3]), 1));

    if (d[5] != d[6])
        return; /* tx_maxpool's windows are square */
    add_gradients(o, tx_maxpool(x, (int)d[5], (int)d[7], (int)d[8]), 1, &x, flags);
}

static void sgd_steps(outcome *o, const int64_t *d, bool nesterov)
{
    tensor *w = tx_normal(DIMS(d[0]), 1), *v = tx_full(DIMS(d[0]), 0);

    for (uint64_t i = 0; i < 3; i++)
        tx_sgd(w, v, tx_normal(DIMS(d[0]), 2 + i), 0.1, 0.9, 0.05, nesterov);
    add_part(o, w);
    add_part(o, v);
}

static void run_sgd(outcome *o, const int64_t *d, unsigned flags)
{
    (void)flags;
    sgd_steps(o, d, false);
}

static void run_nesterov(outcome *o, const int64_t *d, unsigned flags)
{
    (void)flags;
    sgd_steps(o, d, true);
}

/* The similarities, and those that the rows named really have: two rows that
 * differ in the last bit may change places. */
static void run_nearest(outcome *o, const int64_t *d, unsigned flags)
{
    tensor *a = tx_normal(DIMS(d[0], d[2]), 1), *c = tx_normal(DIMS(d[1], d[2]), 2), *i;

    (void)flags;
    add_part(o, tx_nearest(a, c, d[3], &i));
    add_part(o, tx_pick(tx_matmul(a, c, 0, 1), i));
}

static const struct fusion {
    const char *name;
    enum case_family family;
    void (*run)(outcome *o, const int64_t *d, unsigned flags);
    bool differentiates;
    size_t entry; /* offset in bk_api */
} fusions[] = {
    {"log_softmax", CASE_ROWS, run_log_softmax, true, offsetof(bk_api, log_softmax_grad)},
    {"batchnorm", CASE_NORM, run_batchnorm, true, offsetof(bk_api, bn_grad)},
    {"maxpool", CASE_POOL, run_maxpool, true, offsetof(bk_api, pool_max_t)},
    {"sgd", CASE_VECTOR, run_sgd, false, offsetof(bk_api, sgd)},
    {"sgd nesterov", CASE_VECTOR, run_nesterov, false, offsetof(bk_api, sgd)},
    {"nearest", CASE_NEAREST, run_nearest, false, offsetof(bk_api, nearest)},
};

/* --- One comparison --- */

static outcome run_once(const struct fusion *f, const int64_t *d, bool fused, unsigned flags)
{
    outcome o = {0};
    bool was = engine_fused(fused);

    calls = gradient_calls = 0;
    tx_open();
    f->run(&o, d, flags);
    tx_close();
    engine_fused(was);
    return o;
}

static int64_t same_numbers(const char *what, const outcome *a, const outcome *b, double tolerance)
{
    int64_t compared = 0;

    assert_int_equal(a->n, b->n);
    for (int i = 0; i < a->n; i++) {
        double scale = 0;
        assert_int_equal(a->count[i], b->count[i]);
        for (int64_t j = 0; j < a->count[i]; j++)
            scale = fmax(scale, fabs((double)a->at[i][j]));
        for (int64_t j = 0; j < a->count[i]; j++, compared++)
            if (!(fabs((double)a->at[i][j] - (double)b->at[i][j]) <= tolerance * scale) &&
                !(isnan(a->at[i][j]) && isnan(b->at[i][j]))) /* the mean of nothing */
                fail_msg("%s: result %d[%lld]: %.9g fused, %.9g composed (scale %g)", what, i, (long long)j,
                         (double)a->at[i][j], (double)b->at[i][j], scale);
    }
    return compared;
}

static void forget(outcome *o)
{
    for (int i = 0; i < o->n; i++)
        free(o->at[i]);
}

static int64_t compare_shape(const struct fusion *f, const int64_t *d, double tolerance)
{
    char what[96];
    int n = snprintf(what, sizeof what, "%s", f->name);

    for (int i = 0; i < case_shapes[f->family].extents; i++)
        n += snprintf(what + n, sizeof what - (size_t)n, "%s%lld", i ? "x" : " ", (long long)d[i]);
    outcome fused = run_once(f, d, true, 0);
    if (fused.n && fused.count[0] && (f->differentiates ? gradient_calls : calls) == 0)
        fail_msg("%s: the fused entry was not called", what);
    outcome composed = run_once(f, d, false, 0);
    assert_int_equal(calls + gradient_calls, 0);
    int64_t compared = same_numbers(what, &fused, &composed, tolerance);
    if (f->differentiates) {
        outcome created = run_once(f, d, true, AD_CREATE);
        assert_int_equal(gradient_calls, 0); /* AD_CREATE always composes */
        compared += same_numbers(what, &created, &composed, tolerance);
        forget(&created);
    }
    forget(&fused);
    forget(&composed);
    return compared;
}

typedef struct trial {
    const struct fusion *f;
    double tolerance;
} trial;

static void holds_composition(void **state)
{
    const trial *t = *state;
    const struct case_shapes *s = &case_shapes[t->f->family];
    int64_t compared = 0;

    for (int i = 0; i < s->count; i++)
        if (case_size(t->f->family, s->shape[i].d) < 4000000)
            compared += compare_shape(t->f, s->shape[i].d, t->tolerance);
    assert_true(compared > 100);
}

/* Every fused entry that the open device has; returns how many failed. */
static int compare_all_fusions(double tolerance)
{
    enum { MOST = sizeof fusions / sizeof *fusions };
    static const char none[sizeof(void (*)(void))];
    struct CMUnitTest tests[MOST];
    trial trials[MOST];
    char group[64];
    size_t n = 0;

    count_calls();
    for (size_t i = 0; i < MOST; i++) {
        if (memcmp((const char *)real_api + fusions[i].entry, none, sizeof none) == 0)
            continue;
        trials[n] = (trial){&fusions[i], tolerance};
        tests[n] = (struct CMUnitTest){fusions[i].name, holds_composition, NULL, NULL, &trials[n]};
        n++;
    }
    snprintf(group, sizeof group, "fused %s", real_api->name);
    int failed = n == 0 || _cmocka_run_group_tests(group, tests, n, NULL, NULL);
    engine.api = real_api;
    return failed;
}

#endif
