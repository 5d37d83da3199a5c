/* landscape.c - random directions as the specification has them, the loss on a fixed
 * subset against sums by hand, backends against each other, and experiments with
 * analyses from the command line: cut short, they go on and end with the same bytes. */
#include "../harness/landscape.h"
#include "../harness/engine.h"
#include "../harness/network.h"
#include "../harness/subset.h"
#include "program.h"
#include "tested.h"

#include <math.h>

static net *seen;

static net *build(const char *device)
{
    net *n = NULL;
    if (device_open(device, 0) != 0 || nn_build(&n, "resnet20", 10, 7) != 0)
        fail_msg("%s", fault_text());
    nn_mode(n, NN_EVAL);
    return n;
}

static void drop(void)
{
    nn_free(seen);
    device_close();
    seen = NULL;
}

/* The norm of count elements of t. */
static double norm_of(tensor *t, int64_t first, int64_t count)
{
    real *all = pool_host((size_t)nn_parameters(seen) * sizeof *all);
    double sum = 0;
    tx_read(t, all);
    for (int64_t i = first; i < first + count; i++)
        sum += (double)all[i] * (double)all[i];
    free(all);
    return sqrt(sum);
}

static int is_near(double a, double b, double share)
{
    return fabs(a - b) <= share * (fabs(a) + fabs(b));
}

static void check_part(const landscape *l, const net_part *p, int moves)
{
    int64_t filters = p->d.n > 1 ? p->d.d[0] : 1, each = p->count / filters;
    for (int d = 0; d < 2; d++)
        for (int64_t f = 0; f < filters; f += 5) {
            double w = norm_of(l->home, p->offset + f * each, each);
            double v = norm_of(l->along[d], p->offset + f * each, each);
            if (!(moves ? is_near(v, w, 1e-6) : v == 0))
                fail_msg("%s, filter %lld: the weights' norm is %g, the direction's %g", p->name, (long long)f, w,
                         v);
        }
}

static void every_filter_gets_its_own_norm(void **state)
{
    (void)state;
    seen = build("ref");
    for (int all = 0; all < 2; all++) {
        landscape l;
        landscape_open(&l, seen, (landscape_options){3, all, all});
        for (int i = 0; i < seen->nparts; i++)
            if (net_is_parameter(&seen->parts[i]))
                check_part(&l, &seen->parts[i], seen->parts[i].d.n > 1 || all);
        assert_true(fabs(l.cosine) < 0.1 && l.cosine != 0);
        landscape_close(&l);
    }
    drop();
}

static void weights_come_back_to_the_bit(void **state)
{
    landscape l;
    char before[65], there[65], after[65];
    (void)state;
    seen = build("ref");
    nn_digest(seen, before);
    landscape_open(&l, seen, (landscape_options){.draw = 3});
    landscape_go(&l, 0.3, -0.7);
    nn_digest(seen, there);
    landscape_go(&l, 0, 0);
    nn_digest(seen, after);
    assert_string_equal(before, after);
    assert_string_not_equal(before, there);
    landscape_go(&l, 1e30, 1e30);
    landscape_close(&l);
    nn_digest(seen, after);
    assert_string_equal(before, after);
    drop();
}

/* Directions of the same seed differ by the filters' norms alone. */
static void the_same_draws_serve_all_networks(void **state)
{
    landscape l;
    (void)state;
    seen = build("ref");
    int64_t n = nn_parameters(seen);
    real *first = pool_host((size_t)n * sizeof *first), *second = pool_host((size_t)n * sizeof *second);
    landscape_open(&l, seen, (landscape_options){.draw = 3});
    tx_read(l.along[1], first);
    landscape_close(&l);
    tx_open();
    tx_assign(nn_weights(seen), tx_scale(nn_weights(seen), 2));
    tx_close();
    landscape_open(&l, seen, (landscape_options){.draw = 3});
    tx_read(l.along[1], second);
    landscape_close(&l);
    for (int64_t i = 0; i < n; i += 97)
        assert_true(is_near((double)second[i], 2 * (double)first[i], 1e-6));
    free(first);
    free(second);
    drop();
}

/* --- On images --- */

static char *imported(const char *set)
{
    return text_format("%s/imported/tiny/%s.h5", here, set);
}

static extractor extractor_of(net *n)
{
    return (extractor){.net = n, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
}

/* The loss and gradient of 45 of 60 images in one number each, on a device. */
static void look(const char *device, double *loss, double *slope)
{
    static const char *const test[] = {"test", NULL};
    subset s;
    char *path = imported("shapes");
    seen = build(device);
    extractor e = extractor_of(seen);
    if (subset_open(&s, &e, path, test, 45, 1) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(s.n, 45);
    *loss = subset_loss(&s, seen, NULL);
    assert_true(is_near(subset_gradient(&s, seen), *loss, 1e-5));
    *slope = norm_of(nn_grads(seen), 0, nn_parameters(seen));
    subset_close(&s);
    drop();
    free(path);
}

static void backends_agree(void **state)
{
    double loss[2], slope[2];
    (void)state;
    look("ref", &loss[0], &slope[0]);
    look("cpu", &loss[1], &slope[1]);
    assert_true(loss[0] > 0.1 && slope[0] > 0.01);
    assert_true(is_near(loss[0], loss[1], 1e-5));
    assert_true(is_near(slope[0], slope[1], 1e-4));
}

/* All images in parts, and all as one, are the same images. */
static void a_subset_is_all_when_fewer_are_there(void **state)
{
    static const char *const both[] = {"val", "test", NULL}, *const val[] = {"val", NULL},
                             *const test[] = {"test", NULL};
    const char *const *splits[] = {both, val, test};
    double loss[3];
    char *path = imported("shapes");
    (void)state;
    seen = build("cpu");
    extractor e = extractor_of(seen);
    for (int i = 0; i < 3; i++) {
        subset s;
        if (subset_open(&s, &e, path, splits[i], 1000, 1) != 0)
            fail_msg("%s", fault_text());
        assert_int_equal(s.n, i == 0 ? 100 : i == 1 ? 40 : 60);
        loss[i] = subset_loss(&s, seen, NULL);
        subset_close(&s);
    }
    assert_true(is_near(loss[0], 0.4 * loss[1] + 0.6 * loss[2], 1e-6));
    drop();
    free(path);
}

/* The gradient against the difference along it. */
static void the_gradient_is_that_of_the_loss(void **state)
{
    static const char *const val[] = {"val", NULL};
    subset s;
    char *path = imported("shapes");
    (void)state;
    seen = build("cpu");
    extractor e = extractor_of(seen);
    if (subset_open(&s, &e, path, val, 20, 1) != 0)
        fail_msg("%s", fault_text());
    subset_gradient(&s, seen);
    double slope = norm_of(nn_grads(seen), 0, nn_parameters(seen)), h = 2e-3 / slope, at[2];
    tx_open();
    tensor *home = tx_copy(nn_weights(seen)), *g = tx_copy(nn_grads(seen));
    for (int i = 0; i < 2; i++) {
        tx_assign(nn_weights(seen), home);
        tx_axpy(nn_weights(seen), i ? h / slope : -h / slope, g);
        at[i] = subset_loss(&s, seen, NULL);
    }
    tx_close();
    assert_true(is_near((at[1] - at[0]) / (2 * h), slope, 0.01));
    subset_close(&s);
    drop();
    free(path);
}

/* --- From the command line --- */

static const char analyses[] =
    "benchmark: tiny.yml\nnet: resnet20\nnear: [newshapes]\nfar: [plasma]\n"
    "device: cpu\nthreads: 1\nanalyses: [landscape, sharpness]\nweights: w.safetensors\n"
    "landscape: {grid: 3, images: 16, sets: [val, test]}\n"
    "sharpness: {images: 8, steps: 2, restarts: 2, radii: [0, 0.05, 0.1], sets: [test]}\n";

static char *run_to(const char *out, const char *more)
{
    int status;
    char *said = output(&status, "run '%s/views.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here,
                        out, more);
    if (status != 0)
        fail_msg("exit status %d:\n%s", status, said);
    return said;
}

static char *bytes_of(const char *out, const char *file)
{
    char *path = text_format("%s/%s/%s", here, out, file), *bytes;
    size_t n;
    if (file_read(path, &bytes, &n) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return bytes;
}

/* Leaves the header and `rows` rows, and half of the next one. */
static void cut_short(const char *out, const char *file, int rows)
{
    char *path = text_format("%s/%s/%s", here, out, file), *bytes = bytes_of(out, file), *end = bytes;
    for (int i = 0; i <= rows; i++)
        end = strchr(end, '\n') + 1;
    assert_int_equal(truncate(path, end - bytes + 20), 0);
    free(bytes);
    free(path);
}

static void an_interrupted_run_goes_on(void **state)
{
    static const char *const files[] = {"landscape.csv", "sharpness.csv"};
    (void)state;
    char *said = run_to("whole", "");
    says(said, "18 points of landscape, 6 points of sharpness to compute");
    free(said);
    free(run_to("cut", ""));
    cut_short("cut", "landscape.csv", 7);
    cut_short("cut", "sharpness.csv", 2);
    said = run_to("cut", "");
    says(said, "11 points of landscape, 4 points of sharpness to compute");
    free(said);
    for (int i = 0; i < 2; i++) {
        char *whole = bytes_of("whole", files[i]), *cut = bytes_of("cut", files[i]);
        assert_string_equal(whole, cut);
        free(whole);
        free(cut);
    }
    said = run_to("cut", "");
    says(said, "0 rows to compute");
    free(said);
}

/* A finer grid keeps the points it shares: 25 less 9, of each of two sets. */
static void a_finer_grid_keeps_its_points(void **state)
{
    (void)state;
    char *said = run_to("whole", "--landscape.grid 5");
    says(said, "32 points of landscape to compute");
    free(said);
}

static void what_cannot_be_is_refused(void **state)
{
    static const char *const wrong[][2] = {
        {"--landscape.grid 4", "`landscape.grid` is odd"},
        {"--landscape.gird 5", "did you mean `landscape.grid`?"},
        {"--sharpness.radii [0.2,0.1]", "must grow"},
        {"--landscape.sets newshapes", "expected train, val or test"},
        {"--analyses flatness", "must be one of: landscape sharpness"},
        {"--analyses_of sam", "which is not in `train`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int status;
        char *said = output(&status, "run '%s/views.yml' --out '%s/wrong' %s", here, here, wrong[i][0]);
        assert_int_equal(status, 2);
        says(said, wrong[i][1]);
        free(said);
    }
}

static int begin(void **state)
{
    (void)state;
    setenv("OMP_NUM_THREADS", "1", 0);
    if (program_begin("landscape") != 0)
        return -1;
    tested_kernels();
    char *path = text_format("%s/w.safetensors", here);
    seen = build("ref");
    int rc = nn_save(seen, path, NULL);
    drop();
    free(path);
    write_text("views.yml", analyses);
    if (rc == 0)
        free(run_to("first", "--landscape.grid 3 --analyses landscape")); /* imports the images */
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_gets_its_own_norm),
        cmocka_unit_test(weights_come_back_to_the_bit),
        cmocka_unit_test(the_same_draws_serve_all_networks),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(a_subset_is_all_when_fewer_are_there),
        cmocka_unit_test(the_gradient_is_that_of_the_loss),
        cmocka_unit_test(an_interrupted_run_goes_on),
        cmocka_unit_test(a_finer_grid_keeps_its_points),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
