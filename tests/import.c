/* import.c - lists, folders, zips, HDF5 files and benchmarks: what comes out is
 * what went in, every mistake is one sentence, and nothing half-made is left. */
#include "../datasets/archive.h"
#include "../datasets/images.h"
#include "../datasets/make.h"
#include "../harness/commands.h"
#include "listed.h"

#include <signal.h>
#include <sys/resource.h>
#include <zip.h>

/* HDF5 1.10 loses memory of its own when a file is damaged. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}

static void put_images(const char *name, int n)
{
    put_listed(name, "a b/", 40, 36, n);
}

/* Packs the folder images/NAME; members are called `prefix/...`. */
static void pack(const char *name, const char *prefix, const char *zip)
{
    char member[128], folder[128];
    zip_t *z = zip_open(at(zip), ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    snprintf(folder, sizeof folder, "images/%s/a b", name);
    int n = files_in(at(folder));
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char file[256], *content;
        size_t size;
        snprintf(file, sizeof file, "%s/%d.png", folder, i);
        snprintf(member, sizeof member, "%sa b/%d.png", prefix, i);
        assert_int_equal(file_read(at(file), &content, &size), 0);
        assert_true(zip_file_add(z, member, zip_source_buffer(z, content, size, 1), 0) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
}

#define IMPORT(...) command(import_main, (const char *const[]){"import", __VA_ARGS__, NULL})

/* --- lists --- */

static void lists_are_read(void **state)
{
    (void)state;
    list l;
    put_text("l.txt", "a/b c.png 3\r\n\n  d.png\t0\ne.png 9");
    assert_int_equal(list_read(&l, at("l.txt"), LIST_CLASSES, 10), 0);
    assert_int_equal(l.n, 3);
    assert_string_equal(l.lines[0].path, "a/b c.png");
    assert_string_equal(l.lines[1].path, "d.png");
    assert_int_equal(l.lines[0].label, 3);
    assert_int_equal(l.lines[2].label, 9);
    assert_int_equal(l.lines[2].number, 4);
    list_free(&l);
    put_text("l.txt", "a.png 700\nb.png -1\n");
    assert_int_equal(list_read(&l, at("l.txt"), LIST_OUTSIDE, 10), 0);
    assert_int_equal(l.lines[0].label, -1);
    list_free(&l);
}

static void lists_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *content, *words;
    } cases[] = {
        {"a.png 1\nb.png\n", "l.txt:2|no label|b.png"},
        {"a.png 1\nb.png two\n", "l.txt:2|`two` is no label"},
        {"a.png 10\n", "l.txt:1|10 is out of range|0 to 9"},
        {"a.png -1\n", "l.txt:1|-1 is out of range"},
        {"a.png 99999999999999999999\n", "l.txt:1|out of range"},
        {"/etc/passwd 1\n", "l.txt:1|absolute"},
        {"a/../../b.png 1\n", "l.txt:1|leads out"},
        {".. 1\n", "l.txt:1|leads out"},
        {"\n\n", "empty"},
        {"", "empty"},
    };
    list l;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("l.txt", cases[i].content);
        expect_fault(list_read(&l, at("l.txt"), LIST_CLASSES, 10), cases[i].words);
    }
    put("l.txt", "a.png 1\0\n", 9);
    expect_fault(list_read(&l, at("l.txt"), LIST_CLASSES, 10), "zero byte");
    expect_fault(list_read(&l, at("nowhere.txt"), LIST_CLASSES, 10), "nowhere.txt|No such file");
    put_text("l.txt", "..a/b...png 1\n"); /* dots that climb nowhere */
    assert_int_equal(list_read(&l, at("l.txt"), LIST_CLASSES, 10), 0);
    list_free(&l);
}

/* --- importing --- */

static void folder_and_zip_agree(void **state)
{
    (void)state;
    char folder[65], zip[65], bare[65];
    put_images("birds", 150);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("folder.h5")), 0);
    digest_of("folder.h5", "test", folder);
    mkdir(at("zips"), 0777);
    pack("birds", "birds/", "zips/birds.zip");
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("zips"), "-o", at("zip.h5")), 0);
    digest_of("zip.h5", "test", zip);
    pack("birds", "", "zips/birds.zip"); /* unpacked inside a folder of its name */
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("zips"), "-o", at("bare.h5")), 0);
    digest_of("bare.h5", "test", bare);
    assert_string_equal(folder, zip);
    assert_string_equal(folder, bare);
}

static void pixels_arrive(void **state)
{
    (void)state;
    dataset *d;
    put_images("birds", 150);
    assert_int_equal(IMPORT("--split", "val", at("lists/birds.txt"), at("images"), "--split", "train",
                            at("lists/birds.txt"), at("images"), "--side", "36", "--name", "b", "--classes", "10",
                            "-o", at("deep/er/two.h5")),
                     0);
    assert_int_equal(files_in(at("deep/er")), 1);
    assert_int_equal(dataset_open(&d, at("deep/er/two.h5"), "train"), 0);
    assert_string_equal(dataset_name(d), "b");
    assert_int_equal(dataset_count(d), 150);
    assert_int_equal(dataset_side(d), 36);
    assert_int_equal(dataset_channels(d), 3);
    for (int64_t i = 0; i < 150; i++) { /* 40 x 36 to 36 x 36: the middle, untouched */
        const uint8_t *px = dataset_images(d) + i * 36 * 36 * 3;
        assert_int_equal(dataset_labels(d)[i], i % 10);
        for (int y = 0; y < 36; y++)
            for (int x = 0; x < 108; x++)
                assert_int_equal(px[y * 108 + x], random_below((uint64_t)i, (uint64_t)(y * 121 + 1 + 6 + x), 256));
    }
    dataset_close(d);
}

static void broken_image_is_named(void **state)
{
    (void)state;
    put_images("birds", 150);
    assert_int_equal(truncate(at("images/birds/a b/77.png"), 500), 0);
    put_text("images/birds/a b/120.png", "no image");
    mkdir(at("out"), 0777);
    expect_fault(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("out/x.h5")),
                 "birds.txt:78|birds/a b/77.png|truncated");
    unlink(at("images/birds/a b/30.png"));
    expect_fault(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("out/x.h5")), "birds.txt:31|30.png|No such");
    expect_fault(IMPORT(at("lists/birds.txt"), at("lists"), "-o", at("out/x.h5")), "the folder|birds|.zip");
    mkdir(at("zips"), 0777);
    put_text("zips/birds.zip", "PK but no more");
    expect_fault(IMPORT(at("lists/birds.txt"), at("zips"), "-o", at("out/x.h5")), "birds.zip|complete?");
    put_images("few", 5);
    pack("few", "birds/", "zips/birds.zip");
    expect_fault(IMPORT(at("lists/birds.txt"), at("zips"), "-o", at("out/x.h5")), "birds.txt:6|no member|5.png");
    assert_int_equal(files_in(at("out")), 0);
}

static void a_finished_file_survives_a_failure(void **state)
{
    (void)state;
    char before[65], after[65];
    put_images("birds", 20);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("out/x.h5")), 0);
    digest_of("out/x.h5", "test", before);
    put_text("images/birds/a b/7.png", "no image");
    expect_fault(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("out/x.h5")), "birds.txt:8|neither PNG");
    digest_of("out/x.h5", "test", after);
    assert_string_equal(before, after);
    assert_int_equal(files_in(at("out")), 1);
}

static void options_are_checked(void **state)
{
    (void)state;
    put_images("birds", 5);
    const char *l = at("lists/birds.txt"), *im = at("images"), *out = at("x.h5");
    expect_fault(IMPORT(l, "-o", out), "LIST IMAGES");
    expect_fault(IMPORT(l, im, "--sied", "3", "-o", out), "unknown option --sied");
    expect_fault(IMPORT(l, im, "--side", "0", "-o", out), "--side|`0`");
    expect_fault(IMPORT(l, im, "--split", "training", "-o", out), "training");
    expect_fault(IMPORT(l, im, l, im, "-o", out), "two lists|test");
    expect_fault(IMPORT(l, im, "-o"), "-o needs a value");
    expect_fault(IMPORT(l, im, "--classes", "4", "-o", out), "birds.txt:5|out of range");
    expect_fault(IMPORT("no/such"), "no benchmark no/such");
    expect_fault(command(import_main, (const char *const[]){"import", NULL}), "nothing to import");
    assert_int_equal(IMPORT("--help"), 0);
    assert_false(file_exists(out));
}

/* --- what the machine does to us: in a child, so that limits and signals stay there --- */

static void import_to_a_full_disk(void)
{
    struct rlimit most = {300000, 300000};
    signal(SIGXFSZ, SIG_IGN); /* write() then fails as it does on a full disk */
    setrlimit(RLIMIT_FSIZE, &most);
    int rc = IMPORT(at("lists/birds.txt"), at("images"), "-o", at("out/x.h5"));
    int said = rc == -1 && strstr(fault_text(), "x.h5") && strstr(fault_text(), "too large");
    if (!said)
        fprintf(stderr, "rc %d: %s\n", rc, fault_text());
    _exit(said ? 7 : 1);
}

static void full_disk_is_reported(void **state)
{
    (void)state;
    put_images("birds", 150); /* 460,800 bytes of pixels */
    int status = child(import_to_a_full_disk);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(files_in(at("out")), 0);
}

static void unwritable_folder_is_reported(void **state)
{
    (void)state;
    put_images("birds", 5);
    put_text("file", "");
    expect_fault(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("file/x.h5")), "file|Not a directory");
}

static int slow_make(const void *what, void *own, int64_t i, uint8_t *px, int32_t *label)
{
    (void)what, (void)own;
    if (i == 100)
        kill(getpid(), SIGINT);
    usleep(200);
    memset(px, (int)i & 255, 32 * 32 * 3);
    *label = 0;
    return 0;
}

static void import_interrupted(void)
{
    static const double three[3] = {0, 0, 0};
    const store_header h = {.name = "slow", .mean = three, .std = three};
    const make_split s = {"test", "slow", {.n = 100000, .side = 32, .make = slow_make}};
    make_file(at("out/slow.h5"), &h, &s, 1);
}

static void interruption_leaves_nothing(void **state)
{
    (void)state;
    int status = child(import_interrupted);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
    assert_true(file_exists(at("out")));
    assert_int_equal(files_in(at("out")), 0);
}

/* --- reading --- */

static void every_truncation_is_refused(void **state)
{
    (void)state;
    dataset *d;
    char *content;
    size_t n;
    put_images("birds", 20);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("x.h5")), 0);
    assert_int_equal(file_read(at("x.h5"), &content, &n), 0);
    for (size_t cut = 0; cut < n; cut += 1 + n / 150) {
        put("cut.h5", content, cut);
        expect_fault(dataset_open(&d, at("cut.h5"), "test"), "cut.h5|import it again");
    }
    free(content);
}

static void damaged_files_are_survived(void **state)
{
    (void)state;
    dataset *d;
    char *content;
    size_t n;
    int refused = 0;
    put_images("birds", 3);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "--side", "8", "-o", at("x.h5")), 0);
    assert_int_equal(file_read(at("x.h5"), &content, &n), 0);
    for (uint64_t k = 0; k < 600; k++) {
        size_t where = (size_t)random_below(k, 0, (int64_t)n);
        content[where] ^= (char)(1 << k % 8);
        put("bad.h5", content, n);
        content[where] ^= (char)(1 << k % 8);
        if (dataset_open(&d, at("bad.h5"), "test") != 0) {
            refused++;
            continue;
        }
        uint64_t sum = 0; /* what was opened can be read to its end */
        for (int64_t i = 0; i < dataset_count(d) * dataset_side(d) * dataset_side(d) * 3; i++)
            sum += dataset_images(d)[i];
        for (int64_t i = 0; i < dataset_count(d); i++)
            sum += (uint64_t)dataset_labels(d)[i];
        assert_true(sum > 0);
        dataset_close(d);
    }
    assert_true(refused > 20);
    free(content);
}

static void unfit_files_are_refused(void **state)
{
    (void)state;
    dataset *d;
    put_images("birds", 20);
    assert_int_equal(IMPORT(at("lists/birds.txt"), at("images"), "-o", at("x.h5")), 0);
    expect_fault(dataset_open(&d, at("x.h5"), "train"), "x.h5|no split `train`");
    expect_fault(dataset_open(&d, at("none.h5"), "test"), "none.h5|No such file");
    put_text("text.h5", "hello");
    expect_fault(dataset_open(&d, at("text.h5"), "test"), "not HDF5");
    expect_fault(dataset_open(&d, top, "test"), top);
}

/* --- benchmarks --- */

static const char small[] = "classes: [a, b, c, d, e, f, g, h, i, j]\nside: 16\nmean: [0.5, 0.5, 0.5]\n"
                            "std: [0.25, 0.25, 0.25]\nlists: lists\nimages: images\nsets:\n"
                            "  birds: {group: id, train: birds.txt, test: birds.txt}\n"
                            "  cats: {group: near, test: cats.txt}\n"
                            "  gone: {group: far, test: gone.txt}\n";

static benchmark *open_small(const char *data)
{
    put_text("sets/small.yml", small);
    return open_benchmark("small", data);
}

static void benchmark_says_what_it_holds(void **state)
{
    (void)state;
    char path[PATH_MAX];
    benchmark *b = open_small(top);
    assert_int_equal(benchmark_classes(b), 10);
    assert_int_equal(benchmark_side(b), 16);
    assert_string_equal(benchmark_class(b, 9), "j");
    assert_true(benchmark_std(b)[2] == 0.25);
    assert_int_equal(benchmark_sets(b), 3);
    assert_string_equal(benchmark_set(b, 1), "cats");
    assert_string_equal(benchmark_group(b, "gone"), "far");
    assert_null(benchmark_group(b, "dogs"));
    assert_string_equal(benchmark_nearest(b, "cat"), "cats");
    assert_int_equal(benchmark_path(b, "cats", path, sizeof path), 0);
    assert_string_equal(path, at("imported/small/cats.h5"));
    expect_fault(benchmark_path(b, "dogs", path, sizeof path), "no set `dogs`");
    benchmark_close(b);
}

static void import_fresh(const benchmark *b, const char *set)
{
    assert_int_equal(benchmark_fresh(b, set), 0);
    if (benchmark_import(b, set) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(benchmark_fresh(b, set), 1);
}

/* What is stale is seen: another list, another image, another archive, a damaged file. */
static void freshness_follows_the_source(void **state)
{
    (void)state;
    dataset *d;
    put_images("birds", 20);
    put_images("cats", 20);
    benchmark *b = open_small(top);
    import_fresh(b, "birds");
    import_fresh(b, "cats");
    assert_int_equal(dataset_open(&d, at("imported/small/cats.h5"), "test"), 0);
    assert_int_equal(dataset_labels(d)[3], -1); /* outside, whatever its list says */
    dataset_close(d);
    assert_int_equal(dataset_open(&d, at("imported/small/birds.h5"), "test"), 0);
    assert_int_equal(dataset_labels(d)[3], 3);
    dataset_close(d);

    put_text("images/birds/a b/3.png", "changed");
    assert_int_equal(benchmark_fresh(b, "birds"), 0);
    expect_fault(benchmark_import(b, "birds"), "birds.txt:4");
    put_images("birds", 20);
    import_fresh(b, "birds");
    put_text("lists/birds.txt", "birds/a b/1.png 1\n");
    import_fresh(b, "birds");
    assert_int_equal(truncate(at("imported/small/birds.h5"), 3000), 0);
    import_fresh(b, "birds");

    pack("cats", "cats/", "images/cats.zip"); /* the folder wins */
    assert_int_equal(benchmark_fresh(b, "cats"), 1);
    assert_int_equal(rename(at("images/cats"), at("images/away")), 0);
    import_fresh(b, "cats");
    expect_fault(benchmark_fresh(b, "gone"), "gone.txt|No such file");
    benchmark_close(b);

    b = open_small(NULL); /* without the images, what was imported serves */
    assert_int_equal(benchmark_fresh(b, "cats"), 1);
    expect_fault(benchmark_fresh(b, "gone"), "gone|--data");
    expect_fault(benchmark_import(b, "cats"), "cats|--data");
    benchmark_close(b);
}

static void refuse_benchmark(const char *from, const char *to, const char *words)
{
    benchmark *b;
    put_changed("sets/bad.yml", small, from, to);
    expect_fault(benchmark_open(&b, at("sets"), "bad", NULL, at("imported")), words);
}

static void benchmark_mistakes_are_named(void **state)
{
    (void)state;
    benchmark *b;
    refuse_benchmark("side: 16", "sied: 16", "bad.yml:2|`sied`|did you mean `side`");
    refuse_benchmark("group: near", "grupp: near", "`grupp`|`group`");
    refuse_benchmark("group: near", "group: nera", "`nera`|`near`");
    refuse_benchmark("group: near, ", "", "cats|group");
    refuse_benchmark("side: 16", "side: many", "side|many");
    refuse_benchmark("std: [0.25, 0.25, 0.25]", "std: [0.25, 0.25]", "std|three");
    refuse_benchmark("std: [0.25, 0.25, 0.25]", "std: [0.25, 0.25, 0]", "std|0");
    refuse_benchmark("lists: lists\n", "", "lists");
    refuse_benchmark("images: images", "generator: cubes", "cubes|shapes");
    refuse_benchmark("[a, b, c, d, e, f, g, h, i, j]", "[a]", "classes|two");
    expect_fault(benchmark_open(&b, at("sets"), "none", NULL, at("imported")), "no benchmark none");
}

/* --- the real thing --- */

static void real_images_as_pillow(void **state)
{
    (void)state;
    /* SHA-256 of the pixels that Pillow 12.3 and torchvision 0.29 make of the lists
     * test_texture.txt, test_tin.txt and test_mnist.txt, one image behind the other. */
    static const struct {
        const char *set, *pixels;
    } cases[] = {
        {"texture", "ffa8b4d14062896605c7ff4ec684978be23e9dd2069263f45858b5e28d3d89b5"},
        {"tin", "8fff363b841449883d103ee9676895ab6c3f219ccdb13e06609e19d586337b2e"},
        {"mnist", "8e1c226471d223abf456cd1a1071cf82f54408e21171564818169d11f274d8dd"},
    };
    if (!getenv("OODBENCH_DATA"))
        skip();
    benchmark *b;
    if (benchmark_open(&b, "datasets", "cifar10", getenv("OODBENCH_DATA"), at("imported")) != 0)
        fail_msg("%s", fault_text());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char digest[65], file[64];
        dataset *d;
        import_fresh(b, cases[i].set);
        snprintf(file, sizeof file, "imported/cifar10/%s.h5", cases[i].set);
        assert_int_equal(dataset_open(&d, at(file), "test"), 0);
        file_digest_bytes(digest, dataset_images(d), (size_t)(dataset_count(d) * 32 * 32 * 3));
        assert_string_equal(digest, cases[i].pixels);
        dataset_close(d);
    }
    benchmark_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_read),
        TEST(lists_are_refused),
        TEST(folder_and_zip_agree),
        TEST(pixels_arrive),
        TEST(broken_image_is_named),
        TEST(a_finished_file_survives_a_failure),
        TEST(options_are_checked),
        TEST(full_disk_is_reported),
        TEST(unwritable_folder_is_reported),
        TEST(interruption_leaves_nothing),
        TEST(every_truncation_is_refused),
        TEST(damaged_files_are_survived),
        TEST(unfit_files_are_refused),
        TEST(benchmark_says_what_it_holds),
        TEST(freshness_follows_the_source),
        TEST(benchmark_mistakes_are_named),
        TEST(real_images_as_pillow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
