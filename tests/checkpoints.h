/* checkpoints.h - what the tests of checkpoints share: one file in a folder of
 * its own, opened and compared, refused, cut short and damaged. */
#ifndef CHECKPOINTS_H
#define CHECKPOINTS_H

#include "../harness/checkpoint.h"
#include "../harness/fault.h"
#include "../harness/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[4096], path[4200];

static inline int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/oodbench-checkpoint.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static inline checkpoint *open_good(void)
{
    checkpoint *c;
    if (checkpoint_open(&c, path) != 0)
        fail_msg("%s", fault_text());
    return c;
}

/* Refused with one line that holds `word`. */
static inline void assert_refused(const char *word)
{
    checkpoint *c;
    assert_int_equal(checkpoint_open(&c, path), -1);
    assert_null(c);
    if (!strstr(fault_text(), word) || strchr(fault_text(), '\n'))
        fail_msg("expected one line with '%s', found: %s", word, fault_text());
}

/* Extents, type and values, bit for bit. */
static inline void assert_tensor(const checkpoint *c, const char *name, const char *dtype, const char *dims,
                                 const float *want)
{
    const checkpoint_tensor *t = checkpoint_find(c, name);
    char text[128] = "";
    if (!t)
        fail_msg("no tensor %s", name);
    for (int i = 0; i < t->ndims; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i ? ",%d" : "%d", (int)t->dims[i]);
    assert_string_equal(text, dims);
    assert_string_equal(t->dtype, dtype);
    float *got = malloc(((size_t)t->count + 1) * sizeof *got);
    assert_int_equal(checkpoint_floats(c, t, got), 0);
    assert_memory_equal(got, want, (size_t)t->count * sizeof *got);
    free(got);
}

static inline void write_bytes(const char *to, const void *bytes, size_t n)
{
    FILE *f = fopen(to, "wb");
    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0)
        abort();
}

/* Every prefix of a good file is refused; damage anywhere never crashes. */
static inline void broken_files(void (*write_good)(void))
{
    char *good, *bad;
    size_t n;
    checkpoint *c;
    write_good();
    checkpoint_close(open_good());
    assert_int_equal(file_read(path, &good, &n), 0);
    for (size_t cut = 0; cut < n; cut++) {
        write_bytes(path, good, cut);
        assert_refused("file");
    }
    bad = malloc(n);
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(bad, good, n);
            bad[at] = (char)(bad[at] ^ 1 << bit);
            write_bytes(path, bad, n);
            if (checkpoint_open(&c, path) == 0)
                checkpoint_close(c);
            else
                assert_null(strchr(fault_text(), '\n'));
        }
    free(bad);
    free(good);
}

#endif
