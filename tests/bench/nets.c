/* nets.c - images per second through whole networks, as features and training
 * run them: bytes in, logits or a step of SGD out. */
#include "bench.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/models.h"
#include "../../kernels/random.h"

#include <stdlib.h>
#include <string.h>

enum { SMALL = 128, LARGE = 1024, SIDE = 32, CLASSES = 10, MOST = 16 };
enum {
    RESNET20,
    RESNET18,
    KIND = 0xF,
    BATCH_OF = 0x10
}; /* a row's number: the batch times BATCH_OF, the network */

static const char *const names[] = {[RESNET20] = "resnet20", [RESNET18] = "resnet18-32"};

/* Multiplications and additions of convolutions and head for one image, counted
 * as the direct algorithm needs them; a training step is three times that. */
#define GFLOP20 81.10208e-3
#define GFLOP18 1.11084544
enum { BATCHES20 = 8, BATCHES18 = 2, BATCHES_CARD = MOST }; /* of one run while evaluating */

static net *subject_net;
static uint8_t *pixels;
static int32_t *moves;
static real *logits;
static tensor *mean, *dev, *velocity;
static tensor *store; /* the same images on the device, where it cuts batches itself */
static int32_t *cuts;
static uint64_t steps;
static int batch;

static void make_data(void)
{
    int64_t bytes = (int64_t)batch * SIDE * SIDE * 3;
    pixels = pool_host((size_t)bytes);
    moves = pool_host((size_t)batch * 3 * sizeof *moves);
    cuts = pool_host((size_t)batch * 4 * sizeof *cuts);
    logits = pool_host((size_t)batch * CLASSES * sizeof *logits);
    for (int64_t i = 0; i < bytes; i++)
        pixels[i] = (uint8_t)random_bits(1, (uint64_t)i);
    for (int i = 0; i < 3 * batch; i++)
        moves[i] = (int32_t)(i % 3 == 2 ? random_below(2, (uint64_t)i, 2) : random_below(2, (uint64_t)i, 9) - 4);
}

/* A set that fits lies on the device, and batches are cut there. */
static void send_data(void)
{
    size_t bytes = (size_t)batch * SIDE * SIDE * 3;
    store = NULL;
    if (!engine.api->cut)
        return;
    store = tx_bytes(bytes);
    engine.api->write(engine.b, store->mem->at, pixels, bytes);
    for (int i = 0; i < batch; i++) {
        cuts[4 * i] = i;
        memcpy(cuts + 4 * i + 1, moves + 3 * i, 3 * sizeof *moves);
    }
}

static tensor *training_images(void)
{
    dims d = DIMS(batch, SIDE, SIDE, 3);
    return store ? tx_cut(d, store, batch, cuts, mean, dev) : tx_images(d, pixels, moves, mean, dev);
}

static int begin(const subject *s)
{
    const real half[] = {(real)0.5, (real)0.5, (real)0.5}, quarter[] = {(real)0.25, (real)0.25, (real)0.25};
    if (nn_build(&subject_net, names[s->number & KIND], CLASSES, 1) != 0)
        return -1;
    batch = s->number / BATCH_OF;
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
    free(cuts);
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
        tensor *x = tx_images(DIMS(batch, SIDE, SIDE, 3), pixels, NULL, mean, dev);
        z[i] = tx_keep(nn_forward(subject_net, x));
        tx_close();
    }
    for (int i = 0; i < batches; i++)
        tx_read(z[i], logits);
    tx_close();
}

static void run_eval(const subject *s)
{
    forward((int)(s->amount / batch));
}

static int begin_eval(const subject *s)
{
    if (begin(s) != 0)
        return -1;
    nn_mode(subject_net, NN_EVAL);
    engine_parameters(false);
    int rc = precision_begin(subject_net, s->peak, 0);
    if (rc != 0)
        end(s);
    return rc;
}

static double floor_eval(const subject *s)
{
    floor_of f = floor_for(s->peak);
    return s->amount / batch * floor_forward(&f, subject_net, batch);
}

static int begin_train(const subject *s)
{
    if (begin(s) != 0)
        return -1;
    nn_mode(subject_net, NN_TRAIN);
    engine_parameters(true);
    velocity = tx_full(DIMS(nn_parameters(subject_net)), 0);
    steps = 0;
    send_data();
    int rc = precision_begin(subject_net, s->peak, 1);
    if (rc != 0)
        end(s);
    return rc;
}

static double floor_train(const subject *s)
{
    floor_of f = floor_for(s->peak);
    return floor_forward(&f, subject_net, batch) + floor_backward(&f, subject_net, batch) +
           floor_update(&f, subject_net);
}

/* The recipe of CIFAR: crops and flips, Nesterov momentum, weight decay. */
static void run_train(const subject *s)
{
    (void)s;
    int32_t labels[LARGE];
    for (int i = 0; i < batch; i++)
        labels[i] = (int32_t)random_below(3, steps * (uint64_t)batch + (uint64_t)i, CLASSES);
    steps++;
    tx_open();
    tensor *x = training_images();
    tensor *loss = tx_nll(nn_forward(subject_net, x), tx_index(DIMS(batch, 1), labels));
    tensor *shown = tx_copy(loss);
    tx_fill(nn_grads(subject_net), 0);
    ad_backward(loss);
    tx_sgd(nn_weights(subject_net), velocity, nn_grads(subject_net), 0.01, 0.9, 5e-4, true);
    tx_item(shown);
    tx_close();
    device_sync();
}

#define ROW(label, text, images, batches, limit, gflop, repeats, first, then, least_time, which)                   \
    .name = label, .size = "batch " #images " " text, .unit = "images/s", .amount = (double)images * (batches),    \
    .peak = limit, .cost = (gflop)*images * (batches), .least = repeats, .begin = first, .run = then, .end = end,  \
    .floor = least_time, .number = (which) | images * BATCH_OF
#define EVAL(label, text, images, batches, limit, gflop, repeats, which)                                           \
    ROW(label, text, images, batches, limit, gflop, repeats, begin_eval, run_eval, floor_eval, which)
#define TRAIN(label, text, images, limit, gflop, repeats, which)                                                   \
    ROW(label, text, images, 1, limit, 3 * (gflop), repeats, begin_train, run_train, floor_train, which)
/* Both of a ResNet-18, on a card alone. */
#define CARD(rest, text, images, limit, how)                                                                       \
    {EVAL("resnet18-eval-" rest, text, images, BATCHES_CARD, limit, GFLOP18, 7, RESNET18), .card = 1,              \
     .flags = how},                                                                                                \
    {                                                                                                              \
        TRAIN("resnet18-train-" rest, text, images, limit, GFLOP18, 9, RESNET18), .card = 1, .flags = how          \
    }

const subject net_subjects[] = {
    {EVAL("resnet20-eval", "f32", 128, BATCHES20, PEAK_F32, GFLOP20, 9, RESNET20)},
    {EVAL("resnet20-eval-bf16", "bf16", 128, BATCHES20, PEAK_BF16, GFLOP20, 9, RESNET20)},
    {TRAIN("resnet20-train", "f32", 128, PEAK_F32, GFLOP20, 9, RESNET20)},
    {EVAL("resnet18-eval", "f32", 128, BATCHES18, PEAK_F32, GFLOP18, 7, RESNET18)},
    {EVAL("resnet18-eval-bf16", "bf16", 128, BATCHES18, PEAK_BF16, GFLOP18, 7, RESNET18)},
    {TRAIN("resnet18-train", "f32", 128, PEAK_F32, GFLOP18, 5, RESNET18)},
    {TRAIN("resnet18-train-bf16", "bf16", 128, PEAK_BF16, GFLOP18, 5, RESNET18), .card = 1},
    CARD("1024", "f32", 1024, PEAK_F32, 0),
    CARD("1024-bf16", "bf16", 1024, PEAK_BF16, 0),
    CARD("tf32", "tf32", 128, PEAK_TF32, BK_TF32),
    CARD("1024-tf32", "tf32", 1024, PEAK_TF32, BK_TF32),
    {.name = NULL},
};
