/* overlap.c - outliers and the sets they are judged by: what they may not share,
 * how it is named, and what passes. */
#include "../datasets/overlap.h"
#include "../datasets/bag.h"
#include "../kernels/random.h"
#include "folder.h"
#include "pictures.h"

/* A picture of its own for each number. */
static void put_picture(const char *path, uint64_t number)
{
    const png_case c = {.w = 8, .h = 8, .type = 2, .depth = 8};
    char file[PATH_MAX], folder[PATH_MAX], *slash;
    bytes b = png_make(&c, number);
    file_join(file, sizeof file, at("images"), path);
    snprintf(folder, sizeof folder, "%s", file);
    slash = strrchr(folder, '/');
    *slash = '\0';
    assert_int_equal(file_mkdirs(folder), 0);
    FILE *f = fopen(file, "wb"); /* put() would wait for the disk, a thousand times */
    assert_non_null(f);
    assert_int_equal(fwrite(b.at, 1, b.n, f), b.n);
    assert_int_equal(fclose(f), 0);
    free(b.at);
}

/* A list of the paths, each with a picture: those of `seed` onwards. */
static void put_list(const char *list, const char *const paths[], uint64_t seed)
{
    text t = {0};
    char file[64];
    for (int i = 0; paths[i]; i++) {
        put_picture(paths[i], seed + (uint64_t)i);
        text_add(&t, "%s 0\n", paths[i]);
    }
    snprintf(file, sizeof file, "lists/%s.txt", list);
    put(file, t.bytes, t.n);
    text_free(&t);
}

#define LIST(name, seed, ...) put_list(name, (const char *const[]){__VA_ARGS__, NULL}, seed)

static const char small[] = "classes: [a, b]\nside: 8\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\n"
                            "lists: lists\nimages: images\nsets:\n"
                            "  id: {group: id, train: train.txt, test: test.txt}\n"
                            "  near: {group: near, test: near.txt}\n"
                            "  tune: {group: tune, val: tune.txt}\n"
                            "  aux: {group: outliers, train: aux.txt}\n"
                            "  array: {group: outliers, npy: array.npy}\n";

/* Sets that share nothing. */
static void put_sets(void)
{
    put_text("sets/small.yml", small);
    LIST("train", 0, "cifar10/train/cat/1.png", "cifar10/train/dog/2.png");
    LIST("test", 10, "cifar10/test/cat/3.png");
    LIST("near", 20, "tin/val/n01443537/1.png", "tin/val/n01443538/2.png");
    LIST("tune", 30, "tin/val/n01443539/images/3.png");
    LIST("aux", 40, "tin_aux/train/n01443540/1.png", "tin_aux/train/n01443541/1.png", "other/2.png");
}

static int check(const char *outliers, text *warnings)
{
    static const char *const others[] = {"near", "tune", "id"};
    benchmark *b = open_benchmark("small", top);
    for (int i = 0; i < 4; i++) {
        const char *set = i < 3 ? others[i] : outliers;
        if (benchmark_fresh(b, set) == 0 && benchmark_import(b, set) != 0)
            fail_msg("%s", fault_text());
    }
    int rc = overlap_check(b, outliers, others, 3, warnings);
    benchmark_close(b);
    return rc;
}

/* Twice, because the second time the images are not compared again. */
static void expect_refused(const char *words)
{
    for (int i = 0; i < 2; i++) {
        text warnings = {0};
        expect_fault(check("aux", &warnings), words);
        text_free(&warnings);
    }
}

static void expect_warnings(const char *outliers, const char *expected)
{
    for (int i = 0; i < 2; i++) {
        text warnings = {0};
        if (check(outliers, &warnings) != 0)
            fail_msg("%s", fault_text());
        assert_string_equal(text_str(&warnings), expected);
        text_free(&warnings);
    }
}

static void nothing_shared_passes(void **state)
{
    (void)state;
    put_sets();
    expect_warnings("aux", "");
    LIST("near", 20, "mnist/test/n/1.png", "mnist/2.png");
    LIST("aux", 40, "tin/n/1.png", "tin/2.png"); /* the same folder name of another data set is another class */
    expect_warnings("aux", "");
}

static void shared_images_are_named(void **state)
{
    (void)state;
    put_sets();
    LIST("aux", 40, "tin_aux/a.png", "tin/val/n01443538/2.png");
    expect_refused("outliers aux|set near|image tin/val/n01443538/2.png|aux.txt:2|near.txt:2");
    LIST("aux", 40, "cifar10/train/dog/2.png");
    expect_refused("outliers aux|set id|cifar10/train/dog/2.png|aux.txt:1|train.txt:2");
}

static void shared_classes_are_named(void **state)
{
    (void)state;
    put_sets();
    LIST("aux", 40, "imagenet/train/n01443530/a.png", "imagenet/train/n01443538/a.png");
    expect_refused("share the class n01443538|aux.txt:2|near.txt:2");
    LIST("aux", 40, "x/n01443539/images/a.png");
    expect_refused("set tune|class n01443539|tune.txt:1");
    LIST("aux", 40, "cifar100/train/dog/a.png");
    expect_refused("set id|class dog|aux.txt:1|train.txt:2");
    LIST("aux", 40, "pets/train/dog/a.png");
    expect_warnings("aux", "");
}

static void shared_pixels_are_counted(void **state)
{
    (void)state;
    put_sets();
    LIST("aux", 18, "other/18.png", "other/19.png", "other/20.png", "other/21.png");
    expect_refused(
        "aux hold 2 of the 2 images of near|train image 2, other/20.png = test image 0, tin/val/n01443537/1.png");
    LIST("aux", 30, "other/30.png");
    expect_refused("aux hold 1 of the 1 images of tune|= val image 0");
    LIST("aux", 10, "other/10.png", "other/11.png"); /* in the ID set's second split */
    expect_warnings("aux", "the outliers aux hold 1 of the 3 images of id, first train image 0, other/10.png = "
                           "test image 0, cifar10/test/cat/3.png\n");
}

/* Pictures under two classes, as ImageNet has them: one in a thousand is too many. */
static void strays_are_only_warned_of(void **state)
{
    (void)state;
    put_sets();
    text t = {0};
    for (int i = 0; i < 1001; i++) {
        char path[64];
        snprintf(path, sizeof path, "tin/val/n01443537/%d.png", i);
        put_picture(path, 1000 + (uint64_t)i);
        text_add(&t, "tin/val/n01443537/%d.png 0\n", i);
    }
    put("lists/near.txt", t.bytes, t.n);
    LIST("aux", 2000, "other/0.png");
    expect_warnings("aux", "the outliers aux hold 1 of the 1001 images of near, first train image 0, other/0.png = "
                           "test image 1000, tin/val/n01443537/1000.png\n");
    put("lists/near.txt", strchr(t.bytes, '\n') + 1, strlen(strchr(t.bytes, '\n') + 1));
    expect_refused("1 of the 1000 images of near");
    text_free(&t);
}

static void put_array(int n, uint64_t seed)
{
    char file[128 + 10 * 192] = "\x93NUMPY\1\0";
    memset(file + 8, ' ', 120);
    file[8] = 118;
    file[9] = 0;
    int k = snprintf(file + 10, 100, "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 8, 8, 3), }", n);
    file[10 + k] = ' ';
    for (int i = 0; i < n * 192; i++)
        file[128 + i] = (char)random_below(seed, (uint64_t)i, 256);
    put("array.npy", file, 128 + (size_t)n * 192);
}

static void what_cannot_be_told_is_warned_of(void **state)
{
    (void)state;
    static const char all[] = "the classes of the outliers array cannot be compared with those of near, tune, id: "
                              "there is no list, or no folder for each class, to tell them by\n";
    put_sets();
    put_array(3, 1);
    expect_warnings("array", all);
    LIST("aux", 40, "tin_aux/train/1.png"); /* of near's family, but in no folder of a class */
    expect_warnings("aux", "the classes of the outliers aux cannot be compared with those of near, tune: "
                           "there is no list, or no folder for each class, to tell them by\n");
    assert_int_equal(rename(at("lists"), at("gone")), 0); /* the lists are away, the imported files are not */
    expect_warnings("aux", "the classes of the outliers aux cannot be compared with those of near, tune, id: "
                           "there is no list, or no folder for each class, to tell them by\n");
}

static void what_was_found_is_not_believed_blindly(void **state)
{
    (void)state;
    char *content;
    size_t n;
    put_sets();
    expect_warnings("aux", "");
    assert_int_equal(file_read(at("imported/small/overlap.txt"), &content, &n), 0);
    assert_non_null(strstr(content, " 0 0 0  aux near\n"));
    char *found = strstr(content, " 0 0 0  aux near");
    memcpy(found, " 1 9 9", 6); /* no such images */
    put("imported/small/overlap.txt", content, n);
    free(content);
    expect_warnings("aux", "");
    put_text("imported/small/overlap.txt", "nonsense");
    expect_warnings("aux", "");
    LIST("aux", 20, "other/20.png"); /* other images, another verdict */
    expect_refused("1 of the 2 images of near");
}

static void drawn_sets_differ_in_kind(void **state)
{
    (void)state;
    static const char drawn[] =
        "generator: shapes\nclasses: [disc, ring, square, frame, triangle, cross, star, crescent, heart, arrow]\n"
        "mean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\nsets:\n  shapes: {group: id, train: 10, test: 10}\n"
        "  plasma: {group: far, test: 10}\n  scribbles: {group: outliers, train: 10}\n"
        "  more: {group: outliers, draw: plasma, train: 10}\n";
    static const char *const sets[] = {"shapes", "plasma", "scribbles", "more"};
    benchmark *b;
    text warnings = {0};
    put_text("sets/drawn.yml", drawn);
    assert_int_equal(benchmark_open(&b, at("sets"), "drawn", NULL, at("imported")), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(benchmark_import(b, sets[i]), 0);
    assert_int_equal(overlap_check(b, "scribbles", sets, 2, &warnings), 0);
    assert_string_equal(text_str(&warnings), "");
    expect_fault(overlap_check(b, "more", sets, 2, &warnings), "outliers more|set plasma|show the same, plasma");
    expect_fault(overlap_check(b, "none", sets, 2, &warnings), "no set `none`");
    text_free(&warnings);
    benchmark_close(b);
}

static void bags_hold_what_was_put_in(void **state)
{
    (void)state;
    (void)top;
    static char keys[5000][24];
    bag b = {0};
    assert_int_equal(bag_find(&b, "x", 1), -1);
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(keys[i], sizeof keys[i], "key %d", i);
        bag_add(&b, keys[i], (size_t)n, i);
    }
    bag_add(&b, "key 7", 5, 99);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(bag_find(&b, keys[i], strlen(keys[i])), i);
    assert_int_equal(bag_find(&b, "key 5000", 8), -1);
    assert_int_equal(bag_find(&b, "key", 3), -1);
    bag_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_shared_passes),
        TEST(shared_images_are_named),
        TEST(shared_classes_are_named),
        TEST(shared_pixels_are_counted),
        TEST(strays_are_only_warned_of),
        TEST(what_cannot_be_told_is_warned_of),
        TEST(what_was_found_is_not_believed_blindly),
        TEST(drawn_sets_differ_in_kind),
        cmocka_unit_test(bags_hold_what_was_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
