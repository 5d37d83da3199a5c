/* stream.c - what the batches of training hold: the order of images, shifts and
 * mirrorings, the same whether a thread gathers them ahead or nobody does, and
 * wherever reading begins. The label of an image is its number in the set. */
#include "../harness/stream.h"
#include "../datasets/corruption.h"
#include "../datasets/store.h"
#include "../harness/ahead.h"
#include "../harness/engine.h"
#include "../harness/fault.h"
#include "../harness/gather.h"
#include "../harness/trainer.h"
#include "../kernels/random.h"
#include "tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMAGES = 96, SIDE = 32, PIXELS = SIDE * SIDE * 3, MOST = 4 * IMAGES };

static char folder[4096], path[4200];
static dataset *set;

static int write_set(void)
{
    static const double mean[] = {0.5, 0.5, 0.5}, std[] = {0.25, 0.25, 0.25};
    const store_header header = {"noise", NULL, 0, mean, std};
    uint8_t px[PIXELS];
    store *to;
    int rc = store_create(&to, path, &header);
    if (rc == 0)
        rc = store_split(to, "train", IMAGES, SIDE, "tests/stream.c");
    for (int32_t i = 0; i < IMAGES && rc == 0; i++) {
        for (int j = 0; j < PIXELS; j++)
            px[j] = (uint8_t)random_below(1, (uint64_t)(i * PIXELS + j), 256);
        rc = store_images(to, px, &i, 1);
    }
    return rc == 0 ? store_commit(to) : -1;
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    tested_kernels();
    snprintf(folder, sizeof folder, "%s/oodbench-stream.XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/set.h5", folder);
    if (write_set() == 0 && dataset_open(&set, path, "train") == 0 && device_open("ref", 0) == 0)
        return 0;
    fprintf(stderr, "%s\n", fault_text());
    return -1;
}

static int tear_down(void **state)
{
    (void)state;
    dataset_close(set);
    device_close();
    unlink(path);
    return rmdir(folder); /* fails when something was left aside */
}

static const stream_options still = {.seed = 5, .std = {1, 1, 1}};
static const stream_options moving = {
    .seed = 5, .crop = 4, .flip = 1, .mean = {0.5, 0.4, 0.3}, .std = {0.25, 0.5, 0.2}};

static int sent; /* streams opened from now on send each batch, though the device could keep the set */

static stream *open_stream(stream_options o, int no_thread)
{
    stream *s;
    o.no_thread = no_thread;
    o.no_store = sent;
    assert_int_equal(stream_open(&s, set, &o), 0);
    return s;
}

/* The numbers of the next n images. */
static void numbers(stream *s, int64_t n, int32_t *out)
{
    tx_open();
    batch b = stream_next(s, n);
    assert_int_equal(b.n, n);
    assert_int_equal(tx_rows(b.y), n);
    tx_read(b.y, out);
    tx_close();
}

/* Both give the same next n images, to the bit, and stand at the same place after. */
static void same_next(stream *a, stream *b, int64_t n)
{
    size_t size = (size_t)n * PIXELS * sizeof(real);
    real *x = malloc(size), *y = malloc(size);
    int32_t i[MOST], j[MOST];
    int64_t at[2], there[2];
    assert_true(x && y && n <= MOST);
    tx_open();
    batch one = stream_next(a, n), two = stream_next(b, n);
    tx_read(one.x, x);
    tx_read(two.x, y);
    tx_read(one.y, i);
    tx_read(two.y, j);
    tx_close();
    assert_memory_equal(i, j, (size_t)n * sizeof *i);
    assert_memory_equal(x, y, size);
    stream_where(a, &at[0], &at[1]);
    stream_where(b, &there[0], &there[1]);
    assert_memory_equal(at, there, sizeof at);
    free(x);
    free(y);
}

/* Both streams give the same view of their last batches, to the bit. */
static void same_view(stream *a, const batch *one, stream *b, const batch *two, const corruption *c, int severity)
{
    static real x[MOST * PIXELS], y[MOST * PIXELS];
    size_t size = (size_t)one->n * PIXELS * sizeof(real);
    tensor *v = stream_view(a, one->x, c, severity), *w = stream_view(b, two->x, c, severity);
    assert_non_null(v);
    assert_non_null(w);
    tx_read(v, x);
    tx_read(w, y);
    assert_memory_equal(x, y, size);
}

/* Every image once an epoch, in an order that the seed and the epoch decide. */
static void order(void **state)
{
    (void)state;
    stream_options other = still;
    int32_t first[IMAGES], again[IMAGES], second[IMAGES], count[IMAGES] = {0};
    stream *s = open_stream(still, 0);
    numbers(s, IMAGES, first);
    numbers(s, IMAGES, second);
    stream_seek(s, 0, 0);
    numbers(s, IMAGES, again);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, second, sizeof first);
    for (int i = 0; i < IMAGES; i++)
        count[first[i]]++;
    for (int i = 0; i < IMAGES; i++)
        assert_int_equal(count[i], 1);
    stream_close(s);
    other.seed++;
    s = open_stream(other, 0);
    numbers(s, IMAGES, again);
    assert_memory_not_equal(first, again, sizeof first);
    stream_close(s);
}

static void across_the_end(void **state)
{
    (void)state;
    int32_t all[3 * IMAGES], part[3 * IMAGES];
    stream *s = open_stream(still, 0);
    for (int i = 0; i < 3; i++)
        numbers(s, IMAGES, all + i * IMAGES);
    stream_seek(s, 0, IMAGES - 4);
    numbers(s, 8, part);
    assert_memory_equal(part, all + IMAGES - 4, 8 * sizeof *all);
    stream_seek(s, 0, IMAGES); /* the end of an epoch is the beginning of the next */
    numbers(s, 8, part);
    assert_memory_equal(part, all + IMAGES, 8 * sizeof *all);
    stream_seek(s, 0, 10); /* a batch may be larger than the set */
    numbers(s, 2 * IMAGES + 30, part);
    assert_memory_equal(part, all + 10, (2 * IMAGES + 30) * sizeof *all);
    stream_close(s);
}

/* A batch holds the set's own pixels, shifted and mirrored as drawn. */
static void augments(void **state)
{
    (void)state;
    enum { N = 32 };
    static real x[N][SIDE][SIDE][3], y[N][SIDE][SIDE][3];
    stream_options o = still;
    int mirrored = 0, shifted = 0;
    stream *plain = open_stream(o, 0);
    o.crop = 4;
    o.flip = 1;
    stream *moved = open_stream(o, 0);
    tx_open();
    tx_read(stream_next(plain, N).x, x);
    tx_read(stream_next(moved, N).x, y);
    tx_close();
    for (int i = 0; i < N; i++) {
        int found = 0;
        for (int move = 0; move < 2 * 81 && !found; move++) {
            int flip = move / 81, dy = move % 81 / 9 - 4, dx = move % 9 - 4, same = 1;
            for (int h = 4; h < SIDE - 4 && same; h++)
                for (int w = 4; w < SIDE - 4 && same; w++) /* the middle is never filled with zeros */
                    same = y[i][h][flip ? SIDE - 1 - w : w][0] == x[i][h - dy][w - dx][0];
            found = same;
            mirrored += same && flip;
            shifted += same && (dy || dx);
        }
        assert_true(found);
    }
    assert_in_range(mirrored, N / 8, N - N / 8);
    assert_true(shifted > N / 2);
    stream_close(plain);
    stream_close(moved);
}

/* Cut and mirrored as bytes, an image is what the device makes of it. */
static void cut_like_the_device(void **state)
{
    (void)state;
    enum { N = 40 };
    static real x[N][PIXELS];
    uint8_t px[PIXELS];
    stream_options o = moving;
    gatherer g;
    gathered b = {0};
    o.crop = 40; /* some are shifted out of sight */
    stream *s = open_stream(o, 0);
    tx_open();
    tx_read(stream_next(s, N).x, x);
    tx_close();
    assert_int_equal(gather_open(&g, set, &(gather_options){.seed = o.seed, .crop = o.crop, .flip = o.flip}), 0);
    gather_room(&g, &b, N);
    gather(&g, &b, (place){0, 0}, N, NULL);
    for (int i = 0; i < N; i++) {
        gather_cut(&g, &b, i, px);
        for (int j = 0; j < PIXELS; j++)
            assert_true(x[i][j] == (real)((px[j] / 255.0 - (real)o.mean[j % 3]) / (real)o.std[j % 3]));
    }
    gather_free(&b);
    gather_close(&g);
    stream_close(s);
}

/* The same calls of a stream with a thread and of one without. */
static void thread_changes_nothing(void **state)
{
    (void)state;
    static const int64_t sizes[] = {16, 16, 16, 5,  5,   16, 40, 40, 40, 1, 1, 96,
                                    96, 96, 97, 97, 200, 7,  3,  7,  3,  0, 3};
    stream *a = open_stream(moving, 0), *b = open_stream(moving, 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        same_next(a, b, sizes[i]);
    for (int64_t i = 0; i < 20; i++) {
        int64_t epoch = random_below(9, (uint64_t)(3 * i), 5),
                position = random_below(9, (uint64_t)(3 * i + 1), IMAGES + 1);
        stream_seek(a, epoch, position);
        stream_seek(b, epoch, position);
        for (int64_t j = i % 4; j > 0; j--)
            same_next(a, b, 1 + random_below(9, (uint64_t)(3 * i + 2), 60));
    }
    stream_close(a);
    stream_close(b);
}

/* --- Where the set lies --- */

static int64_t live(void)
{
    return pool_counters().live;
}

/* The same calls of a stream whose set lies on the device and of one that sends it. */
static void store_changes_nothing(void **state)
{
    (void)state;
    static const int64_t sizes[] = {16, 16, 5, 96, 97, 200, 1, 0, 3};
    const corruption *blur = corruption_find("gaussian_blur");
    const stream_options *const kinds[] = {&moving, &still};
    for (int k = 0; k < 2; k++) {
        int64_t before = live();
        stream *a = open_stream(*kinds[k], k);
        assert_true(live() - before >= IMAGES * PIXELS);
        sent = 1;
        before = live();
        stream *b = open_stream(*kinds[k], k);
        sent = 0;
        assert_int_equal(live(), before);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            same_next(a, b, sizes[i]);
            tx_open();
            batch one = stream_next(a, 12), two = stream_next(b, 12);
            same_view(a, &one, b, &two, blur, 1 + (int)i % 3);
            tx_close();
            stream_seek(a, (int64_t)i, IMAGES - 5);
            stream_seek(b, (int64_t)i, IMAGES - 5);
        }
        stream_close(b);
        assert_int_equal(live(), before);
        stream_close(a);
        assert_true(before - live() >= IMAGES * PIXELS);
    }
}

static size_t unused_now;

static void little_memory(bk *b, size_t *unused, size_t *total)
{
    (void)b;
    *unused = *total = unused_now;
}

/* A set stays on the host when it would take more than a quarter of what is left. */
static void leaves_room(void **state)
{
    (void)state;
    const bk_api *whole = engine.api;
    bk_api small = *whole;
    small.memory = little_memory;
    engine.api = &small;
    for (int fits = 0; fits < 2; fits++) {
        int64_t before = live();
        unused_now = (size_t)4 * IMAGES * PIXELS - !fits;
        stream *s = open_stream(still, 0);
        assert_int_equal(live() > before, fits);
        stream_close(s);
        assert_int_equal(live(), before);
    }
    engine.api = whole;
}

/* How many images are asked for at a time changes no image. */
static void any_number_at_a_time(void **state)
{
    (void)state;
    int32_t all[2 * IMAGES], part[2 * IMAGES];
    stream *s = open_stream(moving, 0);
    numbers(s, 2 * IMAGES, all);
    stream_seek(s, 0, 0);
    int64_t done = 0;
    for (int i = 0; done < 2 * IMAGES; i++) {
        int64_t n = 1 + random_below(3, (uint64_t)i / 2, 20); /* each number twice */
        n = n < 2 * IMAGES - done ? n : 2 * IMAGES - done;
        numbers(s, n, part + done);
        done += n;
    }
    assert_memory_equal(all, part, sizeof all);
    stream_close(s);
}

/* Another stream that begins where the first one stands goes on like it. */
static void goes_on_anywhere(void **state)
{
    (void)state;
    int64_t epoch, position;
    stream *a = open_stream(moving, 0);
    stream_where(a, &epoch, &position);
    assert_int_equal(epoch, 0);
    assert_int_equal(position, 0);
    for (int i = 0; i < 9; i++) {
        int32_t y[32];
        numbers(a, 32, y);
        stream_where(a, &epoch, &position);
        assert_int_equal(epoch, (i + 1) / 3);
        assert_int_equal(position, (i + 1) % 3 * 32);
        stream *b = open_stream(moving, i % 2);
        stream_seek(b, epoch, position);
        same_next(a, b, 20);
        same_next(a, b, 20);
        stream_seek(a, epoch, position);
        stream_close(b);
    }
    stream_close(a);
}

/* From the second one on, batches of one size are under way when asked for. */
static void runs_ahead(void **state)
{
    (void)state;
    int32_t y[64];
    stream *s = open_stream(moving, 0), *none = open_stream(moving, 1);
    for (int i = 0; i < 10; i++)
        numbers(s, 16, y);
    assert_int_equal(stream_late(s), 1);
    stream_seek(s, 7, 3);
    numbers(s, 16, y);
    assert_int_equal(stream_late(s), 1);
    numbers(s, 64, y);
    numbers(s, 64, y);
    assert_int_equal(stream_late(s), 2);
    numbers(none, 16, y);
    numbers(none, 16, y);
    assert_int_equal(stream_late(none), 2);
    stream_close(s);
    stream_close(none);
}

/* Views. */

/* Pixels as they are: normalised by these, an image is bytes over 255. */
static const stream_options cutting = {.seed = 5, .crop = 4, .flip = 1, .std = {1, 1, 1}};

static uint8_t byte_of(real v)
{
    long b = lround((double)v * 255);
    assert_true(b >= 0 && b <= 255 && v == (real)((double)b / 255.0));
    return (uint8_t)b;
}

/* Image after image: the clean one corrupted here is the view of it. The batch
 * goes over the end of epoch 2, so places do not simply count on. */
static void view_by_hand(const corruption *c, int severity)
{
    enum { N = 5, FIRST = IMAGES - 3 };
    static real x[N][PIXELS], y[N][PIXELS];
    uint8_t clean[PIXELS], altered[PIXELS];
    stream *s = open_stream(cutting, 0);
    stream_seek(s, 2, FIRST);
    tx_open();
    batch b = stream_next(s, N);
    tx_read(b.x, x);
    tensor *v = stream_view(s, b.x, c, severity);
    assert_non_null(v);
    tx_read(v, y);
    tx_close();
    for (int i = 0; i < N; i++) {
        int64_t epoch = i < 3 ? 2 : 3, position = i < 3 ? FIRST + i : i - 3;
        for (int j = 0; j < PIXELS; j++)
            clean[j] = byte_of(x[i][j]);
        c->apply(altered, clean, SIDE, severity,
                 corruption_seed(gather_view_seed(cutting.seed, epoch), c, severity, position));
        for (int j = 0; j < PIXELS; j++)
            assert_int_equal(byte_of(y[i][j]), altered[j]);
    }
    stream_close(s);
}

static void views_by_hand(void **state)
{
    (void)state;
    int n = 0;
    for (; corruption_at(n); n++) {
        view_by_hand(corruption_at(n), 1);
        view_by_hand(corruption_at(n), 5);
    }
    assert_true(n > 0);
    assert_true(gather_view_seed(5, 2) != gather_view_seed(5, 3));
    assert_true(gather_view_seed(5, 2) != gather_view_seed(6, 2));
}

/* Views that come, stay, change and go; batches of several sizes; seeks. */
static void thread_changes_no_view(void **state)
{
    (void)state;
    const corruption *blur = corruption_find("gaussian_blur"), *glass = corruption_find("glass_blur");
    static const struct {
        int n, blur, glass; /* severities; 0: not asked for */
    } steps[] = {{16, 0, 0}, {16, 1, 0}, {16, 1, 0},  {16, 1, 0}, {16, 2, 0},  {16, 3, 0}, {16, 3, 0}, {16, 3, 0},
                 {16, 0, 0}, {16, 0, 0}, {16, 0, 4},  {9, 0, 4},  {9, 0, 4},   {40, 0, 4}, {40, 2, 4}, {40, 2, 4},
                 {40, 2, 0}, {40, 2, 0}, {100, 2, 0}, {3, 2, 0},  {100, 0, 2}, {3, 0, 2},  {3, 0, 2},  {3, 0, 0}};
    stream *a = open_stream(moving, 0), *b = open_stream(moving, 1);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        tx_open();
        batch one = stream_next(a, steps[i].n), two = stream_next(b, steps[i].n);
        if (steps[i].blur)
            same_view(a, &one, b, &two, blur, steps[i].blur);
        if (steps[i].glass)
            same_view(a, &one, b, &two, glass, steps[i].glass);
        if (steps[i].blur)
            same_view(a, &one, b, &two, blur, steps[i].blur);
        tx_close();
        if (i % 7 == 6) {
            stream_seek(a, (int64_t)i, 90);
            stream_seek(b, (int64_t)i, 90);
        }
    }
    same_next(a, b, 20);
    stream_close(a);
    stream_close(b);
}

static void views_are_made_ahead(void **state)
{
    (void)state;
    const corruption *c = corruption_find("gaussian_blur");
    stream *s = open_stream(moving, 0);
    int64_t late[24];
    for (int i = 0; i < 24; i++) {
        int severity = i < 8 || i >= 16 ? 1 : 1 + i % 5; /* the same, any, the same */
        tx_open();
        batch b = stream_next(s, 16);
        assert_non_null(stream_view(s, b.x, c, severity));
        assert_non_null(stream_view(s, b.x, c, severity)); /* is there already */
        tx_close();
        late[i] = stream_late(s);
    }
    assert_int_equal(late[7], 2); /* the first batch and its view */
    assert_int_equal(late[15], 2 + 8);
    assert_int_equal(late[23], late[17]);
    stream_close(s);
}

/* A slice of the batch has a slice of the view; nothing else has one. */
static void views_of_parts(void **state)
{
    (void)state;
    enum { N = 16, FIRST = 5, PART = 7 };
    static real all[N][PIXELS], some[PART][PIXELS];
    const corruption *c = corruption_find("glass_blur");
    stream *s = open_stream(moving, 0);
    tx_open();
    batch before = stream_next(s, N), b = stream_next(s, N);
    tx_read(stream_view(s, b.x, c, 2), all);
    tx_read(stream_view(s, tx_slice(b.x, FIRST, PART), c, 2), some);
    assert_memory_equal(some, all[FIRST], sizeof some);
    assert_null(stream_view(s, before.x, c, 2));
    assert_null(stream_view(s, tx_copy(b.x), c, 2));
    assert_null(stream_view(s, tx_flat(b.x), c, 2));
    assert_null(stream_view(s, b.y, c, 2));
    tx_close();
    stream_close(s);
}

typedef struct refusal {
    const char *augmentation;
    int64_t severity;
    int other; /* images that are not the step's */
    const char *said;
} refusal;

static void ask(const refusal *f)
{
    stream *s = open_stream(moving, 0);
    trainer t = {.batches = s};
    run r = {.trainer = &t};
    tx_open();
    batch b = stream_next(s, 8);
    if (f->other)
        b.x = tx_copy(b.x);
    run_augmented(&r, &b, f->augmentation, f->severity);
    _exit(EXIT_OK); /* it was not refused */
}

/* In a process of its own: what run_augmented said when it ended that. */
static void refused(const refusal *f)
{
    char said[4096];
    int ends[2], status;
    ssize_t n, got = 0;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        ask(f);
    }
    close(ends[1]);
    while ((n = read(ends[0], said + got, sizeof said - 1 - (size_t)got)) > 0)
        got += n;
    said[got] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_CONFIG || !strstr(said, f->said))
        fail_msg("expected exit %d and `%s`, found status %d and: %s", EXIT_CONFIG, f->said, status, said);
}

static void refusals(void **state)
{
    (void)state;
    static const refusal list[] = {
        {"gausian_blur", 1, 0, "no augmentation `gausian_blur`; did you mean `gaussian_blur`?; known: "},
        {"xyzzyxyzzyxyzzy", 1, 0, "no augmentation `xyzzyxyzzyxyzzy`; known: "},
        {"gaussian_blur", 0, 0, "a severity of 1 to 5, found 0"},
        {"gaussian_blur", 6, 0, "a severity of 1 to 5, found 6"},
        {"gaussian_blur", 1, 1, "expected the batch that the step was given"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        refused(&list[i]);
}

/* What a method calls gives what the stream does. */
static void a_method_asks(void **state)
{
    (void)state;
    static real x[8][PIXELS], y[8][PIXELS];
    stream *s = open_stream(moving, 0);
    trainer t = {.batches = s};
    run r = {.trainer = &t};
    tx_open();
    batch b = stream_next(s, 8);
    tx_read(run_augmented(&r, &b, "defocus_blur", 3), x);
    tx_read(stream_view(s, b.x, corruption_find("defocus_blur"), 3), y);
    assert_memory_equal(x, y, sizeof x);
    tx_read(b.x, y);
    assert_memory_not_equal(x, y, sizeof x);
    tx_close();
    stream_close(s);
}

/* The thread. */

static int threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* The kernel forgets a thread a moment after it was joined. */
static int threads_after(int expected)
{
    for (int i = 0; i < 2000 && threads() != expected; i++)
        usleep(1000);
    return threads();
}

static void threads_end(void **state)
{
    (void)state;
    enum { STREAMS = 8 };
    stream *s[STREAMS];
    int32_t y[64];
    int before = threads();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < STREAMS; i++)
            s[i] = open_stream(moving, 0);
        assert_int_equal(threads(), before + STREAMS);
        for (int i = 0; i < STREAMS; i++)
            numbers(s[i], 64, y);
        for (int i = 0; i < STREAMS; i++) { /* some are closed at work */
            tx_open();
            if (i == 2)
                stream_view(s[i], stream_next(s[i], 64).x, corruption_find("glass_blur"), 5);
            tx_close();
            if (i % 2)
                stream_seek(s[i], 3, 0);
            stream_close(s[i]);
        }
        assert_int_equal(threads_after(before), before);
    }
    stream_close(open_stream(moving, 0)); /* never used */
    assert_int_equal(threads_after(before), before);
}

typedef struct endless {
    int64_t rounds;
    atomic_int begun;
} endless;

/* Ends only when it is told to. */
static void until_stopped(void *what, const atomic_bool *stop)
{
    endless *e = what;
    atomic_store(&e->begun, 1);
    while (!atomic_load(stop))
        e->rounds++;
}

static void stops_a_job(void **state)
{
    (void)state;
    endless e = {0};
    ahead *a = ahead_open(until_stopped, &e);
    assert_non_null(a);
    ahead_wait(a); /* nothing to wait for */
    ahead_stop(a);
    for (int i = 0; i < 3; i++) {
        atomic_store(&e.begun, 0);
        ahead_begin(a);
        while (!atomic_load(&e.begun))
            usleep(100);
        ahead_stop(a);
        int64_t rounds = e.rounds; /* and that is the last of it */
        usleep(1000);
        assert_int_equal(e.rounds, rounds);
    }
    for (int i = 0; i < 100; i++) { /* before it has begun, mostly */
        ahead_begin(a);
        ahead_stop(a);
    }
    ahead_begin(a);
    ahead_close(a);
    ahead_close(NULL);
}

/* As run_refuse() does: the process ends while the thread is at work. */
static void exits_at_work(void **state)
{
    (void)state;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        static endless e;
        ahead *a = ahead_open(until_stopped, &e);
        if (!a)
            _exit(1);
        ahead_begin(a);
        while (!atomic_load(&e.begun))
            usleep(100);
        alarm(60);
        exit(EXIT_CONFIG + 40);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), EXIT_CONFIG + 40);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(across_the_end),
        cmocka_unit_test(augments),
        cmocka_unit_test(cut_like_the_device),
        cmocka_unit_test(thread_changes_nothing),
        cmocka_unit_test(store_changes_nothing),
        cmocka_unit_test(leaves_room),
        cmocka_unit_test(any_number_at_a_time),
        cmocka_unit_test(goes_on_anywhere),
        cmocka_unit_test(runs_ahead),
        cmocka_unit_test(views_by_hand),
        cmocka_unit_test(thread_changes_no_view),
        cmocka_unit_test(views_are_made_ahead),
        cmocka_unit_test(views_of_parts),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_method_asks),
        cmocka_unit_test(threads_end),
        cmocka_unit_test(stops_a_job),
        cmocka_unit_test(exits_at_work),
    };
    const struct CMUnitTest sending[] = {
        cmocka_unit_test(augments),
        cmocka_unit_test(cut_like_the_device),
        cmocka_unit_test(thread_changes_nothing),
        cmocka_unit_test(views_by_hand),
        cmocka_unit_test(thread_changes_no_view),
        cmocka_unit_test(views_of_parts),
    };
    int failed = cmocka_run_group_tests_name("stream", all, set_up, tear_down);
    sent = 1;
    return failed + cmocka_run_group_tests_name("stream that sends each batch", sending, set_up, tear_down);
}
