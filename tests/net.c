/* net.c - networks: extents and counts of each against the published ones,
 * ranges of stages, the three modes, checkpoints there and back, and the cpu
 * backend with its plans against plain loops. */
#include "../harness/checkpoint.h"
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/file.h"
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
#include <unistd.h>

static char folder[4096], path[4200], other[4200];

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    tested_kernels();
    setenv("OMP_NUM_THREADS", "1", 0); /* threads that wait for each other by spinning lose a busy machine */
    snprintf(folder, sizeof folder, "%s/oodbench-net.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    snprintf(other, sizeof other, "%s/b.safetensors", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder);
}

static net *open_small(const char *device, const char *name, int64_t classes, int64_t side)
{
    net *n = NULL;
    if (device_open(device, 0) != 0 || net_build(&n, name, classes, side, 7) != 0)
        fail_msg("%s", fault_text());
    return n;
}

static net *open_net(const char *device, const char *name, int64_t classes)
{
    return open_small(device, name, classes, 0);
}

static void close_net(net *n)
{
    nn_free(n);
    device_close();
}

static tensor *images(const net *n, int64_t count)
{
    return tx_normal(DIMS(count, nn_side(n), nn_side(n), 3), 11);
}

static int64_t size(const tensor *t)
{
    return tx_rows(t) * tx_cols(t);
}

static real *values(const tensor *t)
{
    real *v = pool_host(((size_t)size(t) + 1) * sizeof *v);
    tx_read(t, v);
    return v;
}

/* |a - b| / |b|, Euclidean. */
static double apart(const real *a, const real *b, int64_t n)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        norm += (double)b[i] * (double)b[i];
    }
    assert_true(norm > 0);
    return sqrt(difference / norm);
}

static void assert_apart(const char *what, const real *a, const real *b, int64_t n, double most)
{
    double d = apart(a, b, n);
    if (!(d <= most))
        fail_msg("%s: %g apart, at most %g is expected", what, d, most);
}

/* Statistics and affine parameters that do something, the same on all devices. */
static void stir(net *n)
{
    int recording = ad_record(0);
    tx_open();
    tensor *w = nn_weights(n), *s = nn_stats(n);
    tx_assign(w, tx_mul(w, tx_affine(tx_uniform(tx_dims(w), 3), 0.4, 0.8)));
    tx_axpy(w, 0.02, tx_normal(tx_dims(w), 4));
    tx_assign(s, tx_mul(s, tx_affine(tx_uniform(tx_dims(s), 5), 1, 0.5)));
    tx_axpy(s, 0.05, tx_uniform(tx_dims(s), 6));
    tx_close();
    ad_record(recording);
}

/* ---- what the networks are ---- */

static const struct known {
    const char *name;
    int64_t features, parameters; /* with ten classes */
    const char *stages;
    int64_t side; /* of images small enough for plain loops; 0: the network's own */
} known[] = {
    {"resnet20", 64, 269722, "stem layer1 layer2 layer3 pool head", 0},
    {"resnet32", 64, 464154, "stem layer1 layer2 layer3 pool head", 0},
    {"resnet44", 64, 658586, "stem layer1 layer2 layer3 pool head", 0},
    {"resnet56", 64, 853018, "stem layer1 layer2 layer3 pool head", 0},
    {"resnet18-32", 512, 11173962, "stem layer1 layer2 layer3 layer4 pool head", 0},
    {"resnet18-64", 512, 11173962, "stem layer1 layer2 layer3 layer4 pool head", 24},
    {"resnet18-224", 512, 11181642, "stem layer1 layer2 layer3 layer4 pool head", 33},
    {"resnet34-224", 512, 21289802, "stem layer1 layer2 layer3 layer4 pool head", 33},
    {"resnet50-224", 2048, 23528522, "stem layer1 layer2 layer3 layer4 pool head", 33},
    {"wrn-40-2", 128, 2243546, "stem block1 block2 block3 pool head", 0},
    {"wrn-28-10", 640, 36479194, "stem block1 block2 block3 pool head", 8},
    {"densenet-100-12", 342, 769162, "stem block1 trans1 block2 trans2 block3 pool head", 0},
    {"densenet-121", 1024, 6964106,
     "stem denseblock1 transition1 denseblock2 transition2 denseblock3 transition3 denseblock4 pool head", 64},
};
enum { KNOWN = sizeof known / sizeof known[0] };

/* More, or wider, of a smaller network's blocks: not worth plain loops, nor a file. */
static bool repeats(int i)
{
    static const char *const names[] = {"resnet32",    "resnet44",     "resnet56",
                                        "resnet18-64", "resnet34-224", "wrn-28-10"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        if (strcmp(known[i].name, names[k]) == 0)
            return true;
    return false;
}

static void networks_have_published_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        net *n;
        assert_int_equal(net_outline(&n, known[i].name, 10, 0), 0);
        assert_string_equal(nn_known(i), known[i].name);
        assert_int_equal(nn_features(n), known[i].features);
        assert_int_equal(nn_parameters(n), known[i].parameters);
        char names[128], *next = names;
        snprintf(names, sizeof names, "%s", known[i].stages);
        int stages = 0;
        for (char *word; (word = strsep(&next, " ")); stages++)
            assert_int_equal(nn_stage(n, word), stages);
        assert_int_equal(nn_stages(n), stages);
        nn_free(n);
    }
    assert_null(nn_known(KNOWN));
    net *n = open_net("ref", "resnet20", 10);
    assert_int_equal(size(nn_weights(n)), nn_parameters(n));
    assert_int_equal(size(nn_grads(n)), nn_parameters(n));
    close_net(n);
    assert_int_equal(nn_build(&n, "resnet21", 10, 1), -1);
    assert_non_null(strstr(fault_text(), "resnet20"));
}

/* Stage by stage is the whole, and the ends have the extents net.h promises. */
static void stages_make_the_whole(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        if (repeats(i))
            continue;
        net *n = open_small("ref", known[i].name, 5, known[i].side);
        int recording = ad_record(0);
        tx_open();
        stir(n);
        tensor *x = images(n, 2), *y = x, *f = nn_body(n, x), *z = nn_head(n, f);
        for (int s = 0; s < nn_stages(n); s++)
            y = nn_run(n, y, s, s + 1);
        assert_true(tx_same_dims(tx_dims(f), DIMS(2, known[i].features)));
        assert_true(tx_same_dims(tx_dims(y), DIMS(2, 5)));
        real *a = values(y), *b = values(z);
        assert_memory_equal(a, b, 10 * sizeof *a);
        free(a);
        free(b);
        tx_close();
        ad_record(recording);
        close_net(n);
    }
}

/* ---- first values ---- */

static void first_values_depend_on_the_seed_alone(void **state)
{
    char a[65], b[65], c[65];
    net *n = open_net("ref", "resnet20", 10), *m;
    (void)state;
    nn_digest(n, a);
    assert_int_equal(nn_build(&m, "resnet20", 10, 8), 0);
    nn_digest(m, b);
    assert_string_not_equal(a, b);
    nn_free(m);
    close_net(n);
    n = open_net(tested_device(), "resnet20", 10);
    nn_digest(n, c);
    assert_string_equal(a, c);
    close_net(n);
}

/* He et al.: variance 2 / (filters x 3 x 3); the head within 1 / sqrt(features). */
static void first_values_have_their_spread(void **state)
{
    net *n = open_net("ref", "resnet18-32", 10);
    real *w = values(nn_weights(n)), *h = values(nn_head_weight(n));
    const int64_t first = 64 * 27 + 2 * 64, count = 64 * 64 * 9; /* layer1.0.conv1 */
    double sum = 0, most = 0;
    (void)state;
    for (int64_t i = 0; i < count; i++)
        sum += (double)w[first + i] * (double)w[first + i];
    assert_true(fabs(sum / (double)count / (2.0 / (64 * 9)) - 1) < 0.03);
    for (int64_t i = 0; i < size(nn_head_weight(n)); i++)
        most = fmax(most, fabs((double)h[i]));
    assert_true(most < 1 / sqrt(512) && most > 0.99 / sqrt(512));
    free(w);
    free(h);
    close_net(n);
}

/* ---- modes ---- */

/* Running statistics of the stem after one batch, from its convolution's values. */
static void statistics_follow_the_sample(void **state)
{
    enum { N = 3, C = 16, M = N * 32 * 32 };
    const char *const devices[] = {"ref", tested_device()};
    (void)state;
    for (int d = 0; d < 2; d++) {
        net *n = open_net(devices[d], "resnet20", 10);
        tx_open();
        stir(n);
        tensor *x = images(n, N),
               *w = tx_reshape(tx_slice(tx_reshape(nn_weights(n), DIMS(nn_parameters(n), 1)), 0, C * 27),
                               DIMS(C, 3, 3, 3));
        real *y = values(tx_conv(x, w, 1, 1)), *before = values(nn_stats(n));
        nn_mode(n, NN_FROZEN);
        nn_run(n, x, 0, 1);
        real *frozen = values(nn_stats(n));
        assert_memory_equal(before, frozen, (size_t)size(nn_stats(n)) * sizeof *before);
        assert_int_equal(nn_mode(n, NN_TRAIN), NN_FROZEN);
        nn_run(n, x, 0, 1);
        real *after = values(nn_stats(n));
        for (int c = 0; c < C; c++) {
            double mean = 0, var = 0;
            for (int i = 0; i < M; i++)
                mean += (double)y[i * C + c] / M;
            for (int i = 0; i < M; i++)
                var += ((double)y[i * C + c] - mean) * ((double)y[i * C + c] - mean) / (M - 1);
            assert_float_equal(after[c], 0.9 * (double)before[c] + 0.1 * mean, 1e-5);
            assert_float_equal(after[C + c], 0.9 * (double)before[C + c] + 0.1 * var, 1e-5);
        }
        int64_t rest = size(nn_stats(n)) - 2 * C;
        assert_memory_equal(before + 2 * C, after + 2 * C, (size_t)rest * sizeof *before);
        free(y);
        free(before);
        free(frozen);
        free(after);
        tx_close();
        close_net(n);
    }
}

/* What one training step leaves behind. */
typedef struct outcome {
    real *logits, *grads, *stats, *dx;
    int64_t n, ngrads, nstats, nx;
} outcome;

/* Shifts before each ReLU of three deviations, up or down: values near zero are
 * rare then, and sums in another order hardly ever tip one over. */
static void shift(net *n)
{
    int recording = ad_record(0);
    tx_open();
    for (int i = 0; i < n->nparts; i++)
        if (n->parts[i].kind == PART_BETA)
            tx_assign(n->parts[i].view, tx_scale(tx_sign(tx_normal(n->parts[i].d, 100 + (uint64_t)i)), 3));
    tx_close();
    ad_record(recording);
}

static outcome train_once(net *n, int64_t count, unsigned norm_of_gradient)
{
    outcome o = {.n = count * nn_classes(n), .ngrads = nn_parameters(n), .nstats = size(nn_stats(n))};
    int32_t *labels = pool_host((size_t)count * sizeof *labels);
    for (int64_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i % nn_classes(n));
    nn_mode(n, NN_TRAIN);
    tx_open();
    stir(n);
    shift(n);
    tx_fill(nn_grads(n), 0);
    tensor *x = ad_leaf(images(n, count)), *z = nn_forward(n, x), *dx;
    tensor *loss = tx_nll(z, tx_index(DIMS(count, 1), labels));
    ad_grad(loss, 1, &x, &dx, norm_of_gradient ? AD_CREATE : AD_RETAIN);
    o.logits = values(z);
    o.dx = values(dx);
    o.nx = size(x);
    if (norm_of_gradient)
        loss = tx_add(loss, tx_scale(tx_sum(tx_square(dx)), 10));
    ad_backward(loss);
    o.grads = values(nn_grads(n));
    o.stats = values(nn_stats(n));
    tx_close();
    nn_mode(n, NN_EVAL);
    free(labels);
    return o;
}

static void free_outcome(outcome *o)
{
    free(o->logits);
    free(o->grads);
    free(o->stats);
    free(o->dx);
}

/* Sums in another order may still tip a single ReLU: gradients are looser. */
static void assert_same_outcome(const char *name, const outcome *a, const outcome *b)
{
    print_message("%s: logits %.1e statistics %.1e input %.1e parameters %.1e\n", name,
                  apart(a->logits, b->logits, b->n), apart(a->stats, b->stats, b->nstats),
                  apart(a->dx, b->dx, b->nx), apart(a->grads, b->grads, b->ngrads));
    assert_apart(name, a->logits, b->logits, b->n, 1e-4);
    assert_apart(name, a->stats, b->stats, b->nstats, 1e-5);
    assert_apart(name, a->dx, b->dx, b->nx, 5e-3);
    assert_apart(name, a->grads, b->grads, b->ngrads, 5e-3);
}

static outcome train_on(const char *device, bool fused, const struct known *k, unsigned norm_of_gradient)
{
    net *n = open_small(device, k->name, 10, k->side);
    bool was = engine_fused(fused);
    outcome o = train_once(n, 2, norm_of_gradient);
    engine_fused(was);
    close_net(n);
    return o;
}

static void compare_training(const struct known *k, unsigned norm_of_gradient)
{
    outcome judge = train_on("ref", false, k, norm_of_gradient);
    for (int fused = 0; fused < 2; fused++) {
        outcome o = train_on(tested_device(), fused, k, norm_of_gradient);
        assert_same_outcome(k->name, &o, &judge);
        free_outcome(&o);
    }
    free_outcome(&judge);
}

static void training_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++)
        if (!repeats(i))
            compare_training(&known[i], 0);
}

/* A gradient's norm in the loss: the recorded plan must replay as composed. */
static void second_order_passes_through_plans(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++)
        if (i == 0 || known[i].features > 512) /* the bottlenecks, and the joined */
            compare_training(&known[i], 1);
}

/* ---- evaluation ---- */

static real *evaluate(net *n, int64_t count)
{
    int recording = ad_record(0);
    tx_open();
    real *v = values(nn_forward(n, images(n, count)));
    tx_close();
    ad_record(recording);
    return v;
}

/* The device's plans and its composed layers, and plain loops; these only where
 * they have not met the same layers in a smaller network. */
static void compare_evaluation(const char *device, const struct known *k, const real *judge)
{
    net *n = open_small(device, k->name, 10, k->side);
    stir(n);
    bool was = engine_fused(false);
    real *composed = evaluate(n, 2);
    engine_fused(true);
    real *plans = evaluate(n, 2);
    engine_fused(was);
    close_net(n);
    assert_true(apart(composed, composed + 10, 10) > 1e-2); /* the images come through to the logits */
    assert_apart(k->name, plans, composed, 20, 1e-4);
    if (judge)
        assert_apart(k->name, composed, judge, 20, 1e-4);
    free(composed);
    free(plans);
}

static void evaluation_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        real *judge = NULL;
        if (!repeats(i)) {
            net *n = open_small("ref", known[i].name, 10, known[i].side);
            stir(n);
            judge = evaluate(n, 2);
            close_net(n);
        }
        compare_evaluation(tested_device(), &known[i], judge);
        free(judge);
    }
}

/* Folded weights must not outlive the weights they were made of. */
static void assert_plan_is_fresh(net *n, const char *after)
{
    real *plan = evaluate(n, 2);
    bool was = engine_fused(false);
    real *composed = evaluate(n, 2);
    engine_fused(was);
    assert_apart(after, plan, composed, 20, 1e-4);
    free(plan);
    free(composed);
}

static void plans_see_every_change(void **state)
{
    net *n = open_net(tested_device(), "resnet20", 10);
    (void)state;
    assert_plan_is_fresh(n, "building");
    stir(n);
    assert_plan_is_fresh(n, "tx_assign");
    assert_int_equal(nn_save(n, path, NULL), 0);
    tx_open();
    tx_axpy(nn_weights(n), 0.05, tx_normal(DIMS(nn_parameters(n)), 5));
    tx_close();
    assert_plan_is_fresh(n, "tx_axpy");
    tx_open();
    tx_sgd(nn_weights(n), tx_full(DIMS(nn_parameters(n)), 0), tx_normal(DIMS(nn_parameters(n)), 6), 0.05, 0.9, 0,
           true);
    tx_close();
    assert_plan_is_fresh(n, "tx_sgd");
    assert_int_equal(nn_load(n, path), 0);
    assert_plan_is_fresh(n, "nn_load");
    outcome o = train_once(n, 4, 0);
    free_outcome(&o);
    assert_plan_is_fresh(n, "statistics moving");
    close_net(n);
}

/* More batch sizes than plans are kept, recorded steps of two of them at once. */
static void plans_come_and_go(void **state)
{
    net *n = open_net(tested_device(), "resnet20", 10);
    (void)state;
    nn_mode(n, NN_FROZEN);
    tx_open();
    tensor *losses[12];
    for (int64_t i = 0; i < 12; i++)
        losses[i] = tx_sum(nn_forward(n, images(n, i + 1)));
    for (int i = 0; i < 12; i++)
        ad_backward(losses[i]);
    tx_close();
    real *together = values(nn_grads(n));
    tx_fill(nn_grads(n), 0);
    for (int64_t i = 0; i < 12; i++) {
        tx_open();
        ad_backward(tx_sum(nn_forward(n, images(n, i + 1))));
        tx_close();
    }
    real *apart_from_each_other = values(nn_grads(n));
    assert_apart("gradients", together, apart_from_each_other, nn_parameters(n), 1e-6);
    free(together);
    free(apart_from_each_other);
    close_net(n);
}

/* Scoring with input gradients: evaluation mode, parameters out of it. */
static void inputs_have_gradients_in_evaluation(void **state)
{
    real *g[2];
    (void)state;
    for (int d = 0; d < 2; d++) {
        net *n = open_net(d ? tested_device() : "ref", "resnet20", 10);
        stir(n);
        bool was = engine_parameters(false);
        tx_open();
        tensor *x = ad_leaf(images(n, 2)), *dx;
        ad_grad(tx_sum(tx_lse(nn_forward(n, x))), 1, &x, &dx, 0);
        g[d] = values(dx);
        tx_close();
        engine_parameters(was);
        close_net(n);
    }
    assert_apart("input gradient", g[1], g[0], 2 * 32 * 32 * 3, 1e-2);
    free(g[0]);
    free(g[1]);
}

/* ---- files ---- */

static void load_gives_back_what_save_wrote(void **state)
{
    (void)state;
    for (int i = 0; i < KNOWN; i++) {
        char a[65], b[65], x[65], y[65];
        if (repeats(i))
            continue;
        net *n = open_net("ref", known[i].name, 3), *m;
        stir(n);
        nn_digest(n, a);
        assert_int_equal(nn_save(n, path, (const char *const[]){"format", "pt", NULL}), 0);
        assert_int_equal(nn_build(&m, known[i].name, 3, 99), 0);
        if (nn_load(m, path) != 0)
            fail_msg("%s", fault_text());
        nn_digest(m, b);
        assert_string_equal(a, b);
        assert_int_equal(nn_save(m, other, (const char *const[]){"format", "pt", NULL}), 0);
        assert_int_equal(file_digest(x, path), 0);
        assert_int_equal(file_digest(y, other), 0);
        assert_string_equal(x, y);
        nn_free(m);
        close_net(n);
    }
}

/* PyTorch's names, and its order of extents: K,C,R,S. */
static void saves_in_pytorchs_layout(void **state)
{
    net *n = open_net("ref", "resnet20", 10);
    checkpoint *c;
    (void)state;
    assert_int_equal(nn_save(n, path, NULL), 0);
    assert_int_equal(checkpoint_open(&c, path), 0);
    assert_int_equal(checkpoint_count(c), 97);
    const checkpoint_tensor *t = checkpoint_find(c, "layer2.0.conv1.weight");
    assert_non_null(t);
    assert_non_null(checkpoint_find(c, "bn1.running_var"));
    assert_non_null(checkpoint_find(c, "linear.bias"));
    const int64_t extents[4] = {32, 16, 3, 3};
    assert_memory_equal(t->dims, extents, sizeof extents);
    t = checkpoint_find(c, "conv1.weight");
    float theirs[16 * 27];
    real *ours = values(nn_weights(n));
    assert_int_equal(checkpoint_floats(c, t, theirs), 0);
    for (int k = 0; k < 16; k++)
        for (int ch = 0; ch < 3; ch++)
            for (int rs = 0; rs < 9; rs++)
                assert_true(theirs[(k * 3 + ch) * 9 + rs] == ours[(k * 9 + rs) * 3 + ch]);
    free(ours);
    checkpoint_close(c);
    close_net(n);
}

/* Loads what `n` saved with one tensor renamed; the sentence must hold `words`. */
static void assert_misfit(net *n, const char *from, const char *to, const char *const words[])
{
    char *bytes, before[65], after[65];
    size_t size_of_file;
    nn_digest(n, before);
    assert_int_equal(nn_save(n, path, NULL), 0);
    assert_int_equal(file_read(path, &bytes, &size_of_file), 0);
    assert_int_equal(strlen(from), strlen(to));
    char *at = memmem(bytes, size_of_file, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    assert_int_equal(file_write(path, bytes, size_of_file), 0);
    free(bytes);
    assert_int_equal(nn_load(n, path), -1);
    for (int i = 0; words[i]; i++)
        if (!strstr(fault_text(), words[i]))
            fail_msg("expected '%s' in: %s", words[i], fault_text());
    assert_null(strchr(fault_text(), '\n'));
    nn_digest(n, after);
    assert_string_equal(before, after); /* nothing was loaded in part */
}

static void names_what_does_not_fit(void **state)
{
    net *n = open_net("ref", "resnet20", 10), *m;
    (void)state;
    assert_misfit(n, "\"bn1.weight\"", "\"bn9.weight\"",
                  (const char *const[]){"missing: bn1.weight [16]", "left over: bn9.weight [16]", NULL});
    assert_misfit(n, "[16,3,3,3]", "[3,16,3,3]",
                  (const char *const[]){"conv1.weight is [3,16,3,3], [16,3,3,3] was expected", NULL});
    assert_int_equal(nn_save(n, path, NULL), 0);
    assert_int_equal(nn_build(&m, "resnet20", 100, 1), 0);
    assert_int_equal(nn_load(m, path), -1);
    assert_non_null(strstr(fault_text(), "linear.weight is [10,64], [100,64] was expected"));
    nn_free(m);
    assert_int_equal(nn_build(&m, "resnet32", 10, 1), 0);
    assert_int_equal(nn_load(m, path), -1);
    assert_non_null(strstr(fault_text(), "missing: layer1.3.conv1.weight [16,16,3,3]"));
    assert_non_null(strstr(fault_text(), "and 57 more"));
    nn_free(m);
    assert_int_equal(nn_load(n, "/nowhere.pt"), -1);
    assert_non_null(strstr(fault_text(), "/nowhere.pt"));
    close_net(n);
}

static void published_formats_agree(void **state)
{
    const char *data = getenv("OODBENCH_DATA");
    char file[4200], a[65], b[65];
    (void)state;
    if (!data)
        skip();
    net *n = open_net("ref", "resnet20", 10);
    snprintf(file, sizeof file, "%s/pretrained/resnet20-12fca82f.th", data);
    assert_int_equal(nn_load(n, file), 0);
    nn_digest(n, a);
    stir(n);
    snprintf(file, sizeof file, "%s/pretrained/resnet20-cifar10.safetensors", data);
    assert_int_equal(nn_load(n, file), 0);
    nn_digest(n, b);
    assert_string_equal(a, b);
    close_net(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_have_published_sizes),
        cmocka_unit_test(stages_make_the_whole),
        cmocka_unit_test(first_values_depend_on_the_seed_alone),
        cmocka_unit_test(first_values_have_their_spread),
        cmocka_unit_test(statistics_follow_the_sample),
        cmocka_unit_test(training_agrees),
        cmocka_unit_test(second_order_passes_through_plans),
        cmocka_unit_test(evaluation_agrees),
        cmocka_unit_test(plans_see_every_change),
        cmocka_unit_test(plans_come_and_go),
        cmocka_unit_test(inputs_have_gradients_in_evaluation),
        cmocka_unit_test(load_gives_back_what_save_wrote),
        cmocka_unit_test(saves_in_pytorchs_layout),
        cmocka_unit_test(names_what_does_not_fit),
        cmocka_unit_test(published_formats_agree),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
