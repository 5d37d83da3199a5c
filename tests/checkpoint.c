/* checkpoint.c - files of named tensors: .safetensors written here byte by byte
 * and what is read compared bit by bit; damaged ones must end in one sentence,
 * whatever they ask for; and published files in two formats must agree. */
#include "bytes.h"
#include "checkpoints.h"

#include <dirent.h>
#include <math.h>

static void safetensors_bytes(buffer *b, const char *header, const void *data, size_t n)
{
    b->n = 0;
    put_number(b, strlen(header), 8);
    put(b, header, strlen(header));
    put(b, data, n);
}

static void reads_every_element_type(void **state)
{
    static const unsigned char data[] = {0,    0,    0,    0,    0,    0,    0xf8, 0xbf, 0xdb, 0x0f,
                                         0x49, 0x40, 0x00, 0x3c, 0x01, 0x80, 0,    0x7c, 0x80, 0x3f,
                                         0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd, 0xff,
                                         0xff, 0xff, 0xfc, 0xff, 0xfb, 0xfa, 1,    0};
    buffer b;
    (void)state;
    safetensors_bytes(&b,
                      "{\"__metadata__\":{\"format\":\"pt\",\"odd\":\"a\\\"\\u00e9\\ud83d\\ude00\"}, "
                      "\"f64\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},"
                      "\"f32\":{\"data_offsets\":[8,12],\"dtype\":\"F32\",\"shape\":[]},"
                      "\"f16\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[12,18]},"
                      "\"bf16\":{\"dtype\":\"BF16\",\"shape\":[1,1],\"data_offsets\":[18,20]},"
                      "\"i64\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[20,28]},"
                      "\"i32\":{\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[28,32]},"
                      "\"i16\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[32,34]},"
                      "\"i8\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[34,35]},"
                      "\"u8\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[35,36]},"
                      "\"none\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[36,36]},"
                      "\"n\\u0061me\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[36,38]}}   ",
                      data, sizeof data);
    write_bytes(path, b.at, b.n);
    checkpoint *c = open_good();
    assert_int_equal(checkpoint_count(c), 11);
    assert_tensor(c, "f64", "F64", "1", (float[]){-1.5F});
    assert_tensor(c, "f32", "F32", "", (float[]){0x1.921fb6p+1F});
    assert_tensor(c, "f16", "F16", "3", (float[]){1, -0x1p-24F, INFINITY});
    assert_tensor(c, "bf16", "BF16", "1,1", (float[]){1});
    assert_tensor(c, "i64", "I64", "1", (float[]){-2});
    assert_tensor(c, "i32", "I32", "1", (float[]){-3});
    assert_tensor(c, "i16", "I16", "1", (float[]){-4});
    assert_tensor(c, "i8", "I8", "1", (float[]){-5});
    assert_tensor(c, "u8", "U8", "1", (float[]){250});
    assert_tensor(c, "none", "F32", "0,4", (float[]){0});
    assert_tensor(c, "name", "BOOL", "2", (float[]){1, 0});
    assert_null(checkpoint_find(c, "other"));
    checkpoint_close(c);
}

static void refuses_damaged_headers(void **state)
{
    static const struct {
        const char *header, *word;
    } cases[] = {
        {"{}", "its tensors take 0 bytes, the file holds 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", "no '}'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}x", "something behind"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9]}}", "cut short"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "bytes 8 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "its extents ask for another"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "the file holds 8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "starts at byte 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "b starts at byte 4 of the data, where 8 was expected"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         "two tensors named a"},
        {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "given twice"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "without dtype"},
        {"{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}}", "F8_E4M3"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "no whole number"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}}", "too large"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", "impossible"},
        {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,8]}}", "another number"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", "too long"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", "unknown key"},
        {"{\"\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "name is empty"},
        {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "zero byte"},
        {"{\"a\\ud800\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "surrogate"},
        {"{\"a\\x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "broken escape"},
        {"{\"__metadata__\":{\"a\":1},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "no '\"'"},
    };
    buffer b;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        safetensors_bytes(&b, cases[i].header, "01234567", 8);
        write_bytes(path, b.at, b.n);
        assert_refused(cases[i].word);
    }
    memset(b.at, 0xff, 8);
    write_bytes(path, b.at, b.n);
    assert_refused("its header should have 18446744073709551615 bytes");
}

static void saves_what_it_reads(void **state)
{
    float a[6] = {0, -0.0F, 1e-45F, INFINITY, NAN, -3.5F}, b[1] = {7};
    const checkpoint_tensor t[] = {{.name = "a \"quoted\"\\\n", .ndims = 2, .dims = {2, 3}, .count = 6},
                                   {.name = "b", .ndims = 0, .count = 1}};
    const char *const metadata[] = {"format", "pt", "note", "a \"word\"", NULL};
    char *raw;
    size_t n;
    (void)state;
    assert_int_equal(checkpoint_save(path, t, (const float *const[]){a, b}, 2, metadata), 0);
    checkpoint *c = open_good();
    assert_int_equal(checkpoint_count(c), 2);
    assert_tensor(c, t[0].name, "F32", "2,3", a);
    assert_tensor(c, "b", "F32", "", b);
    checkpoint_close(c);
    assert_int_equal(file_read(path, &raw, &n), 0);
    assert_non_null(strstr(raw + 8, "\"note\":\"a \\\"word\\\"\""));
    assert_int_equal((n - 7 * sizeof(float)) % 8, 0); /* the data is aligned */
    free(raw);
}

static void saving_fails_in_one_line(void **state)
{
    float a[1] = {1};
    const checkpoint_tensor t = {.name = "a", .ndims = 1, .dims = {1}, .count = 1};
    char below[4300];
    int files = 0;
    (void)state;
    write_bytes(path, "x", 1);
    snprintf(below, sizeof below, "%s/below", path); /* a file is no folder */
    assert_int_equal(checkpoint_save(below, &t, (const float *const[]){a}, 1, NULL), -1);
    assert_non_null(strstr(fault_text(), path));
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d));)
        files += e->d_name[0] != '.';
    closedir(d);
    assert_int_equal(files, 1); /* nothing left aside */
}

static void good_safetensors(void)
{
    buffer b;
    safetensors_bytes(&b,
                      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                      "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[8,11]}}",
                      "01234567xyz", 11);
    write_bytes(path, b.at, b.n);
}

static void survives_broken_safetensors(void **state)
{
    (void)state;
    broken_files(good_safetensors);
}

static void refuses_other_files(void **state)
{
    checkpoint *c;
    (void)state;
    write_bytes(path, "<!DOCTYPE html>\n<html>", 22);
    assert_refused("starts with '<!DOCTYPE html>?<html>'");
    write_bytes(path, "PK\3\4 no zip", 11);
    assert_refused("cannot be opened");
    assert_int_equal(checkpoint_open(&c, folder), -1);
    assert_non_null(strstr(fault_text(), "not a regular file"));
    unlink(path);
    assert_refused("No such file");
}

/* The published ResNets: the pickles and their conversions are the same. */
static void reads_published_files(void **state)
{
    static const char *const pairs[][2] = {{"resnet20-12fca82f.th", "resnet20-cifar10.safetensors"},
                                           {"resnet32-d509ac18.th", "resnet32-cifar10.safetensors"},
                                           {"resnet44-014dd654.th", "resnet44-cifar10.safetensors"},
                                           {"resnet56-4bfd9763.th", "resnet56-cifar10.safetensors"}};
    const char *data = getenv("OODBENCH_DATA");
    checkpoint *c[2];
    (void)state;
    if (!data)
        skip();
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 2; k++) {
            char file[4200];
            snprintf(file, sizeof file, "%s/pretrained/%s", data, pairs[i][k]);
            if (checkpoint_open(&c[k], file) != 0)
                fail_msg("%s", fault_text());
        }
        assert_true(checkpoint_count(c[0]) >= 97);
        assert_int_equal(checkpoint_count(c[0]), checkpoint_count(c[1]));
        for (int64_t t = 0; t < checkpoint_count(c[0]); t++) {
            const checkpoint_tensor *a = checkpoint_at(c[0], t), *b = checkpoint_find(c[1], a->name);
            assert_non_null(b);
            assert_memory_equal(a->dims, b->dims, sizeof a->dims);
            float *x = malloc(2 * (size_t)a->count * sizeof *x);
            assert_int_equal(checkpoint_floats(c[0], a, x), 0);
            assert_int_equal(checkpoint_floats(c[1], b, x + a->count), 0);
            assert_memory_equal(x, x + a->count, (size_t)a->count * sizeof *x);
            free(x);
        }
        checkpoint_close(c[0]);
        checkpoint_close(c[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_element_type),    cmocka_unit_test(refuses_damaged_headers),
        cmocka_unit_test(saves_what_it_reads),         cmocka_unit_test(saving_fails_in_one_line),
        cmocka_unit_test(survives_broken_safetensors), cmocka_unit_test(refuses_other_files),
        cmocka_unit_test(reads_published_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
