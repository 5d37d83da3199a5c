/* train.c - training on a tiny generated set: every training method lowers its
 * loss, the same seed gives the same bytes, a loss that leaves the numbers ends
 * the run by name, and a step neither waits twice nor allocates. */
#include "../harness/train.h"
#include "../harness/report.h"
#include "trained.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { CLASSES = COLOURS, TRAIN = 96, VAL = 30, AUXILIARY = 50, MOST = 64 };

typedef struct training { /* names[i]: "ce: lowers its loss" */
    char label[96], method[32];
} training;

static int set_up(void **state)
{
    (void)state;
    return trained_begin("train", TRAIN, VAL, AUXILIARY);
}

static int tear_down(void **state)
{
    (void)state;
    char best[4300];
    snprintf(best, sizeof best, "%s.best", out_path);
    const char *const files[] = {id_path, outlier_path, out_path, csv_path, best};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    return rmdir(folder); /* fails when something was left aside */
}

static recipe short_recipe(void)
{
    recipe r = train_recipe();
    r.epochs = 4;
    r.batch = 16;
    r.outlier_batch = 16;
    r.lr = 0.05;
    return r;
}

static const char *precision; /* of the trainings that follow; NULL: f32 */

/* One training from fresh weights; what train_run returned. */
static int train(const char *name, const recipe *c, uint64_t seed, int64_t classes)
{
    char path[512];
    plugin *p;
    run r;
    extractor e = {.mean = {0.5, 0.5, 0.5}, .std = {0.25, 0.25, 0.25}};
    train_job job = {.recipe = *c, .name = "test", .id = id_path, .out = out_path, .csv = csv_path};
    snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), name);
    if (plugin_open(&p, path) != 0 || nn_build(&e.net, "resnet20", classes, seed) != 0)
        fail_msg("%s", fault_text());
    e.precision = precision;
    nn_precision(e.net, precision && strcmp(precision, "bf16") == 0);
    job.outliers = plugin_method(p)->outliers ? outlier_path : NULL;
    unlink(out_path);
    run_begin(&r, &e, id_path, seed);
    int rc = train_run(p, &r, &job);
    run_end(&r);
    nn_free(e.net);
    plugin_close(p);
    return rc;
}

/* Meant for trained networks: two dozen steps from nothing leave running
 * statistics far behind the weights. tests/training.c has their accuracy. */
static bool tunes(const char *name)
{
    return strcmp(name, "drsam") == 0 || strcmp(name, "saft") == 0;
}

static void lowers_its_loss(void **state)
{
    const training *t = *state;
    recipe c = short_recipe();
    if (train(t->method, &c, 1, CLASSES) != 0)
        fail_msg("%s", fault_text());
    double first = diagnostic("loss", 1), last = diagnostic("loss", (int)c.epochs);
    if (!(last < 0.8 * first))
        fail_msg("%s: loss %g in the first epoch, %g in the last", t->method, first, last);
    if (!tunes(t->method))
        assert_true(diagnostic("val_acc", (int)c.epochs) > 60); /* chance: 33 */
    assert_true(file_exists(out_path));
}

static void weights(char **bytes, size_t *size, uint64_t seed)
{
    recipe c = short_recipe();
    c.epochs = 1;
    assert_int_equal(train("ce", &c, seed, CLASSES), 0);
    assert_int_equal(file_read(out_path, bytes, size), 0);
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    char *a, *b, *c;
    size_t na, nb, nc;
    weights(&a, &na, 7);
    weights(&b, &nb, 7);
    weights(&c, &nc, 8);
    assert_int_equal(na, nb);
    assert_memory_equal(a, b, na);
    assert_true(na != nc || memcmp(a, c, na) != 0);
    free(a);
    free(b);
    free(c);
}

/* The status a run reports on descriptor 3, which stays taken: what was written
 * to it must never reach a file opened later. */
static void status_of(const recipe *c, int expected, char *said, size_t cap)
{
    int ends[2], nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pipe(ends), 0);
    int from = fcntl(ends[0], F_DUPFD, 10), to = fcntl(ends[1], F_DUPFD, 10), null = fcntl(nowhere, F_DUPFD, 10);
    assert_true(from >= 10 && to >= 10 && null >= 10);
    assert_int_equal(dup2(to, 3), 3);
    close(to);
    report_open();
    assert_int_equal(train("ce", c, 1, CLASSES), expected);
    assert_int_equal(dup2(null, 3), 3);
    ssize_t n = read(from, said, cap - 1);
    said[n > 0 ? n : 0] = '\0';
    close(from);
    close(null);
}

static void loss_not_finite(void **state)
{
    (void)state;
    char said[8192];
    recipe c = short_recipe();
    c.lr = 1e20;
    status_of(&c, EXIT_NOT_FINITE, said, sizeof said);
    assert_non_null(strstr(said, "status\tnan: "));
    assert_non_null(strstr(said, "step "));
    assert_non_null(strstr(said, "epoch "));
    assert_non_null(strstr(said, "lr: 1e+20"));
    assert_false(file_exists(out_path));
}

static void first_line(char *line, size_t cap)
{
    FILE *f = fopen(csv_path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, (int)cap, f));
    fclose(f);
}

/* Adam follows the plateau of the validation loss; the last checkpoint is kept
 * though an earlier one was better. */
static void other_recipe(void **state)
{
    (void)state;
    static const double rates[] = {0.01, 0.01, 0.005, 0.0025};
    char line[256], *kept;
    size_t size;
    recipe c = short_recipe();
    c.optimiser = RECIPE_ADAM;
    c.lr = 0.01;
    c.schedule = RECIPE_PLATEAU;
    c.lr_patience = 0;
    c.lr_threshold = 1; /* nothing is progress */
    c.lr_factor = 0.5;
    c.keep = RECIPE_LAST;
    assert_int_equal(train("ce", &c, 1, CLASSES), 0);
    first_line(line, sizeof line);
    assert_string_equal(line, "epoch,loss,lr,val_acc,val_loss,images_s\n");
    for (int epoch = 1; epoch <= 4; epoch++) {
        assert_true(diagnostic("lr", epoch) == rates[epoch - 1]);
        assert_true(diagnostic("val_loss", epoch) > 0);
    }
    assert_true(diagnostic("loss", 4) < 0.8 * diagnostic("loss", 1));
    assert_int_equal(file_read(out_path, &kept, &size), 0);
    assert_non_null(memmem(kept, size, "\"epoch\":\"4\"", 11));
    free(kept);
}

/* Which checkpoint of three is kept when the weights do not move: the last of equals. */
static void later_of_equals(void **state)
{
    (void)state;
    char *kept;
    size_t size;
    recipe c = short_recipe();
    c.epochs = 3;
    c.schedule = RECIPE_CONSTANT;
    c.lr = 0;
    assert_int_equal(train("ce", &c, 1, CLASSES), 0);
    int best = 1;
    for (int epoch = 2; epoch <= 3; epoch++)
        best = diagnostic("val_acc", epoch) >= diagnostic("val_acc", best) ? epoch : best;
    char want[32];
    snprintf(want, sizeof want, "\"epoch\":\"%d\"", best);
    assert_int_equal(file_read(out_path, &kept, &size), 0);
    assert_non_null(memmem(kept, size, want, strlen(want)));
    free(kept);
}

/* Waits and driver allocations of `epochs` epochs after a first run has warmed
 * nothing: both runs start cold, so what differs belongs to the steps. */
static pool_counts spent(int64_t epochs, enum recipe_optimiser optimiser)
{
    recipe c = short_recipe();
    c.optimiser = optimiser;
    c.epochs = epochs;
    pool_trim();
    pool_counts before = pool_counters();
    assert_int_equal(train("ce", &c, 1, CLASSES), 0);
    pool_counts after = pool_counters();
    after.allocations -= before.allocations;
    after.waits -= before.waits;
    return after;
}

static void steps_are_frugal(void **state)
{
    (void)state;
    for (int optimiser = RECIPE_SGD; optimiser <= RECIPE_ADAM; optimiser++) {
        spent(1, (enum recipe_optimiser)optimiser);
        pool_counts one = spent(1, (enum recipe_optimiser)optimiser),
                    four = spent(4, (enum recipe_optimiser)optimiser);
        int64_t steps = 3 * (TRAIN / 16), validations = 3;
        assert_int_equal(four.allocations, one.allocations);
        int64_t waits = four.waits - one.waits;
        if (waits > steps + validations * 16) /* validation, checkpoint and state read a few tensors */
            fail_msg("%lld waits in %lld steps", (long long)waits, (long long)steps);
    }
}

/* --- Precision --- */

static const bk_api *whole;
static bk_api narrow; /* trains in "bf16", which is f32 by another name */
static unsigned asked;

static bk_plan *opens_narrow(bk *b, const bk_layer *layers, int count, int64_t n, unsigned flags)
{
    asked |= flags & BK_TRAIN ? flags : 0;
    return whole->plan_open(b, layers, count, n, flags & BK_TRAIN ? flags & ~(unsigned)BK_BF16 : flags);
}

/* The checkpoint's weights were trained in what the device granted. */
static void says_what_it_trained_in(void **state)
{
    (void)state;
    static const char *const granted[] = {"\"trained_in\":\"f32\"", "\"trained_in\":\"bf16\""};
    recipe c = short_recipe();
    c.epochs = 1;
    whole = engine.api;
    narrow = *whole;
    narrow.plan_open = opens_narrow;
    precision = "bf16";
    for (int i = 0; i < 2; i++) {
        char *kept;
        size_t size;
        engine.api = i ? &narrow : whole;
        assert_int_equal(train("ce", &c, 1, CLASSES), 0);
        assert_int_equal(file_read(out_path, &kept, &size), 0);
        assert_non_null(memmem(kept, size, granted[i], strlen(granted[i])));
        free(kept);
    }
    engine.api = whole;
    precision = NULL;
    assert_int_equal(asked, BK_TRAIN | BK_BF16);
}

static void wrong_input(void **state)
{
    (void)state;
    recipe c = short_recipe();
    c.batch = TRAIN + 1;
    assert_int_equal(train("ce", &c, 1, CLASSES), -1);
    assert_non_null(strstr(fault_text(), "batch"));
    c.batch = 16;
    assert_int_equal(train("ce", &c, 1, CLASSES - 1), -1);
    assert_non_null(strstr(fault_text(), "label 2"));
    assert_false(file_exists(out_path));
}

/* methods/NAME.c that fill in loss or step. */
static int find_trainings(training *list)
{
    struct dirent **found;
    int n = scandir("methods", &found, NULL, alphasort), count = 0;
    for (int i = 0; i < n; i++) {
        char path[1024], *name = found[i]->d_name;
        size_t length = strlen(name);
        plugin *p = NULL;
        if (length > 2 && length < 30 && strcmp(name + length - 2, ".c") == 0 && count < MOST) {
            name[length - 2] = '\0';
            snprintf(path, sizeof path, "%s/methods/%s.so", tested_build(), name);
            training *t = &list[count];
            snprintf(t->method, sizeof t->method, "%.31s", name);
            snprintf(t->label, sizeof t->label, "%.31s: lowers its loss", name);
            count += plugin_open(&p, path) != 0 || plugin_method(p)->loss || plugin_method(p)->step;
        }
        plugin_close(p);
        free(found[i]);
    }
    free(found);
    return count;
}

int main(void)
{
    static training list[MOST];
    static struct CMUnitTest all[MOST + 8];
    const struct CMUnitTest fixed[] = {
        cmocka_unit_test(same_seed_same_bytes),    cmocka_unit_test(loss_not_finite),
        cmocka_unit_test(steps_are_frugal),        cmocka_unit_test(other_recipe),
        cmocka_unit_test(later_of_equals),         cmocka_unit_test(wrong_input),
        cmocka_unit_test(says_what_it_trained_in),
    };
    size_t n = 0;
    setenv("OMP_NUM_THREADS", "1", 0); /* the nets are tiny, and machines that test are busy */
    int trainings = find_trainings(list);
    for (int i = 0; i < trainings; i++)
        all[n++] =
            (struct CMUnitTest){.name = list[i].label, .test_func = lowers_its_loss, .initial_state = &list[i]};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        all[n++] = fixed[i];
    return _cmocka_run_group_tests("train", all, n, set_up, tear_down);
}
