/* determinism.c - an image's features do not depend on the images that came with it:
 * neither on how many there are nor on where among them it stands. Evaluation with one
 * thread and with more gives the same rows and scores of samples. jobs.c has the order
 * of cells and the cache, stream.c and train.c what training reads. */
#include "../datasets/store.h"
#include "../harness/engine.h"
#include "../harness/features.h"
#include "../kernels/random.h"
#include "nights.h"
#include "tested.h"
#include "weights.h"

enum { IMAGES = 300, SIDE = 32, PIXELS = SIDE * SIDE * 3 };

/* Noise of many contrasts; `turned`: the last one first. */
static char *write_set(const char *name, int64_t n, int turned)
{
    static const double mean[] = {0.5, 0.5, 0.5}, std[] = {0.25, 0.25, 0.25};
    const store_header header = {"noise", NULL, 0, mean, std};
    uint8_t px[PIXELS];
    store *to;
    char *path = text_format("%s/%s.h5", here, name);
    assert_int_equal(store_create(&to, path, &header), 0);
    assert_int_equal(store_split(to, "test", n, SIDE, "tests/determinism.c"), 0);
    for (int64_t i = 0; i < n; i++) {
        int32_t which = (int32_t)(turned ? n - 1 - i : i), label = which % 10;
        for (int j = 0; j < PIXELS; j++)
            px[j] = (uint8_t)random_below(1, (uint64_t)(which * PIXELS + j), 1 + which % 256);
        assert_int_equal(store_images(to, px, &label, 1), 0);
    }
    assert_int_equal(store_commit(to), 0);
    return path;
}

static features features_of(const char *path, const char *name, const char *precision)
{
    net *n;
    features f;
    assert_int_equal(nn_build(&n, name, 10, 3), 0);
    nn_precision(n, strcmp(precision, "bf16") == 0);
    extractor e = {
        .net = n, .backend = device_name(), .precision = precision, .mean = {.5, .4, .3}, .std = {.2, .3, .4}};
    if (features_get(&f, &e, path, "test") != 0)
        fail_msg("%s", fault_text());
    nn_free(n);
    return f;
}

static void same_row(const features *a, int64_t i, const features *b, int64_t j, const char *what)
{
    if (memcmp(a->values + i * a->width, b->values + j * b->width, (size_t)a->width * sizeof *a->values) != 0 ||
        memcmp(a->logits + i * a->classes, b->logits + j * b->classes, (size_t)a->classes * sizeof *a->logits) != 0)
        fail_msg("%s: image %lld of %lld differs", what, (long long)i, (long long)a->n);
    assert_int_equal(a->labels[i], b->labels[j]);
}

/* One image, a batch but one, a batch, and one, all of them; and turned round. */
static void whatever_comes_with_it(const char *name, const char *precision)
{
    static const int64_t counts[] = {1, 127, 128, 129};
    char *path = write_set("all", IMAGES, 0);
    features all = features_of(path, name, precision), some;
    free(path);
    for (int k = 0; k < 4; k++) {
        path = write_set("some", counts[k], 0);
        some = features_of(path, name, precision);
        assert_int_equal(some.n, counts[k]);
        for (int64_t i = 0; i < some.n; i++)
            same_row(&some, i, &all, i, "fewer images");
        features_free(&some);
        free(path);
    }
    path = write_set("turned", IMAGES, 1);
    some = features_of(path, name, precision);
    for (int64_t i = 0; i < IMAGES; i++)
        same_row(&some, i, &all, IMAGES - 1 - i, "another order");
    features_free(&some);
    features_free(&all);
    free(path);
}

static void any_company(void **state)
{
    (void)state;
    whatever_comes_with_it("resnet20", "f32");
}

static void any_company_bf16(void **state)
{
    (void)state;
    whatever_comes_with_it("resnet20", "bf16");
}

static void again(void **state)
{
    (void)state;
    char *path = write_set("again", IMAGES, 0);
    features a = features_of(path, "resnet20", "f32"), b = features_of(path, "resnet20", "f32");
    for (int64_t i = 0; i < IMAGES; i++)
        same_row(&a, i, &b, i, "twice");
    features_free(&a);
    features_free(&b);
    free(path);
}

static void any_threads(void **state)
{
    static const char more[] =
        "--train '[]' --weights w.safetensors --score msp,ebo,knn,vim,mds,react,ash_s,gram,odin "
        "--vim.dim 16 --threads %d";
    (void)state;
    night one, other;
    assert_int_equal(put_weights("w.safetensors", 3), 0);
    for (int threads = 1; threads <= 3; threads++) {
        int status;
        char *arguments = text_format(more, threads), *out = text_format("threads%d", threads);
        char *said = night_run(&status, out, arguments);
        if (status != 0)
            fail_msg("%s", said);
        night_read(threads == 1 ? &one : &other, out);
        if (threads > 1) {
            night_same(&one, &other);
            night_free(&other);
        }
        free(said);
        free(out);
        free(arguments);
    }
    night_free(&one);
}

static int begin(void **state)
{
    (void)state;
    if (nights_begin("determinism") != 0)
        return -1;
    tested_kernels();
    return device_open(tested_device(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_company),
        cmocka_unit_test(any_company_bf16),
        cmocka_unit_test(again),
        cmocka_unit_test(any_threads),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
