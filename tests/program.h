/* program.h - the built program run from a test: a folder of the test's own, a
 * tiny benchmark of drawn shapes, what a command prints. One test program
 * includes it once. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "../harness/fault.h"
#include "../harness/file.h"
#include "../harness/sheet.h"
#include "../harness/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char here[512];     /* a folder of the test's own */
static char program[4200]; /* absolute, since tests change nothing but `here` */

/* What a command of the shell printed, to be freed; *status its exit code. */
static inline char *output_of(int *status, const char *command)
{
    char block[4096];
    FILE *f = popen(command, "r");
    text all = {0};
    assert_non_null(f);
    for (size_t n; (n = fread(block, 1, sizeof block - 1, f)) > 0;) {
        block[n] = '\0';
        text_add(&all, "%s", block);
    }
    int code = pclose(f);
    *status = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
    return all.bytes ? all.bytes : text_copy("");
}

/* The same of the program, both streams joined. */
static inline char *output(int *status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline char *output(int *status, const char *fmt, ...)
{
    char arguments[4096];
    va_list args;
    va_start(args, fmt);
    vsnprintf(arguments, sizeof arguments, fmt, args);
    va_end(args);
    char *command = text_format("'%s' %s 2>&1 </dev/null", program, arguments), *said = output_of(status, command);
    free(command);
    return said;
}

/* A table that a run has left in the folder `out`, to be closed. */
static inline sheet *sheet_of(const char *out, const char *name, const char *const header[], int columns)
{
    sheet *s = NULL;
    char *path = text_format("%s/%s/%s", here, out, name);
    if (sheet_open(&s, path, header, columns, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static inline void says(const char *said, const char *what)
{
    if (!strstr(said, what))
        fail_msg("expected `%s` in:\n%s", what, said);
}

static inline void write_text(const char *name, const char *bytes)
{
    char *path = text_format("%s/%s", here, name);
    if (file_write(path, bytes, strlen(bytes)) != 0)
        fail_msg("%s", fault_text());
    free(path);
}

/* All of a file of the test's folder, to be freed. */
static inline char *read_text(const char *name)
{
    char *path = text_format("%s/%s", here, name), *bytes;
    size_t n;
    if (file_read(path, &bytes, &n) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return bytes;
}

static const char tiny_benchmark[] =
    "generator: shapes\nseed: 1\nclasses: [disc, ring, square, frame, triangle, cross, star, crescent, heart, "
    "arrow]\n"
    "side: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\nsets:\n"
    "  shapes: {group: id, train: 256, val: 40, test: 60}\n  newshapes: {group: near, test: 50}\n"
    "  plasma: {group: far, test: 50}\n  scribbles: {group: outliers, train: 40}\n";

/* The program, and where its parts are; -1 when it cannot. */
static inline int program_find(void)
{
    const char *b = getenv("B") ? getenv("B") : "build";
    char cwd[4000];
    if (!getcwd(cwd, sizeof cwd))
        return -1;
    char *build = b[0] == '/' ? text_copy(b) : text_format("%s/%s", cwd, b);
    char *kernels = text_format("%s/kernels", build), *bad = text_format("%s/tests/bad", build);
    snprintf(program, sizeof program, "%s/oodbench", build);
    setenv("OODBENCH_KERNELS", kernels, 1);
    setenv("OODBENCH_METHODS", bad, 1);
    unsetenv("OODBENCH_DATA");
    free(build);
    free(kernels);
    free(bad);
    return 0;
}

/* Makes `here` with tiny.yml in it and finds the program; -1 when it cannot. */
static inline int program_begin(const char *test)
{
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    snprintf(here, sizeof here, "%s/oodbench-%s-XXXXXX", tmp, test);
    if (!mkdtemp(here) || program_find() != 0)
        return -1;
    write_text("tiny.yml", tiny_benchmark);
    return 0;
}

static inline int program_end(void **state)
{
    (void)state;
    char *command = text_format("rm -r '%s'", here);
    int rc = system(command);
    free(command);
    return rc;
}

#endif
