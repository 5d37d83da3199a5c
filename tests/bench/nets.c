/* nets.c - images per second through whole networks at batch 128, as features
 * and training run them: bytes in, logits or a step of SGD out. */
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../kernels/random.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 128, SIDE = 32, CLASSES = 10, MOST = 16 };
enum { RESNET20, RESNET18, KIND = 0xF, BF16 = 0x10 };

static const char *const names[] = {[RESNET20] = "resnet20", [RESNET18] = "resnet18-32"};

/* Multiplications and additions of convolutions and head for one image, counted
 * as the direct algorithm needs them; a training step is three times that. */
#define GFLOP20 81.10208e-3
#define GFLOP18 1.11084544
enum { BATCHES20 = 8, BATCHES18 = 2 }; /* of one run while evaluating */

static net *subject_net;
static uint8_t *pixels;
static int32_t *moves;
static real *logits;
static tensor *mean, *dev, *velocity;
static uint64_t steps;

static void make_data(void)
{
    int64_t bytes = (int64_t)BATCH * SIDE * SIDE * 3;
    pixels = pool_host((size_t)bytes);
    moves = pool_host(BATCH * 3 * sizeof *moves);
    logits = pool_host(BATCH * CLASSES * sizeof *logits);
    for (int64_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)random_bits(1, (uint64_t)i);
    for (int i = 0; i < 3 * BATCH; i++)
        moves[i] = (int32_t)(i % 3 == 2 ? random_below(2, (uint64_t)i, 2) : random_below(2, (uint64_t)i, 9) - 4);
}

static int begin(const subject *s)
{
    const real half[] = {(real)0.5, (real)0.5, (real)0.5}, quarter[] = {(real)0.25, (real)0.25, (real)0.25};
    if (nn_build(&subject_net, names[s->number & KIND], CLASSES, 1) != 0)
        return -1;
    make_data();
    tx_open();
    mean = tx_from(DIMS(3), half);
    dev = tx_from(DIMS(3), quarter);
    return 0;
}

static void end(const subject *s)
{
    (void)s;
    tx_close();
    nn_free(subject_net);
    free(pixels);
    free(moves);
    free(logits);
    engine_parameters(true);
    pool_trim();
}

static void forward(int batches)
{
    tensor *z[MOST];
    tx_open();
    for (int i = 0; i < batches; i++) {
        tx_open();
        tensor *x = tx_images(DIMS(BATCH, SIDE, SIDE, 3), pixels, NULL, mean, dev);
        z[i] = tx_keep(nn_forward(subject_net, x));
        tx_close();
    }
    for (int i = 0; i < batches; i++)
        tx_read(z[i], logits);
    tx_close();
}

static void run_eval(const subject *s)
{
    forward((s->number & KIND) == RESNET20 ? BATCHES20 : BATCHES18);
}

static int begin_eval(const subject *s)
{
    if (begin(s) != 0)
        return -1;
    nn_mode(subject_net, NN_EVAL);
    engine_parameters(false);
    if (!(s->number & BF16))
        return 0;
    /* A device without bfloat16 computes in float, which shows in the bits. */
    real in_float[BATCH * CLASSES];
    forward(1);
    memcpy(in_float, logits, sizeof in_float);
    nn_precision(subject_net, 1);
    forward(1);
    if (memcmp(in_float, logits, sizeof in_float) != 0)
        return 0;
    end(s);
    fault("%s does not compute in bfloat16 here", device_name());
    return 1;
}

static int begin_train(const subject *s)
{
    if (begin(s) != 0)
        return -1;
    nn_mode(subject_net, NN_TRAIN);
    engine_parameters(true);
    velocity = tx_full(DIMS(nn_parameters(subject_net)), 0);
    steps = 0;
    return 0;
}

/* The recipe of CIFAR: crops and flips, Nesterov momentum, weight decay. */
static void run_train(const subject *s)
{
    (void)s;
    int32_t labels[BATCH];
    for (int i = 0; i < BATCH; i++)
        labels[i] = (int32_t)random_below(3, steps * BATCH + (uint64_t)i, CLASSES);
    steps++;
    tx_open();
    tensor *x = tx_images(DIMS(BATCH, SIDE, SIDE, 3), pixels, moves, mean, dev);
    tensor *loss = tx_nll(nn_forward(subject_net, x), tx_index(DIMS(BATCH, 1), labels));
    tensor *shown = tx_copy(loss);
    tx_fill(nn_grads(subject_net), 0);
    ad_backward(loss);
    tx_sgd(nn_weights(subject_net), velocity, nn_grads(subject_net), 0.01, 0.9, 5e-4, true);
    tx_item(shown);
    tx_close();
    device_sync();
}

#define ROW(label, text, batches, limit, gflop, repeats, first, then, which)                                       \
    {                                                                                                              \
        .name = label, .size = "batch 128 " text, .unit = "images/s", .amount = BATCH * (batches), .peak = limit,  \
        .cost = (gflop)*BATCH * (batches), .least = repeats, .begin = first, .run = then, .end = end,              \
        .number = which                                                                                            \
    }

const subject net_subjects[] = {
    ROW("resnet20-eval", "f32", BATCHES20, PEAK_F32, GFLOP20, 9, begin_eval, run_eval, RESNET20),
    ROW("resnet20-eval-bf16", "bf16", BATCHES20, PEAK_BF16, GFLOP20, 9, begin_eval, run_eval, RESNET20 | BF16),
    ROW("resnet20-train", "f32", 1, PEAK_F32, 3 * GFLOP20, 9, begin_train, run_train, RESNET20),
    ROW("resnet18-eval", "f32", BATCHES18, PEAK_F32, GFLOP18, 7, begin_eval, run_eval, RESNET18),
    ROW("resnet18-eval-bf16", "bf16", BATCHES18, PEAK_BF16, GFLOP18, 7, begin_eval, run_eval, RESNET18 | BF16),
    ROW("resnet18-train", "f32", 1, PEAK_F32, 3 * GFLOP18, 5, begin_train, run_train, RESNET18),
    {.name = NULL},
};
