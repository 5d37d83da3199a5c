/* npy.c - arrays as NumPy saves them: what is read, what is refused and how, and
 * that no damaged header does harm. */
#include "../datasets/npy.h"
#include "../datasets/benchmark.h"
#include "../harness/commands.h"
#include "../kernels/random.h"
#include "folder.h"

#include <math.h>

#define IMPORT(...) command(import_main, (const char *const[]){"import", __VA_ARGS__, NULL})

/* A .npy file: `dict` padded as NumPy pads it, then n bytes. */
static void put_npy(const char *name, int version, const char *dict, const void *data, size_t n)
{
    char file[1 << 17] = "\x93NUMPY";
    size_t start = version == 1 ? 10 : 12, header = (strlen(dict) + 1 + start + 63) / 64 * 64 - start;
    file[6] = (char)version;
    file[8] = (char)(header & 255);
    file[9] = (char)(header >> 8);
    memset(file + start, ' ', header);
    memcpy(file + start, dict, strlen(dict));
    file[start + header - 1] = '\n';
    assert_true(start + header + n <= sizeof file);
    if (n)
        memcpy(file + start + header, data, n);
    put(name, file, start + header + n);
}

static uint8_t bytes[40000];

static void fill_bytes(uint64_t seed)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_below(seed, i, 256);
}

static void put_pixels(const char *name, int n, int side, uint64_t seed)
{
    char dict[128];
    fill_bytes(seed);
    snprintf(dict, sizeof dict, "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d, 3), }", n, side,
             side);
    put_npy(name, 1, dict, bytes, (size_t)(n * side * side * 3));
}

static void versions_and_types_are_read(void **state)
{
    (void)state;
    npy a;
    static const int64_t wide[3] = {7, -2, INT64_C(1) << 40};
    static const int32_t narrow[3] = {7, -2, 1 << 30};
    put_pixels("x.npy", 10, 4, 1);
    assert_int_equal(npy_open(&a, at("x.npy")), 0);
    assert_int_equal(a.type, NPY_U8);
    assert_int_equal(a.dims, 4);
    assert_int_equal(a.shape[0], 10);
    assert_int_equal(npy_is_images(&a, 4), 0);
    assert_memory_equal(a.data, bytes, 480);
    npy_close(&a);
    put_npy("y.npy", 2, "{'shape':(3,),\"fortran_order\":False,'descr':'<i8'}", wide, sizeof wide);
    assert_int_equal(npy_open(&a, at("y.npy")), 0);
    for (int i = 0; i < 3; i++)
        assert_true(npy_integer(&a, i) == wide[i]);
    expect_fault(npy_is_labels(&a, 3, 10), "y.npy|label 1 is -2|0 to 9");
    npy_close(&a);
    put_npy("y.npy", 1, "{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", narrow, sizeof narrow);
    assert_int_equal(npy_open(&a, at("y.npy")), 0);
    for (int i = 0; i < 3; i++)
        assert_true(npy_integer(&a, i) == narrow[i]);
    expect_fault(npy_is_labels(&a, 4, 10), "y.npy|is 3|expected 4 labels");
    npy_close(&a);
}

/* The bits of 1.5, -2, the smallest and largest numbers, and what is no number. */
static void numbers_become_floats(void **state)
{
    (void)state;
    static const uint16_t half[7] = {0x3e00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x7e00, 0x8000};
    static const float single[3] = {1.5f, -2.0f, 1e-40f};
    static const double wide[3] = {1.5, -2.0, 1e300};
    static const int8_t narrow[3] = {1, -128, 127};
    float got[7];
    int64_t whole[3];
    npy a;
    npy_floats(NPY_F16, half, 7, got);
    assert_true(got[0] == 1.5f && got[1] == -2.0f && got[2] == 0x1p-24f && got[3] == 65504.0f);
    assert_true(isinf(got[4]) && isnan(got[5]) && got[6] == 0 && signbit(got[6]));
    npy_floats(NPY_F32, single, 3, got);
    assert_memory_equal(got, single, sizeof single);
    npy_floats(NPY_F64, wide, 3, got);
    assert_true(got[0] == 1.5f && got[1] == -2.0f && isinf(got[2]));
    npy_integers(NPY_I8, narrow, 3, whole);
    assert_true(whole[0] == 1 && whole[1] == -128 && whole[2] == 127);
    npy_integers(NPY_U8, narrow, 3, whole);
    assert_true(whole[1] == 128);
    put_npy("f.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", single, 4);
    assert_int_equal(npy_open(&a, at("f.npy")), 0);
    expect_fault(npy_is_labels(&a, 1, 10), "f.npy|float32|whole numbers");
    expect_fault(npy_is_images(&a, 0), "f.npy|float32|uint8");
    npy_close(&a);
}

/* Of an array in an archive, the beginning says where it begins and how long it is. */
static void a_header_is_read_by_itself(void **state)
{
    (void)state;
    npy a;
    char *content;
    size_t n;
    static const float values[6] = {1, 2, 3, 4, 5, 6};
    put_npy("f.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", values, sizeof values);
    assert_int_equal(file_read(at("f.npy"), &content, &n), 0);
    assert_int_equal(npy_header(&a, "z:f", content, 128, (int64_t)n), 128);
    assert_true(a.type == NPY_F32 && a.dims == 2 && a.shape[0] == 2 && a.shape[1] == 3 && !a.data);
    expect_fault((int)npy_header(&a, "z:f", content, 100, (int64_t)n), "z:f is truncated|100 bytes");
    expect_fault((int)npy_header(&a, "z:f", content, 128, (int64_t)n + 1), "z:f is too long");
    free(content);
}

static void unfit_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *dict, *words;
    } cases[] = {
        {"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }", "Fortran order"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "`<c8`|uint8"},
        {"{'descr': '>i8', 'fortran_order': False, 'shape': (1,), }", "`>i8`|big-endian|'<i8'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "`|O`"},
        {"{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (4,), }", "records"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (), }", "single number"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 2, 2), }", "four dimensions"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", "truncated|bytes"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "too long"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 4), }", "empty"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (-4,), }", "not as expected at `-4"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }", "larger than any"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,), }", "not as expected"},
        {"{'descr': '|u1', 'fortran_order': False, }", "not as expected"},
        {"{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (4,), }", "not as expected"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': __import__('os').abort(), }", "at `__import__"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (4,), 'x': 1}", "not as expected"},
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (4,), } + 1", "at `+ 1"},
        {"{'descr: 1}", "not as expected"},
        {"", "not as expected"},
    };
    npy a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_npy("x.npy", 1, cases[i].dict, "abcd", 4);
        expect_fault(npy_open(&a, at("x.npy")), cases[i].words);
        expect_fault(-1, "x.npy");
    }
    put_npy("x.npy", 3, cases[0].dict, "abcd", 4);
    expect_fault(npy_open(&a, at("x.npy")), "version 3");
    put_text("x.npy", "");
    expect_fault(npy_open(&a, at("x.npy")), "x.npy is not a .npy file");
    put_text("x.npy", "PK\3\4 some zip, as .npz is one");
    expect_fault(npy_open(&a, at("x.npy")), "is not a .npy file");
    put("x.npy", "\x93NUMPY\2\0\377\377\377\377{}", 14);
    expect_fault(npy_open(&a, at("x.npy")), "header of 4294967295 bytes");
    expect_fault(npy_open(&a, at("none.npy")), "none.npy|No such file");
    expect_fault(npy_open(&a, top), "is not a .npy file");
}

/* Whatever is cut off or flipped, the file is refused or can be read to its end. */
static void damage_is_survived(void **state)
{
    (void)state;
    npy a;
    char *content;
    size_t n;
    int refused = 0;
    put_pixels("x.npy", 2, 4, 1);
    assert_int_equal(file_read(at("x.npy"), &content, &n), 0);
    for (size_t cut = 0; cut < n; cut++) {
        put("cut.npy", content, cut);
        expect_fault(npy_open(&a, at("cut.npy")), "cut.npy");
    }
    for (uint64_t k = 0; k < 600; k++) {
        size_t where = (size_t)random_below(k, 0, 128);
        content[where] ^= (char)(1 << k % 8);
        put("bad.npy", content, n);
        content[where] ^= (char)(1 << k % 8);
        if (npy_open(&a, at("bad.npy")) != 0) {
            refused++;
            continue;
        }
        if (npy_is_images(&a, 0) == 0)
            assert_memory_equal(a.data, bytes, 96);
        npy_close(&a);
    }
    assert_true(refused > 200);
    free(content);
}

/* Ten images and labels 0..9 in the published layout: two a severity. */
static void put_published(const char *folder, const char *const names[])
{
    char path[256];
    static const int64_t labels[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (int i = 0; names[i]; i++) {
        snprintf(path, sizeof path, "%s/%s.npy", folder, names[i]);
        put_pixels(path, 10, 8, (uint64_t)i);
    }
    snprintf(path, sizeof path, "%s/labels.npy", folder);
    put_npy(path, 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (10,), }", labels, sizeof labels);
}

static void published_files_become_splits(void **state)
{
    (void)state;
    dataset *d;
    char split[32];
    static const char *const names[] = {"brightness", "gaussian_noise", NULL};
    put_published("C", names);
    assert_int_equal(IMPORT("--npy", at("C"), "-o", at("c.h5")), 0);
    for (int s = 1; s <= 5; s++) {
        snprintf(split, sizeof split, "gaussian_noise_%d", s);
        assert_int_equal(dataset_open(&d, at("c.h5"), split), 0);
        assert_int_equal(dataset_count(d), 2);
        assert_int_equal(dataset_side(d), 8);
        assert_memory_equal(dataset_images(d), bytes + (s - 1) * 2 * 192, 2 * 192);
        assert_int_equal(dataset_labels(d)[1], 2 * s - 1);
        dataset_close(d);
    }
    assert_int_equal(dataset_open(&d, at("c.h5"), "brightness_5"), 0);
    dataset_close(d);
    expect_fault(dataset_open(&d, at("c.h5"), "fog_1"), "no split");
}

static void single_arrays_are_outliers(void **state)
{
    (void)state;
    dataset *d;
    put_pixels("random.npy", 20, 8, 3);
    assert_int_equal(IMPORT("--npy", at("random.npy"), "--split", "train", "--side", "8", "-o", at("r.h5")), 0);
    assert_int_equal(dataset_open(&d, at("r.h5"), "train"), 0);
    assert_int_equal(dataset_count(d), 20);
    assert_int_equal(dataset_labels(d)[19], -1);
    assert_memory_equal(dataset_images(d), bytes, 20 * 192);
    dataset_close(d);
}

static void mistakes_leave_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"brightness", NULL};
    const char *out = at("out/c.h5");
    put_published("C", names);
    mkdir(at("out"), 0777);
    expect_fault(IMPORT("--npy", at("none"), "-o", out), "none|No such file");
    expect_fault(IMPORT("--npy", at("C"), at("C")), "no other names");
    expect_fault(IMPORT("--npy", at("C"), "--side", "32", "-o", out), "10 x 8 x 8 x 3|32 x 32");
    expect_fault(IMPORT("--npy", at("C"), "--classes", "9", "-o", out), "labels.npy|label 9 is 9|0 to 8");
    expect_fault(IMPORT("--npy", at("out"), "-o", out), "no file of a published corruption");
    put_pixels("C/fog.npy", 12, 8, 1);
    expect_fault(IMPORT("--npy", at("C"), "-o", out), "fog.npy|12 images|5 severities");
    put_pixels("C/fog.npy", 15, 8, 1);
    expect_fault(IMPORT("--npy", at("C"), "-o", out), "fog.npy|15 images|10 labels");
    fill_bytes(1);
    put_npy("C/fog.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (10, 3, 8, 8), }", bytes, 1920);
    expect_fault(IMPORT("--npy", at("C"), "-o", out), "fog.npy|10 x 3 x 8 x 8");
    put_npy("C/fog.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (10, 8, 8, 3), }", bytes, 1900);
    expect_fault(IMPORT("--npy", at("C"), "-o", out), "fog.npy|truncated");
    unlink(at("C/labels.npy"));
    expect_fault(IMPORT("--npy", at("C"), "-o", out), "labels.npy|No such file");
    assert_int_equal(files_in(at("out")), 0);
}

static void benchmarks_name_them(void **state)
{
    (void)state;
    static const char *const names[] = {"brightness", "frost", NULL};
    benchmark *b;
    dataset *d;
    char yml[1000];
    snprintf(yml, sizeof yml, "%s",
             "classes: [a, b, c, d, e, f, g, h, i, j]\nside: 8\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
             "lists: lists\nimages: images\nsets:\n"
             "  c: {group: csid, npy: C, corruptions: [brightness, frost], severities: [2, 5]}\n"
             "  whole: {group: csid, npy: C}\n  random: {group: outliers, npy: random.npy}\n");
    put_text("sets/small.yml", yml);
    put_published("C", names);
    put_pixels("random.npy", 5, 8, 7);
    assert_int_equal(benchmark_open(&b, at("sets"), "small", top, at("imported")), 0);
    assert_string_equal(benchmark_part(b, "c", 0), "brightness_2");
    assert_string_equal(benchmark_part(b, "c", 3), "frost_5");
    assert_null(benchmark_part(b, "c", 4));
    assert_string_equal(benchmark_part(b, "whole", 74), "jpeg_compression_5");
    for (int i = 0; i < 2; i++) {
        const char *set = i ? "random" : "c";
        assert_int_equal(benchmark_fresh(b, set), 0);
        assert_int_equal(benchmark_import(b, set), 0);
        assert_int_equal(benchmark_fresh(b, set), 1);
    }
    expect_fault(benchmark_fresh(b, "whole"), "gaussian_noise.npy|No such file");
    assert_int_equal(dataset_open(&d, at("imported/small/random.h5"), "train"), 0);
    dataset_close(d);
    put_pixels("C/frost.npy", 10, 8, 8);
    assert_int_equal(benchmark_fresh(b, "c"), 0);
    assert_int_equal(truncate(at("C/frost.npy"), 2000), 0);
    assert_int_equal(benchmark_fresh(b, "c"), 1); /* what was made before is whole, and all there is */
    expect_fault(benchmark_import(b, "c"), "frost.npy|truncated");
    benchmark_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions_and_types_are_read), TEST(numbers_become_floats),  TEST(a_header_is_read_by_itself),
        TEST(unfit_headers_are_refused),   TEST(damage_is_survived),     TEST(published_files_become_splits),
        TEST(single_arrays_are_outliers),  TEST(mistakes_leave_nothing), TEST(benchmarks_name_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
