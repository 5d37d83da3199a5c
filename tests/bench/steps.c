/* steps.c - what training steps cost: a plain one against its convolutions
 * alone, two-pass and gradient-penalty steps against plain ones on as many
 * images, and the memory they take. Figures are ratios of two things done one
 * right after the other, so that a slow moment of the machine hits both; on a
 * card also images per second, to be held against what others make of them. */
#include "bench.h"

#include "../../harness/clock.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../harness/resident.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 1024, SIDE = 32, CLASSES = 10, STEADY = 3 };
enum { RESNET20, RESNET18, NET = 0xF, SHARE = 0x10, SAM = 0x20, GREG = 0x30, PLAIN = 0x40, WHICH = 0xF0 };
enum { RESIDENT = 0x100, BATCH_OF = 0x1000 }; /* a row's number begins with the batch */

static const char *const names[] = {[RESNET20] = "resnet20", [RESNET18] = "resnet18-32"};

static net *subject_net;
static tensor *images, *labels, *velocity;
static convolutions *limit;
static int64_t batch;

/* --- The steps, by public operations as a method has them --- */

static tensor *cross_entropy(void)
{
    return tx_nll(nn_forward(subject_net, images), labels);
}

static void backward(tensor *loss)
{
    tx_fill(nn_grads(subject_net), 0);
    ad_backward(loss);
}

static void update(void)
{
    tx_sgd(nn_weights(subject_net), velocity, nn_grads(subject_net), 0.001, 0.9, 5e-4, true);
}

static void plain(void)
{
    backward(cross_entropy());
    update();
}

/* Up to the worst weights nearby, the gradient there, and back. */
static void sharpness_aware(void)
{
    tensor *w = nn_weights(subject_net), *g = nn_grads(subject_net), *home = tx_copy(w);
    backward(cross_entropy());
    tx_axpy(w, 0.05, tx_div(g, tx_sqrt(tx_affine(tx_sum(tx_square(g)), 1, 1e-24))));
    enum nn_mode mode = nn_mode(subject_net, NN_FROZEN);
    backward(cross_entropy());
    nn_mode(subject_net, mode);
    tx_assign(w, home);
    update();
}

/* Cross-entropy and energy margins of images and as many outliers, and the norm of
 * the energies' gradient by the images, differentiated once more. */
static void gradient_penalty(void)
{
    const double m_in = -25, m_out = -7;
    const int64_t half = batch / 2;
    tensor *x = ad_leaf(images), *g;
    tensor *z = nn_forward(subject_net, x), *energy = tx_scale(tx_lse(z), -1);
    tensor *over = tx_affine(tx_slice(energy, 0, half), 1, -m_in);
    tensor *under = tx_affine(tx_slice(energy, half, half), -1, m_out);
    tensor *margin = tx_add(tx_mean(tx_square(tx_relu(over))), tx_mean(tx_square(tx_relu(under))));
    tensor *settled = tx_sub(tx_mean(tx_relu(tx_scale(under, -1))), tx_mean(tx_relu(tx_scale(over, -1))));
    ad_grad(settled, 1, &x, &g, AD_CREATE | AD_RETAIN);
    tensor *sharpness = tx_mean(tx_rownorm(tx_flat(g)));
    tensor *ce = tx_nll(tx_slice(z, 0, half), tx_slice(labels, 0, half));
    backward(tx_add(ce, tx_add(tx_scale(margin, 0.1), tx_scale(sharpness, 1))));
    update();
}

static double seconds(void (*run_step)(void))
{
    double began = clock_now();
    tx_open();
    run_step();
    tx_close();
    device_sync();
    return clock_now() - began;
}

/* --- Figures --- */

static void (*step_of(const subject *s))(void)
{
    int which = s->number & WHICH;
    return which == SAM ? sharpness_aware : which == GREG ? gradient_penalty : plain;
}

static double share(const subject *s)
{
    (void)s;
    double alone = convolutions_run(limit);
    return alone / seconds(plain);
}

static double ratio(const subject *s)
{
    double one = seconds(plain);
    return seconds(step_of(s)) / one;
}

/* Begins the process's high-water mark anew. */
static void reset_resident(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

static double gibibytes(const subject *s)
{
    pool_reset_peaks();
    reset_resident();
    seconds(step_of(s));
    return s->number & RESIDENT ? resident_peak_mb() / (1 << 10) : (double)pool_counters().held_peak / (1 << 30);
}

/* --- Begin and end --- */

static void end(const subject *s)
{
    if ((s->number & WHICH) == SHARE)
        convolutions_close(limit);
    tx_close();
    nn_free(subject_net);
    pool_trim();
}

static int begin(const subject *s)
{
    int32_t classes[LARGE];
    batch = s->number / BATCH_OF;
    if ((s->number & WHICH) == SHARE && card_is_open()) {
        fault("the convolutions alone are a processor's");
        return 1;
    }
    if (nn_build(&subject_net, names[s->number & NET], CLASSES, 1) != 0)
        return -1;
    pool_trim();
    tx_open();
    for (int i = 0; i < batch; i++)
        classes[i] = i * 7 % CLASSES;
    images = tx_normal(DIMS(batch, SIDE, SIDE, 3), 1);
    labels = tx_index(DIMS(batch, 1), classes);
    velocity = tx_full(DIMS(nn_parameters(subject_net)), 0);
    nn_mode(subject_net, NN_TRAIN);
    engine_parameters(true);
    if ((s->number & WHICH) == SHARE)
        limit = convolutions_open(subject_net, batch);
    int rc = precision_begin(subject_net, s->peak, 1);
    for (int i = 0; i < STEADY && rc == 0; i++)
        seconds(step_of(s));
    if (rc != 0)
        end(s);
    return rc;
}

static void run(const subject *s)
{
    seconds(step_of(s));
}

/* Of a SAM step: two gradients and what it does to the weights: their norm, there
 * and back. A penalty step has no such count: what it must do depends on how. */
static double floor_sam(const subject *s)
{
    floor_of f = floor_for(s->peak);
    return 2 * (floor_forward(&f, subject_net, batch) + floor_backward(&f, subject_net, batch)) +
           3 * floor_update(&f, subject_net);
}

#define ROW(label, of, text, which, how, repeats)                                                                  \
    {                                                                                                              \
        .name = label, .size = "batch 128 " text, .unit = of, .least = repeats, .begin = begin, .figure = how,     \
        .end = end, .number = (which) | 128 * BATCH_OF                                                             \
    }
#define BOTH(text, of, size, which, how)                                                                           \
    ROW("resnet20-" text, of, size, RESNET20 | (which), how, 15),                                                  \
        ROW("resnet18-" text, of, size, RESNET18 | (which), how, 5)
/* Steps of a ResNet-18 on a card: an outlier counts as an image. */
#define STEP(label, images, precision, limit, which, least_time, how)                                              \
    {                                                                                                              \
        .name = label, .size = "batch " #images " " precision, .unit = "images/s", .amount = images,               \
        .peak = limit, .least = 9, .begin = begin, .run = run, .end = end, .floor = least_time,                    \
        .number = RESNET18 | (which) | images * BATCH_OF, .flags = how, .card = 1                                  \
    }
#define STEPS(rest, images, precision, limit, how)                                                                 \
    STEP("resnet18-samstep" rest, images, precision, limit, SAM, floor_sam, how),                                  \
        STEP("resnet18-gregstep" rest, images, precision, limit, GREG, NULL, how)
const subject step_subjects[] = {
    BOTH("share", "of limit", "convolutions alone", SHARE, share),
    BOTH("sam", "plain steps", "f32", SAM, ratio),
    BOTH("greg", "plain steps", "64 outliers", GREG, ratio),
    ROW("resnet18-memory", "GiB", "held", RESNET18 | PLAIN, gibibytes, 3),
    ROW("resnet18-resident", "GiB", "of the process", RESNET18 | PLAIN | RESIDENT, gibibytes, 3),
    ROW("resnet18-greg-memory", "GiB", "64 outliers held", RESNET18 | GREG, gibibytes, 3),
    ROW("resnet18-greg-resident", "GiB", "64 outliers process", RESNET18 | GREG | RESIDENT, gibibytes, 3),
    STEPS("", 128, "f32", PEAK_F32, 0),
    STEPS("-1024", 1024, "f32", PEAK_F32, 0),
    STEPS("-bf16", 128, "bf16", PEAK_BF16, 0),
    STEPS("-1024-bf16", 1024, "bf16", PEAK_BF16, 0),
    STEPS("-tf32", 128, "tf32", PEAK_TF32, BK_TF32),
    STEPS("-1024-tf32", 1024, "tf32", PEAK_TF32, BK_TF32),
    {.name = NULL},
};
