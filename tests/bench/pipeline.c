/* pipeline.c - images per second that a training's input can deliver: read; cut
 * and mirrored as bytes on one core, the same with a view of each, and as
 * tensors through a stream whose thread runs ahead. */
#include "bench.h"
#include "noise.h"

#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/gather.h"
#include "../../harness/stream.h"

#include <unistd.h>

enum { IMAGES = 10000, SIDE = 32, PIXELS = SIDE * SIDE * 3, BATCH = 128, CROP = 4 };
enum { READ, CUT, VIEW, STREAM, STREAM_VIEW };

static char path[NOISE_PATH];
static dataset *set;
static gatherer from;
static gathered bytes;
static stream *tensors;
static view brighter;

static void end(const subject *s)
{
    (void)s;
    stream_close(tensors);
    gather_free(&bytes);
    gather_close(&from);
    dataset_close(set);
    unlink(path);
    tensors = NULL;
    set = NULL;
}

static int begin(const subject *s)
{
    stream_options o = {.seed = 1, .crop = CROP, .flip = 1, .mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    brighter = (view){corruption_find("brightness"), 1};
    int rc = noise_write(path, "train", IMAGES);
    if (rc == 0)
        rc = dataset_open(&set, path, "train");
    if (rc == 0)
        rc = gather_open(&from, set, &(gather_options){.seed = o.seed, .crop = CROP, .flip = 1});
    if (rc == 0 && s->number >= STREAM)
        rc = stream_open(&tensors, set, &o);
    if (rc != 0)
        end(s);
    return rc;
}

/* An epoch of batches; then each of its images once more as the view, or cut. */
static void run_bytes(const subject *s)
{
    static uint8_t px[PIXELS];
    place p = {0, 0};
    gather_room(&from, &bytes, BATCH);
    gather_view_room(&from, &bytes);
    while (p.epoch == 0) {
        gather(&from, &bytes, p, BATCH, NULL);
        for (int64_t i = 0; s->number == CUT && i < BATCH; i++) {
            gather_cut(&from, &bytes, i, px);
            __asm__ volatile("" : : "r"(px) : "memory");
        }
        if (s->number == VIEW)
            gather_view(&from, &bytes, brighter, NULL);
        p = bytes.behind;
    }
}

static void run_stream(const subject *s)
{
    for (int64_t i = 0; i < IMAGES / BATCH; i++) {
        tx_open();
        batch b = stream_next(tensors, BATCH);
        if (s->number == STREAM_VIEW)
            stream_view(tensors, b.x, brighter.by, brighter.severity);
        tx_close();
    }
    device_sync();
}

#define ROUNDED ((IMAGES + BATCH - 1) / BATCH * BATCH) /* the last batch goes over the end */
#define TRAFFIC (2e-9 * PIXELS * ROUNDED)              /* GB: read once, written once */
#define ROW(label, text, images, then, which)                                                                      \
    {                                                                                                              \
        .name = label, .size = text, .unit = "images/s", .amount = images, .peak = PEAK_NONE, .least = 9,          \
        .begin = begin, .run = then, .end = end, .number = which                                                   \
    }

const subject pipeline_subjects[] = {
    {.name = "pipeline-read",
     .size = "32 x 32 from the mapped file",
     .unit = "images/s",
     .amount = ROUNDED,
     .peak = PEAK_MEMORY,
     .cost = TRAFFIC,
     .least = 9,
     .begin = begin,
     .run = run_bytes,
     .end = end,
     .number = READ},
    ROW("pipeline-crop", "32 x 32 as bytes on one core", ROUNDED, run_bytes, CUT),
    ROW("pipeline-brightness", "32 x 32 as bytes on one core", ROUNDED, run_bytes, VIEW),
    ROW("pipeline-stream", "32 x 32 as tensors", IMAGES / BATCH * BATCH, run_stream, STREAM),
    ROW("pipeline-stream-view", "and brightness 1", IMAGES / BATCH * BATCH, run_stream, STREAM_VIEW),
    {.name = NULL},
};
