/* formats.c - sets as others publish them, written here byte by byte: what comes
 * out is what went in, what is damaged or hostile is one sentence and no file. */
#include "../datasets/contact.h"
#include "../datasets/decode.h"
#include "../datasets/hdf.h"
#include "../datasets/twins.h"
#include "../harness/commands.h"
#include "forms.h"

/* HDF5 1.10 loses memory of its own when a file is damaged. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5\n";
}

#define IMPORT(...) command(import_main, (const char *const[]){"import", __VA_ARGS__, NULL})
#define INSPECT(...) command(inspect_main, (const char *const[]){"inspect", __VA_ARGS__, NULL})

static void imports(const char *name)
{
    unlink(at("o.h5"));
    if (IMPORT(at(name), "-o", at("o.h5")) != 0)
        fail_msg("%s", fault_text());
}

static void refuses(const char *name, const char *words)
{
    unlink(at("o.h5"));
    expect_fault(IMPORT(at(name), "-o", at("o.h5")), words);
    assert_false(file_exists(at("o.h5")));
}

/* --- CIFAR --- */

#define MULTIARRAY "cnumpy.core.multiarray\n_reconstruct\n"

static void put_batches(const char *folder, int pickled)
{
    for (int i = 0; i < 6; i++) {
        char name[64], number[8] = "test";
        if (i < 5)
            snprintf(number, sizeof number, "%d", i + 1);
        snprintf(name, sizeof name, i < 5 ? "%s/data_batch_%s%s" : "%s/%s_batch%s", folder, number,
                 pickled ? "" : ".bin");
        if (pickled)
            put_bytes(name, pickle_make(2 * i, 2, MULTIARRAY));
        else
            put_cifar(name, 2 * i, 2, 1);
    }
}

static void cifar_is_read(void **state)
{
    (void)state;
    put_batches("a/cifar-10-batches-bin", 0);
    put_text("a/cifar-10-batches-bin/batches.meta.txt", "cat\ndog\n\n");
    imports("a/cifar-10-batches-bin");
    expect_images("o.h5", "train", 0, 10, 1, 0);
    expect_images("o.h5", "test", 10, 2, 1, 0);
    imports("a");
    expect_images("o.h5", "test", 10, 2, 1, 0);
    put_batches("py", 1);
    imports("py");
    expect_images("o.h5", "train", 0, 10, 1, 0);
    put_cifar("c/train.bin", 0, 8, 2);
    put_cifar("c/test.bin", 8, 4, 2);
    imports("c");
    expect_images("o.h5", "train", 0, 8, 1, 0);
    imports("c/test.bin");
    expect_images("o.h5", "test", 8, 4, 1, 0);
    assert_int_equal(IMPORT("--cifar", at("c"), "--group", "outliers", "-o", at("far.h5")), 0);
    expect_images("far.h5", "train", 0, 8, 0, 0);
}

static void cifar_is_refused(void **state)
{
    (void)state;
    bytes evil = pickle_make(0, 2, "cos\nsystem\n");
    put("data_batch_1", evil.at, evil.n);
    refuses("data_batch_1", "data_batch_1|refuses to execute os.system");
    put_batches("a", 0);
    assert_int_equal(truncate(at("a/data_batch_3.bin"), 6145), 0);
    refuses("a", "data_batch_3.bin|6145 bytes|records of 3073");
    unlink(at("a/data_batch_3.bin"));
    refuses("a", "no file data_batch_3.bin");
    put_batches("p", 1);
    bytes whole = pickle_make(0, 2, MULTIARRAY);
    for (size_t n = 3; n < whole.n; n += n < 300 || n > whole.n - 8 ? 1 : 97) {
        put("p/test_batch", whole.at, n);
        refuses("p", "test_batch");
    }
    free(evil.at);
    free(whole.at);
}

/* --- IDX --- */

static void put_idx(const char *prefix, int first, int n, void (*to)(const char *, bytes), const char *tail)
{
    char name[128];
    const uint32_t extent[3] = {(uint32_t)n, SIDE, SIDE};
    snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", prefix, tail);
    to(name, idx_make(extent, 3, arranged("nchw", first, n, 1)));
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", prefix, tail);
    to(name, idx_make(extent, 1, labels_make(first, n)));
}

static void idx_is_read(void **state)
{
    (void)state;
    put_idx("m/train", 0, 8, put_bytes, "");
    put_idx("m/t10k", 8, 4, put_gz, ".gz");
    imports("m");
    expect_images("o.h5", "train", 0, 8, 1, 1);
    expect_images("o.h5", "test", 8, 4, 1, 1);
    imports("m/t10k-images-idx3-ubyte.gz");
    expect_images("o.h5", "test", 8, 4, 1, 1);
    unlink(at("m/t10k-labels-idx1-ubyte.gz"));
    refuses("m/t10k-images-idx3-ubyte.gz", "no labels|--group far");
    assert_int_equal(IMPORT(at("m/t10k-images-idx3-ubyte.gz"), "--group", "far", "--side", "8", "-o", at("s.h5")),
                     0);
}

static void idx_is_refused(void **state)
{
    (void)state;
    const uint32_t huge[4] = {0xffffffff, 0xffffffff, 0xffffffff, 3}, large[3] = {2, 4096, 4096};
    const uint32_t extent[3] = {2, SIDE, SIDE};
    bytes b = idx_make(extent, 3, arranged("nchw", 0, 2, 1));
    put_bytes("huge", idx_make(huge, 4, (bytes){0}));
    refuses("huge", "huge|larger than any file");
    put_bytes("large", idx_make(large, 3, (bytes){0}));
    refuses("large", "large|truncated|33554448");
    put("long", b.at, b.n + 1);
    refuses("long", "too long");
    put("short", b.at, 11);
    refuses("short", "truncated");
    b.at[2] = 13;
    put("float", b.at, b.n);
    expect_fault(IMPORT("--idx", at("float"), "-o", at("o.h5")), "IDX type 13|bytes");
    b.at[2] = 8;
    put_gz("cut.gz", b);
    assert_int_equal(truncate(at("cut.gz"), 900), 0);
    refuses("cut.gz", "cut.gz|gzip|complete");
}

/* --- named arrays --- */

static void mat_is_read(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        put_bytes("test_32x32.mat", mat_make(IMAGES, packed));
        imports("test_32x32.mat");
        expect_images("o.h5", "test", 0, IMAGES, 1, 0); /* 10 is the digit 0 */
    }
    assert_int_equal(IMPORT(at("test_32x32.mat"), "--group", "far", "-o", at("o.h5")), 0);
    expect_images("o.h5", "test", 0, IMAGES, 0, 0);
    refuses("nothing.mat", "no such file");
    expect_fault(IMPORT(at("test_32x32.mat"), "--images", "Z", "-o", at("p.h5")), "no array Z|X 32 x 32 x 3 x 12");
}

static void mat_is_refused(void **state)
{
    (void)state;
    for (int packed = 0; packed < 2; packed++) {
        bytes b = mat_make(2, packed);
        for (size_t n = 20; n < b.n; n += n < 400 ? 7 : 501) {
            put("a.mat", b.at, n);
            refuses("a.mat", "a.mat");
        }
        free(b.at);
    }
    bytes b = mat_make(2, 0);
    const int32_t many = 1 << 30;
    memcpy(b.at + 128 + 8 + 16 + 8 + 12, &many, 4); /* the last extent of X */
    put("many.mat", b.at, b.n);
    refuses("many.mat", "the array X|not as long as its extents");
    memcpy(b.at + 126, "MI", 2);
    put("big.mat", b.at, b.n);
    refuses("big.mat", "big-endian");
    free(b.at);
}

static void npz_is_read(void **state)
{
    (void)state;
    static const char *const members[] = {"x_train.npy", "y_train.npy", "x_test.npy", "y_test.npy"};
    const bytes content[4] = {
        npy_make("|u1", "8, 32, 32, 3", arranged("nhwc", 0, 8, 3)), npy_make("|u1", "8,", labels_make(0, 8)),
        npy_make("|u1", "4, 3, 32, 32", arranged("nchw", 8, 4, 3)), npy_make("|u1", "4, 1", labels_make(8, 4))};
    put_zip("a.npz", members, content, 4);
    imports("a.npz");
    expect_images("o.h5", "train", 0, 8, 1, 0);
    expect_images("o.h5", "test", 8, 4, 1, 0);
    static const char *const odd[] = {"photos.npy"};
    const bytes rows[1] = {npy_make("|u1", "4, 3072", arranged("nchw", 0, 4, 3))};
    put_zip("b.npz", odd, rows, 1);
    refuses("b.npz", "name it with --images|photos 4 x 3072");
    assert_int_equal(IMPORT(at("b.npz"), "--images", "photos", "--group", "near", "-o", at("b.h5")), 0);
    expect_images("b.h5", "test", 0, 4, 0, 0);
    assert_int_equal(truncate(at("a.npz"), 9000), 0);
    refuses("a.npz", "a.npz|complete");
}

static void hdf5_is_read(void **state)
{
    (void)state;
    hdf_begin();
    bytes px = arranged("nchw", 0, IMAGES, 3), y = labels_make(0, IMAGES);
    const hsize_t extent[4] = {IMAGES, 3, SIDE, SIDE}, chunk[4] = {5, 1, 16, 16}, vast[4] = {1 << 20, 3, 512, 512};
    hid_t f = H5Fcreate(at("a.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(f, "set", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    put_array(f, "set/pictures", 4, extent, chunk, H5T_NATIVE_UINT8, px.at);
    put_array(f, "set/classes", 1, extent, NULL, H5T_NATIVE_UINT8, y.at);
    put_array(f, "vast", 4, vast, chunk, H5T_NATIVE_UINT8, NULL);
    hid_t how = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(4, extent, NULL);
    H5Pset_external(how, at("secret"), 0, IMAGES * ROW);
    H5Dclose(H5Dcreate2(f, "outside", H5T_NATIVE_UINT8, space, H5P_DEFAULT, how, H5P_DEFAULT));
    H5Sclose(space);
    H5Pclose(how);
    put("secret", px.at, px.n);
    H5Lcreate_external("/etc/hostname", "/x", f, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(f);
    assert_int_equal(IMPORT(at("a.h5"), "--images", "/set/pictures", "--labels", "set/classes", "-o", at("o.h5")),
                     0);
    expect_images("o.h5", "test", 0, IMAGES, 1, 0);
    expect_fault(IMPORT(at("a.h5"), "--images", "vast", "-o", at("p.h5")), "vast is no array of bytes");
    expect_fault(IMPORT(at("a.h5"), "--images", "outside", "-o", at("p.h5")), "outside is no array of bytes");
    expect_fault(IMPORT(at("a.h5"), "--images", "elsewhere", "-o", at("p.h5")), "no array elsewhere");
    assert_int_equal(truncate(at("a.h5"), 700), 0);
    refuses("a.h5", "HDF5 cannot open it");
    free(px.at);
    free(y.at);
}

/* --- folders and tars --- */

/* Images 0 .. 11 below the class that is their label's letter. */
static bytes tar_of(const char *top_folder, int nested)
{
    bytes b = {0};
    for (int c = 0; c < 10; c++) {
        bytes inner = {0};
        char name[128];
        for (int i = c; i < IMAGES; i += 10) {
            bytes png = picture_of(i);
            snprintf(name, sizeof name, "%s%c%s%d.PNG", nested ? "" : top_folder, 'a' + c, nested ? "_" : "/", i);
            tar_add(nested ? &inner : &b, name, '0', png.at, png.n);
            free(png.at);
        }
        tar_end(&inner);
        snprintf(name, sizeof name, "%s%c.tar", top_folder, 'a' + c);
        if (nested)
            tar_add(&b, name, '0', inner.at, inner.n);
        free(inner.at);
    }
    tar_add(&b, "read.me", '0', "hello", 5);
    tar_add(&b, "a/link.png", '2', "", 0);
    tar_end(&b);
    return b;
}

/* Sorted by class: 0 and 10, 1 and 11, 2, 3, ... */
static void expect_sorted(const char *file)
{
    dataset *d;
    assert_int_equal(dataset_open(&d, at(file), "test"), 0);
    assert_int_equal(dataset_count(d), IMAGES);
    for (int i = 0; i < IMAGES; i++) {
        int k = i < 4 ? i % 2 * 10 + i / 2 : i - 2;
        assert_int_equal(dataset_labels(d)[i], k % 10);
        for (int p = 0; p < ROW; p++)
            assert_int_equal(dataset_images(d)[i * ROW + p], pixel(k, p / 3 / SIDE, p / 3 % SIDE, p % 3));
    }
    dataset_close(d);
}

static void tars_are_read(void **state)
{
    (void)state;
    put_bytes("a.tar", tar_of("", 0));
    imports("a.tar");
    expect_sorted("o.h5");
    put_bytes("b.tar", tar_of("./", 1));
    imports("b.tar");
    expect_sorted("o.h5");
    put_gz("c.tar.gz", tar_of("", 0));
    imports("c.tar.gz");
    expect_sorted("o.h5");
}

static void folders_are_read(void **state)
{
    (void)state;
    const char *members[IMAGES];
    char names[IMAGES][32];
    bytes zipped[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        char file[64];
        snprintf(names[i], sizeof names[i], "t/%c/%d.png", 'a' + i % 10, i);
        snprintf(file, sizeof file, "set/test/%c/%d.png", 'a' + i % 10, i);
        put_bytes(file, picture_of(i));
        members[i] = names[i];
        zipped[i] = picture_of(i);
    }
    put_zip("z.zip", members, zipped, IMAGES);
    imports("set");
    expect_sorted("o.h5");
    imports("set/test");
    expect_sorted("o.h5");
    imports("z.zip");
    expect_sorted("o.h5");
    put_bytes("set/test/loose.png", picture_of(3));
    refuses("set", "loose.png lies in no folder of a class");
    put_text("set/test/loose.png", "no picture");
    assert_int_equal(remove(at("set/test/loose.png")), 0);
    put_text("set/test/c/broken.png", "no picture");
    refuses("set", "c/broken.png|neither PNG nor JPEG");
}

static void tars_are_refused(void **state)
{
    (void)state;
    bytes b = {0}, whole = tar_of("", 0);
    tar_add(&b, "a/../../evil.png", '0', "x", 1);
    tar_end(&b);
    put("evil.tar", b.at, b.n);
    refuses("evil.tar", "evil.tar|../../evil.png leads out");
    b.n = 0;
    tar_add(&b, "/etc/evil.png", '0', "x", 1);
    put("root.tar", b.at, b.n);
    refuses("root.tar", "/etc/evil.png leads out");
    b.n = 0;
    tar_add(&b, "pax", 'x', "999999999 path=x\n", 17);
    put("pax.tar", b.at, b.n);
    refuses("pax.tar", "damaged pax header");
    put("cut.tar", whole.at, 3 * 512);
    refuses("cut.tar", "cut.tar is truncated");
    whole.at[600] ^= 1; /* in a picture */
    put("bit.tar", whole.at, whole.n);
    refuses("bit.tar", "a/0.PNG|PNG");
    size_t next = 512 + ((size_t)strtol((char *)whole.at + 124, NULL, 8) + 511) / 512 * 512;
    whole.at[next + 3] ^= 1; /* in the second header */
    put("sum.tar", whole.at, whole.n);
    refuses("sum.tar", "no tar header at byte");
    free(whole.at);
    free(b.at);
}

/* --- what all have in common --- */

static const char yml[] = "classes: [b, a, c, d, e, f, g, h, i, j]\nside: 32\nmean: [0.5, 0.5, 0.5]\n"
                          "std: [0.25, 0.25, 0.25]\nsets:\n"
                          "  letters: {group: id, tree: letters.tar}\n"
                          "  digits: {group: far, mat: test_32x32.mat}\n"
                          "  tuned: {group: tune, cifar: c}\n"
                          "  named: {group: outliers, npz: b.npz, images: photos}\n";

static void benchmarks_name_them(void **state)
{
    (void)state;
    static const char *const member[] = {"photos.npy"};
    const bytes rows[1] = {npy_make("|u1", "4, 3072", arranged("nchw", 0, 4, 3))};
    dataset *d;
    put_text("sets/forms.yml", yml);
    put_bytes("letters.tar", tar_of("", 0));
    put_bytes("test_32x32.mat", mat_make(IMAGES, 1));
    put_cifar("c/train.bin", 0, 8, 2);
    put_cifar("c/test.bin", 8, 4, 2);
    put_zip("b.npz", member, rows, 1);
    benchmark *b = open_benchmark("forms", top);
    for (int i = 0; i < benchmark_sets(b); i++) {
        assert_int_equal(benchmark_fresh(b, benchmark_set(b, i)), 0);
        if (benchmark_import(b, benchmark_set(b, i)) != 0)
            fail_msg("%s", fault_text());
        assert_int_equal(benchmark_fresh(b, benchmark_set(b, i)), 1);
    }
    expect_images("imported/forms/digits.h5", "test", 0, IMAGES, 0, 0);
    expect_images("imported/forms/tuned.h5", "val", 0, 8, 0, 0); /* never the images that tests look at */
    expect_images("imported/forms/named.h5", "train", 0, 4, 0, 0);
    assert_int_equal(dataset_open(&d, at("imported/forms/letters.h5"), "val"), 0); /* image 7, which comes tenth */
    assert_int_equal(dataset_count(d), 1);
    assert_int_equal(dataset_labels(d)[0], 7);
    assert_int_equal(dataset_images(d)[100], pixel(7, 1, 1, 1));
    dataset_close(d);
    assert_int_equal(dataset_open(&d, at("imported/forms/letters.h5"), "test"), 0);
    assert_int_equal(dataset_count(d), IMAGES - 1);
    assert_int_equal(dataset_labels(d)[9], 8);
    assert_int_equal(dataset_images(d)[9 * ROW + 100], pixel(8, 1, 1, 1));
    assert_int_equal(dataset_labels(d)[0], 1); /* folder a is the benchmark's second class */
    assert_int_equal(dataset_labels(d)[2], 0);
    dataset_close(d);
    put_bytes("test_32x32.mat", mat_make(IMAGES - 1, 1));
    assert_int_equal(benchmark_fresh(b, "digits"), 0);
    unlink(at("test_32x32.mat"));
    assert_int_equal(benchmark_fresh(b, "digits"), 1); /* what was made before is whole, and all there is */
    benchmark_close(b);
}

static void benchmark_mistakes_are_named(void **state)
{
    (void)state;
    benchmark *b;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"mat: test", "mat: a, idx: test", "digits has `idx` and `mat`|keep one"},
        {"mat: test_32x32.mat", "mat: a.mat, test: l.txt", "`mat` and `test`"},
        {"mat: test_32x32.mat", "test: l.txt", "digits has lists|expected `lists`"},
        {"mat: test_32x32.mat", "mta: a.mat", "`mta`; did you mean `mat`"},
        {"npz: b.npz", "npy: b.npy", "named has `images`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_changed("sets/bad.yml", yml, cases[i].from, cases[i].to);
        expect_fault(benchmark_open(&b, at("sets"), "bad", top, at("imported")), cases[i].words);
    }
    put_changed("sets/few.yml", yml, "[b, a, c, d, e, f, g, h, i, j]", "[b, a]");
    put_bytes("letters.tar", tar_of("", 0));
    b = open_benchmark("few", top);
    expect_fault(benchmark_import(b, "letters"), "folders for 10 classes|names 2 of its 2");
    benchmark_close(b);
}

static void what_is_fresh_is_left_alone(void **state)
{
    (void)state;
    struct stat first, then;
    put_bytes("a.tar", tar_of("", 0));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(IMPORT(at("a.tar"), "--name", "letters", "--imported", at("imported")), 0);
        assert_int_equal(stat(at("imported/letters.h5"), i ? &then : &first), 0);
    }
    assert_int_equal(first.st_ino, then.st_ino);
    assert_int_equal(IMPORT(at("a.tar"), "--side", "16", "-o", at("imported/letters.h5")), 0);
    assert_int_equal(stat(at("imported/letters.h5"), &then), 0);
    assert_int_not_equal(first.st_ino, then.st_ino);
    expect_fault(IMPORT("--mat", at("a.tar"), "-o", at("imported/letters.h5")), "no MATLAB file");
    assert_true(file_exists(at("imported/letters.h5")));
    assert_int_equal(files_in(at("imported")), 1);
}

/* Any bytes may be other ones: refused in one line or read, never worse. */
static void damage_is_survived(void **state)
{
    (void)state;
    static const char *const names[] = {"d.mat", "e.mat", "d.tar", "data_batch_1", "d.idx", "d.npz"};
    static const char *const member[] = {"x.npy"};
    const uint32_t extent[3] = {2, SIDE, SIDE};
    const bytes array[1] = {npy_make("|u1", "2, 32, 32, 3", arranged("nhwc", 0, 2, 3))};
    char *zip;
    size_t zip_size;
    put_zip("made.npz", member, array, 1);
    assert_int_equal(file_read(at("made.npz"), &zip, &zip_size), 0);
    bytes all[] = {mat_make(2, 0),
                   mat_make(2, 1),
                   tar_of("", 1),
                   pickle_make(0, 2, MULTIARRAY),
                   idx_make(extent, 3, arranged("nchw", 0, 2, 1)),
                   {(uint8_t *)zip, zip_size}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        for (uint64_t t = 0; t < 60; t++) {
            bytes b = {0};
            bytes_add(&b, all[k].at, all[k].n);
            size_t within = t % 2 || b.n < 400 ? b.n : 400; /* headers matter more than pixels */
            for (uint64_t i = 0; i < 1 + t % 4; i++)
                b.at[random_below(k, 8 * t + 2 * i, within)] = (uint8_t)random_below(k, 8 * t + 2 * i + 1, 256);
            put_bytes(names[k], b);
            if (IMPORT(at(names[k]), "--group", "far", "-o", at("o.h5")) != 0)
                assert_null(strchr(fault_text(), '\n'));
            unlink(at("o.h5"));
        }
        free(all[k].at);
    }
}

/* --- inspect --- */

static void sets_are_inspected(void **state)
{
    (void)state;
    dataset *d[2];
    twins *t;
    char *png;
    size_t size;
    image im = {0};
    put_cifar("c/train.bin", 0, 8, 2);
    put_cifar("c/test.bin", 6, 5, 2); /* 6 and 7 again */
    imports("c");
    assert_int_equal(dataset_open(&d[0], at("o.h5"), "train"), 0);
    assert_int_equal(dataset_open(&d[1], at("o.h5"), "test"), 0);
    assert_int_equal(twins_find(&t, d, 2), 1);
    assert_int_equal(t->of, 1);
    assert_int_equal(t->in, 0);
    assert_int_equal(t->count, 2);
    assert_int_equal(t->image, 0);
    assert_int_equal(t->twin, 6);
    free(t);
    dataset_close(d[0]);
    dataset_close(d[1]);
    assert_int_equal(INSPECT(at("o.h5"), "-o", at("sheet.png")), 0);
    assert_int_equal(file_read(at("sheet.png"), &png, &size), 0);
    assert_int_equal(image_decode(&im, png, size), 0);
    for (int c = 0; c < 3; c++) /* the first image twice as large, behind a margin of two */
        assert_int_equal(im.px[((2 + 2 * 5) * im.w + 2 + 2 * 7) * 3 + c], pixel(0, 5, 7, c));
    image_free(&im);
    free(png);
    assert_int_equal(INSPECT(at("c")), 0); /* as it is published */
    expect_fault(INSPECT(at("o.h5"), "--split", "dev"), "no split `dev`");
    expect_fault(INSPECT(at("none.h5")), "no file or folder");
    expect_fault(INSPECT("-o"), "needs a value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cifar_is_read),
        TEST(cifar_is_refused),
        TEST(idx_is_read),
        TEST(idx_is_refused),
        TEST(mat_is_read),
        TEST(mat_is_refused),
        TEST(npz_is_read),
        TEST(hdf5_is_read),
        TEST(tars_are_read),
        TEST(folders_are_read),
        TEST(tars_are_refused),
        TEST(benchmarks_name_them),
        TEST(benchmark_mistakes_are_named),
        TEST(what_is_fresh_is_left_alone),
        TEST(damage_is_survived),
        TEST(sets_are_inspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
