/* take.c - of a tree with a folder for each class, a benchmark's classes and all others:
 * on the disk, in tars, in a zip; what is missing or misspelt is refused. */
#include "forms.h"

#include "../datasets/sources.h"

#define HEAD "classes: [h, c, b]\nside: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\nsets:\n"

/* Folders b, c and h of a to j; labels follow `classes`. */
static const char yml[] = HEAD "  three: {group: id, tree: letters, take: classes}\n"
                               "  shifted: {group: csid, tree: letters.tar, take: classes}\n"
                               "  seven: {group: outliers, tree: letters.zip, take: others}\n";

/* Pictures in their order, each a letter's; image i is of the letter i mod 10. */
static const int taken[] = {1, 11, 2, 7}, others[] = {0, 10, 3, 4, 5, 6, 8, 9};
static const int labels[] = {2, 2, 1, 0};
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static void put_letters(const char *below)
{
    char file[64];
    for (int i = 0; i < IMAGES; i++) {
        snprintf(file, sizeof file, "%s/%c/%d.png", below, 'a' + i % 10, i);
        put_bytes(file, picture_of(i));
    }
}

/* nested: a tar for each letter inside. */
static bytes tar_of(int nested)
{
    char name[32];
    bytes b = {0};
    for (int c = 0; c < 10; c++) {
        bytes inner = {0};
        for (int i = c; i < IMAGES; i += 10) {
            bytes png = picture_of(i);
            snprintf(name, sizeof name, nested ? "%c%d.png" : "t/%c/%d.png", 'a' + c, i);
            tar_add(nested ? &inner : &b, name, '0', png.at, png.n);
            free(png.at);
        }
        tar_end(&inner);
        snprintf(name, sizeof name, "%c.tar", 'a' + c);
        if (nested)
            tar_add(&b, name, '0', inner.at, inner.n);
        free(inner.at);
    }
    tar_end(&b);
    return b;
}

static void put_letters_zip(const char *name)
{
    const char *members[IMAGES];
    char names[IMAGES][32];
    bytes zipped[IMAGES];
    for (int i = 0; i < IMAGES; i++) {
        snprintf(names[i], sizeof names[i], "t/%c/%d.png", 'a' + i % 10, i);
        members[i] = names[i];
        zipped[i] = picture_of(i);
    }
    put_zip(name, members, zipped, IMAGES);
}

/* Imports the set of a benchmark file anew. */
static int imports(const char *file, const char *set)
{
    benchmark *b;
    put_text("sets/t.yml", file);
    if (benchmark_open(&b, at("sets"), "t", top, at("imported")) != 0)
        return -1;
    int rc = benchmark_import(b, set);
    if (rc == 0)
        assert_int_equal(benchmark_fresh(b, set), 1);
    benchmark_close(b);
    return rc;
}

/* NULL labels: all -1. */
static void expect_letters(const char *set, const char *split, const int *pictures, const int *y, int n)
{
    char file[64];
    dataset *d;
    snprintf(file, sizeof file, "imported/t/%s.h5", set);
    if (dataset_open(&d, at(file), split) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(dataset_count(d), n);
    for (int i = 0; i < n; i++) {
        assert_int_equal(dataset_labels(d)[i], y ? y[i] : -1);
        for (int p = 0; p < ROW; p++)
            assert_int_equal(dataset_images(d)[i * ROW + p], pixel(pictures[i], p / 3 / SIDE, p / 3 % SIDE, p % 3));
    }
    dataset_close(d);
}

static void expect_import(const char *file, const char *set)
{
    if (imports(file, set) != 0)
        fail_msg("%s", fault_text());
}

/* One set, its tree still to be said. */
static const char shifted[] = HEAD "  shifted: {group: csid, tree: %s, take: classes}\n";
static const char outliers[] = HEAD "  seven: {group: outliers, tree: %s, take: others}\n";
static const char *const trees[] = {"letters", "letters.tar", "tars.tar", "letters.tar.gz", "shut.zip"};

static void put_trees(void)
{
    put_letters("letters");
    put_bytes("letters.tar", tar_of(0));
    put_bytes("tars.tar", tar_of(1));
    put_gz("letters.tar.gz", tar_of(0));
    put_letters_zip("shut.zip"); /* a folder of its name would hide it */
}

static void classes_are_taken_in_their_order(void **state)
{
    (void)state;
    char file[512];
    put_trees();
    for (int i = 0; i < COUNT(trees); i++) {
        snprintf(file, sizeof file, shifted, trees[i]);
        expect_import(file, "shifted");
        expect_letters("shifted", "test", taken, labels, COUNT(taken));
    }
}

static void all_others_are_taken(void **state)
{
    (void)state;
    char file[512];
    put_trees();
    for (int i = 0; i < COUNT(trees); i++) {
        snprintf(file, sizeof file, outliers, trees[i]);
        expect_import(file, "seven");
        expect_letters("seven", "train", others, NULL, COUNT(others));
    }
}

/* As ImageNet lies on a disk: test/ is flat and without labels, so val/ is what is tested. */
static void splits_are_those_that_hold_classes(void **state)
{
    (void)state;
    static const int shown[] = {1, 11, 20, 21, 22, 23, 24, 25, 26, 28, 29, 2, 7}, held[] = {27};
    static const int y[] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 0};
    char file[64], tree[512];
    put_letters("letters/train");
    put_letters("letters/val");
    for (int i = 20; i < 30; i++) { /* more of b: of its twelve and two more the tenth is held */
        snprintf(file, sizeof file, "letters/val/b/%d.png", i);
        put_bytes(file, picture_of(i));
    }
    put_bytes("letters/test/0.png", picture_of(0));
    expect_import(yml, "three");
    expect_letters("three", "train", taken, labels, COUNT(taken));
    expect_letters("three", "test", shown, y, COUNT(shown));
    expect_letters("three", "val", held, y, 1);
    snprintf(tree, sizeof tree, outliers, "letters");
    expect_import(tree, "seven");
    expect_letters("seven", "train", others, NULL, COUNT(others));

    /* What other classes hold is nothing to the three, and is to the others. */
    benchmark *b;
    put_text("sets/t.yml", yml);
    put_bytes("letters/train/j/30.png", picture_of(30));
    b = open_benchmark("t", top);
    assert_int_equal(benchmark_fresh(b, "three"), 1);
    benchmark_close(b);
    put_text("sets/t.yml", tree);
    b = open_benchmark("t", top);
    assert_int_equal(benchmark_fresh(b, "seven"), 0);
    benchmark_close(b);
}

static void one_other_class_is_enough(void **state)
{
    (void)state;
    static const int one[] = {3};
    char tree[512];
    put_bytes("few/b/1.png", picture_of(1));
    put_bytes("few/c/2.png", picture_of(2));
    put_bytes("few/h/7.png", picture_of(7));
    snprintf(tree, sizeof tree, outliers, "few");
    expect_fault(imports(tree, "seven"), "few|no pictures but those of the benchmark's classes");
    put_bytes("few/d/3.png", picture_of(3));
    expect_import(tree, "seven");
    expect_letters("seven", "train", one, NULL, 1);
}

static void every_class_must_be_there(void **state)
{
    (void)state;
    char tree[1024];
    put_letters("letters");
    static const char *const wrong[] = {"[x, c, b]", "[h, x, b]", "[h, c, x]"};
    for (int i = 0; i < COUNT(wrong); i++) { /* misspelt, the class would be an outlier */
        const char *rest = strchr(yml, '\n');
        snprintf(tree, sizeof tree, "classes: %s%s", wrong[i], rest);
        expect_fault(imports(tree, "three"), "no folder for the class x |to take them");
        snprintf(tree, sizeof tree, "classes: %s%s  rest: {group: outliers, tree: letters, take: others}\n",
                 wrong[i], rest);
        expect_fault(imports(tree, "rest"), "no folder for the class x |to tell the others from them");
    }
    put_bytes("tars/b.tar", tar_of(0));
    put_changed("sets/t.yml", yml, "tree: letters,", "tree: tars,");
    benchmark *b = open_benchmark("t", top);
    expect_fault(benchmark_import(b, "three"), "2 of the 3 classes|h the first");
    benchmark_close(b);
    assert_int_equal(remove(at("letters/c/2.png")), 0); /* a folder without pictures */
    expect_fault(imports(yml, "three"), "no folder|class c|test with");
    assert_int_equal(files_in(at("imported/t")), 0);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    benchmark *b;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"take: others", "take: othrs", "bad.yml:8:|value of `take` `othrs`; did you mean `others`?"},
        {"take: others", "take: classes", "seven of the group outliers: expected `take: others`, found classes"},
        {"take: classes", "take: others", "three of the group id: expected `take: classes`, found others"},
        {"tree: letters,", "mat: letters,", "`take` goes with `tree`"},
        {"[h, c, b]", "3", "`take` needs `classes` by name"},
        {"take: classes", "tkae: classes", "`tkae`; did you mean `take`?"},
    };
    for (int i = 0; i < COUNT(cases); i++) {
        put_changed("sets/bad.yml", yml, cases[i].from, cases[i].to);
        expect_fault(benchmark_open(&b, at("sets"), "bad", top, at("imported")), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(classes_are_taken_in_their_order),   TEST(all_others_are_taken),
                                       TEST(splits_are_those_that_hold_classes), TEST(one_other_class_is_enough),
                                       TEST(every_class_must_be_there),          TEST(mistakes_are_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
