/* torchfile.c - what torch.save() writes: pickles and both layouts made here
 * byte by byte; what is read is compared bit by bit, hostile pickles, extents
 * and sizes must end in one sentence and execute nothing. */
#include "checkpoints.h"
#include "torchfiles.h"

enum layout { ZIP, LEGACY };

static void write_torch(enum layout l, const buffer *object, const content *c, int n)
{
    static buffer all;
    if (l == ZIP) {
        write_zip(path, object, c, n, "little", ZIP_CM_STORE);
        return;
    }
    legacy_bytes(&all, object, c, n);
    write_bytes(path, all.at, all.n);
}

static const float six[6] = {0, 1, 2, 3, 4, 5};
static const int64_t two[2] = {-7, 1LL << 40};
static const content contents[] = {{"94020255495056", six, 6, 4}, {"1", two, 2, 8}};

/* Names as under DataParallel: a transposed view, a tail of the same storage,
 * an expanded one, a parameter, a scalar of 64 bits, one without elements. */
static void put_state(buffer *b, const char *prefix)
{
    static const struct {
        const char *name;
        picture p;
    } tensors[] = {
        {"turned", {"FloatStorage", "94020255495056", 6, 0, 2, {3, 2}, {1, 3}}},
        {"tail", {"FloatStorage", "94020255495056", 6, 4, 1, {2}, {1}}},
        {"spread", {"FloatStorage", "94020255495056", 6, 5, 2, {2, 2}, {0, 0}}},
        {"count", {"LongStorage", "1", 2, 1, 0, {0}, {0}}},
        {"none", {"FloatStorage", "94020255495056", 6, 6, 2, {0, 3}, {3, 1}}},
    };
    char name[64];
    OPS(b, "ccollections\nOrderedDict\n)R(");
    for (size_t i = 0; i < sizeof tensors / sizeof tensors[0]; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, tensors[i].name);
        put_text(b, name);
        put_tensor(b, &tensors[i].p);
    }
    snprintf(name, sizeof name, "%sparameter", prefix);
    put_text(b, name);
    OPS(b, "ctorch._utils\n_rebuild_parameter\n(");
    put_tensor(b, &tensors[1].p);
    OPS(b, "\x88"
           "ccollections\nOrderedDict\n)RtRu");
    OPS(b, "}"); /* what OrderedDict keeps besides: _metadata */
    put_text(b, "_metadata");
    OPS(b, "}sb");
}

static void assert_state(void)
{
    checkpoint *c = open_good();
    assert_int_equal(checkpoint_count(c), 6);
    assert_tensor(c, "turned", "F32", "3,2", (float[]){0, 3, 1, 4, 2, 5});
    assert_tensor(c, "tail", "F32", "2", (float[]){4, 5});
    assert_tensor(c, "spread", "F32", "2,2", (float[]){5, 5, 5, 5});
    assert_tensor(c, "count", "I64", "", (float[]){0x1p40F});
    assert_tensor(c, "none", "F32", "0,3", (float[]){0});
    assert_tensor(c, "parameter", "F32", "2", (float[]){4, 5});
    checkpoint_close(c);
}

static void reads_plain_state_dicts(void **state)
{
    (void)state;
    for (enum layout l = ZIP; l <= LEGACY; l++) {
        buffer b = {.n = 0};
        OPS(&b, "\x80\x02");
        put_state(&b, "");
        OPS(&b, ".");
        write_torch(l, &b, contents, 2);
        assert_state();
    }
}

/* Among what checkpoints hold besides: numbers, lists, None, a numpy scalar,
 * an optimizer's state with a tensor of its own, arguments. */
static void reads_nested_state_dicts(void **state)
{
    static const char *const keys[] = {"state_dict", "model", "net", "model_state_dict"};
    static const picture momentum = {"FloatStorage", "94020255495056", 6, 0, 1, {6}, {1}};
    (void)state;
    for (int i = 0; i < 8; i++) {
        buffer b = {.n = 0};
        OPS(&b, "\x80\x02}q\x00(");
        put_text(&b, "epoch");
        OPS(&b, "K\x05");
        put_text(&b, "best");
        OPS(&b, "G@V\xf1\xeb\x85\x1e\xb8R");
        put_text(&b, "large");
        OPS(&b, "\x8a\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01");
        put_text(&b, "optimizer");
        OPS(&b, "}(K\x00}q\x01");
        put_text(&b, "momentum_buffer");
        put_tensor(&b, &momentum);
        OPS(&b, "sK\x01h\x01u");
        put_text(&b, "args");
        OPS(&b, "cargparse\nNamespace\n)\x81}");
        put_text(&b, "lr");
        OPS(&b, "G?\xb9\x99\x99\x99\x99\x99\x9asb");
        put_text(&b, "accuracy");
        OPS(&b, "cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n");
        put_text(&b, "f8");
        OPS(&b, "\x85R(K\x03NtbU\x02xy\x86R");
        put_text(&b, keys[i % 4]);
        put_state(&b, i % 4 ? "module." : "");
        put_text(&b, "list");
        OPS(&b, "](K\x01NNe"
                "u.");
        write_torch(i / 4 ? LEGACY : ZIP, &b, contents, 2);
        assert_state();
    }
}

/* Protocol 4: frames, short strings, stacked globals, memoized. */
static void reads_protocol_4(void **state)
{
    (void)state;
    for (enum layout l = ZIP; l <= LEGACY; l++) {
        buffer b = {.n = 0};
        OPS(&b, "\x80\x04\x95\x01\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01w\x94"
                "\x8c\x0ctorch._utils\x94\x8c\x12_rebuild_tensor_v2\x94\x93\x94((\x8c\x07storage\x94"
                "\x8c\x05torch\x94\x8c\x0c"
                "FloatStorage\x94\x93\x94\x8c\x01k\x94\x8c\x03"
                "cpu\x94K\x06t\x94Q"
                "K\x00K\x06\x85\x94K\x01\x85\x94\x89\x8c\x0b"
                "collections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94"
                "t\x94R\x94s.");
        write_torch(l, &b, &(content){"k", six, 6, 4}, 1);
        checkpoint *c = open_good();
        assert_tensor(c, "w", "F32", "6", six);
        checkpoint_close(c);
    }
}

/* Python 2 wrote strings by other opcodes and dictionaries as lists of pairs. */
static void reads_python_2(void **state)
{
    buffer b = {.n = 0};
    static const picture p = {"FloatStorage", "k", 6, 0, 1, {6}, {1}};
    (void)state;
    OPS(&b, "\x80\x02"
            "ccollections\nOrderedDict\nq\x01](](U\x01w");
    put_tensor(&b, &p);
    OPS(&b, "e](T\x01\x00\x00\x00x");
    put_tensor(&b, &p);
    OPS(&b, "ee\x85Rq\x02.");
    write_torch(LEGACY, &b, &(content){"k", six, 6, 4}, 1);
    checkpoint *c = open_good();
    assert_int_equal(checkpoint_count(c), 2);
    assert_tensor(c, "w", "F32", "6", six);
    assert_tensor(c, "x", "F32", "6", six);
    checkpoint_close(c);
}

static void reads_big_endian(void **state)
{
    static const unsigned char data[] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
    static const picture p = {"FloatStorage", "k", 2, 0, 1, {2}, {1}};
    buffer b = {.n = 0};
    (void)state;
    OPS(&b, "\x80\x02}");
    put_text(&b, "w");
    put_tensor(&b, &p);
    OPS(&b, "s.");
    write_zip(path, &b, &(content){"k", data, 2, 4}, 1, "big", ZIP_CM_STORE);
    checkpoint *c = open_good();
    assert_tensor(c, "w", "F32", "2", (float[]){1, -2});
    checkpoint_close(c);
}

/* ---- hostile ---- */

#define HOSTILE(ops, word)                                                                                         \
    {                                                                                                              \
        "\x80\x02" ops, sizeof("\x80\x02" ops) - 1, word                                                           \
    }

static void refuses_hostile_pickles(void **state)
{
    static const struct {
        const char *ops;
        size_t n;
        const char *word;
    } cases[] = {
        HOSTILE("cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.", "refuses to execute posix.system"),
        HOSTILE("c__builtin__\neval\nX\x01\x00\x00\x00"
                "1\x85R.",
                "refuses to execute __builtin__.eval"),
        HOSTILE("\x8c\x03"
                "a\nb\x8c\x01\x1b\x93.",
                "refuses to execute a?b.?"),
        HOSTILE("ctorch.nn.modules.conv\nConv2d\n)\x81.", "save its state_dict()"),
        HOSTILE("ctorch\nFloatStorage\n)R.", "a call of a storage type"),
        HOSTILE("cposix", "a line without an end"),
        HOSTILE("I1\n.", "an opcode that is not read"),
        HOSTILE("X\xff\xff\xff\x7fls.", "more bytes promised"),
        HOSTILE("\x8e\xff\xff\xff\xff\xff\xff\xff\xffls.", "more bytes promised"),
        HOSTILE("\x8b\xff\xff\xff\xff.", "more bytes promised"),
        HOSTILE("\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "a frame longer"),
        HOSTILE("Nr\xff\xff\xff\xff.", "a memo number out of range"),
        HOSTILE("h\x00.", "a memo number nothing"),
        HOSTILE(".", "an empty stack"),
        HOSTILE("u.", "no mark"),
        HOSTILE("N(\x85.", "an empty stack"),
        HOSTILE("K\x01\x87.", "an empty stack"),
        HOSTILE("NNs.", "an empty stack"),
        HOSTILE("NNNs.", "items for what is no container"),
        HOSTILE("}(Nu.", "items for what is no container"),
        HOSTILE("NNR.", "a call of what is no function"),
        HOSTILE("K\x01Q.", "names no storage"),
        HOSTILE("(X\x06\x00\x00\x00moduleNNNNtQ.", "names no storage"),
        HOSTILE("]q\x00h\x00"
                "a.",
                "no dictionary of tensors"),
        HOSTILE("}.", "an empty dictionary"),
        HOSTILE("}q\x00X\x05\x00\x00\x00modelh\x00s.", "no dictionary of tensors"),
        HOSTILE("}X\x01\x00\x00\x00"
                "aNs.",
                "found the keys a"),
        HOSTILE("\x80\x09N.", "an unknown pickle protocol"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (enum layout l = ZIP; l <= LEGACY; l++) {
            buffer b = {.n = 0};
            put(&b, cases[i].ops, cases[i].n);
            write_torch(l, &b, NULL, 0);
            assert_refused(cases[i].word);
        }
}

static void refuses_hostile_tensors(void **state)
{
    static const struct {
        picture p;
        const char *word;
    } cases[] = {
        {{"FloatStorage", "k", 6, 0, 1, {7}, {1}}, "reaches beyond"},
        {{"FloatStorage", "k", 6, 1, 1, {6}, {1}}, "reaches beyond"},
        {{"FloatStorage", "k", 6, 0, 2, {2, 2}, {5, 1}}, "reaches beyond"},
        {{"FloatStorage", "k", 6, 6, 0, {0}, {0}}, "reaches beyond"},
        {{"FloatStorage", "k", 6, 0, 1, {1LL << 40}, {0}}, "reaches beyond"},
        {{"FloatStorage", "k", 6, 0, 2, {1LL << 32, 1LL << 32}, {0, 0}}, "impossible"},
        {{"FloatStorage", "k", 6, 0, 2, {2, 3}, {INT64_MAX, INT64_MAX}}, "impossible"},
        {{"FloatStorage", "k", 6, -1, 1, {2}, {1}}, "impossible"},
        {{"FloatStorage", "k", 6, 0, 1, {-1}, {1}}, "impossible"},
        {{"FloatStorage", "k", 6, 5, 1, {2}, {-1}}, "impossible"},
        {{"FloatStorage", "k", 7, 0, 1, {2}, {1}}, "should have 7 elements"},
        {{"FloatStorage", "k", -1, 0, 1, {2}, {1}}, "impossible size"},
        {{"FloatStorage", "k", INT64_MAX, 0, 1, {2}, {1}}, "should have 9223372036854775807"},
        {{"DoubleStorage", "k", 6, 0, 1, {6}, {1}}, "damaged"},
        {{"FloatStorage", "../k", 6, 0, 1, {6}, {1}}, "damaged"},
        {{"ComplexFloatStorage", "k", 6, 0, 1, {6}, {1}}, "refuses to execute torch.ComplexFloatStorage"},
        {{"FloatStorage", "k", 6, 0, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}}, "8 dimensions"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (enum layout l = ZIP; l <= LEGACY; l++) {
            buffer b = {.n = 0};
            OPS(&b, "\x80\x02}");
            put_text(&b, "w");
            put_tensor(&b, &cases[i].p);
            OPS(&b, "s.");
            write_torch(l, &b, &(content){"k", six, 6, 4}, 1);
            assert_refused(cases[i].word);
        }
}

static void put_good(buffer *b)
{
    b->n = 0;
    OPS(b, "\x80\x02");
    put_state(b, "");
    OPS(b, ".");
}

static void refuses_compressed_members(void **state)
{
    float zeros[512] = {0};
    static const picture p = {"FloatStorage", "k", 512, 0, 1, {512}, {1}};
    buffer b = {.n = 0};
    (void)state;
    OPS(&b, "\x80\x02}");
    put_text(&b, "w");
    put_tensor(&b, &p);
    OPS(&b, "s.");
    write_zip(path, &b, &(content){"k", zeros, 512, 4}, 1, "little", ZIP_CM_DEFLATE);
    assert_refused("torch.save() only stores");
}

static void good_zip(void)
{
    buffer b;
    put_good(&b);
    write_torch(ZIP, &b, contents, 2);
}

static void good_legacy(void)
{
    buffer b;
    put_good(&b);
    write_torch(LEGACY, &b, contents, 2);
}

static void survives_broken_zip(void **state)
{
    (void)state;
    broken_files(good_zip);
}

static void survives_broken_legacy(void **state)
{
    (void)state;
    broken_files(good_legacy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_state_dicts), cmocka_unit_test(reads_nested_state_dicts),
        cmocka_unit_test(reads_protocol_4),        cmocka_unit_test(reads_python_2),
        cmocka_unit_test(reads_big_endian),        cmocka_unit_test(refuses_hostile_pickles),
        cmocka_unit_test(refuses_hostile_tensors), cmocka_unit_test(refuses_compressed_members),
        cmocka_unit_test(survives_broken_zip),     cmocka_unit_test(survives_broken_legacy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
