/* orders.c - whole expressions against differences, in double: small networks,
 * gradients inside a loss, a gradient of a gradient of a gradient, an operation
 * that is replayed, and what reaches the parameters. */
#include "differences.h"

/* --- A network: x, two filters, scale and shift, a linear layer --- */

enum { X, W1, GAMMA, BETA, W2, LINEAR, BIAS, INPUTS };

static const variable network_inputs[INPUTS] = {
    [X] = {.d = {4, {3, 7, 6, 2}}}, [W1] = {.d = {4, {4, 3, 3, 2}}}, [GAMMA] = {.d = {1, {4}}, .kind = POSITIVE},
    [BETA] = {.d = {1, {4}}},       [W2] = {.d = {4, {3, 2, 2, 4}}}, [LINEAR] = {.d = {2, {5, 3}}},
    [BIAS] = {.d = {1, {5}}},
};

static tensor *labels(void)
{
    return tx_index(DIMS(3, 1), (const int32_t[]){4, 0, 2});
}

static tensor *logits(tensor *const x[])
{
    tensor *t = tx_conv(x[X], x[W1], 1, 1);
    t = tx_relu(tx_batchnorm(t, x[GAMMA], x[BETA], 1e-3, NULL, NULL));
    t = tx_maxpool(t, 3, 2, 1); /* windows overlap */
    t = tx_concat_cols(tx_slice_cols(t, 2, 2), tx_slice_cols(t, 0, 2));
    t = tx_conv(tx_add(t, tx_affine(t, 0.5, 1)), x[W2], 2, 1); /* a branch that meets itself */
    t = tx_flat(tx_avgpool(t, 2, 1, 0));
    t = tx_slice_cols(t, 0, 3);
    return tx_add(tx_matmul(t, x[LINEAR], 0, 1), x[BIAS]);
}

static tensor *log_probabilities(tensor *const x[], const void *about)
{
    (void)about;
    return tx_log_softmax(logits(x));
}

static tensor *loss(tensor *const x[])
{
    return tx_nll(logits(x), labels());
}

/* Cross-entropy plus the norm of its gradient by the input. */
static tensor *penalised(tensor *const x[], const void *about)
{
    tensor *l = loss(x), *g;

    (void)about;
    ad_grad(l, 1, &x[X], &g, AD_CREATE | AD_RETAIN);
    return tx_add(l, tx_mean(tx_rownorm(tx_flat(g))));
}

/* The same, by every parameter. */
static tensor *flatness(tensor *const x[], const void *about)
{
    tensor *l = tx_mean(tx_lse(logits(x))), *g[INPUTS], *sum = tx_full(DIMS(1), 0);

    (void)about;
    ad_grad(l, INPUTS, x, g, AD_CREATE);
    for (int i = 0; i < INPUTS; i++)
        sum = tx_add(sum, tx_mean(tx_square(g[i])));
    return tx_sum(sum);
}

static tensor *smooth(tensor *const x[])
{
    tensor *t = tx_exp(tx_scale(tx_conv(x[0], x[1], 2, 1), 0.3));
    return tx_mean(tx_lse(tx_log_softmax(tx_flat(tx_mul(t, t)))));
}

/* By x, of the gradient's square, whose gradient's square is the result. */
static tensor *third(tensor *const x[], const void *about)
{
    tensor *y = smooth(x), *g;

    (void)about;
    for (int order = 0; order < 2; order++) {
        ad_grad(y, 1, x, &g, AD_CREATE);
        y = tx_sum(tx_square(g));
    }
    ad_grad(y, 1, x, &g, AD_CREATE);
    return g;
}

static void check(const char *name, computed *f, int n, const variable *x)
{
    assert_true(hold_against_differences(name, f, NULL, n, x) > 8 * n);
}

static void network(void **state)
{
    (void)state;
    check("a network", log_probabilities, INPUTS, network_inputs);
}

static void gradient_in_the_loss(void **state)
{
    (void)state;
    check("gradient by the input in the loss", penalised, INPUTS, network_inputs);
    check("gradient by the parameters in the loss", flatness, INPUTS, network_inputs);
}

static void gradient_of_a_gradient_of_a_gradient(void **state)
{
    static const variable x[] = {{.d = {4, {2, 4, 5, 2}}}, {.d = {4, {2, 3, 3, 2}}}};

    (void)state;
    check("third order", third, 2, x);
}

/* --- An operation of one's own, differentiated through its composition --- */

static tensor *compose(tensor *const in[], void *data)
{
    (void)data;
    return tx_batchnorm(tx_conv(in[0], in[1], 1, 1), in[2], in[2], 1e-2, NULL, NULL);
}

static void replay(step *s)
{
    ad_replay(s, compose, NULL);
}

/* Its forward pass leaves no history but this one node. */
static tensor *fused(tensor *const in[])
{
    static const rule r = {"fused", replay, NULL};
    int recording = ad_record(0);
    tensor *y = compose(in, NULL);

    ad_record(recording);
    ad_node(y, &r, 3, 3, in);
    return y;
}

/* Twice in a row with the same weights, so that what the second is given
 * depends on the weights too: only partial derivatives are right. */
static tensor *fused_twice(tensor *const x[], const void *about)
{
    tensor *y = fused(x);

    (void)about;
    return fused((tensor *[]){y, x[1], x[2]});
}

static void replayed(void **state)
{
    static const variable x[] = {
        {.d = {4, {2, 4, 3, 3}}}, {.d = {4, {3, 3, 3, 3}}}, {.d = {1, {3}}, .kind = POSITIVE}};

    (void)state;
    check("replayed", fused_twice, 3, x);
}

/* --- Parameters --- */

/* Three parameters in one vector: what ad_backward adds is what ad_grad finds. */
static void backward_adds_to_the_parameters(void **state)
{
    (void)state;
    tx_open();
    tensor *w = tx_normal(DIMS(4 * 3 + 4 + 2), 3), *sum = tx_full(DIMS(18), 0.25);
    tensor *p[3] = {tx_view(w, 0, DIMS(4, 3)), tx_view(w, 12, DIMS(4)), tx_view(w, 16, DIMS(2))}, *g[3];
    ad_parameter(p[0], tx_view(sum, 0, DIMS(4, 3)));
    ad_parameter(p[1], tx_view(sum, 12, DIMS(4)));
    ad_parameter(p[2], tx_view(sum, 16, DIMS(2))); /* takes no part */

    tensor *x = tx_normal(DIMS(5, 3), 4);
    tensor *y = tx_mean(tx_lse(tx_add(tx_matmul(x, p[0], 0, 1), p[1])));
    ad_grad(y, 3, p, g, AD_RETAIN);
    ad_backward(y);
    assert_true(isfinite(tx_item(y))); /* the loss itself is not given back */
    y = tx_mean(tx_lse(tx_add(tx_matmul(x, p[0], 0, 1), p[1])));
    ad_backward(y);

    real expected[18] = {0}, found[18];
    tx_read(g[0], expected);
    tx_read(g[1], expected + 12);
    tx_read(sum, found);
    for (int i = 0; i < 18; i++)
        assert_true(fabs(found[i] - (0.25 + 2 * expected[i])) < 1e-12);
    assert_true(fabs(expected[0]) > 0 && fabs(expected[15]) > 0);
    tx_close();
}

static void parameters_may_want_none(void **state)
{
    (void)state;
    tx_open();
    tensor *w = tx_normal(DIMS(4, 3), 3), *sum = tx_full(DIMS(4, 3), 0);
    tensor *p = tx_view(w, 0, DIMS(4, 3)), *x = tx_normal(DIMS(5, 3), 4), *g;
    ad_parameter(p, sum);
    bool was = engine_parameters(false);
    assert_null(tx_matmul(x, p, 0, 1)->node);
    tensor *leaf = ad_leaf(x), *y = tx_sum(tx_square(tx_matmul(leaf, p, 0, 1)));
    ad_grad(y, 1, &leaf, &g, 0);
    assert_true(tx_item(tx_sum(tx_square(g))) > 0);
    engine_parameters(was);
    assert_true(was && tx_matmul(x, p, 0, 1)->node);
    tx_close();
}

static void recording_can_be_off(void **state)
{
    (void)state;
    tx_open();
    tensor *x = ad_leaf(tx_full(DIMS(2), 3));
    assert_int_equal(ad_record(0), 1);
    assert_null(tx_square(x)->node);
    assert_int_equal(ad_record(1), 0);
    assert_non_null(tx_square(x)->node);
    assert_null(ad_detach(tx_square(x))->node);
    tx_close();
}

/* What y does not depend on has a gradient of zeros; an interior result can be
 * asked for, and gradients asked for together do not share memory. */
static void asked_for_by_name(void **state)
{
    (void)state;
    tx_open();
    tensor *x = ad_leaf(tx_full(DIMS(2), 3)), *other = ad_leaf(tx_full(DIMS(3), 1)), *h = tx_square(x);
    tensor *y = tx_sum(tx_add(h, h)), *g[3];
    ad_grad(y, 3, (tensor *[]){x, other, h}, g, 0);
    assert_true(tx_item(tx_sum(g[0])) == 24 && tx_item(tx_sum(g[1])) == 0 && tx_item(tx_sum(g[2])) == 4);

    tensor *a = ad_leaf(x), *b = ad_leaf(x);
    ad_grad(tx_sum(tx_add(a, b)), 2, (tensor *[]){a, b}, g, 0);
    tx_axpy(g[0], 1, g[1]);
    assert_true(tx_item(tx_sum(g[0])) == 4 && tx_item(tx_sum(g[1])) == 2);
    tx_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network),
        cmocka_unit_test(gradient_in_the_loss),
        cmocka_unit_test(gradient_of_a_gradient_of_a_gradient),
        cmocka_unit_test(replayed),
        cmocka_unit_test(backward_adds_to_the_parameters),
        cmocka_unit_test(parameters_may_want_none),
        cmocka_unit_test(recording_can_be_off),
        cmocka_unit_test(asked_for_by_name),
    };
    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    device_close();
    return failed;
}
