/* ranks.c - the shares of a batch are the batch, to the bit; and trainings that
 * Open MPI, or another MPI, starts on two ranks of the CPU: what one rank with the
 * joined batch makes of them up to the order of sums, and how they end when a
 * rank does. Without an MPI these are skipped. tests/double/ranks.c has the mathematics. */
#include "../harness/checkpoint.h"
#include "../harness/engine.h"
#include "../harness/spawn.h"
#include "../harness/stream.h"
#include "cells.h"

#include <math.h>
#include <signal.h>

/* --- Shares --- */

enum { SHARES = 3, SHARE = 4, BATCHES = 5 }; /* 60 images of 40: an epoch ends within a batch */

static void same_images(const batch *whole, const batch *share, int64_t first)
{
    int64_t each = COLOURS_PIXELS;
    real *a = pool_host((size_t)(SHARES * SHARE * each) * sizeof *a),
         *b = pool_host((size_t)(SHARE * each) * sizeof *b);
    int32_t la[SHARES * SHARE], lb[SHARE];
    tx_read(whole->x, a);
    tx_read(share->x, b);
    tx_read(whole->y, la);
    tx_read(share->y, lb);
    assert_memory_equal(a + first * each, b, (size_t)(SHARE * each) * sizeof *b);
    assert_memory_equal(la + first, lb, sizeof lb);
    free(a);
    free(b);
}

static void same_views(stream *whole, const batch *b, stream *share, const batch *s, int64_t first)
{
    size_t n = (size_t)(SHARE * COLOURS_PIXELS);
    real *x = pool_host(n * sizeof *x), *y = pool_host(n * sizeof *y);
    const corruption *noise = corruption_find("gaussian_noise");
    tx_read(stream_view(whole, tx_slice(b->x, first, SHARE), noise, 2), x);
    tx_read(stream_view(share, s->x, noise, 2), y);
    assert_memory_equal(x, y, n * sizeof *x);
    free(x);
    free(y);
}

static void shares_are_the_batch(void **state)
{
    (void)state;
    char *path = in_place("id", ".h5");
    dataset *d;
    stream *whole, *of[SHARES];
    stream_options o = {.seed = 3, .crop = 4, .flip = 1, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    if (device_open("cpu", 0) != 0 || dataset_open(&d, path, "train") != 0 || stream_open(&whole, d, &o) != 0)
        fail_msg("%s", fault_text());
    for (int i = 0; i < SHARES; i++) {
        o.rank = i;
        o.ranks = SHARES;
        assert_int_equal(stream_open(&of[i], d, &o), 0);
    }
    for (int i = 0; i < BATCHES; i++) {
        tx_open();
        batch b = stream_next(whole, SHARES * SHARE);
        for (int j = 0; j < SHARES; j++) {
            int64_t epoch[2], position[2];
            batch s = stream_next(of[j], SHARE);
            same_images(&b, &s, j * SHARE);
            same_views(whole, &b, of[j], &s, j * SHARE);
            stream_where(whole, &epoch[0], &position[0]);
            stream_where(of[j], &epoch[1], &position[1]);
            assert_int_equal(epoch[0], epoch[1]);
            assert_int_equal(position[0], position[1]);
        }
        tx_close();
    }
    stream_close(whole);
    for (int i = 0; i < SHARES; i++)
        stream_close(of[i]);
    dataset_close(d);
    device_close();
    free(path);
}

/* --- MPI --- */

/* `mpirun` of this machine, on as few processors as there are; other MPIs know  of these variables. */
static int there_is_mpi(void)
{
    char path[4300];
    snprintf(path, sizeof path, "%s/kernels/wire/mpi.so", build);
    return file_exists(path) && spawn_find(path, sizeof path, "mpirun") == 0;
}

static void set_up_mpi(void)
{
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
    setenv("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe", 1);
    setenv("TMPDIR", folder, 1); /* a killed mpirun leaves files */
}

static int code_of(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void ends_well(const training *t, const char *place)
{
    int code = code_of(start(t, place));
    if (code != 0)
        fail_msg("exit code %d\n%s", code, printed(place));
}

/* The distance of two checkpoints, of their running statistics or of all else. */
static double distance(const char *a, const char *b, int statistics)
{
    char *paths[] = {in_place(a, ".safetensors"), in_place(b, ".safetensors")};
    checkpoint *c[2];
    double sum = 0;
    for (int i = 0; i < 2; i++)
        if (checkpoint_open(&c[i], paths[i]) != 0)
            fail_msg("%s", fault_text());
    assert_int_equal(checkpoint_count(c[0]), checkpoint_count(c[1]));
    for (int64_t i = 0; i < checkpoint_count(c[0]); i++) {
        const checkpoint_tensor *t = checkpoint_at(c[0], i);
        float *x = pool_host((size_t)t->count * sizeof *x), *y = pool_host((size_t)t->count * sizeof *y);
        assert_int_equal(checkpoint_floats(c[0], t, x), 0);
        assert_int_equal(checkpoint_floats(c[1], checkpoint_find(c[1], t->name), y), 0);
        for (int64_t j = 0; j < t->count && !strstr(t->name, "running_") == !statistics; j++)
            sum += ((double)x[j] - (double)y[j]) * ((double)x[j] - (double)y[j]);
        free(x);
        free(y);
    }
    for (int i = 0; i < 2; i++) {
        checkpoint_close(c[i]);
        free(paths[i]);
    }
    return sqrt(sum);
}

/* Rounding alone is between them: a few units of 1e-7 of a value, and now and then a ReLU that it
 * tips over. After four small steps that is less than a hundredth of the way they went; statistics
 * of half a batch, or images out of place, are about as far apart as the way is long. */
static void trains_as_one(const char *name)
{
    static const char *const ways[] = {"start", "one", "two"};
    static const char recipe[] = "epochs: 1\nepoch_steps: 4\nschedule: constant\nkeep: last\n";
    char *more[] = {text_format("%slr: 0\n", recipe), text_format("%slr: 0.001\n", recipe),
                    text_format("%slr: 0.001\nranks: 2\nmpirun: mpirun --bind-to none\n", recipe)};
    char *places[3];
    for (int i = 0; i < 3; i++) {
        const training t = {"r", name, more[i]};
        places[i] = text_format("%s-%s", name, ways[i]);
        ends_well(&t, places[i]);
        free(more[i]);
    }
    for (int statistics = 0; statistics < 2; statistics++) {
        double way = distance(places[0], places[1], statistics), apart = distance(places[1], places[2], statistics);
        print_message("%s: %s %.1e of the way apart\n", name, statistics ? "statistics" : "weights", apart / way);
        assert_true(apart > 0); /* else there were not two */
        assert_true(apart < 0.05 * way);
    }
    for (int i = 0; i < 3; i++)
        free(places[i]);
}

static void two_train_as_one(void **state)
{
    (void)state;
    if (!there_is_mpi())
        skip();
    trains_as_one("ce");
    trains_as_one("mixoe");
    trains_as_one("greg");
}

static void same_bytes(const char *a, const char *b)
{
    char *paths[] = {in_place(a, ".safetensors"), in_place(b, ".safetensors")}, *bytes[2];
    size_t n[2];
    for (int i = 0; i < 2; i++)
        if (file_read(paths[i], &bytes[i], &n[i]) != 0)
            fail_msg("%s", fault_text());
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    for (int i = 0; i < 2; i++) {
        free(paths[i]);
        free(bytes[i]);
    }
}

/* Every rank kills itself at its seventh loss, in the second epoch. */
static void goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    if (!there_is_mpi())
        skip();
    const training t = {"r", "mortal", "epochs: 2\nsave_s: 1e-9\nranks: 2\nmpirun: mpirun --bind-to none\n"};
    ends_well(&t, "whole");
    setenv("MORTAL", "7", 1);
    assert_int_not_equal(code_of(start(&t, "cut")), 0);
    unsetenv("MORTAL");
    char *said = printed("cut");
    assert_non_null(strstr(said, "status\tfailed: not all of 2 ranks were started by mpirun, or one ended before"));
    free(said);
    assert_true(exists("cut", ".safetensors.state"));
    ends_well(&t, "cut");
    said = printed("cut");
    assert_non_null(strstr(said, "resumed at epoch 2, step 6\n"));
    free(said);
    same_bytes("whole", "cut");
    assert_false(exists("cut", ".safetensors.state"));
}

/* Is there a process whose command names the cell file? */
static int at_work(const char *place)
{
    char *command = text_format("ps -eo args | grep -q '[c]ell %s/%s.yml --ranked'", folder, place);
    int found = system(command) == 0;
    free(command);
    return found;
}

/* The command that `run` would kill is killed: no rank outlives it. */
static void ranks_end_with_what_started_them(void **state)
{
    (void)state;
    if (!there_is_mpi())
        skip();
    const training t = {"r", "ce", "epochs: 1000\nsave_s: 1e-9\nranks: 2\nmpirun: mpirun --bind-to none\n"};
    pid_t pid = start(&t, "killed");
    for (int i = 0; i < 600 && !exists("killed", ".safetensors.state"); i++)
        usleep(100000);
    assert_true(at_work("killed"));
    kill(pid, SIGKILL);
    assert_int_equal(code_of(pid), 128 + SIGKILL);
    for (int i = 0; i < 100 && at_work("killed"); i++)
        usleep(100000);
    assert_false(at_work("killed"));
}

typedef struct refusal {
    const char *method, *more, *why;
} refusal;

static const refusal refusals[] = {
    {"ce", "ranks: 3\n", "batch: 8 images cannot be shared equally by 3 ranks"},
    {"oe", "ranks: 4\n", "outlier_batch: 10 outliers cannot be shared equally by 4 ranks"},
    {"gregplus", "ranks: 2\n", "gregplus looks at several images of a batch together"},
    {"ce", "ranks: 2\nmpirun: no-such-launcher -x\n", "there is no `no-such-launcher` here to start them"},
    {"ce", "ranks: 2\nmpirun: ''\n", "expected the command that starts ranks"},
};

static void refuses(void **state)
{
    (void)state;
    char path[4300];
    snprintf(path, sizeof path, "%s/kernels/wire/mpi.so", build);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *f = &refusals[i];
        const training t = {"r", f->method, f->more};
        char *place = text_format("refused-%zu", i);
        assert_int_not_equal(code_of(start(&t, place)), 0);
        char *said = printed(place);
        if (!strstr(said, file_exists(path) ? f->why : "several processes are joined by MPI"))
            fail_msg("expected \"%s\" in\n%s", f->why, said);
        free(said);
        free(place);
    }
}

static int set_up(void **state)
{
    if (cells_begin(state) != 0)
        return -1;
    set_up_mpi();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_the_batch),
        cmocka_unit_test(refuses),
        cmocka_unit_test(two_train_as_one),
        cmocka_unit_test(goes_on_to_the_same_bytes),
        cmocka_unit_test(ranks_end_with_what_started_them),
    };
    return cmocka_run_group_tests(tests, set_up, cells_end);
}
