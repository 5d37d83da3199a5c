/* cache.c - the cache gives back what was written, and nothing else: damage,
 * truncation and other ingredients all read as absent. */
#include "../harness/cache.h"
#include "../harness/fault.h"
#include "../harness/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 1000, COLS = 7 };

static const char ingredients[] = "weights: 1\nimages: 2\n";
static char folder[4096], path[4096];
static float values[ROWS][COLS];
static int32_t labels[ROWS];

static const cache_array arrays[] = {{"features", CACHE_REAL, ROWS, COLS, values},
                                     {"labels", CACHE_INT, ROWS, 1, labels}};

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/oodbench-cache.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i - 1;
        for (int j = 0; j < COLS; j++)
            values[i][j] = (float)i / 3 + (float)j;
    }
    cache_path(path, sizeof path, folder, "features", ingredients);
    return cache_write(path, ingredients, arrays, 2);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder); /* fails when something was left aside */
}

/* 1 when the entry reads back whole and equal, 0 when absent; anything else fails. */
static int reads(const char *text)
{
    cache_array got[] = {{.name = "features", .type = CACHE_REAL}, {.name = "labels", .type = CACHE_INT}};
    if (!cache_read(path, text, got, 2)) {
        assert_null(got[0].values);
        assert_null(got[1].values);
        return 0;
    }
    assert_int_equal(got[0].rows, ROWS);
    assert_int_equal(got[0].cols, COLS);
    assert_int_equal(got[1].cols, 1);
    assert_memory_equal(got[0].values, values, sizeof values);
    assert_memory_equal(got[1].values, labels, sizeof labels);
    free(got[0].values);
    free(got[1].values);
    return 1;
}

static void round_trip(void **state)
{
    (void)state;
    assert_true(reads(ingredients));
}

static void other_ingredients(void **state)
{
    (void)state;
    assert_false(reads("weights: 1\nimages: 3\n")); /* the same length */
    assert_false(reads("weights: 1\n"));
}

static void absent(void **state)
{
    (void)state;
    unlink(path);
    assert_false(reads(ingredients));
    assert_int_equal(cache_write(path, ingredients, arrays, 2), 0);
    assert_true(reads(ingredients));
}

static off_t size_of(void)
{
    struct stat s;
    assert_int_equal(stat(path, &s), 0);
    return s.st_size;
}

static void truncated(void **state)
{
    (void)state;
    off_t whole = size_of(), lengths[] = {0, 7, 100, whole / 2, whole - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(truncate(path, lengths[i]), 0);
        assert_false(reads(ingredients));
        assert_int_equal(cache_write(path, ingredients, arrays, 2), 0);
    }
    assert_true(reads(ingredients));
}

/* Every flipped byte is noticed, or was one that nothing is stored in. */
static void damaged(void **state)
{
    (void)state;
    off_t whole = size_of();
    int refused = 0;
    for (off_t at = 0; at < whole; at += whole / 97) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        unsigned char byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        close(fd);
        refused += !reads(ingredients); /* compares what it does read */
        assert_int_equal(cache_write(path, ingredients, arrays, 2), 0);
    }
    assert_true(refused > 80); /* the file is nearly all values */
}

static void unwritable(void **state)
{
    (void)state;
    assert_int_equal(cache_write("/dev/null/x.h5", ingredients, arrays, 2), -1);
    assert_non_null(strstr(fault_text(), "/dev/null"));
}

static void many_writers(void **state)
{
    (void)state;
    pid_t writers[4];
    for (int i = 0; i < 4; i++)
        if ((writers[i] = fork()) == 0) {
            int failed = 0;
            for (int j = 0; j < 20; j++)
                failed |= cache_write(path, ingredients, arrays, 2);
            _exit(failed != 0);
        }
    for (int i = 0; i < 40; i++)
        assert_true(reads(ingredients)); /* never half an entry */
    for (int i = 0; i < 4; i++) {
        int status;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_int_equal(status, 0);
    }
    assert_true(reads(ingredients));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(round_trip),   cmocka_unit_test(other_ingredients), cmocka_unit_test(absent),
        cmocka_unit_test(truncated),    cmocka_unit_test(damaged),           cmocka_unit_test(unwritable),
        cmocka_unit_test(many_writers),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
