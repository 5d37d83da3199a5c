/* second.c - gradients of gradients through whole networks: the backend's
 * plans against the same layers composed of public operations, to third order;
 * and training steps that ask for them, which end up allocating nothing. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/network.h"
#include "tested.h"

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
    pool_check(true); /* guards around what plans write, and NaN where they read what nobody wrote */
    tested_kernels();
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
    if (device_open(tested_device(), 0) != 0 || nn_build(&n, name, 10, 7) != 0)
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
    bool bf16; /* where it is to be had: at first order */
} row;

static outcome differentiated(const row *r, bool fused)
{
    net *n = open_net(r->net);
    outcome o = {.nx = r->images * nn_side(n) * nn_side(n) * 3, .nw = nn_parameters(n)};
    bool was = engine_fused(fused);
    nn_mode(n, NN_FROZEN);
    nn_precision(n, r->bf16);
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
    assert_int_equal(bends, fused && original->plan_more ? r->bends : 0);
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
    {"resnet20", "resnet20", 3, 2, 0, 2, 1e-4, false},
    {"resnet20 in two ranges", "resnet20", 2, 2, 2, 4, 1e-4, false},
    {"resnet18", "resnet18-32", 3, 2, 0, 2, 1e-4, false},
    {"resnet18, Winograd", "resnet18-32", 16, 2, 0, 2, 1e-2, false},
    {"wrn", "wrn-40-2", 2, 2, 0, 2, 1e-4, false},
    {"densenet", "densenet-100-12", 2, 2, 0, 2, 1e-4, false},
    {"resnet20, third order", "resnet20", 2, 3, 0, 4, 5e-3, false},
    {"resnet20, bf16", "resnet20", 2, 2, 0, 2, 5e-2, true},
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

/* The same bits twice. */
static void repeats_itself(void **state)
{
    const row r = {"", "resnet20", 2, 2, 0, 2, 0, false};
    (void)state;
    outcome once = differentiated(&r, true), again = differentiated(&r, true);
    assert_memory_equal(once.x, again.x, (size_t)once.nx * sizeof(real));
    assert_memory_equal(once.w, again.w, (size_t)once.nw * sizeof(real));
    free(once.x);
    free(once.w);
    free(again.x);
    free(again.w);
}

/* Two recorded slopes of one plan, bent in the other order. */
static tensor *penalty_of(net *n, uint64_t seed)
{
    tensor *x = ad_leaf(tx_normal(DIMS(2, nn_side(n), nn_side(n), 3), seed));
    return norm_of_slope(tx_sum(tx_lse(nn_forward(n, x))), x);
}

static real *taken(net *n)
{
    real *g = values(nn_grads(n));
    tx_fill(nn_grads(n), 0);
    return g;
}

static void slopes_are_apart(void **state)
{
    net *n = open_net("resnet20");
    real *alone[2], *both[2];
    (void)state;
    nn_mode(n, NN_FROZEN);
    tx_fill(nn_grads(n), 0);
    for (uint64_t i = 0; i < 2; i++) {
        tx_open();
        ad_backward(penalty_of(n, i));
        alone[i] = taken(n);
        tx_close();
    }
    tx_open();
    tensor *first = penalty_of(n, 0), *second = penalty_of(n, 1);
    ad_backward(first);
    both[0] = taken(n);
    ad_backward(second);
    both[1] = taken(n);
    tx_close();
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(both[i], alone[i], (size_t)nn_parameters(n) * sizeof(real));
        free(both[i]);
        free(alone[i]);
    }
    close_net(n);
}

/* What is not a number shows in every gradient that it reaches. */
static void nan_shows(void **state)
{
    net *n = open_net("resnet20");
    (void)state;
    nn_mode(n, NN_FROZEN);
    tx_fill(nn_grads(n), 0);
    tx_open();
    tensor *x = ad_leaf(tx_full(DIMS(2, nn_side(n), nn_side(n), 3), (real)NAN));
    ad_backward(norm_of_slope(tx_sum(tx_lse(nn_forward(n, x))), x));
    real *g = taken(n);
    tx_close();
    assert_true(isnan(g[0]));
    free(g);
    close_net(n);
}

/* --- Steps that end up allocating nothing --- */

typedef struct trained {
    net *n;
    tensor *x, *y, *velocity;
} trained;

static tensor *cross_entropy(trained *t, tensor *x)
{
    return tx_nll(nn_forward(t->n, x), t->y);
}

static void plain(trained *t)
{
    ad_backward(cross_entropy(t, t->x));
}

static void sharpness_aware(trained *t)
{
    tensor *w = nn_weights(t->n), *g = nn_grads(t->n), *home = tx_copy(w);
    ad_backward(cross_entropy(t, t->x));
    tx_axpy(w, 0.05, tx_div(g, tx_sqrt(tx_affine(tx_sum(tx_square(g)), 1, 1e-24))));
    nn_mode(t->n, NN_FROZEN);
    tx_fill(g, 0);
    ad_backward(cross_entropy(t, t->x));
    nn_mode(t->n, NN_TRAIN);
    tx_assign(w, home);
}

static void gradient_penalty(trained *t)
{
    tensor *x = ad_leaf(t->x), *z = nn_forward(t->n, x), *energy = tx_mean(tx_lse(z)), *g;
    ad_grad(energy, 1, &x, &g, AD_CREATE | AD_RETAIN);
    ad_backward(tx_add(tx_nll(z, t->y), tx_mean(tx_rownorm(tx_flat(g)))));
}

/* `deep` scopes within each other, a tensor in each: nothing may hang on where a step stands. */
static void within(trained *t, void (*step_of)(trained *), int deep)
{
    tx_open();
    tx_full(DIMS(3), 1);
    if (deep) {
        within(t, step_of, deep - 1);
    } else {
        tx_fill(nn_grads(t->n), 0);
        step_of(t);
        tx_sgd(nn_weights(t->n), t->velocity, nn_grads(t->n), 0.01, 0.9, 5e-4, true);
    }
    tx_close();
}

static void allocates_nothing(void **given)
{
    void (*step_of)(trained *) = *(void (**)(trained *))given[0];
    int32_t labels[] = {1, 2, 3, 4};
    trained t = {.n = open_net("resnet20")};
    nn_mode(t.n, NN_TRAIN);
    tx_open();
    t.x = tx_normal(DIMS(4, nn_side(t.n), nn_side(t.n), 3), 1);
    t.y = tx_index(DIMS(4, 1), labels);
    t.velocity = tx_full(DIMS(nn_parameters(t.n)), 0);
    for (int i = 0; i < 3; i++)
        within(&t, step_of, 5 - i);
    pool_counts before = pool_counters();
    for (int i = 0; i < 6; i++)
        within(&t, step_of, i);
    assert_int_equal(pool_counters().allocations, before.allocations);
    assert_int_equal(pool_counters().held_peak, before.held_peak);
    assert_int_equal(pool_counters().tensors, before.tensors);
    tx_close();
    close_net(t.n);
}

static void (*const steps[])(trained *) = {plain, sharpness_aware, gradient_penalty};

int main(void)
{
    static const char *const step_names[] = {"plain steps", "SAM steps", "penalty steps"};
    struct CMUnitTest tests[ROWS + 6];
    int n = 0;
    for (int i = 0; i < ROWS; i++)
        tests[n++] = (struct CMUnitTest){rows[i].name, agrees, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(repeats_itself);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(slopes_are_apart);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nan_shows);
    for (int i = 0; i < 3; i++)
        tests[n++] = (struct CMUnitTest){step_names[i], allocates_nothing, NULL, NULL,
                                         (void *)(uintptr_t)&steps[i]};
    return _cmocka_run_group_tests("second", tests, (size_t)n, set_up, NULL);
}
