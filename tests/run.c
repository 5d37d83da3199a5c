/* run.c - the program as its users meet it: experiments from the command line,
 * methods that misbehave, interruptions, mistakes and the words for them. */
#include "program.h"
#include "weights.h"

#include "../harness/engine.h"
#include "../harness/models.h"
#include "../harness/results.h"

#include <glob.h>
#include <signal.h>

static char *in_folder(const char *name)
{
    return text_format("%s/%s", here, name);
}

/* A network with random weights, and the experiment that most tests change. */
static int begin(void **state)
{
    (void)state;
    if (program_begin("run") != 0)
        return -1;
    int rc = device_open("cpu", 0) != 0 || put_weights("w.safetensors", 1) != 0;
    if (rc)
        fprintf(stderr, "%s\n", fault_text());
    write_text("a.yml",
               "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: [msp, ebo]\ndevice: cpu\n");
    return rc ? -1 : 0;
}

/* Runs a.yml into the folder `out` with more arguments. */
static char *run_into(int *status, const char *out, const char *more)
{
    return output(status, "run '%s/a.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here, out, more);
}

static sheet *results_of(const char *out)
{
    sheet *s = NULL;
    char *path = text_format("%s/%s/results.csv", here, out);
    if (sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static const char *status_of(const sheet *s, const char *score, const char *ood)
{
    int row = sheet_find(s, RESULT_SCORE, score, RESULT_OOD, ood);
    return row < 0 ? "no row" : sheet_at(s, row, RESULT_STATUS);
}

/* The columns that do not depend on the clock or on memory are the same in every row. */
static void same_figures(const sheet *a, const sheet *b)
{
    assert_int_equal(sheet_rows(a), sheet_rows(b));
    for (int row = 0; row < sheet_rows(a); row++) {
        int other = result_find(b, sheet_at(a, row, RESULT_RUN), sheet_at(a, row, RESULT_OOD),
                                sheet_at(a, row, RESULT_GROUP));
        assert_true(other >= 0);
        for (int c = 0; c < RESULT_COLUMNS; c++)
            if (c != RESULT_FIT_S && c != RESULT_SCORE_S && c != RESULT_PEAK_MB)
                assert_string_equal(sheet_at(a, row, c), sheet_at(b, other, c));
    }
}

/* A run that goes well, and again when nothing is left to do. */
static void runs_and_resumes(void **state)
{
    int status;
    (void)state;
    char *said = run_into(&status, "good", "--score msp,ebo,knn --knn.k 5,10");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "1 checkpoint, 4 scorers, 8 rows to compute");
    says(said, "accuracy on the whole test set of shapes: ");
    says(said, " of 100)");
    says(said, "knn k=10");
    free(said);
    sheet *s = results_of("good");
    assert_int_equal(sheet_rows(s), 8);
    for (int row = 0; row < 8; row++) {
        assert_string_equal(sheet_at(s, row, RESULT_STATUS), "ok");
        double auroc = strtod(sheet_at(s, row, RESULT_AUROC), NULL);
        assert_true(auroc > 0 && auroc < 100);
        assert_string_equal(sheet_at(s, row, RESULT_DEVICE), "cpu");
        assert_string_equal(sheet_at(s, row, RESULT_N_ID), "60");
        assert_string_equal(sheet_at(s, row, RESULT_N_OOD), "50");
    }
    said = run_into(&status, "good", "--score msp,ebo,knn --knn.k 5,10");
    assert_int_equal(status, 0);
    says(said, "4 scorers, 0 rows to compute");
    assert_null(strstr(said, "features"));
    free(said);
    sheet *again = results_of("good");
    for (int row = 0; row < 8; row++)
        for (int c = 0; c < RESULT_COLUMNS; c++) /* times as well: nothing was computed */
            assert_string_equal(sheet_at(s, row, c), sheet_at(again, row, c));
    sheet_close(s);
    sheet_close(again);
    static const char *const formats[] = {"text", "csv", "markdown", "latex", "openood"};
    for (int i = 0; i < 5; i++) {
        said = output(&status, "table '%s/good/results.csv' --format %s", here, formats[i]);
        assert_int_equal(status, 0);
        says(said, "newshapes");
        free(said);
    }
}

/* Each costs its own rows; the ones behind it still run. */
static void bad_methods(void **state)
{
    int status;
    (void)state;
    free(run_into(&status, "bad", "--score msp")); /* features are there: the limit is for scorers alone */
    char *said = run_into(&status, "bad", "--score crash,abi,nan,hang,msp --timeout_s 4");
    assert_int_equal(status, 1);
    says(said, "without a result:");
    says(said, "crash on newshapes, plasma: crash: SIGSEGV");
    says(said, "hang on newshapes, plasma: timeout: 4 s");
    sheet *s = results_of("bad");
    assert_int_equal(sheet_rows(s), 10);
    assert_string_equal(status_of(s, "crash", "newshapes"), "crash: SIGSEGV");
    assert_string_equal(status_of(s, "hang", "plasma"), "timeout: 4 s");
    assert_string_equal(status_of(s, "msp", "newshapes"), "ok");
    assert_string_equal(status_of(s, "msp", "plasma"), "ok");
    assert_memory_equal(status_of(s, "abi", "plasma"), "abi: ", 5);
    assert_memory_equal(status_of(s, "nan", "plasma"), "nan: ", 5);
    sheet_close(s);
    free(said);
    said = run_into(&status, "bad", "--score crash,msp --timeout_s 4"); /* failures are tried again, in place */
    assert_int_equal(status, 1);
    says(said, "2 scorers, 2 rows to compute");
    s = results_of("bad");
    assert_int_equal(sheet_rows(s), 10);
    sheet_close(s);
    free(said);
    said = run_into(&status, "limit", "--score hang --limit_mb 10");
    says(said, "memory: 10 MB");
    free(said);
}

static void trains(void **state)
{
    int status;
    (void)state;
    char *said = run_into(&status, "trained",
                          "--weights null --train ce --epochs 1 --batch 64 --score msp --seed 0,1 --mean .5,.5,.5");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "2 checkpoints, 1 scorer, 4 rows to compute");
    says(said, "trained with ce, seed 1");
    says(said, "accuracy in % on the whole test set of shapes\nmodel                             shapes\n");
    says(said, "\nresnet20 trained with ce, seed 1  ");
    says(said, "2 seeds");
    free(said);
    said = run_into(&status, "trained",
                    "--weights null --train ce --epochs 1 --batch 64 --score ebo --seed 0,1 --mean .5,.5,.5");
    assert_int_equal(status, 0);
    assert_null(strstr(said, "  train ")); /* another scorer on the networks that are there */
    free(said);
}

/* Starts a run, kills it with `kill_by` as soon as `rows` rows are there, and lets a second one finish. */
static void interrupted_by(int kill_by, const char *out)
{
    char *file = in_folder("a.yml"), *imported = in_folder("imported"), *folder = in_folder(out);
    char *csv = text_format("%s/results.csv", folder);
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(9);
        execl(program, program, "run", file, "--imported", imported, "--out", folder, "--score", "msp,ebo,knn,vim",
              "--vim.dim", "32", (char *)NULL);
        _exit(9);
    }
    for (int waited = 0; waited < 60000; waited += 5) {
        char *bytes = NULL;
        size_t n;
        int lines = 0;
        if (file_exists(csv) && file_read(csv, &bytes, &n) == 0)
            for (size_t i = 0; i < n; i++)
                lines += bytes[i] == '\n';
        free(bytes);
        if (lines >= 3)
            break;
        usleep(5000);
    }
    kill(pid, kill_by);
    waitpid(pid, &status, 0);
    if (kill_by == SIGINT)
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 130 || WEXITSTATUS(status) == 0));
    char *said = run_into(&status, out, "--score msp,ebo,knn,vim --vim.dim 32");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    free(file);
    free(imported);
    free(folder);
    free(csv);
}

static void interruptions(void **state)
{
    int status;
    (void)state;
    free(run_into(&status, "whole", "--score msp,ebo,knn,vim --vim.dim 32"));
    assert_int_equal(status, 0);
    sheet *whole = results_of("whole");
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM};
    for (int i = 0; i < 3; i++) {
        char out[32];
        snprintf(out, sizeof out, "broken%d", i);
        interrupted_by(signals[i], out);
        sheet *s = results_of(out);
        same_figures(whole, s);
        sheet_close(s);
    }
    sheet_close(whole);
}

static void torn_results(void **state)
{
    int status;
    (void)state;
    free(run_into(&status, "torn", "--score msp"));
    assert_int_equal(status, 0);
    char *path = in_folder("torn/results.csv"), *bytes;
    size_t n;
    assert_int_equal(file_read(path, &bytes, &n), 0);
    assert_int_equal(truncate(path, (off_t)n - 20), 0);
    char *said = run_into(&status, "torn", "--score msp");
    assert_int_equal(status, 0);
    says(said, "1 row to compute");
    sheet *s = results_of("torn");
    assert_int_equal(sheet_rows(s), 2);
    sheet_close(s);
    free(said);
    free(path);
    free(bytes);
}

/* Mistakes: exactly one line, and exit code 2. */
static void one_line(void **state)
{
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"--knn.kk 5", "--knn.kk: unknown key `knn.kk`; did you mean `knn.k`?"},
        {"--knn.k 0", "--knn.k: `knn.k` must be a whole number from 1 to"},
        {"--knn.k=a", "found `a`"},
        {"--kn.k 5", "there is no method `kn`; did you mean `knn`?"},
        {"--scores msp", "--scores: unknown key `scores`; did you mean `score`?"},
        {"--score mps", "there is no method `mps`; did you mean `msp`?"},
        {"--score ce", "ce does not score, it trains: move it to `train`"},
        {"--train knn", "knn does not train, it scores: move it to `score`"},
        {"--net resnet21", "there is no network `resnet21`; did you mean `resnet"},
        {"--near newshape", "has no set `newshape`; did you mean `newshapes`?"},
        {"--near shapes", "`near` holds shapes, which is the in-distribution set"},
        {"--near plasma --far plasma", "the set plasma is in `near` and in `far`: keep one"},
        {"--weights none.th", "--weights: the checkpoint none.th does not exist"},
        {"--weights null", "there is nothing to score: give `weights: FILE` or `train: METHOD`"},
        {"--score null", "there is nothing to do"},
        {"--benchmark nope", "nope"},
        {"--epochs -1", "`epochs` must be a whole number from 1 to 1000000, found `-1`"},
        {"--lr 1e99", "`lr` must be a number from 0 to 1000, found `1e99`"},
        {"--flip=yes", "`flip` must be true or false, found `yes`"},
        {"--precision f16", "`precision` must be one of: f32 tf32 bf16; found `f16`"},
        {"--device gpu", "there is no device `gpu` here"},
        {"--mean 1", "`mean` is a list of three numbers (red, green, blue), found 1"},
        {"--seed 1,1", "`seed` lists 1 twice"},
        {"--near", "--near needs a value"},
        {"--data /nowhere", "the data folder /nowhere does not exist"},
        {"b.yml", "one configuration at a time"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *said = output(&status, "run '%s/a.yml' --imported '%s/imported' --out '%s/none' %s", here, here, here,
                            cases[i].arguments);
        if (status != EXIT_CONFIG || !strstr(said, cases[i].says) || strncmp(said, "oodbench: ", 10) != 0 ||
            strchr(said, '\n') != said + strlen(said) - 1)
            fail_msg("%s: expected one line with `%s` and status 2, found status %d and:\n%s", cases[i].arguments,
                     cases[i].says, status, said);
        free(said);
    }
    char *none = in_folder("none");
    assert_false(file_exists(none)); /* nothing was begun */
    free(none);
}

static void other_mistakes(void **state)
{
    int status;
    (void)state;
    char *said = output(&status, "run '%s/absent.yml'", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "absent.yml: No such file or directory");
    free(said);
    write_text("typo.yml", "benchmark: tiny.yml\nnet: resnet20\nscore:\n  - msp\nweihgts: w.safetensors\n");
    said = output(&status, "run '%s/typo.yml'", here);
    says(said, "typo.yml:5:1: unknown key `weihgts`; did you mean `weights`?");
    free(said);
    said = output(&status, "rnu");
    assert_int_equal(status, EXIT_CONFIG);
    assert_string_equal(said, "oodbench: there is no command `rnu`; did you mean `run`?\n");
    free(said);
    said = output(&status, "table '%s/a.yml'", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "expected a table with the 27 columns `run,commit,...,status`");
    free(said);
    write_text("file", "not a folder");
    said = run_into(&status, "file/out", "");
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "cannot create the folder");
    free(said);
    write_text("w.th", "no checkpoint");
    said = run_into(&status, "damaged", "--weights w.th");
    assert_int_equal(status, 1);
    says(said, "w.th");
    says(said, "without a result:");
    free(said);
}

static void lists(void **state)
{
    int status;
    (void)state;
    char *said = output(&status, "methods");
    assert_int_equal(status, 1); /* the one with another ABI cannot be used, and the list says so */
    says(said, "knn.k: 50");
    says(said, "abi: ");
    free(said);
    said = output(&status, "show knn");
    assert_int_equal(status, 0);
    says(said, "\nknn.k: 50 ");
    free(said);
    said = output(&status, "--help");
    assert_int_equal(status, 0);
    says(said, "oodbench run");
    assert_null(strstr(said, "describe"));
    free(said);
    said = output(&status, "run --help");
    assert_int_equal(status, 0);
    says(said, "weight_decay");
    free(said);
}

static void one_at_a_time(void **state)
{
    int status;
    (void)state;
    char *file = in_folder("a.yml"), *imported = in_folder("imported"), *folder = in_folder("held");
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(9);
        execl(program, program, "run", file, "--imported", imported, "--out", folder, "--score", "hang",
              "--timeout_s", "60", (char *)NULL);
        _exit(9);
    }
    char *csv = text_format("%s/accuracy.csv", folder), *said = NULL;
    for (int waited = 0; waited < 20000 && !file_exists(csv); waited += 5)
        usleep(5000);
    said = run_into(&status, "held", "");
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "another run (process ");
    free(said);
    free(file);
    free(imported);
    free(folder);
    free(csv);
}

static int features_of(const char *out)
{
    glob_t found;
    char *pattern = text_format("%s/%s/cache/features-*.h5", here, out);
    int n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    free(pattern);
    return n;
}

/* What one precision made is not taken for another's, neither rows nor features. */
static void precisions_are_apart(void **state)
{
    static const char *const flags[] = {"--score msp --precision f32", "--score msp --precision bf16",
                                        "--score msp --fast"};
    int status;
    (void)state;
    for (int i = 0; i < 3; i++) {
        char *said = run_into(&status, "precise", flags[i]);
        assert_int_equal(status, 0);
        says(said, "2 rows to compute");
        free(said);
        assert_int_equal(features_of("precise"), 5 * (i + 1)); /* three splits, two sets */
    }
    sheet *s = results_of("precise");
    assert_int_equal(sheet_rows(s), 6);
    assert_true(sheet_find(s, RESULT_PRECISION, "bf16", RESULT_OOD, "plasma") >= 0);
    assert_true(sheet_find(s, RESULT_FAST, "true", RESULT_OOD, "plasma") >= 0);
    sheet_close(s);
}

/* A processor cannot: each row says so in one line, and what can be done. */
static void tf32_needs_a_card(void **state)
{
    int status;
    (void)state;
    char *said = run_into(&status, "tf32", "--score msp --precision tf32");
    assert_int_equal(status, 1);
    free(said);
    sheet *s = results_of("tf32");
    assert_true(sheet_rows(s) > 0);
    for (int row = 0; row < sheet_rows(s); row++)
        assert_string_equal(sheet_at(s, row, RESULT_STATUS),
                            "failed: device cpu: processors have no TF32: set precision to f32 or bf16");
    sheet_close(s);
}

/* A row says what was missing and what would help, not only that memory ended. */
static void memory_ends(void **state)
{
    int status;
    (void)state;
    setenv("FAIL_ALLOC", "40+", 1);
    char *said = run_into(&status, "memory", "--score msp --near newshapes --far null");
    unsetenv("FAIL_ALLOC");
    assert_int_equal(status, 1);
    free(said);
    sheet *s = results_of("memory");
    assert_int_equal(sheet_rows(s), 1);
    const char *row = status_of(s, "msp", "newshapes");
    assert_memory_equal(row, "memory: out of ", 15);
    says(row, " wanted, ");
    assert_true(strstr(row, "a batch of ") || strstr(row, "a smaller batch"));
    sheet_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_and_resumes),
        cmocka_unit_test(bad_methods),
        cmocka_unit_test(trains),
        cmocka_unit_test(interruptions),
        cmocka_unit_test(torn_results),
        cmocka_unit_test(one_line),
        cmocka_unit_test(other_mistakes),
        cmocka_unit_test(lists),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(precisions_are_apart),
        cmocka_unit_test(tf32_needs_a_card),
        cmocka_unit_test(memory_ends),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
