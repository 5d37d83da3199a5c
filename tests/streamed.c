/* streamed.c - batches of sets that hold files, resized crops of both kinds of sets,
 * and shuffling by blocks: the bytes of each image by hand, the same with any number
 * of threads and from anywhere, and how much of a file is held in memory. */
#include "../datasets/store.h"
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/gather.h"
#include "../harness/shuffle.h"
#include "../harness/stream.h"
#include "pictures.h"
#include "tested.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGES = 150, SIDE = 24, RESIZE = 28, PIXELS = SIDE * SIDE * 3, DAMAGED = 61, LARGE = 5 * SHUFFLE_IMAGES };

static const double mean[] = {0.5, 0.5, 0.5}, deviation[] = {0.25, 0.25, 0.25};
static const store_header header = {"pictures", NULL, 0, mean, deviation};
static char folder[4096], files_at[4200], damaged_at[4200], pixels_at[4200];
static dataset *files, *pixels;
static bytes pictures[IMAGES];

static bytes picture(int i)
{
    const png_case png = {.w = 20 + i * 7 % 50, .h = 70 - i * 11 % 47, .type = i % 3 ? 2 : 0, .depth = 8};
    const jpeg_case jpeg = {"",        37 + i * 5 % 60, 33 + i * 3 % 41, JCS_RGB, JCS_YCbCr,
                            1 + i % 2, 1 + i % 3 / 2,   60 + i % 40,     0,       0};
    return i % 2 ? jpeg_make(&jpeg, (uint64_t)i) : png_make(&png, (uint64_t)i);
}

/* The label of an image is its number. */
static int write_files(const char *path, int damaged)
{
    uint64_t ends[IMAGES + 1] = {0};
    store *to;
    for (int i = 0; i < IMAGES; i++)
        ends[i + 1] = ends[i] + pictures[i].n;
    int rc = store_create(&to, path, &header);
    if (rc == 0)
        rc = store_files(to, "train", IMAGES, ends, SIDE, RESIZE, "tests/streamed.c");
    for (int32_t i = 0; i < IMAGES && rc == 0; i++) {
        pictures[i].at[pictures[i].n / 2] ^= (uint8_t)(i == damaged ? 0x55 : 0);
        rc = store_images(to, pictures[i].at, &i, 1);
        pictures[i].at[pictures[i].n / 2] ^= (uint8_t)(i == damaged ? 0x55 : 0);
    }
    return rc == 0 ? store_commit(to) : -1;
}

static int write_pixels(int64_t n)
{
    uint8_t px[PIXELS];
    store *to;
    int rc = store_create(&to, pixels_at, &header);
    if (rc == 0)
        rc = store_split(to, "train", n, SIDE, "tests/streamed.c");
    for (int32_t i = 0; i < n && rc == 0; i++) {
        for (int j = 0; j < PIXELS; j++)
            px[j] = (uint8_t)(i + j * (1 + i % 7));
        rc = store_images(to, px, &i, 1);
    }
    return rc == 0 ? store_commit(to) : -1;
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    tested_kernels();
    snprintf(folder, sizeof folder, "%s/oodbench-streamed.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(files_at, sizeof files_at, "%s/files.h5", folder);
    snprintf(damaged_at, sizeof damaged_at, "%s/damaged.h5", folder);
    snprintf(pixels_at, sizeof pixels_at, "%s/pixels.h5", folder);
    for (int i = 0; i < IMAGES; i++)
        pictures[i] = picture(i);
    if (write_files(files_at, -1) == 0 && write_files(damaged_at, DAMAGED + 1) == 0 && write_pixels(LARGE) == 0 &&
        dataset_open(&files, files_at, "train") == 0 && dataset_open(&pixels, pixels_at, "train") == 0 &&
        device_open("ref", 0) == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_close(files);
    dataset_close(pixels);
    device_close();
    for (int i = 0; i < IMAGES; i++)
        free(pictures[i].at);
    unlink(files_at);
    unlink(damaged_at);
    unlink(pixels_at);
    return rmdir(folder); /* fails when something was left aside */
}

/* Pixels as they are: normalised by these, an image is bytes over 255. */
#define PLAIN .seed = 5, .std = {1, 1, 1}
#define RESIZED .resized = {{0.08, 1}, {3.0 / 4, 4.0 / 3}}

static const stream_options kinds[] = {{PLAIN},
                                       {PLAIN, .crop = 3, .flip = 1},
                                       {PLAIN, RESIZED, .flip = 1},
                                       {PLAIN, RESIZED, .blocks = 1},
                                       {PLAIN, RESIZED, .crop = 3, .flip = 1, .blocks = 1}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static stream *opened(const dataset *d, stream_options o, int threads)
{
    stream *s;
    o.threads = threads < 0 ? -threads : threads;
    o.no_thread = threads < 0; /* that gathers ahead */
    if (stream_open(&s, d, &o) != 0)
        fail_msg("%s", fault_text());
    return s;
}

/* The bytes of a batch, and its labels. */
static void next(stream *s, int64_t n, uint8_t *px, int32_t *labels)
{
    real *x = malloc((size_t)n * PIXELS * sizeof *x);
    tx_open();
    batch b = stream_next(s, n);
    if (!x || !b.x)
        fail_msg("%s", fault_text());
    tx_read(b.x, x);
    tx_read(b.y, labels);
    tx_close();
    for (int64_t i = 0; i < n * PIXELS; i++)
        px[i] = (uint8_t)lround((double)x[i] * 255);
    free(x);
}

/* Decoded, cut and resized here; the place of image i of the first batch is i. */
static void by_hand(const dataset *d, const gatherer *g, int32_t number, int64_t position, uint8_t *out)
{
    image im = {0};
    resizer r = {0};
    const uint8_t *px = dataset_images(d) ? dataset_images(d) + (size_t)number * PIXELS : NULL;
    if (!px) {
        size_t size;
        const void *file = dataset_file(d, number, &size);
        assert_int_equal(image_decode(&im, file, size), 0);
        px = im.px;
    } else {
        im.w = im.h = SIDE;
    }
    if (g->o.resized.scale[1] > 0)
        assert_int_equal(resize_box(&r, out, SIDE, px, im.w, gather_part(g, (place){0, position}, im.w, im.h)), 0);
    else
        assert_int_equal(resize_centre(&r, out, SIDE, px, im.w, im.h, dataset_resize(d)), 0);
    image_free(&im);
    resize_free(&r);
}

static void mirror(uint8_t *px)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE / 2; x++)
            for (int c = 0; c < 3; c++) {
                uint8_t *a = px + (y * SIDE + x) * 3 + c, *b = px + (y * SIDE + SIDE - 1 - x) * 3 + c, held = *a;
                *a = *b;
                *b = held;
            }
}

/* A batch holds what was made by hand, some of it mirrored. */
static void images_by_hand(const dataset *d, const stream_options *o)
{
    enum { N = 60 };
    static uint8_t px[N][PIXELS];
    uint8_t want[PIXELS];
    int32_t labels[N];
    const gather_options how = {.seed = o->seed, .resized = o->resized};
    gatherer g;
    int mirrored = 0;
    stream *s = opened(d, *o, 2);
    next(s, N, px[0], labels);
    assert_int_equal(gather_open(&g, d, &how), 0);
    for (int i = 0; i < N; i++) {
        by_hand(d, &g, labels[i], i, want);
        int same = memcmp(px[i], want, PIXELS) == 0;
        if (!same && o->flip) {
            mirror(want);
            same = memcmp(px[i], want, PIXELS) == 0;
            mirrored += same;
        }
        if (!same)
            fail_msg("image %d at place %d is not what it should be", labels[i], i);
    }
    if (o->flip)
        assert_in_range(mirrored, N / 6, N - N / 6);
    gather_close(&g);
    stream_close(s);
}

static void made_by_hand(void **state)
{
    (void)state;
    images_by_hand(files, &kinds[0]);
    images_by_hand(files, &kinds[2]);
    images_by_hand(files, &kinds[3]);
    images_by_hand(pixels, &kinds[2]);
    images_by_hand(pixels, &kinds[3]);
}

/* Shifts of the test view: the middle, which no shift fills with zeros, is there somewhere. */
static void padded_crops(void **state)
{
    (void)state;
    enum { N = 40 };
    static uint8_t px[N][PIXELS], still[N][PIXELS];
    int32_t labels[N], same[N];
    int moved = 0;
    stream *a = opened(files, kinds[1], 2), *b = opened(files, kinds[0], 2);
    next(a, N, px[0], labels);
    next(b, N, still[0], same);
    assert_memory_equal(labels, same, sizeof same);
    for (int i = 0; i < N; i++) {
        int found = 0;
        for (int move = 0; move < 98 && !found; move++) {
            int flip = move / 49, dy = move % 49 / 7 - 3, dx = move % 7 - 3, good = 1;
            for (int y = 3; y < SIDE - 3 && good; y++)
                for (int x = 3; x < SIDE - 3 && good; x++)
                    good = px[i][(y * SIDE + (flip ? SIDE - 1 - x : x)) * 3] ==
                           still[i][((y - dy) * SIDE + x - dx) * 3];
            found = good;
            moved += good && (dy || dx);
        }
        assert_true(found);
    }
    assert_true(moved > N / 2);
    stream_close(a);
    stream_close(b);
}

/* One thread, several, ahead or not; any number of images at a time; from anywhere. */
static void threads_change_nothing(void **state)
{
    (void)state;
    enum { N = 2 * IMAGES + 20 };
    static uint8_t all[N][PIXELS], part[N][PIXELS];
    int32_t labels[N], some[N];
    for (int k = 0; k < KINDS; k++) {
        static const int threads[] = {-1, 1, 2, 7, -3};
        stream *s = opened(files, kinds[k], 0);
        next(s, N, all[0], labels);
        stream_close(s);
        for (int t = 0; t < 5; t++) {
            s = opened(files, kinds[k], threads[t]);
            for (int64_t done = 0, n; done < N; done += n) {
                n = 1 + random_below(3, (uint64_t)(done + t), 60);
                n = n < N - done ? n : N - done;
                next(s, n, part[done], some + done);
            }
            assert_memory_equal(labels, some, sizeof some);
            assert_memory_equal(all, part, sizeof all);
            stream_seek(s, 1, 33);
            next(s, 50, part[0], some);
            assert_memory_equal(all[IMAGES + 33], part, 50 * PIXELS);
            stream_seek(s, 0, IMAGES - 3);
            next(s, 10, part[0], some);
            assert_memory_equal(all[IMAGES - 3], part, 10 * PIXELS);
            stream_close(s);
        }
    }
}

/* A view is the batch's own images corrupted, decoded and cut as they were. */
static void views(void **state)
{
    (void)state;
    enum { N = 12 };
    static real x[N][PIXELS], y[N][PIXELS];
    const corruption *c = corruption_find("brightness");
    stream *s = opened(files, kinds[2], 0);
    for (int round = 0; round < 3; round++) { /* the third is made ahead */
        tx_open();
        batch b = stream_next(s, N);
        assert_non_null(b.x);
        tensor *v = stream_view(s, b.x, c, 2);
        tx_read(b.x, x);
        tx_read(v, y);
        tx_close();
        for (int i = 0; i < N; i++) {
            uint8_t clean[PIXELS], altered[PIXELS];
            for (int j = 0; j < PIXELS; j++)
                clean[j] = (uint8_t)lround((double)x[i][j] * 255);
            c->apply(altered, clean, SIDE, 2, corruption_seed(gather_view_seed(5, 0), c, 2, round * N + i));
            for (int j = 0; j < PIXELS; j++)
                assert_int_equal(lround((double)y[i][j] * 255), altered[j]);
        }
    }
    stream_close(s);
}

/* A damaged file is met where its batch is asked for, whoever decoded it, and named. */
static void damaged_is_named(void **state)
{
    (void)state;
    dataset *d;
    assert_int_equal(dataset_open(&d, damaged_at, "train"), 0);
    for (int threads = -1; threads < 3; threads++) {
        stream *s = opened(d, kinds[2], threads);
        int met = 0;
        for (int i = 0; i < IMAGES / 10 && !met; i++) {
            tx_open();
            met = !stream_next(s, 10).x;
            tx_close();
        }
        char who[40];
        snprintf(who, sizeof who, "its image %d cannot be decoded", DAMAGED + 1);
        assert_true(met);
        assert_non_null(strstr(fault_text(), "pictures"));
        if (!strstr(fault_text(), who) || strchr(fault_text(), '\n'))
            fail_msg("expected `%s` in: %s", who, fault_text());
        tx_open();
        assert_null(stream_next(s, 10).x); /* and again: the stream has not moved */
        tx_close();
        stream_close(s);
    }
    dataset_close(d);
}

/* --- The order. --- */

static void every_image_once(void **state)
{
    (void)state;
    static const int sizes[] = {1, 31, 32, 33, 4095, 4096, 4097, 10000, 12345};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int n = sizes[k];
        int32_t *order = malloc((size_t)n * sizeof *order), *again = malloc((size_t)n * sizeof *order);
        int32_t *blocks = malloc((size_t)shuffle_count(n) * sizeof *blocks);
        char *seen = calloc((size_t)n, 1);
        assert_true(order && again && blocks && seen);
        shuffle_blocks(order, blocks, n, 9);
        for (int i = 0; i < n; i++) {
            assert_in_range(order[i], 0, n - 1);
            assert_false(seen[order[i]]);
            seen[order[i]] = 1;
        }
        shuffle_blocks(again, blocks, n, 9);
        assert_memory_equal(order, again, (size_t)n * sizeof *order);
        shuffle_blocks(again, blocks, n, 10);
        if (n > 1)
            assert_memory_not_equal(order, again, (size_t)n * sizeof *order);
        free(order);
        free(again);
        free(blocks);
        free(seen);
    }
}

/* What shuffle.h says of who meets whom, over many epochs of three windows. */
static void as_random_as_stated(void **state)
{
    (void)state;
    enum { N = 3 * SHUFFLE_IMAGES, BLOCKS = N / SHUFFLE_BLOCK, EPOCHS = 400 };
    static int32_t order[N], blocks[BLOCKS], at[N];
    double far = 0, place_of_first = 0, neighbours = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        shuffle_blocks(order, blocks, N, random_stream(4, epoch));
        for (int i = 0; i < N; i++)
            at[order[i]] = i;
        for (int i = 0; i < SHUFFLE_BLOCK; i++) /* a block is in one window */
            assert_int_equal(at[i] / SHUFFLE_IMAGES, at[0] / SHUFFLE_IMAGES);
        for (int b = 1; b < BLOCKS; b++)
            far += at[b * SHUFFLE_BLOCK] / SHUFFLE_IMAGES == at[0] / SHUFFLE_IMAGES;
        place_of_first += at[0];
        neighbours += at[1] > at[0];
        for (int w = 0; w < 3; w++) /* read from the disk in ascending order */
            for (int b = w * SHUFFLE_WINDOW + 1; b < (w + 1) * SHUFFLE_WINDOW; b++)
                assert_true(blocks[b] > blocks[b - 1]);
    }
    double chance = (SHUFFLE_WINDOW - 1.0) / (BLOCKS - 1.0);
    assert_true(fabs(far / ((BLOCKS - 1.0) * EPOCHS) - chance) < 0.005);
    assert_true(fabs(place_of_first / EPOCHS / N - 0.5) < 0.06); /* four deviations */
    assert_true(fabs(neighbours / EPOCHS - 0.5) < 0.1);
}

/* Pages of files that this process has in memory, in kB. */
static long resident(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = -1;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "RssFile: %ld", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb;
}

/* A set is touched as a whole; no more than three windows of it are ever in memory. */
static void memory_is_bounded(void **state)
{
    (void)state;
    enum { BATCH = 256 };
    const int64_t set_kb = (int64_t)LARGE * PIXELS / 1024, window_kb = (int64_t)SHUFFLE_IMAGES * PIXELS / 1024;
    static uint8_t px[BATCH][PIXELS];
    static int32_t labels[BATCH];
    dataset *d;
    assert_int_equal(dataset_open(&d, pixels_at, "train"), 0);
    long before = resident(), most = before;
    if (before < 0)
        skip();
    stream_options o = {PLAIN, .blocks = 1, .no_store = 1};
    stream *s = opened(d, o, 0);
    for (int i = 0; i < LARGE / BATCH; i++) {
        next(s, BATCH, px[0], labels);
        most = resident() > most ? resident() : most;
    }
    if (most - before > 3 * window_kb)
        fail_msg("%ld kB of a set of %ld kB were in memory, expected at most %ld", most - before, (long)set_kb,
                 (long)(3 * window_kb));
    stream_close(s);
    dataset_close(d);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(made_by_hand),           cmocka_unit_test(padded_crops),
        cmocka_unit_test(threads_change_nothing), cmocka_unit_test(views),
        cmocka_unit_test(damaged_is_named),       cmocka_unit_test(every_image_once),
        cmocka_unit_test(as_random_as_stated),    cmocka_unit_test(memory_is_bounded),
    };
    return cmocka_run_group_tests(all, set_up, tear_down);
}
