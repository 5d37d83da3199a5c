/* resume.c - trainings that are killed and started again until they end: the
 * same weights, byte for byte, and the same diagnostics as one that nobody
 * stopped. A killed process is a real one: `oodbench cell`. */
#include "cells.h"

#include <signal.h>

enum { MOST_STARTS = 60 };

/* 0: it was killed; 1: it ended well. Anything else fails the test. */
static int ended(pid_t pid, const char *place)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return 0;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("status %d\n%s", status, printed(place));
    return 1;
}

static int run_once(const training *t, const char *place)
{
    return ended(start(t, place), place);
}

/* What ought to be the same. */

static void same_weights(const char *a, const char *b)
{
    char *pa = in_place(a, ".safetensors"), *pb = in_place(b, ".safetensors"), *ta = NULL, *tb = NULL;
    size_t na = 0, nb = 0;
    if (file_read(pa, &ta, &na) != 0 || file_read(pb, &tb, &nb) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(na, nb);
    assert_memory_equal(ta, tb, na);
    free(ta);
    free(tb);
    free(pa);
    free(pb);
}

/* The diagnostics without images_s, which is measured. */
static char *diagnostics_of(const training *t, const char *place)
{
    char *name = text_format("/%s-train.csv", t->run), *path = in_place(place, name), *all, *line, *cell;
    size_t size;
    int measured = -1;
    text kept = {0};
    if (file_read(path, &all, &size) != 0)
        fail_msg("%s", fault_text());
    for (char *rest = all; (line = strsep(&rest, "\n"));) {
        for (int i = 0; (cell = strsep(&line, ",")); i++) {
            if (strcmp(cell, "images_s") == 0)
                measured = i;
            if (i != measured)
                text_add(&kept, "%s,", cell);
        }
        text_char(&kept, '\n');
    }
    assert_int_equal(measured, 5);
    free(all);
    free(path);
    free(name);
    return kept.bytes;
}

static void same_outcome(const training *t, const char *place)
{
    char *whole = text_format("whole-%s", t->run);
    if (!exists(whole, ".safetensors"))
        assert_int_equal(run_once(t, whole), 1);
    same_weights(place, whole);
    char *a = diagnostics_of(t, place), *b = diagnostics_of(t, whole);
    assert_string_equal(a, b);
    free(whole);
    free(a);
    free(b);
    assert_false(exists(place, ".safetensors.state"));
    assert_false(exists(place, ".safetensors.best"));
}

/* Every process dies at its `calls`-th loss; the last one has no so many left. */
static void dies_until_done(const training *t, const char *place, const char *calls, int deaths)
{
    int died = 0;
    setenv("MORTAL", calls, 1);
    while (died < MOST_STARTS && !run_once(t, place))
        died++;
    unsetenv("MORTAL");
    assert_int_equal(died, deaths);
    char *said = printed(place);
    assert_non_null(strstr(said, "resumed at epoch "));
    assert_null(strstr(said, "starts over"));
    free(said);
    same_outcome(t, place);
}

/* 15 steps, saved after each; a process makes three more before it dies. */
static void killed_within_epochs(void **state)
{
    (void)state;
    const training t = {"within", "mortal", "save_s: 1e-9\naux_augment: true\n"};
    dies_until_done(&t, "within", "4", 4);
    char *said = printed("within");
    assert_non_null(strstr(said, "resumed at epoch 1, step 3\n"));
    assert_non_null(strstr(said, "resumed at epoch 3, step 12\n"));
    free(said);
}

/* Saved at the ends of epochs only: two steps are lost each time. */
static void killed_after_epochs(void **state)
{
    (void)state;
    const training t = {"after", "mortal", "save_s: 0\nschedule: steps\nlr_steps: [1, 2]\n"};
    dies_until_done(&t, "after", "8", 2);
}

static void killed_with_adam_and_plateau(void **state)
{
    (void)state;
    const training t = {"adam", "mortal",
                        "save_s: 1e-9\noptimiser: adam\nschedule: plateau\nlr_patience: 0\n"
                        "lr_threshold: 1\nkeep: last\n"};
    dies_until_done(&t, "adam", "5", 3);
    char *rows = diagnostics_of(&t, "adam");
    if (!strstr(rows, ",0.005,")) /* the plateau was reached on the way */
        fail_msg("%s", rows);
    free(rows);
}

/* Killed by the clock, wherever that is: in a step, in validation, in a save. */
static void killed_at_any_time(void **state)
{
    (void)state;
    const training t = {"anytime", "ce", "save_s: 1e-9\n"};
    int done = 0;
    setenv("LSAN_OPTIONS", "detect_leaks=0",
           1); /* a search for leaks that is killed ends otherwise than by the signal */
    for (int i = 0; i < MOST_STARTS && !done; i++) {
        pid_t pid = start(&t, "anytime");
        usleep((useconds_t)(150000 * (i + 1)));
        kill(pid, SIGKILL);
        done = ended(pid, "anytime");
    }
    assert_true(done || run_once(&t, "anytime"));
    unsetenv("LSAN_OPTIONS");
    same_outcome(&t, "anytime");
}

/* Leaves a training of three steps and its state. */
static char *leave_state(const training *t, const char *place)
{
    setenv("MORTAL", "4", 1);
    assert_int_equal(run_once(t, place), 0);
    unsetenv("MORTAL");
    return in_place(place, ".safetensors.state");
}

static void starts_over(const training *t, const char *place)
{
    assert_int_equal(run_once(t, place), 1);
    char *said = printed(place);
    assert_non_null(strstr(said, "training starts over: "));
    assert_non_null(strstr(said, ".safetensors.state is damaged or of another training\n"));
    assert_null(strstr(said, "resumed"));
    free(said);
    same_outcome(t, place);
}

static void truncated_state(void **state)
{
    (void)state;
    const training t = {"over", "mortal", "save_s: 1e-9\n"};
    char *path = leave_state(&t, "cut"), *bytes;
    size_t size;
    assert_int_equal(file_read(path, &bytes, &size), 0);
    assert_int_equal(file_write(path, bytes, size / 2), 0);
    starts_over(&t, "cut");
    free(bytes);
    free(path);
}

/* One byte of the weights is another. */
static void altered_state(void **state)
{
    (void)state;
    const training t = {"over", "mortal", "save_s: 1e-9\n"};
    char *path = leave_state(&t, "altered"), *bytes;
    size_t size;
    assert_int_equal(file_read(path, &bytes, &size), 0);
    bytes[size / 2] ^= 1;
    assert_int_equal(file_write(path, bytes, size), 0);
    starts_over(&t, "altered");
    free(bytes);
    free(path);
}

static void foreign_state(void **state)
{
    (void)state;
    const training t = {"over", "mortal", "save_s: 1e-9\n"}, other = {"other", "mortal", "save_s: 1e-9\n"};
    free(leave_state(&other, "foreign"));
    starts_over(&t, "foreign");
}

/* What a method keeps for itself is not saved: it starts over by itself. */
static void method_with_state(void **state)
{
    (void)state;
    const training t = {"over", "mortal", "save_s: 1e-9\n"};
    setenv("MORTAL_KEEPS", "1", 1);
    free(leave_state(&t, "keeper"));
    assert_false(exists("keeper", ".safetensors.state"));
    assert_int_equal(run_once(&t, "keeper"), 1);
    unsetenv("MORTAL_KEEPS");
    char *said = printed("keeper");
    assert_null(strstr(said, "resumed"));
    assert_non_null(strstr(said, "mortal keeps state of its own"));
    free(said);
    same_outcome(&t, "keeper");
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(killed_within_epochs),
        cmocka_unit_test(killed_after_epochs),
        cmocka_unit_test(killed_with_adam_and_plateau),
        cmocka_unit_test(killed_at_any_time),
        cmocka_unit_test(truncated_state),
        cmocka_unit_test(altered_state),
        cmocka_unit_test(foreign_state),
        cmocka_unit_test(method_with_state),
    };
    return cmocka_run_group_tests(all, cells_begin, cells_end);
}
