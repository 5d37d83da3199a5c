/* doctor.c - `oodbench doctor` on folders made up here, and the benchmarks that come
 * with the program: all can be read, and what their keys say arrives. */
#include "program.h"

#include "../datasets/sources.h"
#include "listed.h"

#include <sys/statvfs.h>

static int set_up(void **state)
{
    (void)state;
    return program_begin("doctor");
}

/* What doctor says of the data folder `data` below `here`; it must end with `status`. */
static char *examine(int status, const char *data, const char *more)
{
    int found;
    char *said = output(&found, "doctor '%s/%s' --imported '%s/imported' %s", here, data, here, more);
    if (found != status)
        fail_msg("%s %s: expected status %d, found %d:\n%s", data, more, status, found, said);
    return said;
}

static void is_narrow(const char *said)
{
    for (const char *line = said; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strcspn(line, "\n") > 100 && strncmp(line, "data ", 5) != 0 && strncmp(line, "imported ", 9) != 0)
            fail_msg("wider than 100 columns: %.*s", (int)strcspn(line, "\n"), line);
}

/* A list of one image, and the image: nobody decodes it here. */
static void put_set(const char *data, const char *named, const char *folder, int with_image)
{
    char *name = text_format("%s/benchmark_imglist/cifar100/%s", data, named);
    char *line = text_format("%s/a.png 7\n", folder);
    write_text(name, line);
    free(name);
    free(line);
    name = text_format("%s/images_classic/%s/a.png", data, folder);
    if (with_image)
        write_text(name, "x");
    free(name);
}

static void nothing_but_what_is_drawn(void **state)
{
    (void)state;
    write_text("empty/readme", "");
    char *said = examine(0, "empty", "");
    says(said, "cpu ready: ");
    says(said, "\nshapes          complete     to import    1/1   2/2   1/1   1/1       1/1\n");
    says(said, "\nimagenet200     cannot run   missing      0/2   0/3   0/3   0/1       0/1\n");
    says(said, "\ncan run    shapes\n");
    says(said, "none in pretrained/");
    is_narrow(said);
    free(said);
    said = examine(1, "empty", "--benchmark cifar100-greg");
    says(said, "\n  lsun_c               far       ood_datasets/LSUN\n");
    says(said, "/LSUN.tar.gz\n");
    says(said,
         "\n  cifar100             id        list benchmark_imglist/cifar100/train_cifar100.txt and 2 more\n");
    says(said, "\ncan run    nothing\n");
    is_narrow(said);
    free(said);
}

static void some_sets_are_there(void **state)
{
    (void)state;
    put_set("some", "val_cifar100.txt", "cifar100", 1);
    put_set("some", "test_cifar100.txt", "cifar100", 1);
    char *said = examine(1, "some", "--benchmark cifar100");
    says(said, "cifar100        cannot run   to import    0/2   0/4   4/5   0/1       0/1\n");
    says(said, "\n  cifar100             id        list benchmark_imglist/cifar100/train_cifar100.txt\n");
    free(said);
    put_set("some", "train_cifar100.txt", "cifar100", 1);
    put_set("some", "test_tin.txt", "tin", 1);
    put_set("some", "test_svhn.txt", "svhn", 0);
    write_text("some/pretrained/r18.ckpt", "x");
    said = examine(0, "some", "--benchmark cifar100");
    says(said, "cifar100        runs partly  to import    1/2   0/4   4/5   0/1       0/1\n");
    says(said, "\n  svhn                 far       images images_classic/svhn, a folder or .zip\n");
    says(said, "\n  mnist                far       list benchmark_imglist/cifar100/test_mnist.txt\n");
    says(said, "put into images_classic/");
    says(said, "1 in pretrained/: r18.ckpt\n");
    says(said, "can run    cifar100 (partly");
    assert_null(strstr(said, "\n  tin  "));
    assert_null(strstr(said, "\n  cifar100  "));
    is_narrow(said);
    free(said);
    put_set("some", "test_svhn.txt", "svhn", 1);
    said = examine(0, "some", "--benchmark cifar100");
    says(said, " runs partly  to import    1/2   1/4 ");
    free(said);
}

/* A benchmark of one's own; what was imported counts, also when its images are gone. */
static void imported_sets_count(void **state)
{
    (void)state;
    int status;
    char *own = text_format("--benchmark '%s/tiny.yml'", here);
    write_text("none/readme", "");
    char *said = examine(0, "none", own);
    says(said, "complete     to import    1/1   1/1     -     -       1/1\n");
    says(said, "can run    ");
    free(said);
    free(output(&status, "import '%s/tiny.yml' --imported '%s/imported'", here, here));
    assert_int_equal(status, 0);
    said = examine(0, "none", own);
    says(said, "complete     imported     1/1   1/1     -     -       1/1\n");
    assert_null(strstr(said, "to import all"));
    free(said);
    free(own);
}

static void without_a_device(void **state)
{
    (void)state;
    char *kernels = text_copy(getenv("OODBENCH_KERNELS"));
    setenv("OODBENCH_KERNELS", here, 1);
    write_text("empty/readme", "");
    char *said = examine(1, "empty", "");
    says(said, "no backend in ");
    says(said, "can run    nothing: no device is ready\n");
    free(said);
    setenv("OODBENCH_KERNELS", kernels, 1);
    free(kernels);
}

static void bad_input(void **state)
{
    (void)state;
    static const struct {
        const char *words, *says;
    } cases[] = {
        {"/nowhere/at/all", "the data folder /nowhere/at/all does not exist"},
        {"--benchmak cifar10", "unknown option --benchmak"},
        {"/tmp /", "expected one data folder, found /tmp and /"},
        {"--benchmark", "--benchmark needs a value"},
        {"--benchmark cifar11", "there is no benchmark cifar11"},
    };
    int status;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said = output(&status, "doctor %s", cases[i].words);
        assert_int_equal(status, EXIT_CONFIG);
        says(said, cases[i].says);
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
        free(said);
    }
    write_text("bad.yml", "classes: 10\nsides: 32\n");
    char *said = output(&status, "doctor --benchmark '%s/bad.yml'", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "unknown key `sides`; did you mean `side`?");
    free(said);
}

/* --- the benchmarks themselves --- */

static int64_t resize_of(const benchmark *b, const char *set)
{
    assert_non_null(benchmark_find(b, set));
    return benchmark_find(b, set)->resize;
}

static int in_group(const benchmark *b, const char *group)
{
    int n = 0;
    for (int i = 0; i < benchmark_sets(b); i++)
        n += strcmp(benchmark_group(b, benchmark_set(b, i)), group) == 0;
    return n;
}

static void shipped_benchmarks(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t classes, side;
        int near, far;
        double mean, std; /* of red */
    } known[] = {
        {"cifar10", 10, 32, 2, 4, 0.4914, 0.2470},      {"cifar100", 100, 32, 2, 4, 0.5071, 0.2675},
        {"cifar10-greg", 10, 32, 0, 6, 0.4914, 0.2470}, {"cifar100-greg", 100, 32, 0, 6, 0.5071, 0.2673},
        {"imagenet200", 200, 224, 2, 3, 0.485, 0.229},  {"imagenet", 1000, 224, 2, 3, 0.485, 0.229},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        benchmark *b;
        if (benchmark_open(&b, "datasets", known[i].name, NULL, "nowhere") != 0)
            fail_msg("%s", fault_text());
        assert_int_equal(benchmark_classes(b), known[i].classes);
        assert_int_equal(benchmark_side(b), known[i].side);
        assert_int_equal(in_group(b, "id"), 1);
        assert_int_equal(in_group(b, "tune"), 1);
        assert_int_equal(in_group(b, "near"), known[i].near);
        assert_int_equal(in_group(b, "far"), known[i].far);
        assert_float_equal(benchmark_mean(b)[0], known[i].mean, 0);
        assert_float_equal(benchmark_std(b)[0], known[i].std, 0);
        if (known[i].side == 224) {
            assert_int_equal(resize_of(b, "ninco"), 256);
            assert_int_equal(resize_of(b, "imagenet_c"), 224);
            assert_string_equal(benchmark_class(b, 199), "199");
        }
        benchmark_close(b);
    }
}

static const char own_keys[] = "classes: 10\nside: 32\nresize: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.5, 0.5, 0.5]\n"
                               "lists: lists\nimages: pictures\nsets:\n"
                               "  birds: {group: id, test: birds.txt, images: images, resize: none}\n"
                               "  wide: {group: far, test: birds.txt, images: images, resize: 36}\n"
                               "  trees: {group: far, tree: images, resize: none}\n";

/* 40 x 36 pixels, cropped and not resized: rows 2.., columns 4.. of the picture. */
static void sets_have_keys_of_their_own(void **state)
{
    (void)state;
    static const char *const sets[] = {"birds", "wide", "trees"};
    put_listed("birds", "", 40, 36, 3);
    put_text("sets/own.yml", own_keys);
    benchmark *b = open_benchmark("own", top);
    for (int s = 0; s < 3; s++) {
        char path[PATH_MAX];
        dataset *d;
        assert_int_equal(benchmark_import(b, sets[s]), 0);
        assert_int_equal(benchmark_path(b, sets[s], path, sizeof path), 0);
        assert_int_equal(dataset_open(&d, path, "test"), 0);
        assert_int_equal(dataset_side(d), 32);
        for (int64_t i = 0; i < 3; i++)
            for (int y = 0; y < 32; y++)
                for (int x = 0; x < 96; x++)
                    assert_int_equal(dataset_images(d)[(i * 32 + y) * 96 + x],
                                     random_below((uint64_t)i, (uint64_t)((y + 2) * 121 + 1 + 12 + x), 256));
        dataset_close(d);
    }
    benchmark_close(b);
}

static void wrong_keys(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"classes: 10", "classes: 1", "classes|2"},
        {"classes: 10", "classes: ten", "a list of at least two names, or how many"},
        {"resize: none}\n  wide", "resize: some}\n  wide", "sets.birds.resize|some"},
        {"resize: 36", "resize: 0", "sets.wide.resize|0"},
        {"far, test: birds.txt, images: images", "csid, corrupt: birds", "wide|`resize` goes with"},
        {"tree: images, resize: none", "npy: a.npy, resize: 32", "trees|`resize` goes with"},
    };
    benchmark *b;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_changed("sets/own.yml", own_keys, cases[i].from, cases[i].to);
        expect_fault(benchmark_open(&b, at("sets"), "own", top, at("imported")), cases[i].words);
    }
}

/* A million times one picture at 1024 x 1024 pixels: three terabytes. */
static void a_disk_too_small(void **state)
{
    (void)state;
    enum { TIMES = 1000000 };
    struct statvfs v;
    text t = {0};
    assert_int_equal(statvfs(top, &v), 0);
    if ((double)v.f_bavail * (double)v.f_frsize > TIMES * 3.1e6)
        skip();
    put_listed("birds", "", 40, 36, 1);
    for (int i = 0; i < TIMES; i++)
        text_add(&t, "birds/0.png 1\n");
    put_text("lists/birds.txt", t.bytes);
    text_free(&t);
    put_changed("sets/own.yml", own_keys, "side: 32", "side: 1024");
    benchmark *b = open_benchmark("own", top);
    expect_fault(benchmark_import(b, "birds"), "birds.h5 would take 3145.7 GB as pixels|are free in|--imported");
    assert_int_equal(files_in(at("imported")), 0);
    benchmark_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_but_what_is_drawn),
        cmocka_unit_test(some_sets_are_there),
        cmocka_unit_test(imported_sets_count),
        cmocka_unit_test(without_a_device),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(shipped_benchmarks),
        TEST(sets_have_keys_of_their_own),
        TEST(wrong_keys),
        TEST(a_disk_too_small),
    };
    return cmocka_run_group_tests(tests, set_up, program_end);
}
