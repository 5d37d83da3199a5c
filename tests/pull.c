/* pull.c - the gradient of an evaluating network by its input, as plans have it,
 * against the composed one: every network, whole and in parts. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/network.h"
#include "../kernels/random.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 2 };

/* Norms that differ from channel to channel, with negative factors as well. */
static void unsettle(net *n)
{
    for (int i = 0; i < n->nparts; i++) {
        const net_part *p = &n->parts[i];
        real *values = pool_host((size_t)p->count * sizeof *values);
        if (p->kind == PART_GAMMA || p->kind == PART_BETA || net_is_parameter(p) == 0) {
            for (int64_t j = 0; j < p->count; j++) {
                double u = (double)random_uniform(random_stream(7, (uint64_t)i), (uint64_t)j);
                values[j] = (real)(p->kind == PART_VARIANCE ? 0.5 + u
                                   : p->kind == PART_GAMMA  ? (j % 5 ? 0.5 + u : -0.5 - u)
                                                            : 0.4 * (u - 0.5));
            }
            tx_open();
            tx_assign(p->view, tx_from(p->d, values));
            tx_close();
        }
        free(values);
    }
}

/* The result of stages `from` to `to`, and the gradient of its weighted sum. */
static void pull(net *n, tensor *x, int from, int to, bool fused, real **y, real **dx)
{
    bool was = engine_fused(fused);
    tx_open();
    tensor *leaf = ad_leaf(x), *g, *out = nn_run(n, leaf, from, to);
    tensor *weights = tx_normal(tx_dims(out), 5);
    *y = pool_host((size_t)(tx_rows(out) * tx_cols(out)) * sizeof **y);
    *dx = pool_host((size_t)(tx_rows(x) * tx_cols(x)) * sizeof **dx);
    tx_read(out, *y);
    ad_grad(tx_sum(tx_mul(out, weights)), 1, &leaf, &g, 0);
    tx_read(g, *dx);
    tx_close();
    engine_fused(was);
}

/* By length, and with room: where a sum lies at a ReLU's edge, rounding decides
 * whether a gradient passes there. A forgotten mask or factor is tenths apart. */
static void same(const char *what, const real *a, const real *b, int64_t n, double tolerance)
{
    double apart = 0, length = 0;
    for (int64_t i = 0; i < n; i++) {
        apart += pow((double)a[i] - (double)b[i], 2);
        length += pow((double)b[i], 2);
    }
    if (!(length > 0 && sqrt(apart / length) < tolerance))
        fail_msg("%s: %g apart, %g long", what, sqrt(apart), sqrt(length));
}

static void compare(net *n, int from, int to)
{
    char what[128];
    real *y[2], *dx[2];
    bk_window in = net_out(n, n->stages[from].layer - 1);
    tx_open();
    tensor *x = tx_normal(DIMS(IMAGES, in.p, in.q, in.k), 3);
    for (int fused = 0; fused < 2; fused++)
        pull(n, x, from, to, fused, &y[fused], &dx[fused]);
    snprintf(what, sizeof what, "%s, stages %d to %d", nn_name(n), from, to);
    tensor *again = nn_run(n, x, from, to);
    same(what, y[1], y[0], tx_rows(again) * tx_cols(again), 1e-5);
    same(what, dx[1], dx[0], tx_rows(x) * tx_cols(x), 0.03);
    tx_close();
    for (int fused = 0; fused < 2; fused++) {
        free(y[fused]);
        free(dx[fused]);
    }
}

static void networks(void **state)
{
    (void)state;
    for (int i = 0; nn_known(i); i++) {
        net *n;
        if (strstr(nn_known(i), "224") && tested_small())
            continue;
        assert_int_equal(nn_build(&n, nn_known(i), 10, 1), 0);
        unsettle(n);
        bool wanted = engine_parameters(false);
        compare(n, 0, nn_stages(n));
        for (int from = 0; from < nn_stages(n) - 1; from++)
            compare(n, from, from + 1);
        engine_parameters(wanted);
        nn_free(n);
    }
}

/* Twice differentiated, and with parameters that want gradients, it is composed. */
static void other_gradients(void **state)
{
    (void)state;
    net *n;
    real got[2][4];
    assert_int_equal(nn_build(&n, "resnet20", 10, 1), 0);
    unsettle(n);
    for (int fused = 0; fused < 2; fused++) {
        bool was = engine_fused(fused);
        for (int parameters = 0; parameters < 2; parameters++) {
            bool wanted = engine_parameters(parameters);
            tx_open();
            tensor *x = ad_leaf(tx_normal(DIMS(1, 32, 32, 3), 3)), *g, *gg;
            tensor *f = nn_forward(n, x);
            ad_grad(tx_sum(tx_mul(tx_square(f), f)), 1, &x, &g, AD_CREATE);
            tensor *length = tx_sum(tx_square(g));
            got[fused][2 * parameters] = (real)tx_item(length);
            ad_grad(length, 1, &x, &gg, 0);
            got[fused][2 * parameters + 1] = (real)tx_item(tx_sum(tx_square(gg)));
            tx_close();
            engine_parameters(wanted);
        }
        engine_fused(was);
    }
    for (int i = 0; i < 4; i++)
        same("squared lengths", &got[1][i], &got[0][i], 1, 0.03);
    nn_free(n);
}

static int begin(void **state)
{
    (void)state;
    tested_kernels();
    if (device_open(tested_device(), 0) == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

static int end(void **state)
{
    (void)state;
    device_close();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks),
        cmocka_unit_test(other_gradients),
    };
    return cmocka_run_group_tests_name("pull", tests, begin, end);
}
