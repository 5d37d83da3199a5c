/* corrupt.c - corrupted sets: the splits that are asked for hold the images that
 * the corruptions make, whoever computes them, and are made again when and only
 * when something changed. */
#include "../datasets/corruption.h"
#include "../harness/commands.h"
#include "../kernels/random.h"
#include "listed.h"

#include <sched.h>
#include <signal.h>

#define CORRUPT(...) command(corrupt_main, (const char *const[]){"corrupt", __VA_ARGS__, NULL})
#define IMPORT(...) command(import_main, (const char *const[]){"import", __VA_ARGS__, NULL})

static void put_images(const char *name, int n)
{
    put_listed(name, "", 32, 32, n);
}

static const char small[] = "classes: [a, b, c, d, e, f, g, h, i, j]\nmean: [0.5, 0.5, 0.5]\n"
                            "std: [0.25, 0.25, 0.25]\nlists: lists\nimages: images\nsets:\n"
                            "  birds: {group: id, train: birds.txt, test: birds.txt}\n"
                            "  cats: {group: near, test: cats.txt}\n"
                            "  birdsc:\n"
                            "    group: csid\n"
                            "    corrupt: birds\n"
                            "    corruptions: [gaussian_noise, fog]\n"
                            "    severities: [1, 4]\n"
                            "  all: {group: csid, corrupt: birds}\n"
                            "  extra: {group: csid, corrupt: birds, corruptions: extra, severities: 3, seed: 7}\n";

static benchmark *open_small(const char *data)
{
    put_text("sets/small.yml", small);
    return open_benchmark("small", data);
}

static void import_file(int n)
{
    put_images("birds", n);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("birds.h5")), 0);
}

static void parts_are_named(void **state)
{
    (void)state;
    int n = 0;
    benchmark *b = open_small(NULL);
    assert_string_equal(benchmark_part(b, "birds", 0), "test");
    assert_null(benchmark_part(b, "birds", 1));
    assert_null(benchmark_part(b, "dogs", 0));
    static const char *const birdsc[] = {"gaussian_noise_1", "gaussian_noise_4", "fog_1", "fog_4"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(benchmark_part(b, "birdsc", i), birdsc[i]);
    assert_null(benchmark_part(b, "birdsc", 4));
    while (benchmark_part(b, "all", n))
        n++;
    assert_int_equal(n, 75);
    assert_string_equal(benchmark_part(b, "all", 0), "gaussian_noise_1");
    assert_string_equal(benchmark_part(b, "extra", 3), "spatter_3");
    benchmark_close(b);
}

/* Every split of the file is its corruption of every image, labels unchanged. */
static void expect_corrupted(const char *file, const char *split, const char *name, int severity, uint64_t seed)
{
    dataset *d, *whole;
    uint8_t px[32 * 32 * 3];
    const corruption *c = corruption_find(name);
    assert_non_null(c);
    if (dataset_open(&d, at(file), split) != 0 || dataset_open(&whole, at("birds.h5"), "test") != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(dataset_count(d), dataset_count(whole));
    for (int64_t i = 0; i < dataset_count(d); i++) {
        c->apply(px, dataset_images(whole) + i * 3072, 32, severity, corruption_seed(seed, c, severity, i));
        assert_memory_equal(px, dataset_images(d) + i * 3072, sizeof px);
        assert_int_equal(dataset_labels(d)[i], dataset_labels(whole)[i]);
    }
    dataset_close(whole);
    dataset_close(d);
}

static void splits_hold_their_corruption(void **state)
{
    (void)state;
    import_file(40);
    assert_int_equal(CORRUPT(at("birds.h5"), "--out", at("c.h5"), "--corruptions",
                             "gaussian_noise,jpeg_compression", "--severities", "1,5", "--seed", "3"),
                     0);
    expect_corrupted("c.h5", "gaussian_noise_1", "gaussian_noise", 1, 3);
    expect_corrupted("c.h5", "gaussian_noise_5", "gaussian_noise", 5, 3);
    expect_corrupted("c.h5", "jpeg_compression_5", "jpeg_compression", 5, 3);
    dataset *d;
    expect_fault(dataset_open(&d, at("c.h5"), "gaussian_noise_2"), "no split");
    assert_int_equal(CORRUPT(at("birds.h5"), "-o", at("e.h5"), "--corruptions", "extra", "--severities", "2"), 0);
    expect_corrupted("e.h5", "spatter_2", "spatter", 2, 0);
    expect_corrupted("e.h5", "speckle_noise_2", "speckle_noise", 2, 0);
}

/* Limited to one core, a program works with one thread. */
static void corrupt_on_one_core(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
    _exit(CORRUPT(at("birds.h5"), "-o", at("one.h5"), "--severities", "2"));
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    import_file(70);
    assert_int_equal(CORRUPT(at("birds.h5"), "-o", at("many.h5"), "--severities", "2"), 0);
    int status = child(corrupt_on_one_core);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (int i = 0; corruption_at(i); i++) {
        char split[80], one[65], many[65];
        if (corruption_at(i)->kind != CORRUPTION_MAIN)
            continue;
        snprintf(split, sizeof split, "%s_2", corruption_at(i)->name);
        digest_of("one.h5", split, one);
        digest_of("many.h5", split, many);
        assert_string_equal(one, many);
    }
}

static void corrupt_and_be_interrupted(void)
{
    alarm(60);
    pid_t parent = getpid();
    if (fork() == 0) { /* once the file is begun */
        while (files_in(at("out")) == 0)
            usleep(500);
        kill(parent, SIGINT);
        _exit(0);
    }
    CORRUPT(at("birds.h5"), "-o", at("out/c.h5"));
    CORRUPT(at("birds.h5"), "-o", at("out/c.h5")); /* the signal may have come when all was done */
}

static void interruption_leaves_nothing(void **state)
{
    (void)state;
    import_file(400);
    mkdir(at("out"), 0777);
    int status = child(corrupt_and_be_interrupted);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_int_equal(files_in(at("out")), 0);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    import_file(3);
    mkdir(at("out"), 0777);
    char in[PATH_MAX], out[PATH_MAX];
    file_join(in, sizeof in, top, "birds.h5");
    file_join(out, sizeof out, top, "out/c.h5");
    expect_fault(CORRUPT(in, "-o", out, "--corruptions", "gaussian_nois"), "`gaussian_nois`|`gaussian_noise`");
    expect_fault(CORRUPT(in, "-o", out, "--corruptions", "frost"), "`frost`|`frost_proc`");
    expect_fault(CORRUPT(in, "-o", out, "--corruptions", "zebra"), "`zebra`|main, extra or all");
    expect_fault(CORRUPT(in, "-o", out, "--corruptions", "augmix"), "augmix is an augmentation");
    expect_fault(CORRUPT(in, "-o", out, "--corruptions", ","), "empty list");
    expect_fault(CORRUPT(in, "-o", out, "--severities", "6"), "severity `6`|1 to 5");
    expect_fault(CORRUPT(in, "-o", out, "--severities", "1.5"), "severity `1.5`");
    expect_fault(CORRUPT(in, "-o", out, "--seed", "-1"), "--seed|`-1`");
    expect_fault(CORRUPT(in, "-o", out, "--sed", "1"), "unknown option --sed");
    expect_fault(CORRUPT(in, "-o"), "-o needs a value");
    expect_fault(CORRUPT(in, "-o", out, "--split", "val"), "birds.h5|no split `val`");
    expect_fault(CORRUPT(in), "--out FILE.h5");
    expect_fault(CORRUPT(in, "-o", in), "birds.h5 would be replaced");
    assert_int_equal(symlink(in, at("link.h5")), 0);
    expect_fault(CORRUPT(in, "-o", at("link.h5")), "link.h5 would be replaced");
    expect_fault(CORRUPT(at("none.h5"), "-o", out), "none.h5|No such file");
    put_text("text.h5", "hello");
    expect_fault(CORRUPT(at("text.h5"), "-o", out), "text.h5|not HDF5");
    expect_fault(command(corrupt_main, (const char *const[]){"corrupt", NULL}), "nothing to corrupt");
    assert_int_equal(CORRUPT("--help"), 0);
    assert_int_equal(files_in(at("out")), 0);
}

static void benchmarks_are_made_by_path(void **state)
{
    (void)state;
    dataset *d;
    char yml[PATH_MAX], imported[PATH_MAX];
    const char *data = top;
    file_join(yml, sizeof yml, top, "sets/small.yml");
    file_join(imported, sizeof imported, top, "imported");
    put_images("birds", 20);
    benchmark_close(open_small(top));
    expect_fault(CORRUPT(yml, "--data", data), "birdsc, all, extra");
    expect_fault(CORRUPT(yml, "cats", "--data", data), "cats|birdsc, all, extra");
    expect_fault(CORRUPT(yml, "birdscc", "--data", data), "no set `birdscc`|`birdsc`");
    expect_fault(CORRUPT(yml, "birdsc", "--seed", "1"), ".yml");
    expect_fault(CORRUPT(at("sets/none.yml"), "birdsc"), "no benchmark|none.yml");
    assert_int_equal(CORRUPT(yml, "birdsc", "--data", data, "--imported", imported), 0);
    assert_int_equal(dataset_open(&d, at("imported/small/birdsc.h5"), "fog_4"), 0);
    assert_int_equal(dataset_count(d), 20);
    dataset_close(d);
    assert_int_equal(IMPORT(yml, "birds", "--data", data, "--imported", imported), 0);
    assert_int_equal(IMPORT(yml, "extra", "--data", data, "--imported", imported), 0);
    assert_int_equal(files_in(at("imported/small")), 3);
    put_images("cats", 5);
    assert_int_equal(IMPORT(yml, "--data", data, "--imported", imported), 0); /* but not what is a corruption */
    assert_int_equal(files_in(at("imported/small")), 4);
}

static void make_fresh(const benchmark *b, const char *set)
{
    assert_int_equal(benchmark_fresh(b, set), 0);
    if (benchmark_import(b, set) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(benchmark_fresh(b, set), 1);
}

/* The benchmark with one line of birdsc replaced. */
static benchmark *open_changed(const char *from, const char *to, const char *data)
{
    put_changed("sets/small.yml", small, from, to);
    return open_benchmark("small", data);
}

static void freshness_follows_settings_and_source(void **state)
{
    (void)state;
    char before[65], after[65];
    put_images("birds", 20);
    benchmark *b = open_small(top);
    make_fresh(b, "birdsc"); /* and birds with it */
    assert_int_equal(benchmark_fresh(b, "birds"), 1);
    digest_of("imported/small/birdsc.h5", "gaussian_noise_1", before);
    benchmark_close(b);

    b = open_changed("severities: [1, 4]", "severities: [1, 4]\n    seed: 1", top);
    make_fresh(b, "birdsc");
    digest_of("imported/small/birdsc.h5", "gaussian_noise_1", after);
    assert_string_not_equal(before, after);
    benchmark_close(b);

    b = open_small(top);
    make_fresh(b, "birdsc");
    digest_of("imported/small/birdsc.h5", "gaussian_noise_1", after);
    assert_string_equal(before, after);
    benchmark_close(b);
    b = open_changed("[1, 4]", "[1]", top); /* more than is asked for does no harm */
    assert_int_equal(benchmark_fresh(b, "birdsc"), 1);
    benchmark_close(b);

    b = open_changed("[1, 4]", "[1, 4, 5]", top);
    make_fresh(b, "birdsc");
    put_text("lists/birds.txt", "birds/1.png 1\n");
    make_fresh(b, "birdsc");
    assert_int_equal(truncate(at("imported/small/birdsc.h5"), 3000), 0);
    make_fresh(b, "birdsc");
    unlink(at("imported/small/birds.h5"));
    make_fresh(b, "birdsc"); /* the same images again: nothing was corrupted anew */
    unlink(at("images/birds/1.png"));
    assert_int_equal(benchmark_fresh(b, "birdsc"), 1);
    unlink(at("imported/small/birds.h5"));
    assert_int_equal(benchmark_fresh(b, "birdsc"), 1); /* all there is */
    unlink(at("imported/small/birdsc.h5"));
    expect_fault(benchmark_fresh(b, "birdsc"), "made from birds|1.png");
    expect_fault(benchmark_import(b, "birdsc"), "1.png");
    benchmark_close(b);
}

static void refuse(const char *from, const char *to, const char *words)
{
    benchmark *b;
    put_changed("sets/bad.yml", small, from, to);
    expect_fault(benchmark_open(&b, at("sets"), "bad", NULL, at("imported")), words);
}

static void benchmark_mistakes_are_named(void **state)
{
    (void)state;
    refuse("[gaussian_noise, fog]", "[gaussian_noise, fogg]", "bad.yml:11|birdsc|`fogg`|`fog`");
    refuse("[1, 4]", "[0]", "birdsc|severity `0`");
    refuse("corrupt: birds\n", "corrupt: bird\n", "bad.yml:11|no set `bird`|`birds`");
    refuse("corrupt: birds\n", "corrupt: all\n", "all has no `test`");
    refuse("corrupt: birds\n", "corrupt: birdsc\n", "birdsc has no `test`");
    refuse("corrupt: birds\n", "corrupt: birds\n    npy: C\n", "`corrupt` and `npy`");
    refuse("corrupt: birds\n", "corrupt: birds\n    test: birds.txt\n", "`corrupt` and `test`");
    refuse("corrupt: birds\n", "npy: C\n    seed: 1\n", "`seed`");
    refuse("corrupt: birds\n", "npy: c.npy\n", "birdsc|single .npy|csid");
    refuse("corrupt: birds\n", "test: birds.txt\n", "`corruptions`|goes with `corrupt`");
    refuse("csid", "near", "birdsc|`group: csid`|near");
    refuse("corruptions: [gauss", "corruption: [gauss", "`corruption`|`corruptions`");
    refuse("seed: 7", "seed: x", "seed|x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_are_named),
        TEST(splits_hold_their_corruption),
        TEST(threads_do_not_matter),
        TEST(interruption_leaves_nothing),
        TEST(mistakes_are_named),
        TEST(benchmarks_are_made_by_path),
        TEST(freshness_follows_settings_and_source),
        TEST(benchmark_mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
