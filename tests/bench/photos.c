/* photos.c - images per second from photographs of 500 x 375 as files to what training
 * and testing show of them at 224: on one core, held against the library's bare
 * decoding; and as a stream's batches, by all processors, of a set of files on disk. */
#include "../../harness/clock.h"
#include "bench.h"

#include "../../datasets/store.h"
#include "../../harness/crop.h"
#include "../../harness/data.h"
#include "../../harness/desks.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/stream.h"
#include "pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PHOTOS = 64, SIDE = 224, RESIZE = 256, STORED = 2048, BATCH = 128 };
enum { CROPPED, CENTRED, STREAMED };

static const crop_range range = {{0.08, 1}, {3.0 / 4, 4.0 / 3}};
static char *files[PHOTOS], path[4200];
static size_t sizes[PHOTOS];
static desk work;
static dataset *set;
static stream *batches;

static int write_set(void)
{
    static const double half[] = {0.5, 0.5, 0.5};
    const store_header header = {"photos", NULL, 0, half, half};
    uint64_t ends[STORED + 1] = {0};
    const char *tmp = getenv("TMPDIR");
    store *to;
    snprintf(path, sizeof path, "%.4000s/oodbench-bench-%ld.h5", tmp ? tmp : "/tmp", (long)getpid());
    for (int i = 0; i < STORED; i++)
        ends[i + 1] = ends[i] + sizes[i % PHOTOS];
    if (store_create(&to, path, &header) != 0)
        return -1;
    int rc = store_files(to, "train", STORED, ends, SIDE, RESIZE, "tests/bench/photos.c");
    for (int32_t i = 0; i < STORED && rc == 0; i++)
        rc = store_images(to, (const uint8_t *)files[i % PHOTOS], &i, 1);
    if (rc == 0)
        return store_commit(to);
    store_discard(to);
    return -1;
}

static void end(const subject *s)
{
    (void)s;
    stream_close(batches);
    dataset_close(set);
    batches = NULL;
    set = NULL;
    if (path[0])
        unlink(path);
    path[0] = '\0';
    image_free(&work.im);
    resize_free(&work.r);
    for (int i = 0; i < PHOTOS; i++) {
        free(files[i]);
        files[i] = NULL;
    }
}

static int begin(const subject *s)
{
    const stream_options o = {
        .seed = 1, .flip = 1, .resized = range, .blocks = 1, .std = {0.25, 0.25, 0.25}, .mean = {0.5, 0.5, 0.5}};
    for (int i = 0; i < PHOTOS; i++)
        files[i] = picture_photo((uint64_t)i, &sizes[i]);
    int rc = s->number != STREAMED ? 0 : write_set();
    if (rc == 0 && s->number == STREAMED)
        rc = dataset_open(&set, path, "train") != 0 || stream_open(&batches, set, &o) != 0 ? -1 : 0;
    if (rc != 0)
        end(s);
    return rc;
}

static void stop(const subject *s)
{
    fprintf(stderr, "bench: %s: %s\n", s->name, fault_text());
    end(s);
    exit(EXIT_CONFIG);
}

static void run_alone(const subject *s)
{
    static uint8_t px[SIDE * SIDE * 3];
    for (int i = 0; i < PHOTOS; i++) {
        int rc = image_decode(&work.im, files[i], sizes[i]);
        int64_t w = work.im.w, h = work.im.h;
        if (rc == 0 && s->number == CENTRED)
            rc = resize_centre(&work.r, px, SIDE, work.im.px, w, h, RESIZE);
        else if (rc == 0)
            rc = resize_box(&work.r, px, SIDE, work.im.px, w, crop_draw(&range, w, h, 1, CROP_DRAWS * (uint64_t)i));
        if (rc != 0)
            stop(s);
        __asm__ volatile("" : : "r"(px) : "memory");
    }
}

static void run_stream(const subject *s)
{
    for (int i = 0; i < STORED / BATCH; i++) {
        tx_open();
        batch b = stream_next(batches, BATCH);
        if (!b.x)
            stop(s);
        tx_close();
    }
    device_sync();
}

static double bare(const subject *s)
{
    double best = 0;
    for (int round = 0; round < 5; round++) {
        double began = clock_now();
        for (int i = 0; i < PHOTOS; i++)
            if (picture_read_jpeg(files[i], sizes[i]) != 0)
                stop(s);
        double rate = PHOTOS / (clock_now() - began);
        best = rate > best ? rate : best;
    }
    return best;
}

/* On as many cores as decode. */
static double bare_on_all(const subject *s)
{
    return bare(s) * machine_threads();
}

#define ROW(label, text, images, then, limit, which)                                                               \
    {                                                                                                              \
        .name = label, .size = text, .unit = "images/s", .amount = images, .peak = PEAK_OWN, .least = 5,           \
        .begin = begin, .run = then, .end = end, .own_peak = limit, .number = which                                \
    }

const subject photo_subjects[] = {
    ROW("photos-crop", "500 x 375 JPEG, crop to 224, one core", PHOTOS, run_alone, bare, CROPPED),
    ROW("photos-centre", "500 x 375 JPEG, middle to 224, one core", PHOTOS, run_alone, bare, CENTRED),
    ROW("photos-stream", "2048 JPEG in batches of 128", STORED, run_stream, bare_on_all, STREAMED),
    {.name = NULL},
};
