/* ranks.c - two ranks against one with the joined batch, in double, where sums in
 * another order leave nothing to see: operations to third order, then whole
 * trainings, whose weights agree to 1e-9 after several steps. A wrong factor of
 * two, a statistic of half a batch or an image out of place is a million times that. */
#include "../../datasets/store.h"
#include "../../harness/engine.h"
#include "../../harness/fault.h"
#include "../../harness/network.h"
#include "../../harness/train.h"
#include "../../kernels/random.h"
#include "../pair.h"
#include "../tested.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <signal.h>

enum { SIDE = 8, CLASSES = 3, TRAIN = 22, VAL = 7, AUXILIARY = 9, BATCH = 4, OUTLIERS = 2, STEPS = 5 };

static char folder[4096];
static const double most = 1e-9; /* relative to the largest */

static char *in_folder(const char *name)
{
    static char path[4][4400];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

/* --- What a process computed, for this one to compare. --- */

static void write_values(const char *name, const tensor *t)
{
    real *host = pool_host((size_t)t->count * sizeof *host);
    FILE *f = fopen(in_folder(name), "wb");
    tx_read(t, host);
    if (!f || fwrite(host, sizeof *host, (size_t)t->count, f) != (size_t)t->count || fclose(f) != 0)
        abort();
    free(host);
}

static real *read_values(const char *name, size_t *n)
{
    FILE *f = fopen(in_folder(name), "rb");
    real *host = calloc(1 << 20, sizeof *host);
    if (!f || !host)
        fail_msg("%s was not written", name);
    *n = fread(host, sizeof *host, 1 << 20, f);
    fclose(f);
    return host;
}

static void same_values(const char *what, const real *a, const real *b, size_t n)
{
    double largest = 0, apart = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)a[i]));
        apart = fmax(apart, fabs((double)(a[i] - b[i])));
    }
    if (!(largest > 0 && apart <= most * largest))
        fail_msg("%s: %g apart, of at most %g", what, apart, largest);
}

/* --- Derivatives --- */

static tensor *of_rows(dims d, uint64_t seed, int joined)
{
    tensor *x = tx_normal(d, seed);
    int64_t n = d.d[0] / (joined ? 1 : 2);
    return joined ? x : tx_slice(x, ranks_here() * n, n);
}

/* The norm of the slope of a batch-normalised map, as greg has it, by images and parameters. */
static int differentiate(void *arg)
{
    const char *name = arg;
    tensor *g[3], *slope;
    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) != 0)
        return 1;
    tx_open();
    tensor *x = ad_leaf(of_rows(DIMS(6, 2, 2, 4), 3, ranks_count() == 1));
    tensor *p[] = {x, ad_leaf(tx_uniform(DIMS(4), 5)), ad_leaf(tx_normal(DIMS(4), 6))};
    tensor *h = tx_batchnorm(x, p[1], p[2], 1e-2, NULL, NULL);
    tensor *y = tx_mean(tx_lse(tx_flat(tx_mul(h, tx_square(h)))));
    ad_grad(y, 1, &x, &slope, AD_CREATE | AD_RETAIN);
    tensor *third;
    ad_grad(tx_mean(tx_rownorm(tx_flat(slope))), 1, &x, &third, AD_CREATE | AD_RETAIN);
    tensor *loss = tx_add(tx_add(y, tx_scale(tx_mean(tx_rownorm(tx_flat(slope))), 3)),
                          tx_mean(tx_rownorm(tx_flat(third))));
    ad_grad(loss, 3, p, g, 0);
    ranks_sum(g[1]);
    ranks_sum(g[2]);
    char file[64];
    for (int i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s-%d-%d", name, i, i == 0 ? ranks_here() : 0);
        if (i == 0 || ranks_here() == 0)
            write_values(file, g[i]);
    }
    tx_close();
    device_close();
    return 0;
}

static void same_files(const char *one, const char *other, int exact)
{
    size_t n, m;
    real *x = read_values(one, &n), *y = read_values(other, &m);
    assert_int_equal(n, m);
    if (exact)
        assert_memory_equal(x, y, n * sizeof *x);
    else
        same_values(one, x, y, n);
    free(x);
    free(y);
}

/* The gradient by images is in two halves. */
static void same_halves(void)
{
    size_t n, m;
    real *whole = read_values("one-0-0", &n);
    for (int i = 0; i < 2; i++) {
        real *half = read_values(i ? "two-0-1" : "two-0-0", &m);
        assert_int_equal(n, 2 * m);
        same_values("by images", whole + (size_t)i * m, half, m);
        free(half);
    }
    free(whole);
}

static void derivatives_are_of_the_joined_batch(void **state)
{
    (void)state;
    static char one[] = "one", two[] = "two";
    static const char *const files[] = {"one-0-0", "one-1-0", "one-2-0", "two-0-0",
                                        "two-0-1", "two-1-0", "two-2-0"};
    int codes[2] = {0};
    pair_run(1, differentiate, one, codes);
    pair_run(2, differentiate, two, codes);
    assert_int_equal(codes[0] + codes[1], 0);
    same_halves();
    same_files("one-1-0", "two-1-0", 0);
    same_files("one-2-0", "two-2-0", 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(in_folder(files[i]));
}

static int total_twice(void *arg)
{
    (void)arg;
    real host[2];
    tensor *g, *x;
    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) != 0)
        return 1;
    tx_open();
    x = ad_leaf(tx_from(DIMS(2), (const real[]){1 + ranks_here(), 3}));
    tensor *y = tx_sum(tx_square(ranks_total(x))); /* (1 + 2)^2 + (3 + 3)^2, on both: the mean of equals */
    if (tx_item(y) != 45)
        return 2;
    ad_grad(y, 1, &x, &g, 0); /* 2 (1 + 2), 2 (3 + 3) */
    tx_read(g, host);
    tx_close();
    device_close();
    return host[0] == 6 && host[1] == 12 ? 0 : 3;
}

static void totals_by_hand(void **state)
{
    (void)state;
    int codes[2];
    pair_run(2, total_twice, NULL, codes);
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], 0);
}

/* --- Trainings --- */

static int write_split(store *to, const char *split, int64_t n, int labelled, uint64_t seed)
{
    uint8_t px[SIDE * SIDE * 3];
    int rc = store_split(to, split, n, SIDE, "tests/double/ranks.c");
    for (int64_t i = 0; i < n && rc == 0; i++) {
        int32_t label = labelled ? (int32_t)(i % CLASSES) : -1;
        for (int64_t j = 0; j < SIDE * SIDE * 3; j++)
            px[j] = (uint8_t)((j % 3 == label ? 90 : 0) + random_below(seed, (uint64_t)(i * 1000 + j), 120));
        rc = store_images(to, px, &label, 1);
    }
    return rc;
}

static int write_sets(void)
{
    static const char *const names[] = {"red", "green", "blue"};
    static const double half[] = {0.5, 0.5, 0.5};
    const store_header header = {"colours", names, CLASSES, half, half};
    store *s;
    return store_create(&s, in_folder("id.h5"), &header) != 0 || write_split(s, "train", TRAIN, 1, 1) != 0 ||
                   write_split(s, "val", VAL, 1, 2) != 0 || store_commit(s) != 0 ||
                   store_create(&s, in_folder("aux.h5"), &header) != 0 ||
                   write_split(s, "train", AUXILIARY, 0, 3) != 0 || store_commit(s) != 0
               ? -1
               : 0;
}

typedef struct training {
    const char *method, *base;
    const char *key, *value; /* of the method; NULL: as they are */
    const char *name;        /* of the files it leaves */
    int64_t epoch_steps, epochs;
    const char *dies; /* the loss at which rank 1 is killed: of the method `mortal` */
} training;

static int train(void *arg)
{
    const training *a = arg;
    char path[512], out[64], csv[64], kept[64];
    plugin *p;
    run r;
    config *c = config_new();
    extractor e = {.mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    snprintf(out, sizeof out, "%s.safetensors", a->name);
    snprintf(csv, sizeof csv, "%s.csv", a->name);
    train_job job = {.name = "test", .recipe = train_recipe(), .id = strdup(in_folder("id.h5"))};
    job.out = strdup(in_folder(out));
    job.csv = strdup(in_folder(csv));
    job.recipe.epochs = a->epochs;
    job.recipe.epoch_steps = a->epoch_steps;
    job.recipe.batch = BATCH;
    job.recipe.outlier_batch = OUTLIERS;
    job.recipe.crop = 1;
    job.recipe.lr = 0.02;
    if (a->key)
        config_set(c, a->key, a->value, "test");
    snprintf(path, sizeof path, "%s/%s/%s.so", tested_build(),
             strcmp(a->method, "mortal") == 0 ? "tests/bad" : "methods", a->method);
    if (a->dies && ranks_here() == 1)
        setenv("MORTAL", a->dies, 1);
    job.save_s = 1e-9;
    if (device_open_api(bk_query(BK_ABI, sizeof(bk_api)), 0) != 0 || plugin_open(&p, path) != 0 ||
        plugin_configure(p, c) != 0 || net_build(&e.net, "resnet20", CLASSES, SIDE, 5) != 0)
        goto failed;
    snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), a->base ? a->base : "ce");
    if (a->base && (plugin_open(&job.base, path) != 0 || plugin_configure(job.base, c) != 0))
        goto failed;
    job.outliers = strdup(in_folder("aux.h5"));
    run_begin(&r, &e, job.id, 11);
    if (train_run(p, &r, &job) != 0)
        goto failed;
    snprintf(kept, sizeof kept, "%s-weights-%d", a->name, ranks_here());
    write_values(kept, nn_weights(e.net));
    snprintf(kept, sizeof kept, "%s-stats-%d", a->name, ranks_here());
    write_values(kept, nn_stats(e.net));
    return 0;
failed:
    fprintf(stderr, "%s\n", fault_text());
    return 1;
}

static void forget_files(const char *name)
{
    static const char *const ends[] = {".safetensors", ".csv",       ".safetensors.best", ".safetensors.state",
                                       "-weights-0",   "-weights-1", "-stats-0",          "-stats-1"};
    char file[96];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(file, sizeof file, "%s%s", name, ends[i]);
        unlink(in_folder(file));
    }
}

/* What `name` left as rank `a` and `other` as rank `b`; `exact`: the same bits. */
static void same_networks(const char *name, int a, const char *other, int b, int exact)
{
    static const char *const parts[] = {"weights", "stats"};
    for (int i = 0; i < 2; i++) {
        char left[96], right[96];
        snprintf(left, sizeof left, "%s-%s-%d", name, parts[i], a);
        snprintf(right, sizeof right, "%s-%s-%d", other, parts[i], b);
        same_files(left, right, exact);
    }
}

static const training methods[] = {
    {"ce", NULL, NULL, NULL, "ce", STEPS, 1, NULL},
    {"oe", NULL, NULL, NULL, "oe", STEPS, 1, NULL},
    {"ebo_ft", NULL, NULL, NULL, "ebo_ft", STEPS, 1, NULL},
    {"sam", NULL, NULL, NULL, "sam", STEPS, 1, NULL},
    {"sam", "oe", "sam.base", "oe", "sam over oe", STEPS, 1, NULL},
    {"asam", NULL, "asam.bn_update", "both", "asam", STEPS, 1, NULL},
    {"drsam", NULL, "drsam.severity", "0", "drsam", STEPS, 1, NULL},
    {"greg", NULL, "greg.m_in", "-1", "greg", STEPS, 1, NULL},
    {"greg", NULL, "greg.grad_reduction", "paper", "greg as in the paper", STEPS, 1, NULL},
    {"oe_grad", NULL, "oe_grad.oe_score", "msp", "oe_grad", STEPS, 1, NULL},
};
enum { METHODS = sizeof methods / sizeof *methods };

static void trains_the_same(void **state)
{
    training a = *(const training *)*state;
    int codes[2] = {0};
    const char *one = a.name;
    pair_run(1, train, &a, codes);
    assert_int_equal(codes[0], 0);
    a.name = "of two ranks";
    pair_run(2, train, &a, codes);
    assert_int_equal(codes[0], 0);
    assert_int_equal(codes[1], 0);
    same_networks(a.name, 0, a.name, 1, 1);
    same_networks(one, 0, a.name, 0, 0);
    forget_files(one);
    forget_files(a.name);
}

/* Rank 1 is killed in the second epoch; rank 0 notices and ends. What it saved is taken
 * up by two, to the bits of a training that nobody stopped, or by one. */
static void goes_on_where_a_rank_died(void **state)
{
    (void)state;
    training whole = {"mortal", NULL, NULL, NULL, "whole", 3, 2, NULL}, cut = whole;
    int codes[2];
    pair_run(2, train, &whole, codes);
    assert_int_equal(codes[0] + codes[1], 0);
    for (int ranks = 2; ranks >= 1; ranks--) {
        cut.name = "cut";
        cut.dies = "5";
        pair_run(2, train, &cut, codes);
        assert_int_equal(codes[0], PAIR_LOST);
        assert_int_equal(codes[1], 128 + SIGKILL);
        cut.dies = NULL;
        pair_run(ranks, train, &cut, codes);
        assert_int_equal(codes[0], 0);
        same_networks("whole", 0, "cut", 0, ranks == 2);
        forget_files("cut");
    }
    forget_files("whole");
}

static void refuses_what_is_no_share(void **state)
{
    (void)state;
    training a = {"gregplus", NULL, NULL, NULL, "refused", 1, 1, NULL};
    int codes[2];
    pair_run(2, train, &a, codes);
    assert_int_equal(codes[0], 1);
    assert_int_equal(codes[1], 1);
    assert_int_not_equal(access(in_folder("refused.safetensors"), F_OK), 0);
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/oodbench-ranks.XXXXXX", tmp ? tmp : "/tmp");
    return !mkdtemp(folder) || write_sets() != 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(in_folder("id.h5"));
    unlink(in_folder("aux.h5"));
    return rmdir(folder);
}

int main(void)
{
    struct CMUnitTest tests[METHODS + 4] = {
        cmocka_unit_test(totals_by_hand), cmocka_unit_test(derivatives_are_of_the_joined_batch),
        cmocka_unit_test(goes_on_where_a_rank_died), cmocka_unit_test(refuses_what_is_no_share)};
    for (int i = 0; i < METHODS; i++)
        tests[i + 4] = (struct CMUnitTest){methods[i].name, trains_the_same, NULL, NULL,
                                           (void *)(uintptr_t)&methods[i]};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
