/* encoded.c - sets that hold the files of their images: the same pixels, features and
 * findings as a set of pixels gives, from any list, folder, tar or zip; and files that
 * lie about where their images are. */
#include "../datasets/decode.h"
#include "../datasets/overlap.h"
#include "../datasets/twins.h"
#include "../harness/commands.h"
#include "../harness/engine.h"
#include "../harness/features.h"
#include "../harness/reader.h"
#include "../harness/verify.h"
#include "folder.h"
#include "pictures.h"
#include "tested.h"

#include <hdf5.h>
#include <zip.h>

enum { IMAGES = 150, SIDE = 32, IMAGE = SIDE * SIDE * 3 };

/* HDF5 1.10 loses memory of its own when a file is damaged. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}

#define IMPORT(...) command(import_main, (const char *const[]){"import", __VA_ARGS__, NULL})
#define IMPORT_FILES(out, ...) IMPORT(__VA_ARGS__, "--resize", "36", "--store", "files", "-o", at(out))

/* --- images of odd sizes: PNG and JPEG by turns --- */

static bytes picture(int i)
{
    const png_case png = {.w = 20 + i * 7 % 50, .h = 70 - i * 11 % 47, .type = i % 3 ? 2 : 0, .depth = 8};
    const jpeg_case jpeg = {.w = 37 + i * 5 % 60,
                            .h = 33 + i * 3 % 41,
                            .in = JCS_RGB,
                            .stored = JCS_YCbCr,
                            .across = 1 + i % 2,
                            .down = 1 + i % 3 / 2,
                            .quality = 60 + i % 40};
    return i % 2 ? jpeg_make(&jpeg, (uint64_t)i) : png_make(&png, (uint64_t)i);
}

static const char *path_of(int i)
{
    static char path[64];
    snprintf(path, sizeof path, "birds/%d/%03d.%s", i % 10, i, i % 2 ? "jpg" : "png");
    return path;
}

static void put_pictures(int n)
{
    text l = {0};
    char file[128];
    for (int i = 0; i < n; i++) {
        bytes b = picture(i);
        snprintf(file, sizeof file, "images/%s", path_of(i));
        put(file, b.at, b.n);
        text_add(&l, "%s %d\n", path_of(i), i % 10);
        free(b.at);
    }
    put_text("birds.txt", text_str(&l));
    text_free(&l);
}

static dataset *opened(const char *file)
{
    dataset *d;
    if (dataset_open(&d, at(file), "test") != 0)
        fail_msg("%s", fault_text());
    return d;
}

/* The pictures twice: files.h5 and pixels.h5. */
static void import_both(int n)
{
    put_pictures(n);
    assert_int_equal(IMPORT(at("birds.txt"), at("images"), "--resize", "36", "-o", at("pixels.h5")), 0);
    if (IMPORT_FILES("files.h5", at("birds.txt"), at("images")) != 0)
        fail_msg("%s", fault_text());
}

static void files_are_kept(void **state)
{
    (void)state;
    import_both(IMAGES);
    dataset *d = opened("files.h5"), *p = opened("pixels.h5");
    assert_true(dataset_encoded(d) && !dataset_encoded(p));
    assert_null(dataset_images(d));
    assert_int_equal(dataset_count(d), IMAGES);
    assert_int_equal(dataset_side(d), SIDE);
    assert_int_equal(dataset_resize(d), 36);
    for (int i = 0; i < IMAGES; i++) {
        size_t size;
        bytes b = picture(i);
        const void *file = dataset_file(d, i, &size);
        assert_int_equal(size, b.n);
        assert_memory_equal(file, b.at, b.n);
        assert_int_equal(dataset_labels(d)[i], i % 10);
        free(b.at);
    }
    assert_string_not_equal(dataset_digest(d), dataset_digest(p));
    dataset_close(d);
    dataset_close(p);
}

/* --- reading --- */

static void same_range(reader *r, const dataset *p, int64_t first, int64_t n)
{
    const uint8_t *px = reader_range(r, first, n);
    if (!px)
        fail_msg("%s", fault_text());
    assert_memory_equal(px, dataset_images(p) + first * IMAGE, (size_t)n * IMAGE);
}

static void any_range_any_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 7, 0};
    static const int64_t ranges[][2] = {{0, IMAGES}, {0, 1}, {17, 3}, {149, 1}, {17, 3}, {100, 50}, {99, 50}};
    int64_t which[IMAGES];
    uint8_t *picked = malloc((size_t)IMAGES * IMAGE);
    assert_non_null(picked);
    import_both(IMAGES);
    dataset *d = opened("files.h5"), *p = opened("pixels.h5");
    for (int i = 0; i < IMAGES; i++)
        which[i] = (i * 71 + 5) % IMAGES;
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        reader *r = reader_open(d, threads[t]);
        for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++)
            same_range(r, p, ranges[k][0], ranges[k][1]);
        assert_int_equal(reader_pick(r, picked, which, IMAGES), 0);
        for (int i = 0; i < IMAGES; i++)
            assert_memory_equal(picked + i * IMAGE, dataset_images(p) + which[i] * IMAGE, IMAGE);
        reader_close(r);
    }
    reader *r = reader_open(p, 2); /* pixels lie where they lie */
    assert_ptr_equal(reader_range(r, 5, 9), dataset_images(p) + 5 * IMAGE);
    assert_int_equal(reader_pick(r, picked, which, 3), 0);
    assert_memory_equal(picked + IMAGE, dataset_images(p) + which[1] * IMAGE, IMAGE);
    reader_close(r);
    dataset_close(d);
    dataset_close(p);
    free(picked);
}

/* What was expected, something else, the same again, nothing; and left in the middle. */
static void ahead_changes_nothing(void **state)
{
    (void)state;
    import_both(IMAGES);
    dataset *d = opened("files.h5"), *p = opened("pixels.h5");
    reader *r = reader_open(d, 3);
    reader_ahead(r, 0, 16);
    for (int64_t first = 0; first < 128; first += 16) {
        same_range(r, p, first, 16);
        reader_ahead(r, first + 16, 16);
        same_range(r, p, first, 16); /* still there */
    }
    same_range(r, p, 3, 40);
    reader_ahead(r, 50, 60);
    reader_ahead(r, 60, 60);
    reader_ahead(r, 60, 60);
    same_range(r, p, 60, 60);
    reader_ahead(r, 0, 100);
    reader_ahead(r, 0, 0);
    same_range(r, p, 0, 100);
    reader_ahead(r, 50, 100);
    reader_close(r);
    dataset_close(d);
    dataset_close(p);
}

/* --- consumers --- */

static int features_of(const char *file, features *f)
{
    net *n;
    assert_int_equal(nn_build(&n, "resnet20", 10, 3), 0);
    extractor e = {.net = n, .backend = "cpu", .precision = "f32", .mean = {.5, .4, .3}, .std = {.2, .3, .4}};
    int rc = features_get(f, &e, at(file), "test");
    nn_free(n);
    return rc;
}

static void features_are_the_same(void **state)
{
    (void)state;
    features a, b;
    import_both(IMAGES); /* a batch and a part of one */
    assert_int_equal(features_of("pixels.h5", &a), 0);
    assert_int_equal(features_of("files.h5", &b), 0);
    assert_int_equal(b.n, IMAGES);
    assert_int_equal(a.width, b.width);
    assert_memory_equal(a.values, b.values, (size_t)(a.n * a.width) * sizeof *a.values);
    assert_memory_equal(a.logits, b.logits, (size_t)(a.n * a.classes) * sizeof *a.logits);
    assert_memory_equal(a.labels, b.labels, (size_t)a.n * sizeof *a.labels);
    features_free(&a);
    features_free(&b);
}

static void corruptions_are_the_same(void **state)
{
    (void)state;
    import_both(20);
    static const char *const names[] = {"pixels.h5", "files.h5"}, *const made[] = {"pixels-c.h5", "files-c.h5"};
    for (int i = 0; i < 2; i++)
        if (command(corrupt_main, (const char *const[]){"corrupt", at(names[i]), "--corruptions", "fog",
                                                        "--severities", "3", "-o", at(made[i]), NULL}) != 0)
            fail_msg("%s", fault_text());
    char a[65], b[65];
    digest_of("pixels-c.h5", "fog_3", a);
    digest_of("files-c.h5", "fog_3", b);
    assert_string_equal(a, b);
}

static void twins_are_found(void **state)
{
    (void)state;
    twins *t;
    import_both(30);
    put_text("some.txt", "birds/3/003.jpg 0\nbirds/4/004.png 0\nbirds/3/003.jpg 0\n");
    assert_int_equal(IMPORT_FILES("some.h5", at("some.txt"), at("images")), 0);
    dataset *d = opened("files.h5"), *p = opened("pixels.h5"), *s = opened("some.h5");
    assert_int_equal(twins_find(&t, (dataset *const[]){d, s}, 2), 1); /* by their files */
    assert_int_equal(t[0].of, 1);
    assert_int_equal(t[0].in, 0);
    assert_int_equal(t[0].count, 3);
    assert_int_equal(t[0].image, 0);
    assert_int_equal(t[0].twin, 3);
    free(t);
    assert_int_equal(twins_find(&t, (dataset *const[]){p, s}, 2), 1); /* as they are shown */
    assert_int_equal(t[0].count, 3);
    assert_int_equal(t[0].twin, 3);
    free(t);
    assert_int_equal(twins_find(&t, (dataset *const[]){s, p}, 2), 2);
    assert_int_equal(t[0].count + t[1].count, 1 + 2); /* the third is the first; two of the others are there */
    free(t);
    assert_int_equal(command(inspect_main, (const char *const[]){"inspect", at("files.h5"), at("some.h5"),
                                                                 at("pixels.h5"), "-o", at("sheet.png"), NULL}),
                     0);
    assert_true(file_exists(at("sheet.png")));
    assert_int_equal(verify_set(at("files.h5")), 0); /* which believes no note, as there is none */
    assert_true(file_exists(at("files.h5.verified")));
    dataset_close(d);
    dataset_close(p);
    dataset_close(s);
}

/* --- where files come from --- */

static void pack(const char *zip)
{
    zip_t *z = zip_open(at(zip), ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(z);
    for (int i = 0; i < 30; i++) {
        bytes b = picture(i);
        assert_true(zip_file_add(z, path_of(i), zip_source_buffer(z, b.at, b.n, 1), 0) >= 0);
    }
    assert_int_equal(zip_close(z), 0);
}

static void zips_and_trees_agree(void **state)
{
    (void)state;
    char folder[65], zip[65];
    import_both(30);
    digest_of("files.h5", "test", folder);
    assert_int_equal(file_mkdirs(at("zips")), 0);
    pack("zips/birds.zip");
    assert_int_equal(IMPORT_FILES("zip.h5", at("birds.txt"), at("zips")), 0);
    digest_of("zip.h5", "test", zip);
    assert_string_equal(folder, zip);
    static const char *const trees[] = {"images/birds", "zips/birds.zip"};
    for (int i = 0; i < 2; i++) { /* class by class: other places, the same files */
        assert_int_equal(IMPORT_FILES("tree.h5", "--tree", at(trees[i]), "--side", "32"), 0);
        dataset *t = opened("tree.h5");
        assert_true(dataset_encoded(t));
        assert_int_equal(dataset_count(t), 30);
        assert_int_equal(dataset_labels(t)[4], 1);
        size_t size;
        bytes b = picture(11); /* birds/1: 1, 11, 21 */
        const void *file = dataset_file(t, 4, &size);
        assert_int_equal(size, b.n);
        assert_memory_equal(file, b.at, size);
        free(b.at);
        dataset_close(t);
    }
    expect_fault(IMPORT("--npy", at("birds.txt"), "--store", "files"), "--store files|arrays");
    expect_fault(IMPORT("--tree", at("images/birds"), "--store", "both"), "pixels or files|`both`");
}

static const char bench[] = "classes: 10\nside: 32\nresize: 36\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
                            "store: files\nlists: .\nimages: images\nsets:\n"
                            "  id: {group: id, test: birds.txt}\n"
                            "  near: {group: near, test: near.txt, store: pixels}\n"
                            "  aux: {group: outliers, train: aux.txt}\n";

/* Made once; made again when it is to be kept otherwise; outliers are compared whatever they are kept as. */
static void benchmarks_say_so(void **state)
{
    (void)state;
    text warnings = {0};
    put_pictures(30);
    put_text("near.txt", "birds/3/003.jpg 0\nbirds/4/004.png 0\n");
    put_text("sets/b.yml", bench);
    bytes copy = picture(3);
    put("images/other/7.jpg", copy.at, copy.n);
    free(copy.at);
    put_text("aux.txt", "other/7.jpg 0\nbirds/5/005.jpg 0\n");
    benchmark *b = open_benchmark("b", top);
    static const char *const sets[] = {"id", "near", "aux"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(benchmark_fresh(b, sets[i]), 0);
        if (benchmark_import(b, sets[i]) != 0)
            fail_msg("%s", fault_text());
        assert_int_equal(benchmark_fresh(b, sets[i]), 1);
    }
    dataset *d = opened("imported/b/near.h5");
    assert_false(dataset_encoded(d));
    dataset_close(d);
    expect_fault(overlap_check(b, "aux", (const char *const[]){"near"}, 1, &warnings),
                 "aux hold 1 of the 2 images of near|other/7.jpg = test image 0");
    benchmark_close(b);
    put_changed("sets/b.yml", bench, "store: files", "store: pixels");
    b = open_benchmark("b", top);
    assert_int_equal(benchmark_fresh(b, "id"), 0);
    assert_int_equal(benchmark_fresh(b, "near"), 1);
    benchmark_close(b);
    put_changed("sets/b.yml", bench, "store: files", "store: jpeg");
    expect_fault(benchmark_open(&b, at("sets"), "b", top, at("imported")), "b.yml:6|pixels or files|`jpeg`");
    put_changed("sets/b.yml", bench, "test: near.txt, store: pixels", "npy: near.npy, store: files");
    expect_fault(benchmark_open(&b, at("sets"), "b", top, at("imported")), "b.yml:11|set near|lists");
}

/* --- what is broken --- */

static void broken_images_are_refused(void **state)
{
    (void)state;
    import_both(30);
    char before[65], after[65];
    digest_of("files.h5", "test", before);
    put("images/birds/7/007.jpg", "\xff\xd8 no more", 10);
    expect_fault(IMPORT_FILES("files.h5", at("birds.txt"), at("images")), "birds.txt:8|007.jpg");
    put("images/birds/7/007.jpg", "", 0);
    expect_fault(IMPORT_FILES("files.h5", at("birds.txt"), at("images")), "birds.txt:8|empty");
    digest_of("files.h5", "test", after);
    assert_string_equal(before, after);
    assert_int_equal(files_in(top), 4); /* images, birds.txt, two sets; nothing aside */
}

typedef struct lie {
    const char *array; /* or an attribute, when there is no such array */
    int64_t at;        /* the number that is changed; -1: as many numbers less */
    uint64_t value;
} lie;

/* The array, written anew as a copy of `count` numbers. */
static void rewrite(hid_t group, const char *name, const uint64_t *v, hsize_t count)
{
    hid_t space = H5Screate_simple(1, &count, NULL);
    H5Ldelete(group, name, H5P_DEFAULT);
    hid_t d = H5Dcreate2(group, name, H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(d, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Dclose(d);
    H5Sclose(space);
}

static void tell(const lie *l)
{
    char *content;
    size_t size;
    uint64_t v[31];
    assert_int_equal(file_read(at("files.h5"), &content, &size), 0);
    put("lies.h5", content, size);
    free(content);
    hid_t file = H5Fopen(at("lies.h5"), H5F_ACC_RDWR, H5P_DEFAULT), group = H5Gopen2(file, "test", H5P_DEFAULT);
    if (strcmp(l->array, "at") == 0) {
        hid_t d = H5Dopen2(group, "at", H5P_DEFAULT);
        assert_true(H5Dread(d, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
        H5Dclose(d);
        if (l->at >= 0)
            v[l->at] = l->value;
        rewrite(group, "at", v, l->at < 0 ? l->value : 31);
    } else {
        hid_t a = H5Aopen(group, l->array, H5P_DEFAULT);
        assert_true(H5Awrite(a, H5T_NATIVE_UINT64, &l->value) >= 0);
        H5Aclose(a);
    }
    H5Gclose(group);
    H5Fclose(file);
}

static void lies_are_refused(void **state)
{
    (void)state;
    static const lie lies[] = {
        {"at", 7, 3},          {"at", 0, 1},         {"at", 30, UINT64_MAX}, {"at", 12, UINT64_MAX - 5},
        {"at", 30, 900000000}, {"at", 29, 0},        {"at", -1, 30},         {"at", -1, 1},
        {"side", 0, 0},        {"side", 0, 1000000}, {"resize", 0, 1 << 20}, {"resize", 0, (uint64_t)INT64_MIN},
    };
    dataset *d;
    import_both(30);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        tell(&lies[i]);
        expect_fault(dataset_open(&d, at("lies.h5"), "test"), "lies.h5|not as expected|import it again");
    }
}

/* Opens and reads all that can be read; no more is asked than that it ends well or with a fault. */
static int survives(const char *file)
{
    dataset *d;
    if (dataset_open(&d, at(file), "test") != 0)
        return 0;
    int64_t n = dataset_count(d);
    reader *r = reader_open(d, 2);
    int whole = 1;
    for (int64_t i = 0; i < n; i += 8)
        whole &= reader_range(r, i, n - i < 8 ? n - i : 8) != NULL;
    reader_close(r);
    dataset_close(d);
    return whole;
}

static void damage_is_survived(void **state)
{
    (void)state;
    char *content;
    size_t size, length;
    int refused = 0;
    import_both(30);
    dataset *d = opened("files.h5");
    const char *last = dataset_file(d, 29, &length), *first = dataset_file(d, 0, &length);
    assert_int_equal(file_read(at("files.h5"), &content, &size), 0);
    char *found = memmem(content, size, first, length);
    assert_non_null(found);
    for (uint64_t k = 0; k < 60; k++) { /* bytes of the images */
        char *p = found + random_below(1, k, last - first);
        *p = (char)(*p ^ (1 << random_below(2, k, 8)));
        put("flipped.h5", content, size);
        refused += !survives("flipped.h5");
    }
    assert_true(refused > 0);
    for (size_t n = 0; n < size; n += size / 23) {
        put("short.h5", content, n);
        assert_false(survives("short.h5"));
    }
    free(content);
    dataset_close(d);
}

/* The first that fails is named, whatever the others do. */
static void damaged_images_are_named(void **state)
{
    (void)state;
    char *content;
    size_t size, length;
    import_both(30);
    dataset *d = opened("files.h5");
    assert_int_equal(file_read(at("files.h5"), &content, &size), 0);
    for (int64_t i = 11; i < 30; i += 6) {
        const void *file = dataset_file(d, i, &length);
        char *found = memmem(content, size, file, length);
        assert_non_null(found);
        memset(found, 0, length);
    }
    put("damaged.h5", content, size);
    free(content);
    dataset_close(d);
    d = opened("damaged.h5");
    for (int threads = 1; threads < 4; threads++) {
        reader *r = reader_open(d, threads);
        uint8_t out[2 * IMAGE];
        assert_non_null(reader_range(r, 0, 11));
        expect_fault(reader_range(r, 5, 25) ? 0 : -1, "files: its image 11 cannot be decoded|import it again");
        expect_fault(reader_pick(r, out, (const int64_t[]){16, 17}, 2), "image 17");
        assert_non_null(reader_range(r, 24, 5));
        reader_close(r);
    }
    features f;
    expect_fault(features_of("damaged.h5", &f), "image 11");
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_kept),        TEST(any_range_any_threads),    TEST(ahead_changes_nothing),
        TEST(features_are_the_same), TEST(corruptions_are_the_same), TEST(twins_are_found),
        TEST(zips_and_trees_agree),  TEST(benchmarks_say_so),        TEST(broken_images_are_refused),
        TEST(lies_are_refused),      TEST(damage_is_survived),       TEST(damaged_images_are_named),
    };
    tested_kernels();
    if (device_open("cpu", 0) != 0) {
        fprintf(stderr, "%s\n", fault_text());
        return 1;
    }
    int failed = cmocka_run_group_tests_name("encoded", tests, NULL, NULL);
    device_close();
    return failed;
}
