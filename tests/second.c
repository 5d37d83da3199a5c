/* second.c - gradients of gradients through whole networks: the cpu backend's
 * plans against the same layers composed of public operations, to third order;
 * and training steps that ask for them, which end up allocating nothing. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/network.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int set_up(void **state)
{
    (void)state;
    char kernels[4200];
    const char *build = getenv("B");
    snprintf(kernels, sizeof kernels, "%s/kernels", build ? build : "build");
    setenv("OODBENCH_KERNELS", kernels, 1);
    setenv("OMP_NUM_THREADS", "1", 0); /* threads that wait for each other by spinning lose a busy machine */
    return 0;
}

/* --- The device, its second-order plans counted --- */

static bk_api counted;
static const bk_api *original;
static int bends;

static void count_bend(bk *b, bk_plan *p, real *ddy, real *dx, real *dw, const real *v, void *kept, void *more,
                       const real *x, const real *w)
{
    bends++;
    original->plan_bend(b, p, ddy, dx, dw, v, kept, more, x, w);
}

static net *open_net(const char *name)
{
    net *n = NULL;
    if (device_open("cpu", 0) != 0 || nn_build(&n, name, 10, 7) != 0)
        fail_msg("%s", fault_text());
    original = engine.api;
    counted = *original;
    counted.plan_bend = count_bend;
    engine.api = &counted;
    bends = 0;
    return n;
}

static void close_net(net *n)
{
    nn_free(n);
    engine.api = original;
    device_close();
}

/* Shifts before each ReLU of three deviations, up or down: values near zero are
 * rare then, and sums in another order hardly ever tip one over. */
static void shift(net *n)
{
    int recording = ad_record(0);
    tx_open();
    for (int i = 0; i < n->nparts; i++)
        if (n->parts[i].kind == PART_BETA)
            tx_assign(n->parts[i].view, tx_scale(tx_sign(tx_normal(n->parts[i].d, 100 + (uint64_t)i)), 3));
        else if (n->parts[i].kind == PART_GAMMA)
            tx_assign(n->parts[i].view, tx_affine(tx_uniform(n->parts[i].d, 500 + (uint64_t)i), 0.4, 0.8));
    tx_close();
    ad_record(recording);
}

/* --- Against the composition --- */

typedef struct outcome {
    int64_t nx, nw;
    real *x, *w; /* the gradients of what was asked for, by the images and the parameters */
} outcome;

static real *values(const tensor *t)
{
    real *v = pool_host(((size_t)(tx_rows(t) * tx_cols(t)) + 1) * sizeof *v);
    tx_read(t, v);
    return v;
}

static tensor *norm_of_slope(tensor *y, tensor *x)
{
    tensor *g;
    ad_grad(y, 1, &x, &g, AD_CREATE);
    return tx_sum(tx_square(g));
}

typedef struct row {
    const char *name, *net;
    int64_t images;
    int order, cut; /* cut: the stage where one range ends and another begins, 0: one range */
    int bends;      /* calls expected of plans */
    double most;
} row;

static outcome differentiated(const row *r, bool fused)
{
    net *n = open_net(r->net);
    outcome o = {.nx = r->images * nn_side(n) * nn_side(n) * 3, .nw = nn_parameters(n)};
    bool was = engine_fused(fused);
    nn_mode(n, NN_FROZEN);
    shift(n);
    tx_open();
    tx_fill(nn_grads(n), 0);
    tensor *x = ad_leaf(tx_normal(DIMS(r->images, nn_side(n), nn_side(n), 3), 11)), *dx;
    tensor *z = r->cut ? nn_run(n, nn_run(n, x, 0, r->cut), r->cut, nn_stages(n)) : nn_forward(n, x);
    tensor *y = tx_sum(tx_lse(z)); /* bent by itself: dy depends on the images */
    for (int order = 1; order < r->order; order++)
        y = norm_of_slope(y, x);
    ad_grad(y, 1, &x, &dx, AD_RETAIN);
    o.x = values(dx);
    ad_backward(y);
    o.w = values(nn_grads(n));
    tx_close();
    engine_fused(was);
    assert_int_equal(bends, fused ? r->bends : 0);
    close_net(n);
    return o;
}

static void assert_near(const char *what, const real *is, const real *right, int64_t n, double most)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)is[i] - (double)right[i];
        error += d * d;
        norm += (double)right[i] * (double)right[i];
    }
    assert_true(norm > 0);
    print_message("  by the %s: %.1e apart\n", what, sqrt(error / norm));
    assert_true(error <= most * most * norm);
}

/* The walk for the images and the one for the parameters each bend every range;
 * at third order the gradient that reaches the result is one more. A sum that
 * Winograd's algorithm rounds otherwise may tip a ReLU. */
static const row rows[] = {
    {"resnet20", "resnet20", 3, 2, 0, 2, 1e-4},
    {"resnet20 in two ranges", "resnet20", 2, 2, 2, 4, 1e-4},
    {"resnet18", "resnet18-32", 3, 2, 0, 2, 1e-4},
    {"resnet18, Winograd", "resnet18-32", 16, 2, 0, 2, 1e-2},
    {"wrn", "wrn-40-2", 2, 2, 0, 2, 1e-4},
    {"densenet", "densenet-100-12", 2, 2, 0, 2, 1e-4},
    {"resnet20, third order", "resnet20", 2, 3, 0, 4, 5e-3},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void agrees(void **given)
{
    const row *r = *given;
    outcome plans = differentiated(r, true), composed = differentiated(r, false);
    assert_near("images", plans.x, composed.x, plans.nx, r->most);
    assert_near("parameters", plans.w, composed.w, plans.nw, r->most);
    free(plans.x);
    free(plans.w);
    free(composed.x);
    free(composed.w);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (int i = 0; i < ROWS; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, agrees, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return _cmocka_run_group_tests("second", tests, ROWS, set_up, NULL);
}
