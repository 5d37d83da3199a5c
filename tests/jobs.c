/* jobs.c - several cells at once: the same rows in the same order as one at a time,
 * whatever order they ended in, were asked for in, and whatever was cached; networks
 * that others start from come first; crashes, kills and second runs cost what they cost. */
#include "nights.h"
#include "weights.h"

#include "../harness/engine.h"
#include "../harness/hold.h"
#include "../harness/models.h"

#include <signal.h>

enum { NETS = 2, ROWS = NETS * 8 };

/* Networks of random weights, and an experiment on them. */
static int begin(void **state)
{
    (void)state;
    if (program_begin("jobs") != 0 || device_open("cpu", 0) != 0)
        return -1;
    if (put_networks(NETS) != 0)
        return -1;
    write_text("a.yml", "benchmark: mini.yml\nnet: resnet20\ndevice: cpu\nthreads: 1\nvim.dim: 16\n"
                        "weights: [w0.safetensors, w1.safetensors]\nscore: [msp, ebo, knn, vim]\n");
    write_text("b.yml", "benchmark: mini.yml\nnet: resnet20\ndevice: cpu\nthreads: 1\nepochs: 1\nbatch: 50\n"
                        "train: [sam, ce]\nstart: ce\nscore: [msp, ebo]\n");
    return 0;
}

/* Runs FILE.yml into the folder `out`. */
static char *run_file(int *status, const char *file, const char *out, const char *more)
{
    return output(status, "run '%s/%s.yml' --imported '%s/imported' --out '%s/%s' %s", here, file, here, here, out,
                  more);
}

static char *runs_well(const char *file, const char *out, const char *more)
{
    int status;
    char *said = run_file(&status, file, out, more);
    if (status != 0)
        fail_msg("%s", said);
    return said;
}

/* Rows stand in the same order, too. */
static void same_order(const char *one, const char *other)
{
    night a, b;
    night_read(&a, one);
    night_read(&b, other);
    night_same(&a, &b);
    for (int row = 0; row < sheet_rows(a.results); row++)
        for (int c = RESULT_RUN; c <= RESULT_GROUP; c++)
            assert_string_equal(sheet_at(a.results, row, c), sheet_at(b.results, row, c));
    night_free(&a);
    night_free(&b);
}

static void same_bytes(const char *one, const char *other, const char *name)
{
    char *a = text_format("%s/%s", one, name), *b = text_format("%s/%s", other, name);
    char *first = read_text(a), *second = read_text(b);
    assert_string_equal(first, second);
    free(first);
    free(second);
    free(a);
    free(b);
}

static void any_number(void **state)
{
    static const char more[] = "--analyses landscape --landscape.grid 3 --landscape.images 20";
    static const char *const outs[] = {"one", "two", "four"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        char *jobs = text_format("--jobs %d %s", 1 << i, more), *said = runs_well("a", outs[i], jobs);
        says(said, "2 checkpoints, 4 scorers, 16 rows, 36 points of landscape to compute");
        if (i)
            says(said, i == 1 ? "2 jobs at once, 1 thread each, on " : "4 jobs at once, 1 thread each, on ");
        else
            assert_null(strstr(said, "at once"));
        free(said);
        free(jobs);
    }
    for (int i = 1; i < 3; i++) {
        same_order("one", outs[i]);
        same_bytes("one", outs[i], "accuracy.csv");
        same_bytes("one", outs[i], "landscape.csv");
    }
    char *again = runs_well("a", "four", "--jobs 4 --analyses landscape --landscape.grid 3 --landscape.images 20");
    says(again, "4 scorers, 0 rows to compute");
    assert_null(strstr(again, "at once"));
    free(again);
}

/* A row is of its cell alone: asked for in another order, found with a cache or without. */
static void any_order(void **state)
{
    static const char *const kept[] = {"cache", "results.csv", "scores"};
    night one, other;
    (void)state;
    free(runs_well("a", "order", "--jobs 4"));
    free(runs_well("a", "shuffled",
                   "--weights '[w1.safetensors, w0.safetensors]' "
                   "--score vim,msp,knn,ebo --jobs 3"));
    night_read(&one, "order");
    night_read(&other, "shuffled");
    assert_int_equal(sheet_rows(one.results), sheet_rows(other.results));
    for (int row = 0; row < sheet_rows(one.results); row++)
        night_same_row(one.results, row, other.results);
    assert_string_equal(text_str(&one.files), text_str(&other.files));
    night_free(&other);
    for (int i = 0; i < 3; i++) { /* what is gone is made again, of what is there */
        char *path = text_format("%s/order/%s", here, kept[i]);
        remove_tree(path);
        free(path);
        free(runs_well("a", "order", i % 2 ? "--jobs 1" : "--jobs 4"));
        night_read(&other, "order");
        night_same(&one, &other);
        night_free(&other);
    }
    night_free(&one);
}

/* The network that another starts from is trained first, and once. */
static void parents_first(void **state)
{
    (void)state;
    char *one = runs_well("b", "parents1", "--jobs 1"), *four = runs_well("b", "parents4", "--jobs 4");
    const char *parent = strstr(four, "  train      resnet20 trained with ce"),
               *child = strstr(four, "  train      resnet20 trained with sam");
    assert_true(parent && child && parent < child);
    assert_null(strstr(parent + 1, "  train      resnet20 trained with ce"));
    same_order("parents1", "parents4");
    same_bytes("parents1", "parents4", "accuracy.csv");
    free(one);
    free(four);
}

/* One that begins afresh though the others go on from a checkpoint. */
static void afresh(void **state)
{
    int status, seen = 0;
    (void)state;
    char *said = run_file(&status, "b", "afresh", "--sam.start ce");
    assert_int_equal(status, 2);
    says(said, "--sam.start: `sam.start`: expected none");
    free(said);
    free(runs_well("b", "afresh", "--sam.start none --score msp"));
    sheet *s = sheet_of("afresh", "results.csv", result_names, RESULT_COLUMNS);
    for (int row = 0; row < sheet_rows(s); row++) {
        assert_null(strstr(sheet_at(s, row, RESULT_TRAIN_PARAMS), "start="));
        seen += strcmp(sheet_at(s, row, RESULT_TRAIN), "sam") == 0;
    }
    assert_int_equal(seen, 2);
    sheet_close(s);
}

static void crashes(void **state)
{
    int status;
    (void)state;
    free(runs_well("a", "bad", "--score msp"));
    char *said = run_file(&status, "a", "bad", "--score crash,msp,hang,ebo --jobs 4 --timeout_s 5");
    assert_int_equal(status, 1);
    says(said, "crash: SIGSEGV");
    says(said, "timeout: 5 s");
    sheet *s = sheet_of("bad", "results.csv", result_names, RESULT_COLUMNS);
    assert_int_equal(sheet_rows(s), ROWS);
    for (int row = 0; row < ROWS; row++) {
        const char *score = sheet_at(s, row, RESULT_SCORE);
        assert_string_equal(sheet_at(s, row, RESULT_STATUS), strcmp(score, "crash") == 0  ? "crash: SIGSEGV"
                                                             : strcmp(score, "hang") == 0 ? "timeout: 5 s"
                                                                                          : "ok");
    }
    sheet_close(s);
    free(said);
}

static int rows_in(const char *out)
{
    char *path = text_format("%s/%s/results.csv", here, out), *bytes = NULL;
    size_t n = 0;
    int lines = 0;
    if (file_exists(path) && file_read(path, &bytes, &n) == 0)
        for (size_t i = 0; i < n; i++)
            lines += bytes[i] == '\n';
    free(bytes);
    free(path);
    return lines;
}

static pid_t start(const char *file, const char *out, const char *more)
{
    char *command = text_format("exec '%s' run '%s/%s.yml' --imported '%s/imported' --out '%s/%s' %s "
                                ">/dev/null 2>&1 </dev/null",
                                program, here, file, here, here, out, more);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    free(command);
    assert_true(pid > 0);
    return pid;
}

static void killed(void **state)
{
    static const int signals[] = {SIGKILL, SIGINT};
    (void)state;
    free(runs_well("a", "whole", "--jobs 1"));
    for (int i = 0; i < 2; i++) {
        char *out = text_format("killed%d", i);
        pid_t pid = start("a", out, "--jobs 4");
        for (int waited = 0; waited < 60000 && rows_in(out) < 6; waited += 5)
            usleep(5000);
        kill(pid, signals[i]);
        int status = night_wait(pid);
        assert_true(status == 128 + signals[i] || (status == 0 && rows_in(out) == ROWS + 1));
        free(runs_well("a", out, "--jobs 3"));
        same_order("whole", out);
        same_bytes("whole", out, "accuracy.csv");
        free(out);
    }
}

static void two_runs(void **state)
{
    char host[65] = "";
    int status;
    (void)state;
    pid_t pid = start("a", "held", "--score hang --jobs 2 --timeout_s 60");
    for (int waited = 0; waited < 20000 && rows_in("held") < 1; waited += 5)
        usleep(5000);
    char *said = run_file(&status, "a", "held", "--jobs 2");
    kill(pid, SIGTERM);
    assert_int_equal(night_wait(pid), 128 + SIGTERM);
    assert_int_equal(status, EXIT_CONFIG);
    gethostname(host, sizeof host - 1);
    char *words = text_format("another run (process %ld on %s) is writing to ", (long)pid, host);
    night_one_line(said, words);
    free(words);
    free(said);
    free(runs_well("a", "held", "--score msp --jobs 2"));
    char *lock = read_text("held/lock");
    assert_string_equal(lock, ""); /* nobody holds it any more */
    free(lock);
}

/* What another machine's process left in a lock counts where machines share files. */
static void locks_of_others(void **state)
{
    (void)state;
    assert_true(hold_elsewhere("12 node1", "node2", 1));
    assert_false(hold_elsewhere("12 node1", "node1", 1)); /* its kernel would have told */
    assert_false(hold_elsewhere("12 node1", "node2", 0));
    assert_false(hold_elsewhere("", "node2", 1));
}

static void mistakes(void **state)
{
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"--jobs 0", "--jobs: `jobs` must be a whole number from 1 to"},
        {"--job 2", "--job: unknown key `job`; did you mean `jobs`?"},
        {"--launcher slum", "`launcher` must be one of: local slurm; found `slum`"},
        {"--slurm.partion gpu", "unknown key `slurm.partion`; did you mean `slurm.partition`?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *said = run_file(&status, "a", "none", cases[i].arguments);
        assert_int_equal(status, EXIT_CONFIG);
        night_one_line(said, cases[i].says);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number), cmocka_unit_test(any_order),       cmocka_unit_test(parents_first),
        cmocka_unit_test(afresh),     cmocka_unit_test(crashes),         cmocka_unit_test(killed),
        cmocka_unit_test(two_runs),   cmocka_unit_test(locks_of_others), cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
