/* config.c - YAML to keys and values, what is refused and in which words. */
#include "../harness/config.h"
#include "../harness/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static config *parsed(const char *yaml)
{
    config *c = config_new();
    if (config_parse(c, yaml, "a.yml") != 0)
        fail_msg("%s", fault_text());
    return c;
}

/* What a flattened set of keys looks like, for comparison. */
static void reads_as(const char *yaml, const char *canonical)
{
    config *c = parsed(yaml);
    char *text = config_canonical(c);
    assert_string_equal(text, canonical);
    config *again = parsed(text);
    char *same = config_canonical(again);
    assert_string_equal(same, canonical); /* what is written reads back */
    free(text);
    free(same);
    config_free(again);
    config_free(c);
}

static void flattens(void **state)
{
    (void)state;
    reads_as("b: 1\na:\n  x: 2\n  y:\n    z: three\n", "a.x: 2\na.y.z: three\nb: 1\n");
    reads_as("{knn: {k: [50, 100]}, knn.m: 4}", "knn.k: [50, 100]\nknn.m: 4\n");
    reads_as("near: [cifar100, tin]\nfar:\n- mnist\n- texture\n", "far: [mnist, texture]\nnear: [cifar100, tin]\n");
    reads_as("# nothing\n", "");
    reads_as("", "");
    reads_as("one: [x]\n", "one: x\n"); /* a scalar is a list of one */
}

static void nulls_and_quotes(void **state)
{
    (void)state;
    reads_as("a: null\nb: ~\nc:\nd: []\n", "a: null\nb: null\nc: null\nd: null\n");
    reads_as("a: 'null'\nb: ''\nc: \"x: y # z\"\n", "a: \"null\"\nb: \"\"\nc: \"x: y # z\"\n");
    reads_as("a: \"\\\"\\\\\\t\"\n", "a: \"\\\"\\\\\\x09\"\n");
    reads_as("p: /data/a b/ü.th\n", "p: \"/data/a b/ü.th\"\n");
    reads_as("a: -5\nb: '- 5'\nc: .5\n", "a: -5\nb: \"- 5\"\nc: \".5\"\n");
    config *c = parsed("a: null\nb: x\n");
    assert_true(config_has(c, "a"));
    assert_false(config_has(c, "z"));
    assert_int_equal(config_items(c, "a"), 0);
    assert_null(config_text(c, "a"));
    assert_string_equal(config_text(c, "b"), "x");
    assert_string_equal(config_origin(c, "b"), "a.yml:2:1");
    config_free(c);
}

static void refused(void **state)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "a.yml:3:1: the key `a` is given twice, first at a.yml:1:1"},
        {"a:\n  b: 1\na.b: 2\n", "a.yml:3:1: the key `a.b` is given twice"},
        {"a: [1, [2]]\n", "a.yml:1:8: a list holds plain values only"},
        {"a: [1, {b: 2}]\n", "a.yml:1:8: a list holds plain values only"},
        {"a: [x, null]\n", "a.yml:1:8: an item of this list is empty"},
        {"a: &x 1\n", "a.yml:1:4: an anchor"},
        {"a: 1\nb: *a\n", "a.yml:2:4: an alias"},
        {"a: &x [1]\n", "a.yml:1:4: an anchor"},
        {"a: &x {b: 1}\n", "a.yml:1:4: an anchor"},
        {"a: !!str 1\n", "a.yml:1:4: a tag"},
        {"<<: {a: 1}\n", "a.yml:1:1: merge keys"},
        {"[a]: 1\n", "a.yml:1:1: a key must be a word"},
        {"'': 1\n", "a.yml:1:1: a key is empty"},
        {"- a\n- b\n", "a.yml:1:1: keys and values were expected here"},
        {"word\n", "a.yml:1:1: keys and values were expected here"},
        {"a: 1\n---\nb: 2\n", "a.yml:2:1: a second document"},
        {"a: \"x\\0y\"\n", "a.yml:1:4: the value holds a NUL"},
        {"a: [1, 2\nb: 3\n", "a.yml:2:2: this is not YAML"},
        {"a: 1\n\tb: 2\n", "a.yml:2:1: this is not YAML"},
        {"a: \xff\n", "a.yml:1:1: this is not YAML"},
        {"a: {b: {c: {d: {e: {f: {g: {h: {i: {j: {k: {l: {m: {n: {o: {p: {q: {r: 1}}}}}}}}}}}}}}}}}\n",
         "nested too deeply"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config *c = config_new();
        assert_int_equal(config_parse(c, cases[i].yaml, "a.yml"), -1);
        if (!strstr(fault_text(), cases[i].says))
            fail_msg("expected `%s`, found `%s`", cases[i].says, fault_text());
        assert_null(strchr(fault_text(), '\n'));
        config_free(c);
    }
}

static void files(void **state)
{
    char path[] = "/tmp/oodbench-config-XXXXXX";
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "k: 5\n", 5) == 5);
    close(fd);
    config *c = config_new();
    assert_int_equal(config_read(c, path), 0);
    assert_string_equal(config_text(c, "k"), "5");
    config_free(c);
    unlink(path);
    c = config_new();
    assert_int_equal(config_read(c, path), -1);
    assert_non_null(strstr(fault_text(), path));
    assert_int_equal(config_read(c, "/tmp"), -1);
    assert_non_null(strstr(fault_text(), "Is a directory"));
    config_free(c);
}

static void sets_by_hand(void **state)
{
    (void)state;
    config *c = parsed("a: 1\nb: 2\n");
    assert_int_equal(config_set(c, "a", "[x, y]", "--a"), 0);
    assert_int_equal(config_set(c, "b", "null", "--b"), 0);
    assert_int_equal(config_set(c, "c", "d: e", "--c"), 0); /* not YAML: the words as they are */
    assert_int_equal(config_append(c, "c", "[f]", "--c"), 0);
    assert_int_equal(config_set(c, "a", config_item(c, "a", 1), config_origin(c, "a")), 0); /* of itself */
    char *text = config_canonical(c);
    assert_string_equal(text, "a: y\nb: null\nc: [\"d: e\", \"[f]\"]\n");
    assert_string_equal(config_origin(c, "a"), "--a");
    free(text);
    assert_int_equal(config_set(c, "a", "[x, [y]]", "--a"), -1);
    assert_string_equal(fault_text(), "--a: a list like [a, b] was expected, found `[x, [y]]`");
    assert_int_equal(config_set(c, "a", "[x", "--a"), -1);
    assert_int_equal(config_set(c, "a", "[x]\nq: 1", "--a"), -1);
    config_free(c);
}

static void typed_values(void **state)
{
    (void)state;
    config *c = parsed(
        "i: 50\nneg: -3\nr: 1e-3\nyes: true\nl: [1, 2]\nword: abc\nn: null\nhuge: 99999999999999999999\n"
        "hex: 0x10\nnan: nan\nspace: ' 5'\nplus: +5\nhalf: 1.5\nno: 'no'\n");
    int64_t i = 7;
    double r = 7;
    int flag = 7;
    assert_int_equal(config_int(c, "i", &i, 1, 100), 0);
    assert_int_equal(i, 50);
    assert_int_equal(config_int(c, "neg", &i, -10, 100), 0);
    assert_int_equal(i, -3);
    assert_int_equal(config_real(c, "r", &r, 0, 1), 0);
    assert_true(r == 1e-3);
    assert_int_equal(config_flag(c, "yes", &flag), 0);
    assert_int_equal(flag, 1);
    i = 7;
    assert_int_equal(config_int(c, "absent", &i, 0, 1), 0);
    assert_int_equal(config_int(c, "n", &i, 0, 1), 0);
    assert_int_equal(i, 7); /* not given: left alone */
    static const char *const not_int[] = {"l", "word", "huge", "hex", "nan", "space", "plus", "half", "yes"};
    for (size_t k = 0; k < sizeof not_int / sizeof *not_int; k++)
        assert_int_equal(config_int(c, not_int[k], &i, INT64_MIN, INT64_MAX), -1);
    static const char *const not_real[] = {"l", "word", "hex", "nan", "space", "yes"};
    for (size_t k = 0; k < sizeof not_real / sizeof *not_real; k++)
        assert_int_equal(config_real(c, not_real[k], &r, -1e300, 1e300), -1);
    assert_int_equal(config_flag(c, "no", &flag), -1);
    assert_string_equal(fault_text(), "a.yml:14:1: `no` must be true or false, found `no`");
    assert_int_equal(config_int(c, "i", &i, 1, 10), -1);
    assert_string_equal(fault_text(), "a.yml:1:1: `i` must be a whole number from 1 to 10, found `50`");
    assert_int_equal(config_real(c, "l", &r, 0, 1), -1);
    assert_string_equal(fault_text(), "a.yml:5:1: `l` must be a number from 0 to 1, found a list of 2 values");
    config_free(c);
}

static void nearest(void **state)
{
    static const char *const known[] = {"knn", "vim", "mds", "msp", "weights", "near", "weight_decay"};
    static const struct {
        const char *word, *near;
    } cases[] = {
        {"kn", "knn"},
        {"knm", "knn"},
        {"vmi", "vim"},
        {"MSP", "msp"},
        {"mps", "msp"},
        {"wieghts", "weights"},
        {"weight", "weights"},
        {"neaar", "near"},
        {"weightdecay", "weight_decay"},
        {"completely", NULL},
        {"", NULL},
        {"x", NULL},
        {"a_word_that_is_longer_than_any_name_could_ever_be_and_then_goes_on_for_a_while", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *near = config_nearest(cases[i].word, known, 7);
        if (!cases[i].near)
            assert_null(near);
        else
            assert_string_equal(near ? near : "nothing", cases[i].near);
    }
    assert_null(config_nearest("knn", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flattens), cmocka_unit_test(nulls_and_quotes), cmocka_unit_test(refused),
        cmocka_unit_test(files),    cmocka_unit_test(sets_by_hand),     cmocka_unit_test(typed_values),
        cmocka_unit_test(nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
