/* frugal.c - a training step on every backend that was built: it waits for the
 * device once, and from the fourth on it asks for no memory, neither through the
 * pool nor behind its back, and computes at the addresses of the step before;
 * in bf16 as well, where cards train and processors do not.
 * Two stages of a network, four images: the emulated card is slow. */
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/models.h"
#include "../harness/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "backends.h"
#include "colours.h"

enum { IMAGES = 24, BATCH = 4, STEPS = 8, SETTLED = 3, SPOTS = 3, MOST = 8 };

typedef struct subject {
    char label[48], name[32];
    int bf16;
} subject;

static char folder[4096], id_path[4200], outlier_path[4200];
static dataset *set;

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/oodbench-frugal.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(id_path, sizeof id_path, "%s/id.h5", folder);
    snprintf(outlier_path, sizeof outlier_path, "%s/outliers.h5", folder);
    if (colours_write(id_path, outlier_path, IMAGES, 3, 3) == 0 && dataset_open(&set, id_path, "train") == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_close(set);
    unlink(id_path);
    unlink(outlier_path);
    return rmdir(folder);
}

static void open_backend(const char *name)
{
    char kernels[4200];
    int emulated = strcmp(name, backends_emulated) == 0;
    snprintf(kernels, sizeof kernels, "%s/%s", tested_build(), emulated ? "tests/emulator" : "kernels");
    setenv("OODBENCH_KERNELS", kernels, 1);
    if (device_open(emulated ? "cuda" : name, 0) != 0)
        skip(); /* built, but this machine has no such card */
}

/* What a step leaves behind: where its tensors were, and what was taken until then. */
typedef struct trace {
    const void *spots[SPOTS];
    int64_t allocations, waits, live;
    size_t unused;
} trace;

static trace step_of(net *n, tensor *velocity, stream *s)
{
    trace t;
    real loss;
    size_t total;
    tx_open();
    batch b = stream_next(s, BATCH);
    tensor *y = nn_run(n, b.x, 0, 2), *mean = tx_mean(tx_square(y));
    tx_fill(nn_grads(n), 0);
    ad_backward(mean);
    tx_sgd(nn_weights(n), velocity, nn_grads(n), 0.01, 0.9, 5e-4, true);
    t.spots[0] = b.x->mem->at;
    t.spots[1] = b.y->mem->at;
    t.spots[2] = mean->mem->at;
    tx_read(mean, &loss);
    assert_true(isfinite(loss));
    tx_close();
    pool_counts c = pool_counters();
    t.allocations = c.allocations;
    t.waits = c.waits;
    t.live = c.live;
    engine.api->memory(engine.b, &t.unused, &total);
    return t;
}

static void compare(const trace *before, const trace *after, int alone)
{
    assert_int_equal(after->waits, before->waits + 1);
    assert_int_equal(after->allocations, before->allocations);
    assert_int_equal(after->live, before->live);
    assert_memory_equal(after->spots, before->spots, sizeof after->spots);
    if (alone) /* on this device, so that what is left of it says what the backend took */
        assert_int_equal(after->unused, before->unused);
}

static void a_step_is_frugal(void **state)
{
    const subject *who = *state;
    net *n;
    stream *s;
    trace steps[STEPS];
    const stream_options o = {.seed = 1, .crop = 4, .flip = 1, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    open_backend(who->name);
    tx_open();
    bool wanted = engine_parameters(true);
    assert_int_equal(nn_build(&n, "resnet20", COLOURS, 1), 0);
    nn_mode(n, NN_TRAIN);
    nn_precision(n, who->bf16);
    tensor *velocity = tx_full(DIMS(nn_parameters(n)), 0);
    assert_int_equal(stream_open(&s, set, &o), 0);
    for (int i = 0; i < STEPS; i++)
        steps[i] = step_of(n, velocity, s);
    for (int i = SETTLED; i < STEPS; i++)
        compare(&steps[i - 1], &steps[i], strcmp(who->name, backends_emulated) == 0);
    int narrow = who->bf16 && strcmp(device_name(), "cuda") == 0;
    assert_int_equal(nn_trained(n), narrow ? NN_TRAINED_BF16 : NN_TRAINED_F32);
    stream_close(s);
    nn_free(n);
    engine_parameters(wanted);
    tx_close();
    device_close();
}

int main(void)
{
    static char names[MOST][32] = {"ref"};
    static subject subjects[2 * MOST];
    static struct CMUnitTest tests[2 * MOST];
    int n = 2 * (1 + backends_built(names + 1, MOST - 1));
    for (int i = 0; i < n; i++) {
        subject *who = &subjects[i];
        who->bf16 = i % 2;
        snprintf(who->name, sizeof who->name, "%s", names[i / 2]);
        snprintf(who->label, sizeof who->label, "%s%s", who->name, who->bf16 ? " in bf16" : "");
        tests[i] = (struct CMUnitTest){.name = who->label, .test_func = a_step_is_frugal, .initial_state = who};
    }
    return _cmocka_run_group_tests("frugal", tests, (size_t)n, set_up, tear_down);
}
