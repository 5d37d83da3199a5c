/* memcheck.c - commands and cells under valgrind, where it is installed: no memory is read
 * before it was written or outside of what was asked for, and none is lost. The scoring
 * cells compute on the reference backend; oneDNN's code made at run time, and networks,
 * are the sanitizers' (`make san`). `make soak` has them all, `make test` the quick ones. */
#include "nights.h"

#include "givens.h"

#include <glob.h>

static char *tool; /* of the program; NULL: there is none, or a sanitizer is in its place */

static int begin(void **state)
{
    (void)state;
    if (nights_begin("memcheck") != 0)
        return -1;
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    if (system("valgrind --version >/dev/null 2>&1") == 0)
        /* Judged by what it writes: children that only look at a file for us free nothing when they
         * end, and their exit status is read. gnuplot is not ours. */
        tool = text_format("valgrind -q --leak-check=full --errors-for-leak-kinds=none --show-leak-kinds=definite "
                           "--trace-children=yes --trace-children-skip='*gnuplot*' --child-silent-after-fork=yes "
                           "--log-file='%s/found.%%p'",
                           here);
#endif
    setenv("OPENBLAS_CORETYPE", "Haswell", 1); /* valgrind knows no AVX-512 */
    unsetenv("OODBENCH_METHODS");
    return 0;
}

static int end(void **state)
{
    free(tool);
    return program_end(state);
}

/* What valgrind wrote about any of the processes. */
static void nothing_found(const char *arguments)
{
    glob_t logs;
    char *pattern = text_format("%s/found.*", here), *bytes;
    size_t n;
    if (glob(pattern, 0, NULL, &logs) != 0)
        fail_msg("valgrind did not run: %s", arguments);
    for (size_t i = 0; i < logs.gl_pathc; i++) {
        assert_int_equal(file_read(logs.gl_pathv[i], &bytes, &n), 0);
        unlink(logs.gl_pathv[i]);
        if (n)
            fail_msg("oodbench %s:\n%s", arguments, bytes);
        free(bytes);
    }
    globfree(&logs);
    free(pattern);
}

/* The command ends with this status, and valgrind is silent. */
static void checked(int expected, const char *arguments)
{
    int status;
    if (!tool)
        skip();
    nights_progress(arguments, 1, 1);
    char *command = text_format("%s '%s' %s >'%s/said' 2>&1 </dev/null", tool, program, arguments, here);
    int code = system(command);
    status = WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
    nothing_found(arguments);
    if (status != expected) {
        char *said = read_text("said");
        fail_msg("oodbench %s ended with %d:\n%s", arguments, status, said);
    }
    free(command);
}

static void words(void **state)
{
    (void)state;
    checked(0, "show drsam");
    checked(0, "--help");
    checked(EXIT_CONFIG, "show drsamm");
    checked(EXIT_CONFIG, "tabel");
}

static void tables(void **state)
{
    static const char *const formats[] = {"text", "csv", "markdown", "latex", "openood"};
    (void)state;
    for (int i = 0; i < (nights_long() ? 5 : 1); i++) {
        char *arguments = text_format("table results/baseline/cifar10-resnet20-all.csv --format %s", formats[i]);
        checked(0, arguments);
        free(arguments);
    }
}

static void only_in_soak(void)
{
    if (!nights_long())
        skip();
}

static void methods(void **state)
{
    (void)state;
    only_in_soak();
    checked(0, "methods");
    checked(0, "doctor");
    checked(0, "devices");
}

/* Drawing, writing, reading back, comparing with digests, a contact sheet. */
static void a_data_set(void **state)
{
    (void)state;
    only_in_soak();
    static const char *const commands[] = {
        "import '%1$s/tiny.yml' --imported '%1$s/imported'",
        "inspect '%1$s/imported/tiny/newshapes.h5' -o '%1$s/sheet.png'",
        "doctor --benchmark '%1$s/tiny.yml' --imported '%1$s/imported' --verify",
        "corrupt '%1$s/imported/tiny/newshapes.h5' --corruptions fog,pixelate --severities 3 -o '%1$s/c.h5'",
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char arguments[4096];
        snprintf(arguments, sizeof arguments, commands[i], here);
        checked(0, arguments);
    }
}

/* A run, its cells, search, table: of features from elsewhere. */
static void scoring_cells(void **state)
{
    (void)state;
    only_in_soak();
    if (!tool)
        skip();
    givens g = usual_givens();
    write_hdf(&g, "features.h5", H5T_IEEE_F32LE, 1);
    write_npz(&g, "features.npz", "<f8", 1);
    free_givens(&g);
    static const char *const more[] = {"features.h5' --score msp,ebo,knn,vim,mds,rmds,react,dice --vim.dim 4",
                                       "features.npz' --score react,knn,ash_s --search"};
    for (int i = 0; i < 2; i++) {
        char *arguments = text_format("score '%s/%s --device ref --threads 1 --knn.k 3 --out '%s/out%d'", here,
                                      more[i], here, i);
        checked(0, arguments);
        free(arguments);
    }
    char *arguments = text_format("report '%s/out0'", here);
    checked(0, arguments);
    free(arguments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),      cmocka_unit_test(tables),        cmocka_unit_test(methods),
        cmocka_unit_test(a_data_set), cmocka_unit_test(scoring_cells),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
