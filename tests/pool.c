/* pool.c - the engine's memory and manners on `ref`: a training loop soon stops
 * asking the driver, every allocation may fail, scopes end what they own, and
 * each misuse ends the process with one line that names the operation and the
 * place. Whatever ends a process runs in a child. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../harness/engine.h"
#include "../harness/fault.h"
#include "tested.h"

#define ENDLESS 10000 /* more allocations than any workload here makes */

static void open_ref(void)
{
    if (device_open("ref", 0) < 0) {
        fprintf(stderr, "%s\n", fault_text());
        exit(1);
    }
}

/* Runs f in a process of its own; its standard error goes to text. */
static int child(void (*f)(int), int argument, char *text, size_t cap)
{
    int ends[2], status;
    size_t n = 0;
    ssize_t got;

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        f(argument);
        exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + n, cap - 1 - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void expect_text(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("expected \"%s\" in: %s", part, text);
}

/* --- A small training loop --- */

typedef struct trainee {
    tensor *w, *grad, *velocity, *filter, *gamma, *beta, *linear;
} trainee;

static tensor *parameter(trainee *t, int64_t first, dims d)
{
    tensor *p = tx_view(t->w, first, d);

    ad_parameter(p, tx_view(t->grad, first, d));
    return p;
}

static trainee trainee_new(void)
{
    trainee t = {.w = tx_normal(DIMS(4 * 9 * 2 + 8 + 12), 7), .grad = tx_full(DIMS(92), 0)};

    t.velocity = tx_full(DIMS(92), 0);
    t.filter = parameter(&t, 0, DIMS(4, 3, 3, 2));
    t.gamma = parameter(&t, 72, DIMS(4));
    t.beta = parameter(&t, 76, DIMS(4));
    t.linear = parameter(&t, 80, DIMS(3, 4));
    return t;
}

static double train_step(trainee *t, uint64_t seed)
{
    tx_open();
    tensor *x = tx_normal(DIMS(6, 8, 8, 2), seed), *y = tx_index(DIMS(6, 1), (const int32_t[]){0, 1, 2, 2, 1, 0});
    tensor *h = tx_batchnorm(tx_conv(x, t->filter, 1, 1), t->gamma, t->beta, 1e-5, NULL, NULL);
    h = tx_flat(tx_avgpool(tx_maxpool(tx_relu(h), 2, 2, 0), 4, 1, 0));
    tensor *loss = tx_nll(tx_matmul(h, t->linear, 0, 1), y);
    tx_fill(t->grad, 0);
    ad_backward(loss);
    tx_sgd(t->w, t->velocity, t->grad, 0.1, 0.9, 5e-4, true);
    double value = tx_item(loss);
    tx_close();
    return value;
}

static void a_loop_stops_asking_the_driver(void **state)
{
    double first, last = 0;

    (void)state;
    tx_open();
    trainee t = trainee_new();
    first = train_step(&t, 1);
    train_step(&t, 2);
    train_step(&t, 3);
    pool_counts before = pool_counters();
    for (uint64_t i = 4; i < 12; i++)
        last = train_step(&t, i % 3);
    pool_counts after = pool_counters();
    assert_int_equal(after.allocations, before.allocations);
    assert_int_equal(after.held, before.held);
    assert_int_equal(after.live, before.live);
    assert_int_equal(after.tensors, before.tensors);
    assert_true(after.waits - before.waits <= 8); /* one a step: the loss */
    assert_true(last < first);
    tx_close();
}

/* --- Addresses --- */

enum { SPOTS = 12 };

/* A step that makes tensors of equal sizes and ends them in another order; where they were. */
static void visit(const char *spots[SPOTS])
{
    static const int ended[] = {3, 0, 5, 1, 4, 2};
    tensor *t[SPOTS];

    tx_open();
    for (int i = 0; i < SPOTS / 2; i++)
        t[i] = tx_new(DIMS(32, 5));
    for (int i = 0; i < SPOTS / 2; i++)
        spots[i] = t[i]->mem->at;
    for (int i = 0; i < SPOTS / 4; i++)
        tx_drop(t[ended[i]]);
    for (int i = SPOTS / 2; i < SPOTS; i++)
        spots[i] = tx_new(DIMS(32, 5))->mem->at;
    tx_close();
}

static void keep_odd_ones(tensor *kept[], int n)
{
    tx_open();
    for (int i = 0; i < n; i++) {
        tensor *t = tx_new(DIMS(32, 5));
        kept[i] = i % 2 ? tx_keep(t) : NULL;
    }
    tx_close();
}

/* What is recorded on addresses can be launched again: a loop settles on the
 * same ones, again so after something else used blocks of those sizes. */
static void a_loop_settles_on_its_addresses(void **state)
{
    const char *one[SPOTS], *other[SPOTS];
    tensor *kept[SPOTS];

    (void)state;
    visit(one); /* asks the driver, who gives them in any order */
    visit(one);
    for (int i = 0; i < 4; i++) {
        visit(other);
        assert_memory_equal(one, other, sizeof one);
    }
    tx_open();
    keep_odd_ones(kept, SPOTS);
    for (int i = 3; i < SPOTS; i += 4)
        tx_drop(kept[i]);
    tx_close();
    visit(one);
    visit(other);
    assert_memory_equal(one, other, sizeof one);
}

/* --- Failing allocations --- */

/* Two steps in a process of their own; says the loss. */
static void train_twice(void)
{
    open_ref();
    trainee t = trainee_new();
    train_step(&t, 1);
    double loss = train_step(&t, 2);
    fprintf(stderr, "%a", loss);
}

static void train_with_failure(int n)
{
    pool_fail(n < 0 ? -n : n, n < 0);
    train_twice();
    if (pool_counters().failures == 0)
        exit(10); /* there is no n-th allocation */
    device_close();
}

static void every_allocation_may_fail_once(void **state)
{
    char text[4096], expected[64];
    int n = 1, status;

    (void)state;
    assert_int_equal(child(train_with_failure, ENDLESS, expected, sizeof expected), 10);
    for (; n < ENDLESS && (status = child(train_with_failure, n, text, sizeof text)) != 10; n++)
        if (status != 0 || strcmp(text, expected) != 0)
            fail_msg("failing allocation %d once: exit %d: %s", n, status, text);
    assert_true(n > 30 && n < ENDLESS);
    for (int i = 1; i < n; i += i < 40 ? 1 : 17) {
        status = child(train_with_failure, -i, text, sizeof text);
        if (status != EXIT_MEMORY)
            fail_msg("failing all allocations from %d on: exit %d: %s", i, status, text);
        expect_text(text, "memory: ");
        expect_text(text, " wanted");
    }
}

/* --- How many images would fit --- */

enum { MIB = 1 << 20, CARD = 64 }; /* MiB that the device has */
static const bk_api *whole;
static size_t taken; /* bytes of the small card */

static void *small_alloc(bk *b, size_t bytes)
{
    if (taken + bytes > (size_t)CARD * MIB)
        return NULL;
    taken += bytes;
    return whole->alloc(b, bytes);
}

static void small_free(bk *b, void *p, size_t bytes)
{
    taken -= bytes;
    whole->free(b, p, bytes);
}

static void small_memory(bk *b, size_t *unused, size_t *total)
{
    (void)b;
    *total = (size_t)CARD * MIB;
    *unused = *total - taken;
}

/* Weights, then a step: 2 MiB an image in one block, or bit by bit (images < 0). */
static void look_at(int images)
{
    static bk_api small;
    int n = abs(images);

    open_ref();
    whole = engine.api;
    small = *whole;
    small.alloc = small_alloc;
    small.free = small_free;
    small.memory = small_memory;
    engine.api = &small;
    tx_bytes((size_t)10 * MIB);
    tx_drop(tx_bytes((size_t)30 * MIB)); /* what is cached goes when it must */
    pool_step();
    pool_images(n / 2);
    pool_images(n - n / 2);
    if (images > 0)
        tx_bytes((size_t)n * 2 * MIB);
    for (int i = 0; i > images; i--)
        tx_bytes((size_t)2 * MIB);
}

/* 54 MiB are left for images, that is 27 of them. */
static void a_batch_that_fits_is_named(void **state)
{
    static const struct {
        int images;
        const char *says; /* NULL: they fit */
    } cases[] = {{100, "a batch of 24 would fit, by estimate, where 100 images were asked for"},
                 {24, NULL},
                 {-27, NULL},
                 {-100, "a batch of 48 would fit, by estimate, where 100 images"},
                 {-28, "a batch of 8 would fit"}};
    char text[4096];

    (void)state;
    for (int i = 0; i < 5; i++) {
        int status = child(look_at, cases[i].images, text, sizeof text);
        if (status != (cases[i].says ? EXIT_MEMORY : 0))
            fail_msg("%d images: exit %d: %s", cases[i].images, status, text);
        if (!cases[i].says)
            continue;
        char *last = strstr(text, "out of device memory: ");
        assert_non_null(last);
        expect_text(last, cases[i].says);
        expect_text(last, " wanted, ");
        assert_ptr_equal(strchr(last, '\n'), text + strlen(text) - 1); /* the sizes are above it */
        assert_ptr_not_equal(last, text);
    }
}

/* --- Scopes --- */

static void scopes_end_what_they_own(void **state)
{
    (void)state;
    pool_counts before = pool_counters();
    tx_open();
    tensor *kept, *slice, *outer = tx_full(DIMS(8, 2), 3);
    tx_open();
    tensor *inner = tx_full(DIMS(1000), 5);
    kept = tx_keep(tx_full(DIMS(3), 4));
    slice = tx_keep(tx_slice(inner, 500, 2)); /* what it looks at outlives its scope */
    assert_ptr_equal(tx_keep(outer), outer);
    tx_close();
    assert_true(tx_item(tx_sum(kept)) == 12 && tx_item(tx_sum(slice)) == 10 && tx_item(tx_sum(outer)) == 48);
    tx_close();
    pool_counts after = pool_counters();
    assert_int_equal(after.live, before.live);
    assert_int_equal(after.tensors, before.tensors);
}

static void leaves_are_kept_with_their_wish(void **state)
{
    (void)state;
    tx_open();
    tx_open();
    tensor *x = tx_keep(ad_leaf(tx_full(DIMS(2), 3))), *g;
    tx_square(x);
    tx_close();
    ad_grad(tx_sum(tx_square(x)), 1, &x, &g, 0);
    assert_true(tx_item(tx_sum(g)) == 12);
    tx_close();
}

static void views_share_their_storage(void **state)
{
    (void)state;
    tx_open();
    int64_t live = pool_counters().live;
    tensor *x = tx_full(DIMS(64, 1024), 1);
    int64_t one = pool_counters().live - live;
    tensor *y = tx_slice(tx_reshape(x, DIMS(1024, 8, 8)), 3, 4);
    assert_int_equal(pool_counters().live - live, one);
    tx_fill(y, 2);
    assert_true(tx_item(tx_sum(x)) == 64 * 1024 + 4 * 64);
    tx_close();
}

static void backward_gives_back_what_it_passed(void **state)
{
    int64_t live[2], peak[2];

    (void)state;
    for (int retain = 0; retain < 2; retain++) {
        tx_open();
        pool_reset_peaks();
        int64_t start = pool_counters().live;
        tensor *x = ad_leaf(tx_full(DIMS(300, 300), 0.5F)), *y = x, *g;
        for (int i = 0; i < 20; i++)
            y = tx_exp(tx_scale(y, -1));
        ad_grad(tx_mean(y), 1, &x, &g, retain ? AD_RETAIN : 0);
        live[retain] = pool_counters().live - start;
        peak[retain] = pool_counters().live_peak - start;
        tx_close();
    }
    assert_true(live[0] * 8 < live[1]); /* leaf, gradient and loss are left of forty */
    assert_true(peak[0] < peak[1] + live[0]);
}

/* --- Guards --- */

static void write_outside(int where)
{
    pool_check(true);
    open_ref();
    tensor *t = tx_full(DIMS(5), 1);
    engine.api->fill(engine.b, tx_data(t) + (where < 0 ? -1 : 5), 1, 0);
    tx_drop(t);
}

static void guards_find_writes_outside(void **state)
{
    char text[1024];

    (void)state;
    assert_int_equal(child(write_outside, -1, text, sizeof text), EXIT_PRECONDITION);
    expect_text(text, "before a block of 20 bytes");
    assert_int_equal(child(write_outside, 1, text, sizeof text), EXIT_PRECONDITION);
    expect_text(text, "behind a block of 20 bytes, at byte 0");
}

static void train_checked(int unused)
{
    (void)unused;
    pool_check(true);
    train_twice();
    bool spoilt = isnan(tx_item(tx_sum(tx_new(DIMS(3)))));
    device_close();
    exit(spoilt ? 0 : 12);
}

/* With fresh and released memory full of NaN the numbers are the same: nothing
 * is read before it was written, nor after it was given back. */
static void nothing_reads_what_it_may_not(void **state)
{
    char text[1024], expected[64];
    int status = child(train_checked, 0, text, sizeof text);

    (void)state;
    assert_int_equal(child(train_with_failure, ENDLESS, expected, sizeof expected), 10);
    if (status != 0 || strcmp(text, expected) != 0)
        fail_msg("exit %d: %s, expected %s", status, text, expected);
}

/* --- Misuse: what is done, and what the line must say --- */

static tensor *full(int64_t a, int64_t b)
{
    return tx_full(DIMS(a, b), 1);
}

static tensor *one_leaf(tensor **g)
{
    *g = NULL;
    return ad_leaf(tx_full(DIMS(2), 3));
}

static int changed_line, used_line;

static void misuse(int which)
{
    tensor *x, *y, *g, *i = NULL;

    open_ref();
    x = one_leaf(&g);
    switch (which) {
    case 0:
        tx_add(full(2, 3), full(3, 2));
        break;
    case 1:
        tx_matmul(full(2, 3), full(4, 2), 0, 0);
        break;
    case 2:
        tx_conv(tx_full(DIMS(1, 5, 5, 3), 1), tx_full(DIMS(2, 3, 3, 4), 1), 1, 1);
        break;
    case 3:
        tx_slice(full(2, 3), 1, 2);
        break;
    case 4:
        tx_topk(full(2, 3), 4, &i);
        break;
    case 5:
        tx_item(full(2, 3));
        break;
    case 6:
        ad_grad(tx_square(x), 1, &x, &g, 0);
        break;
    case 7:
        tx_close();
        break;
    case 8:
        tx_open();
        y = full(2, 3);
        tx_close();
        tx_exp(y);
        break;
    case 9:
        y = tx_square(x);
        ad_grad(tx_sum(tx_exp(y)), 1, &x, &g, 0);
        tx_item(tx_sum(y));
        break;
    case 10:
        y = tx_sum(tx_square(x));
        ad_grad(y, 1, &x, &g, 0);
        ad_grad(y, 1, &x, &g, 0);
        break;
    case 11:
        y = tx_square(x), used_line = __LINE__;
        tx_axpy(x, 1, ad_detach(x)), changed_line = __LINE__;
        fprintf(stderr, "pool.c:%d used pool.c:%d which\n", used_line, changed_line);
        ad_grad(tx_sum(y), 1, &x, &g, 0);
        break;
    case 12:
        tx_assign(tx_square(x), x);
        break;
    case 13:
        y = tx_full(DIMS(2), 1);
        ad_grad(tx_sum(tx_square(x)), 1, &y, &g, 0);
        break;
    case 14:
        tx_open();
        y = tx_keep(tx_square(x));
        tx_close();
        ad_grad(tx_sum(tx_exp(y)), 1, &x, &g, 0);
        break;
    case 15:
        tx_add(tx_argmax(full(2, 3)), full(2, 1));
        break;
    case 16:
        tx_pick(full(2, 3), tx_argmax(full(3, 3)));
        break;
    case 17:
        tx_quantile(full(2, 3), 2);
        break;
    case 18:
        tx_reshape(full(2, 3), DIMS(4));
        break;
    case 19:
        tx_assign(x, full(1, 2));
        break;
    default:
        ad_grad(tx_sum(tx_full(DIMS(2), 1)), 1, &x, &g, 0);
    }
}

static const char *const misuses[] = {
    "tx_add: [2,3] and [3,2]",
    "tx_matmul: [2,3] times [4,2]: inner extents 3 and 4",
    "tx_conv: images [1,5,5,3], filters [2,3,3,4]: the channels differ",
    "tx_slice: [2,3]: 2 from 1 on are not within 2",
    "tx_topk: [2,3]: 4 of 3 columns",
    "tx_item: [2,3], one real is expected",
    "ad_grad: [2], one element is expected",
    "tx_close: no scope is open",
    "after its scope was closed",
    "[2] was given back by a backward pass: AD_RETAIN",
    "differentiated before, and its memory given back: ask for AD_RETAIN",
    "which tx_axpy at ",
    "tx_assign: [2] was computed, and only leaves",
    "ad_grad: [2] wants no gradient: ad_leaf",
    "uses a tensor kept from a scope that closed",
    "tx_add: [2,1] of integers, reals are expected",
    "tx_pick: [2,3] by [3,1] of integers",
    "tx_quantile: 2 of [2,3]",
    "tx_reshape: [2,3] has 6 elements, 4 are expected",
    "tx_assign: [1,2] into [2]: equal extents",
    "ad_grad: [1] depends on no leaf",
};

static void misuse_is_named_with_its_place(void **state)
{
    char text[2048];

    (void)state;
    for (int i = 0; i < (int)(sizeof misuses / sizeof *misuses); i++) {
        int status = child(misuse, i, text, sizeof text);
        if (status != EXIT_PRECONDITION)
            fail_msg("misuse %d: exit %d: %s", i, status, text);
        expect_text(text, misuses[i]);
        expect_text(text, "pool.c:");
        if (i != 11)
            assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1); /* one line */
    }
}

/* Both the operation that used the value and the write that changed it. */
static void a_write_across_a_derivative_names_both(void **state)
{
    char text[2048], part[64];
    int used, changed;

    (void)state;
    assert_int_equal(child(misuse, 11, text, sizeof text), EXIT_PRECONDITION);
    assert_int_equal(sscanf(text, "pool.c:%d used pool.c:%d", &used, &changed), 2);
    snprintf(part, sizeof part, "tests/pool.c:%d used [2]", used);
    expect_text(text, part);
    snprintf(part, sizeof part, "tests/pool.c:%d has changed since", changed);
    expect_text(text, part);
}

static tensor *elsewhere(tensor *x)
{
    return tx_scale(x, 2);
}

static void wrong_far_from_its_arguments(int unused)
{
    (void)unused;
    open_ref();
    fprintf(stderr, "line %d\n", __LINE__ + 1);
    tx_matmul(elsewhere(full(2, 3)), tx_exp(elsewhere(full(4, 2))), 0, 0);
}

/* Arguments note places too: the line named is the one of the call itself. */
static void the_place_is_the_calls_own(void **state)
{
    char text[1024], part[64];
    int line;

    (void)state;
    assert_int_equal(child(wrong_far_from_its_arguments, 0, text, sizeof text), EXIT_PRECONDITION);
    assert_int_equal(sscanf(text, "line %d", &line), 1);
    snprintf(part, sizeof part, "(tests/pool.c:%d)", line);
    expect_text(text, part);
}

/* --- Values from the host --- */

static void eigenvectors(void **state)
{
    enum { N = 40 };
    real v[N * N], w[N], again[N * N];

    (void)state;
    tx_open();
    tensor *a = tx_normal(DIMS(N, N), 5), *s = tx_matmul(a, a, 1, 0), *values;
    tensor *vectors = tx_eigh(s, &values);
    tx_read(vectors, v);
    tx_read(values, w);
    /* V' diag(w) V is the matrix again, rows of V are vectors, of unit length */
    tensor *product = tx_matmul(vectors, tx_mul(vectors, tx_reshape(values, DIMS(N, 1))), 1, 0);
    double size = tx_item(tx_sqrt(tx_sum(tx_square(s))));
    tx_read(tx_sub(product, s), again);
    for (int i = 0; i < N * N; i++)
        assert_true(fabs((double)again[i]) < 1e-6 * size);
    for (int i = 0; i < N; i++) {
        int top = 0;
        for (int j = 1; j < N; j++)
            top = fabs((double)v[i * N + j]) > fabs((double)v[i * N + top]) ? j : top;
        assert_true(v[i * N + top] > 0);
        assert_true(i == 0 || w[i] <= w[i - 1]);
    }
    tx_eigh(tx_full(DIMS(2, 2), NAN), &values);
    assert_true(isnan(tx_item(tx_sum(values))));
    assert_int_equal(tx_rows(tx_eigh(tx_full(DIMS(0, 0), 0), NULL)), 0);
    tx_close();
}

static int ascending(const void *a, const void *b)
{
    real x = *(const real *)a, y = *(const real *)b;

    return (x > y) - (x < y);
}

/* By sorting, on values of which half are equal. */
static void quantiles_of_many(void)
{
    enum { N = 5001 };
    static real v[N];
    tensor *x = tx_relu(tx_normal(DIMS(N), 8));

    tx_read(x, v);
    qsort(v, N, sizeof *v, ascending);
    for (int i = 0; i <= 100; i++) {
        double r = (N - 1) * (i / 100.0), at = floor(r), low = (double)v[(int)at];
        double high = (double)v[(int)at + ((int)at < N - 1)];
        assert_true(fabs(tx_quantile(x, i / 100.0) - (low + (r - at) * (high - low))) < 1e-12);
    }
}

/* More values than are read at once: 0 to 9 over and over, then a million tens
 * beyond the first tile. 0.07 * 100 is a little more than 7, whose rank is meant. */
static void quantiles_by_tiles(void)
{
    enum { N = 5000000, TENS = 1000000 };
    real *v = malloc(N * sizeof *v), hundred[101];
    assert_non_null(v);
    for (int i = 0; i < N; i++)
        v[i] = i < N - TENS ? (real)(i % 10) : 10;
    tensor *x = tx_from(DIMS(N / 100, 100), v);
    assert_true(tx_quantile(x, 0.75) == 9 && tx_quantile(x, 0.9) == 10 && tx_quantile(x, 0.04) == 0);
    assert_true(fabs(tx_quantile(x, (TENS * 4 - 0.5) / (N - 1)) - 9.5) < 1e-6);
    free(v);
    for (int i = 0; i <= 100; i++)
        hundred[i] = (real)(i > 7 ? 1000 : i);
    assert_true(tx_quantile(tx_from(DIMS(101), hundred), 0.07) == 7);
}

static void quantiles(void **state)
{
    (void)state;
    tx_open();
    tensor *x = tx_from(DIMS(5), (const real[]){7, 1, 3, 9, 4});
    assert_true(tx_quantile(x, 0) == 1 && tx_quantile(x, 1) == 9 && tx_quantile(x, 0.5) == 4);
    assert_true(fabs(tx_quantile(x, 0.9) - 8.2) < 1e-12); /* r = 3.6: 7 + 0.6 (9 - 7) */
    assert_true(isnan(tx_quantile(tx_from(DIMS(2), (const real[]){1, NAN}), 0)));
    x = tx_from(DIMS(2, 2), (const real[]){-2, INFINITY, -0.5f, -8});
    assert_true(tx_quantile(x, 0) == -8 && tx_quantile(x, 1) == HUGE_VAL && tx_quantile(x, 0.5) == -1.25);
    assert_true(tx_quantile(tx_full(DIMS(1), 3), 0.3) == 3);
    quantiles_of_many();
    quantiles_by_tiles();
    tx_close();
}

/* What is not a number stays visible through everything that selects. */
static void nothing_swallows_nan(void **state)
{
    const real bad[] = {1, NAN, -2, INFINITY};

    (void)state;
    tx_open();
    tensor *x = tx_from(DIMS(1, 4), bad), *ones = tx_full(DIMS(1, 4), 1);
    assert_true(isnan(tx_item(tx_sum(tx_relu(x)))));
    assert_true(isnan(tx_item(tx_slice_cols(tx_relu(x), 1, 1))));
    assert_true(isinf(tx_item(tx_slice_cols(tx_relu(x), 3, 1))));
    assert_true(isnan(tx_item(tx_sum(tx_within(ones, x, -1, 1)))));
    assert_true(isnan(tx_item(tx_lse(x))) && isnan(tx_item(tx_sum(tx_log_softmax(x)))));
    assert_true(isnan(tx_item(tx_sum(tx_topk(x, 4, NULL)))));
    assert_true(isnan(tx_item(tx_maxpool(tx_reshape(x, DIMS(1, 2, 2, 1)), 2, 2, 0))));
    assert_true(isnan(tx_item(tx_sum(tx_unit_rows(x)))));
    assert_true(isnan(tx_item(tx_mean(tx_full(DIMS(0, 3), 1))))); /* of nothing */
    tx_close();
}

/* More similarities than are held at once: the tiles join without a seam. */
static void nearest_by_tiles(void **state)
{
    enum { N = 4200, K = 3 };
    static real found[N * K], expected[N * K];
    static int32_t rows[N * K], columns[N * K];

    (void)state;
    tx_open();
    tensor *a = tx_normal(DIMS(N, 2), 1), *c = tx_normal(DIMS(N, 2), 2), *i;
    bool was = engine_fused(false);
    tx_read(tx_nearest(a, c, K, &i), found);
    tx_read(i, rows);
    engine_fused(was);
    tx_read(tx_topk(tx_matmul(a, c, 0, 1), K, &i), expected);
    tx_read(i, columns);
    assert_memory_equal(found, expected, sizeof found);
    assert_memory_equal(rows, columns, sizeof rows);
    tx_close();
}

static int with_device(void **state)
{
    (void)state;
    open_ref();
    return 0;
}

static int without_device(void **state)
{
    (void)state;
    device_close();
    return 0;
}

int main(void)
{
    /* Children start without a device, as a program does. */
    const struct CMUnitTest children[] = {
        cmocka_unit_test(every_allocation_may_fail_once), cmocka_unit_test(guards_find_writes_outside),
        cmocka_unit_test(nothing_reads_what_it_may_not),  cmocka_unit_test(misuse_is_named_with_its_place),
        cmocka_unit_test(a_batch_that_fits_is_named),     cmocka_unit_test(a_write_across_a_derivative_names_both),
        cmocka_unit_test(the_place_is_the_calls_own),
    };
    const struct CMUnitTest own[] = {
        cmocka_unit_test(a_loop_stops_asking_the_driver),
        cmocka_unit_test(a_loop_settles_on_its_addresses),
        cmocka_unit_test(scopes_end_what_they_own),
        cmocka_unit_test(leaves_are_kept_with_their_wish),
        cmocka_unit_test(views_share_their_storage),
        cmocka_unit_test(backward_gives_back_what_it_passed),
        cmocka_unit_test(eigenvectors),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(nothing_swallows_nan),
        cmocka_unit_test(nearest_by_tiles),
    };

    tested_kernels();
    int failed = cmocka_run_group_tests(children, NULL, NULL);
    return failed + cmocka_run_group_tests(own, with_device, without_device);
}
