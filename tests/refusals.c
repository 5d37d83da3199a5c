/* refusals.c - trainings that cannot begin, or not go on: each ends with one line
 * that says what was expected, what was found and what to do, and leaves the last
 * good checkpoint and nothing half-done. */
#include "cells.h"

/* Runs to its end: its exit status and what it printed, to be freed. */
static char *run(const training *t, const char *place, int *code)
{
    int status;
    pid_t pid = start(t, place);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return printed(place);
}

/* Printed twice, as it is in a cell that is run by hand: the report, the message. */
static void refuses(const training *t, int code, const char *want)
{
    int have, lines = 0;
    char *said = run(t, t->run, &have);
    for (const char *s = said; *s; s++)
        lines += *s == '\n';
    if (have != code || !strstr(said, "status\t") || !strstr(said, want))
        fail_msg("expected status %d and `%s`, found %d and\n%s", code, want, have, said);
    if (lines != 2)
        fail_msg("expected one line, twice, found\n%s", said);
    assert_false(exists(t->run, ".safetensors"));
    assert_false(exists(t->run, ".safetensors.state"));
    free(said);
}

static void batch_too_large(void **state)
{
    (void)state;
    const training t = {"batch", "ce", "batch: 41\n"};
    refuses(&t, 2, "batch: 41 is more than the 40 training images of colours: lower it");
}

static void label_out_of_range(void **state)
{
    (void)state;
    const training t = {"label", "ce", "classes: 2\n"};
    refuses(&t, 2, "colours: image 2 has label 2, expected 0 to 1 (`classes: 2`)");
}

static void outliers_missing(void **state)
{
    (void)state;
    const training t = {"outliers", "oe", "outliers: null\n"};
    refuses(&t, 2, "oe needs auxiliary outliers: name a set in `outliers:`");
}

static void another_network(void **state)
{
    (void)state;
    int code;
    const training small = {"small", "ce", "epochs: 1\n"},
                   large = {"large", "ce", "net: resnet32\nweights: %/small.safetensors\n"};
    free(run(&small, "small", &code));
    assert_int_equal(code, 0);
    refuses(&large, 2, "small.safetensors does not fit resnet32 with 3 classes: missing: layer1.3.conv1.weight");
}

static void no_such_schedule(void **state)
{
    (void)state;
    const training t = {"schedule", "ce", "schedule: cosin\n"};
    refuses(&t, 2, "there is no schedule `cosin`");
}

/* A rate that blows the weights up, in the first epoch: nothing was kept. */
static void rate_too_high(void **state)
{
    (void)state;
    const training t = {"rate", "ce", "lr: 1e5\nmomentum: 0\n"};
    refuses(&t, 5, "lower the learning rate (lr: 100000)");
    assert_false(exists("rate", ".safetensors.best"));
}

/* The eighth loss, in the second epoch, is infinite: the first epoch's weights stay. */
static void loss_infinite_later(void **state)
{
    (void)state;
    const training t = {"later", "mortal", "save_s: 1e-9\n"};
    setenv("MORTAL_INFINITE", "8", 1);
    refuses(&t, 5,
            "nan: the loss is infinite at step 8 (epoch 2 of 3): lower the learning rate (lr: 0.05); the "
            "checkpoint of epoch 1 is ");
    unsetenv("MORTAL_INFINITE");
    char *best = in_place("later", ".safetensors.best"), *said = printed("later");
    assert_true(file_exists(best));
    assert_non_null(strstr(said, best));
    free(best);
    free(said);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(batch_too_large),     cmocka_unit_test(label_out_of_range),
        cmocka_unit_test(outliers_missing),    cmocka_unit_test(another_network),
        cmocka_unit_test(no_such_schedule),    cmocka_unit_test(rate_too_high),
        cmocka_unit_test(loss_infinite_later),
    };
    return cmocka_run_group_tests(all, cells_begin, cells_end);
}
