/* generate.c - the embedded benchmark: the same bytes everywhere, balanced
 * labels, and no image in two sets. */
#include "../datasets/benchmark.h"
#include "../datasets/outlines.h"
#include "../datasets/shapes.h"
#include "../harness/data.h"
#include "../harness/fault.h"
#include "../harness/file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES (SHAPES_SIDE * SHAPES_SIDE * 3)
#define MANY 200

static uint8_t *drawn(const char *kind, uint64_t seed, uint64_t split, int64_t n, int32_t *labels)
{
    const shapes s = {.kind = shapes_kind(kind), .seed = seed, .split = split, .n = n};
    uint8_t *px = malloc((size_t)n * BYTES);
    int32_t label;
    assert_true(s.kind >= 0 && px);
    for (int64_t i = 0; i < n; i++)
        shapes_draw(&s, i, px + i * BYTES, labels ? labels + i : &label);
    return px;
}

/* The first 200 images of every kind, seed 1, split 2, as gcc 12 and clang 14 draw
 * them on x86-64 at every level of optimisation: SHA-256, first 16 digits. */
static const struct {
    const char *kind, *digest;
} pinned[] = {
    {"shapes", "24689545ba188221"}, {"newshapes", "de95a40e97b124f7"}, {"othershapes", "8971ee68d6f1f8d3"},
    {"plasma", "5fe9f7dabc382df7"}, {"gratings", "5d7659d56242b041"},  {"scribbles", "6099dca4936c2819"},
};
enum { KINDS = sizeof pinned / sizeof *pinned };

static void bytes_are_pinned(void **state)
{
    (void)state;
    int wrong = 0;
    for (int k = 0; k < KINDS; k++) {
        char digest[FILE_DIGEST];
        uint8_t *px = drawn(pinned[k].kind, 1, 2, MANY, NULL);
        file_digest_bytes(digest, px, MANY * BYTES);
        if (strncmp(digest, pinned[k].digest, 16) != 0) {
            print_error("%s: expected %s, drawn %.16s: raise SHAPES_VERSION when that is meant\n", pinned[k].kind,
                        pinned[k].digest, digest);
            wrong++;
        }
        free(px);
    }
    assert_int_equal(wrong, 0);
    assert_string_equal(shapes_kind_name(KINDS - 1), pinned[KINDS - 1].kind);
    assert_null(shapes_kind_name(KINDS));
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, BYTES);
}

/* All kinds, splits and two seeds in one heap: no two images are equal. */
static void no_image_comes_twice(void **state)
{
    (void)state;
    enum { EACH = 60, ALL = KINDS * 3 * 2 * EACH };
    uint8_t *all = malloc((size_t)ALL * BYTES), *to = all;
    assert_non_null(all);
    for (int k = 0; k < KINDS; k++)
        for (uint64_t split = 0; split < 3; split++)
            for (uint64_t seed = 1; seed < 3; seed++, to += EACH * BYTES) {
                uint8_t *px = drawn(pinned[k].kind, seed, split, EACH, NULL);
                memcpy(to, px, EACH * BYTES);
                free(px);
            }
    qsort(all, ALL, BYTES, by_bytes);
    for (size_t i = 0; i + 1 < ALL; i++)
        assert_memory_not_equal(all + i * BYTES, all + (i + 1) * BYTES, BYTES);
    free(all);
}

static void labels_are_balanced(void **state)
{
    (void)state;
    int32_t labels[MANY];
    int n[SHAPES_CLASSES] = {0};
    free(drawn("shapes", 1, 0, MANY, labels));
    for (int i = 0; i < MANY; i++)
        n[labels[i]]++;
    for (int c = 0; c < SHAPES_CLASSES; c++)
        assert_int_equal(n[c], MANY / SHAPES_CLASSES);
    for (int k = 1; k < KINDS; k++) {
        free(drawn(pinned[k].kind, 1, 0, MANY, labels));
        for (int i = 0; i < MANY; i++)
            assert_int_equal(labels[i], -1);
    }
}

/* Every set uses the range of grey and its images differ: nothing is blank or burnt out. */
static void images_are_images(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        uint8_t *px = drawn(pinned[k].kind, 1, 0, MANY, NULL);
        double mean = 0, square = 0;
        int flat = 0;
        for (size_t i = 0; i < MANY; i++) {
            double m = 0, s = 0;
            for (size_t j = 0; j < BYTES; j++) {
                m += px[i * BYTES + j] / (255.0 * BYTES);
                s += px[i * BYTES + j] * (px[i * BYTES + j] / (255.0 * 255.0 * BYTES));
            }
            flat += s - m * m < 1e-4;
            mean += m / MANY;
            square += s / MANY;
        }
        double deviation = sqrt(square - mean * mean);
        if (flat || mean < 0.3 || mean > 0.7 || deviation < 0.1 || deviation > 0.35)
            fail_msg("%s: %d flat, mean %.3f, deviation %.3f", pinned[k].kind, flat, mean, deviation);
        free(px);
    }
}

/* The unseen outlines are not the known ones over again, however they are turned. */
static double overlap(int known, enum outline_group g, int i, double c, double s)
{
    int both = 0, either = 0;
    for (int y = -20; y <= 20; y++)
        for (int x = -20; x <= 20; x++) {
            int a = outline_covers(OUTLINE_KNOWN, known, x * 0.05, y * 0.05);
            int b = outline_covers(g, i, (c * x + s * y) * 0.05, (c * y - s * x) * 0.05);
            both += a && b;
            either += a || b;
        }
    return (double)both / either;
}

static void outlines_differ(void **state)
{
    (void)state;
    for (int known = 0; known < SHAPES_CLASSES; known++)
        for (int g = OUTLINE_KNOWN; g <= OUTLINE_TUNING; g++)
            for (int i = 0; i < outline_count((enum outline_group)g); i++)
                for (int turn = 0; turn < 24 && !(g == OUTLINE_KNOWN && i == known); turn++) {
                    double c = cos(turn * 0.2618), s = sin(turn * 0.2618);
                    if (overlap(known, (enum outline_group)g, i, c, s) > 0.93)
                        fail_msg("%s looks like %s", outline_name((enum outline_group)g, i), shapes_class(known));
                }
}

static int hex(const char *path, const char *split, char digest[65])
{
    dataset *d;
    if (dataset_open(&d, path, split) != 0)
        return -1;
    snprintf(digest, 65, "%s", dataset_digest(d));
    dataset_close(d);
    return 0;
}

/* datasets/shapes.yml through the importer: counts, names, pixels; made once. */
static void benchmark_is_made(void **state)
{
    (void)state;
    char folder[] = "/tmp/oodbench-generate.XXXXXX", path[4096], rest[4096], digest[65], again[65];
    benchmark *b;
    dataset *d;
    assert_non_null(mkdtemp(folder));
    if (benchmark_open(&b, "datasets", "shapes", NULL, folder) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(benchmark_classes(b), SHAPES_CLASSES);
    for (int i = 0; i < SHAPES_CLASSES; i++)
        assert_string_equal(benchmark_class(b, i), shapes_class(i));
    assert_int_equal(benchmark_fresh(b, "gratings"), 0);
    if (benchmark_import(b, "gratings") != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(benchmark_fresh(b, "gratings"), 1);
    assert_int_equal(benchmark_path(b, "gratings", path, sizeof path), 0);
    assert_int_equal(hex(path, "test", digest), 0);
    assert_int_equal(dataset_open(&d, path, "test"), 0);
    uint8_t *px = drawn("gratings", 1, 2, dataset_count(d), NULL);
    assert_memory_equal(px, dataset_images(d), (size_t)dataset_count(d) * BYTES);
    assert_int_equal(dataset_labels(d)[7], -1);
    dataset_close(d);
    free(px);
    assert_int_equal(benchmark_import(b, "gratings"), 0);
    assert_int_equal(hex(path, "test", again), 0);
    assert_string_equal(digest, again);
    benchmark_close(b);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(file_join(rest, sizeof rest, folder, "shapes")), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_pinned),    cmocka_unit_test(no_image_comes_twice),
        cmocka_unit_test(labels_are_balanced), cmocka_unit_test(images_are_images),
        cmocka_unit_test(outlines_differ),     cmocka_unit_test(benchmark_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
