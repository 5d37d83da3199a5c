/* training.c - what training methods compute, against figures worked out by hand
 * (three classes, logits of the toy problem of tests/method.c), and what they do:
 * from one trained network each moves what it claims to move, further than plain
 * cross-entropy or the method it extends. Methods that differ in a parameter
 * alone must agree to the bit where that parameter makes them the same. */
#include "../harness/stream.h"
#include "../harness/train.h"
#include "../methods/ascent.h"
#include "../methods/box.h"
#include "../methods/clusters.h"
#include "../methods/scramble.h"
#include "trained.h"

enum { TRAIN = 48, VAL = 24, AUXILIARY = 48, BATCH = 12 };

static char start_path[4200];

/* ---- by hand ---- */

static const real toy_f[] = {2, 1, -1};

static tensor *toy_logits(void)
{
    return tx_from(DIMS(1, 3), toy_f);
}

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-5 * fmax(1, fabs(expected))))
        fail_msg("expected %.6g, found %.8g", expected, found);
}

static void near_all(const tensor *t, int n, const double *expected)
{
    real host[16];
    tx_read(t, host);
    for (int i = 0; i < n; i++)
        near((double)host[i], expected[i]);
}

static void uniform_by_hand(void **state)
{
    (void)state;
    tx_open();
    tensor *z = ad_leaf(toy_logits()), *g;
    tensor *ce = uniform_cross_entropy(z);
    near(tx_item(ce), 1.68235);
    ad_grad(ce, 1, &z, &g, 0);
    near_all(g, 3, (const double[]){0.705385 - 1.0 / 3, 0.259496 - 1.0 / 3, 0.035119 - 1.0 / 3});
    tx_close();
}

static void mixed_by_hand(void **state)
{
    (void)state;
    const int32_t label[] = {0};
    tx_open();
    near(tx_item(mixed_cross_entropy(toy_logits(), tx_index(DIMS(1, 1), label), 0.25)), 1.34901);
    tx_close();
}

static void margins_by_hand(void **state)
{
    (void)state;
    tx_open();
    tensor *in = tx_full(DIMS(1, 1), -20), *out = tx_full(DIMS(1, 1), -10);
    near(tx_item(energies(toy_logits())), -2.349012);
    near(0.1 * tx_item(energy_margins(in, out, -25, -7)), 3.4);
    near(tx_item(energy_margins(in, out, -20, -10)), 0); /* equality is no offence */
    near(tx_item(settled(in, out, -20, -10)), 0);
    near(tx_item(settled(in, out, -18, -13)), 3.0 - 2.0);
    tx_close();
}

/* dL/dw of L = (w_1^2 + 4 w_2^2) / 2. */
static tensor *quadratic_gradient(tensor *w)
{
    const real curvature[] = {1, 4};
    return tx_mul(w, tx_from(DIMS(2), curvature));
}

static void climbs(tensor *first, enum ascent_scale scale, const double *e, const double *second,
                   const double *after)
{
    const real start[] = {1, 1};
    tensor *w = tx_from(DIMS(2), start), *e_found = ascent_step(w, first, 0.1, scale);
    tensor *g = quadratic_gradient(tx_add(w, e_found));
    near_all(e_found, 2, e);
    near_all(g, 2, second);
    near_all(tx_sub(w, tx_scale(g, 0.1)), 2, after);
}

static void ascent_by_hand(void **state)
{
    (void)state;
    const real ones[] = {1, 1}, shifted[] = {3, 0}, w[] = {2, 0.5};
    tx_open();
    climbs(quadratic_gradient(tx_from(DIMS(2), ones)), ASCENT_PLAIN, (const double[]){0.0242536, 0.0970143},
           (const double[]){1.02425, 4.38806}, (const double[]){0.897575, 0.561194});
    climbs(tx_from(DIMS(2), shifted), ASCENT_PLAIN, (const double[]){0.1, 0}, (const double[]){1.1, 4},
           (const double[]){0.89, 0.6});
    /* w^2 g = (8, 0.5) over |(4, 1)| */
    tensor *at = tx_from(DIMS(2), w);
    near_all(ascent_step(at, quadratic_gradient(at), 0.5, ASCENT_ADAPTIVE), 2,
             (const double[]){4 / sqrt(17), 0.25 / sqrt(17)});
    near_all(ascent_step(at, tx_full(DIMS(2), 0), 0.5, ASCENT_PLAIN), 2, (const double[]){0, 0});
    tx_close();
}

/* The norm of dE/dx of f = W x + b and its derivatives, in closed form. */
static void gradient_norm_by_hand(void **state)
{
    (void)state;
    const real weight[] = {2, 0, 0, 2, -1, -1}, bias[] = {0, 0, 0.5}, image[] = {1, 0.5};
    tensor *g[2];
    tx_open();
    tensor *x = ad_leaf(tx_from(DIMS(1, 2), image));
    tensor *leaves[] = {ad_leaf(tx_from(DIMS(3, 2), weight)), ad_leaf(tx_from(DIMS(3), bias))};
    tensor *f = tx_add(tx_matmul(x, leaves[0], 0, 1), leaves[1]);
    tensor *n = tx_sum(gradient_norms(tx_sum(energies(f)), x));
    near(tx_item(n), 1.45827);
    ad_grad(n, 2, leaves, g, 0);
    near_all(g[0], 6, (const double[]){0.967623, 0.385157, 0.0385883, -0.0169986, -0.0628659, -0.0363447});
    near_all(g[1], 3, (const double[]){0.302202, -0.206206, -0.0959953});

    /* Nothing settled: a norm of zero, and zeros behind it. */
    x = ad_leaf(tx_from(DIMS(1, 2), image));
    tensor *e = energies(tx_add(tx_matmul(x, leaves[0], 0, 1), leaves[1]));
    n = tx_sum(gradient_norms(settled(e, e, -100, 100), x));
    assert_true(tx_item(n) < 1e-11);
    ad_grad(n, 2, leaves, g, 0);
    near_all(g[0], 6, (const double[]){0, 0, 0, 0, 0, 0});
    tx_close();
}

static void ends_of_clusters(void **state)
{
    (void)state;
    const int32_t cluster[] = {0, 2, 0, 2, 0, 3, 3};
    const real energy[] = {-1, -5, -3, -5, 2, 4, 7};
    const int32_t expected[][2] = {{2, 4}, {-1, -1}, {1, 3}, {5, 6}};
    int32_t ends[4][2];
    cluster_ends(cluster, energy, 7, ends, 4);
    assert_memory_equal(ends, expected, sizeof ends);
}

/* ---- networks ---- */

typedef struct tuning {
    const char *method;
    const char *settings[8]; /* key, value, ..., NULL */
    const char *base;        /* for methods that take one */
    double lr;               /* 0: 0.005 */
    int64_t epochs;          /* 0: 3 */
} tuning;

static plugin *open_method(const char *name, const char *const settings[])
{
    char path[512];
    plugin *p;
    config *c = config_new();
    snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), name);
    for (int i = 0; settings && i < 8 && settings[i]; i += 2)
        config_append(c, settings[i], settings[i + 1], "the test");
    if (plugin_open(&p, path) != 0 || plugin_configure(p, c) != 0)
        fail_msg("%s", fault_text());
    config_free(c);
    return p;
}

/* The network after training, to be freed; from start_path, or fresh. */
static net *tune(const tuning *t, bool fresh)
{
    run r;
    extractor e = {.mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    plugin *p = open_method(t->method, t->settings);
    train_job job = {.recipe = train_recipe(), .name = "test", .id = id_path, .out = out_path, .csv = csv_path};
    job.recipe.epochs = t->epochs ? t->epochs : 3;
    job.recipe.batch = job.recipe.outlier_batch = BATCH;
    job.recipe.lr = t->lr > 0 ? t->lr : 0.005;
    job.base = t->base ? open_method(t->base, t->settings) : NULL;
    job.outliers = outlier_path;
    if (nn_build(&e.net, "resnet20", COLOURS, 1) != 0 || (!fresh && nn_load(e.net, start_path) != 0))
        fail_msg("%s", fault_text());
    run_begin(&r, &e, id_path, 1);
    if (train_run(p, &r, &job) != 0)
        fail_msg("%s: %s", t->method, fault_text());
    run_end(&r);
    plugin_close(job.base);
    plugin_close(p);
    return e.net;
}

/* What a network makes of the validation images and of outliers. */
typedef struct seen {
    double accuracy, confidence_out, confidence_apart, energy_gap, sharpness;
} seen;

static tensor *images_of(const char *path, const char *split, int64_t n, tensor **labels)
{
    dataset *d;
    stream *s = NULL;
    stream_options o = {.seed = 1, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    if (dataset_open(&d, path, split) != 0 || stream_open(&s, d, &o) != 0)
        fail_msg("%s", fault_text());
    batch b = stream_next(s, n);
    *labels = b.y;
    stream_close(s);
    dataset_close(d);
    return b.x;
}

/* How much cross-entropy rises half a unit along its gradient. */
static double sharpness(net *n, tensor *x, tensor *y)
{
    tensor *low = tx_nll(nn_forward(n, x), y);
    double below = tx_item(low);
    tx_fill(nn_grads(n), 0);
    ad_backward(low);
    tensor *home = ascent_climb(n, 0.5, ASCENT_PLAIN);
    double above = tx_item(tx_nll(nn_forward(n, x), y));
    ascent_return(n, home);
    return above - below;
}

/* The loss's own view: images and outliers as one batch, with its statistics. */
static seen look(net *n)
{
    seen s;
    tensor *y, *none;
    bool wanted = engine_parameters(true);
    enum nn_mode mode = nn_mode(n, NN_EVAL);
    tx_open();
    tensor *in = images_of(id_path, "val", VAL, &y), *out = images_of(outlier_path, "train", VAL, &none);
    real logits[VAL * COLOURS];
    int32_t labels[VAL];
    tx_read(nn_forward(n, in), logits);
    tx_read(y, labels);
    s.accuracy = (double)features_correct(logits, labels, VAL, COLOURS) / VAL;
    nn_mode(n, NN_FROZEN);
    pair z = forward_pair(n, in, out);
    s.confidence_out = tx_item(mean_confidence(z.out));
    s.energy_gap = tx_item(tx_sub(tx_mean(energies(z.out)), tx_mean(energies(z.in))));
    s.confidence_apart = tx_item(mean_confidence(nn_forward(n, out)));
    s.sharpness = sharpness(n, in, y);
    tx_close();
    nn_mode(n, mode);
    engine_parameters(wanted);
    return s;
}

static seen after(const tuning *t)
{
    net *n = tune(t, false);
    seen s = look(n);
    nn_free(n);
    if (s.accuracy < 0.9)
        fail_msg("%s: accuracy fell to %g", t->method, s.accuracy);
    return s;
}

static seen plain(void)
{
    static seen s;
    if (s.accuracy == 0)
        s = after(&(tuning){.method = "ce"});
    return s;
}

/* a is further along than b by at least `margin`. */
static void beyond(const char *what, double a, double b, double margin)
{
    if (!(a >= b + margin))
        fail_msg("%s: %g, expected at least %g more than %g", what, a, margin, b);
}

static void exposure(void **state)
{
    (void)state;
    seen oe = after(&(tuning){.method = "oe"}),
         drsam = after(&(tuning){.method = "drsam", .settings = {"drsam.rho", "0.1"}});
    double first = diagnostic("perturbed_loss", 1), last = diagnostic("perturbed_loss", 3);
    beyond("drsam's loss up there, first over last", 0.8 * first, last, 0);
    beyond("cross-entropy's confidence over exposure's", plain().confidence_out, oe.confidence_out, 0.1);
    beyond("cross-entropy's confidence over drsam's", plain().confidence_out, drsam.confidence_out, 0.1);
}

/* Mixtures have batch statistics of their own, and that is where they are unsure. */
static void mixtures(void **state)
{
    (void)state;
    seen cut = after(&(tuning){.method = "mixoe"});
    seen blend = after(&(tuning){.method = "mixoe", .settings = {"mixoe.mix", "mixup"}});
    beyond("confidence over that of pasted boxes", plain().confidence_apart, cut.confidence_apart, 0.03);
    beyond("confidence over that of blends", plain().confidence_apart, blend.confidence_apart, 0.1);
}

static void energy_gaps(void **state)
{
    (void)state;
    seen ft = after(&(tuning){.method = "ebo_ft"}), saft = after(&(tuning){.method = "saft"});
    seen more = after(&(tuning){.method = "energy_clustering"});
    beyond("gap of ebo_ft", ft.energy_gap, plain().energy_gap, 10);
    beyond("gap of saft", saft.energy_gap, plain().energy_gap, 2);
    beyond("gap of energy_clustering", more.energy_gap, plain().energy_gap, 10);
}

static void flatness(void **state)
{
    (void)state;
    seen ce = after(&(tuning){.method = "ce", .lr = 0.01});
    seen sam = after(&(tuning){.method = "sam", .settings = {"sam.rho", "0.5"}, .lr = 0.01});
    beyond("half of cross-entropy's sharpness over sam's", 0.5 * ce.sharpness, sam.sharpness, 0);
}

/* With a large penalty the norm that is noted falls below what it is with none
 * to speak of. */
static void gradients(void **state)
{
    (void)state;
    static const char *const cases[][6] = {
        {"greg", "greg.penalty", "0.001", "10", "greg.grad_reduction", "paper"},
        {"gregplus", "gregplus.penalty", "0.001", "10", "gregplus.grad_reduction", "paper"},
        {"oe_grad", "oe_grad.penalty", "0.001", "500", "oe_grad.oe_score", "msp"},
    };
    for (int i = 0; i < 3; i++) {
        const char *const *c = cases[i];
        double norm[2];
        for (int large = 0; large < 2; large++) {
            after(&(tuning){.method = c[0], .settings = {c[1], c[2 + large], c[4], c[5]}, .epochs = 2});
            norm[large] = diagnostic("gradient_norm", 2);
        }
        if (!(norm[1] < 0.75 * norm[0]))
            fail_msg("%s: a norm of %g with a large penalty, %g with a small one", c[0], norm[1], norm[0]);
    }
}

/* ---- the same, said twice ---- */

static void same_weights(tuning a, tuning b)
{
    a.epochs = b.epochs = 1;
    net *one = tune(&a, false), *other = tune(&b, false);
    size_t n = (size_t)nn_parameters(one);
    real *x = pool_host(n * sizeof *x), *y = pool_host(n * sizeof *y);
    tx_read(nn_weights(one), x);
    tx_read(nn_weights(other), y);
    if (memcmp(x, y, n * sizeof *x) != 0)
        fail_msg("%s is not %s", a.method, b.method);
    free(x);
    free(y);
    nn_free(one);
    nn_free(other);
}

static void equalities(void **state)
{
    (void)state;
    same_weights((tuning){.method = "saft", .settings = {"saft.loss", "none"}}, (tuning){.method = "sam"});
    same_weights((tuning){.method = "drsam", .settings = {"drsam.aug", "none", "drsam.bn_update", "first_pass"}},
                 (tuning){.method = "sam", .base = "oe", .settings = {"sam.rho", "0.5"}});
    same_weights((tuning){.method = "greg", .settings = {"greg.penalty", "0", "greg.bn_update", "once"}},
                 (tuning){.method = "ebo_ft", .settings = {"ebo_ft.m_in", "-25", "ebo_ft.m_out", "-7"}});
    same_weights((tuning){.method = "gregplus", .settings = {"gregplus.penalty", "0"}},
                 (tuning){.method = "energy_clustering"});
}

/* ---- images ---- */

static void boxes(void **state)
{
    (void)state;
    enum { H = 8, W = 12, C = 3 };
    run r;
    extractor e = {.std = {1, 1, 1}};
    run_begin(&r, &e, NULL, 5);
    for (int i = 0; i < 50; i++) {
        double wanted = i / 50.0, keep = wanted;
        real mask[H][W][C];
        int area = 0, top = H, bottom = -1, left = W, right = -1;
        tx_open();
        tx_read(box_mask(&r, DIMS(4, H, W, C), &keep), mask);
        tx_close();
        for (int y = 0; y < H; y++)
            for (int x = 0; x < W; x++) {
                assert_true(mask[y][x][0] == mask[y][x][1] && mask[y][x][0] == mask[y][x][2]);
                if (mask[y][x][0] != 0)
                    continue;
                area++;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
                left = x < left ? x : left;
                right = x > right ? x : right;
            }
        assert_int_equal(area, area ? (bottom - top + 1) * (right - left + 1) : 0);
        near(keep, 1 - (double)area / (H * W));
        assert_true(keep >= wanted - 1e-9); /* rounded down, and cut at the edges */
    }
    run_end(&r);
}

/* Every pixel value of an image is there again; cells stay whole; no channel order stays. */
static void scrambles(void **state)
{
    (void)state;
    enum { N = 6, S = 8, GRID = 2, CELL = S / GRID };
    static real x[N][S][S][3], y[N][S][S][3];
    run r;
    extractor e = {.mean = {0.1, 0.2, 0.3}, .std = {0.5, 1, 2}};
    real *flat = &x[0][0][0][0];
    for (int i = 0; i < N * S * S * 3; i++) /* pixel value i % 192 / 192, normalised */
        flat[i] = (real)(((i % (S * S * 3)) / (double)(S * S * 3) - e.mean[i % 3]) / e.std[i % 3]);
    run_begin(&r, &e, NULL, 5);
    tx_open();
    tx_read(scrambled(&r, tx_from(DIMS(N, S, S, 3), flat), GRID), y);
    tx_close();
    run_end(&r);
    for (int n = 0; n < N; n++) {
        int count[S * S * 3] = {0}, kept = 0;
        for (int i = 0; i < S * S * 3; i++) {
            int row = i / (S * 3), column = i / 3 % S, c = i % 3;
            double pixel = ((double)y[n][row][column][c] * e.std[c] + e.mean[c]) * S * S * 3;
            int from = (int)lround(pixel),
                corner = (int)lround(
                    ((double)y[n][row / CELL * CELL][column / CELL * CELL][c] * e.std[c] + e.mean[c]) * S * S * 3);
            assert_true(fabs(pixel - from) < 1e-3 && from >= 0 && from < S * S * 3);
            assert_int_equal(from - corner, row % CELL * S * 3 + column % CELL * 3);
            count[from]++;
            kept += from % 3 == c;
        }
        for (int i = 0; i < S * S * 3; i++)
            assert_int_equal(count[i], 1);
        assert_true(kept < S * S * 3);
    }
    assert_memory_not_equal(y[0], y[1], sizeof y[0]);
}

static int set_up(void **state)
{
    (void)state;
    if (trained_begin("training", TRAIN, VAL, AUXILIARY) != 0)
        return -1;
    snprintf(start_path, sizeof start_path, "%s/start.safetensors", folder);
    net *n = tune(&(tuning){.method = "ce", .lr = 0.02, .epochs = 8}, true);
    int rc = nn_save(n, start_path, NULL);
    nn_free(n);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    const char *const files[] = {id_path, outlier_path, start_path, out_path, csv_path};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    return rmdir(folder); /* fails when something was left aside */
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(uniform_by_hand),
        cmocka_unit_test(mixed_by_hand),
        cmocka_unit_test(margins_by_hand),
        cmocka_unit_test(ascent_by_hand),
        cmocka_unit_test(gradient_norm_by_hand),
        cmocka_unit_test(ends_of_clusters),
        cmocka_unit_test(boxes),
        cmocka_unit_test(scrambles),
        cmocka_unit_test(equalities),
        cmocka_unit_test(exposure),
        cmocka_unit_test(mixtures),
        cmocka_unit_test(energy_gaps),
        cmocka_unit_test(flatness),
        cmocka_unit_test(gradients),
    };
    setenv("OMP_NUM_THREADS", "1", 0); /* the nets are tiny, and machines that test are busy */
    return cmocka_run_group_tests(all, set_up, tear_down);
}
