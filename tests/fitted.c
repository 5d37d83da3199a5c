/* fitted.c - what a fit leaves behind: the tensors that the method's struct points
 * to, and nothing else; and how much memory it takes on its way, where the training
 * set is what is large. */
#include "../kernels/random.h"
#include "toy.h"

#include <dirent.h>

enum { CLASSES = 3, MANY = 40000, FEW = 50 };

/* Times the training set's features and logits: what may stay, and what may be
 * there at once; the memory of the samples themselves not counted. */
static const double LEFT = 1.25, TAKEN = 2.5;

/* --- A scope that is closed but for some --- */

struct held {
    int64_t number;
    tensor *values;
    double share;
    tensor *part, *labels;
};

static void only_what_is_pointed_to(void **state)
{
    (void)state;
    real three[3] = {1, 2, 3}, got[4];
    int32_t two[2] = {7, 8}, found[2];
    struct held h = {.number = 1, .share = 0.5};
    toy_open("ref", &toy_t);
    tx_open();
    int64_t before = pool_counters().tensors, bytes = pool_counters().live;
    tx_open();
    tensor *large = tx_full(DIMS(4096, 4), 5);
    h.values = tx_scale(tx_from(DIMS(3), three), 2);
    h.labels = tx_index(DIMS(2, 1), two);
    h.part = tx_slice(large, 4095, 1);
    scope_close_but(&h, sizeof h);
    assert_int_equal(pool_counters().tensors, before + 3);
    assert_true(pool_counters().live - bytes < 4096); /* not the rows beside the part's */
    tx_read(h.values, got);
    assert_true(got[0] == 2 && got[2] == 6);
    tx_read(h.part, got);
    assert_true(got[0] == 5 && got[3] == 5);
    tx_read(h.labels, found);
    assert_true(found[0] == 7 && found[1] == 8);
    tx_close();
    assert_int_equal(pool_counters().tensors, before);
}

/* Two looks at one piece of memory stay that: a change through one shows in the other. */
static void shared_memory(void **state)
{
    (void)state;
    real got;
    tensor *h[2];
    toy_open("ref", &toy_t);
    tx_open();
    tx_open();
    h[0] = tx_full(DIMS(4096), 1);
    h[1] = tx_slice(h[0], 9, 1);
    scope_close_but(h, sizeof h);
    tx_assign(h[1], tx_full(DIMS(1), 3));
    tx_read(tx_slice(h[0], 9, 1), &got);
    assert_true(got == 3);
    tx_close();
}

/* --- Every scorer --- */

static float weight[CLASSES * TOY_WIDTH];
static const float bias[CLASSES] = {0, 0.5f, -0.5f};
static const toy dense = {.classes = CLASSES, .features = TOY_WIDTH, .weight = weight, .bias = bias};

/* The first hand check has parameters that suit the width. */
static plugin *suited(const char *name)
{
    char path[512], line[200], *end;
    snprintf(path, sizeof path, "tests/methods/%s.csv", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    do
        assert_non_null(fgets(line, sizeof line, f));
    while (line[0] == '#' || strncmp(line, "parameters,", 11) == 0);
    fclose(f);
    assert_non_null(end = strchr(line, ','));
    *end = '\0';
    return toy_method(name, line);
}

/* In sizes of the training set, its features and logits. */
static void measure(const char *name, double *left, double *most)
{
    run r;
    samples few;
    float scores[FEW];
    extractor e = {.net = toy_net};
    run_begin(&r, &e, NULL, 0);
    toy_fill(&r.splits[RUN_TRAIN], &r, toy_random(MANY, CLASSES, 10));
    toy_fill(&r.splits[RUN_VAL], &r, toy_random(FEW, CLASSES, 20));
    toy_fill(&few, &r, toy_random(FEW, CLASSES, 30));
    plugin *p = suited(name);
    tx_open();
    pool_reset_peaks();
    int64_t before = pool_counters().live;
    score_fit(p, &r);
    *left = (double)(pool_counters().live - before) / (MANY * (TOY_WIDTH + CLASSES) * sizeof(real));
    *most = (double)(pool_counters().live_peak - before) / (MANY * (TOY_WIDTH + CLASSES) * sizeof(real));
    assert_int_equal(score_samples(p, &r, &few, scores), 0); /* with memory that is gone, it is not finite */
    tx_close();
    assert_int_equal(pool_counters().live, before);
    plugin_close(p);
    samples_end(&few);
    run_end(&r);
}

/* The folder is the list: tests/methods/NAME.csv. */
static void every_scorer(void **state)
{
    struct dirent **found;
    int n = scandir("tests/methods", &found, NULL, alphasort), looked = 0;
    (void)state;
    for (int i = 0; i < CLASSES * TOY_WIDTH; i++)
        weight[i] = random_normal(1, (uint64_t)i);
    toy_open("cpu", &dense);
    for (int i = 0; i < n; i++) {
        char *end = strstr(found[i]->d_name, ".csv");
        double left, most;
        if (end) {
            *end = '\0';
            measure(found[i]->d_name, &left, &most);
            if (left > LEFT || most > TAKEN)
                fail_msg("%s: its fit takes %.2f times the training set at its height, of which %.2f stay: at most "
                         "%.2f and %.2f are expected",
                         found[i]->d_name, most, left, TAKEN, LEFT);
            looked++;
        }
        free(found[i]);
    }
    free(found);
    assert_true(looked > 20);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(only_what_is_pointed_to),
        cmocka_unit_test(shared_memory),
        cmocka_unit_test(every_scorer),
    };
    toy_begin();
    pool_check(true); /* what is given back becomes not-a-number */
    return cmocka_run_group_tests(cases, NULL, NULL);
}
