/* inputs.c - scorers that look at images, on networks whose maps can be
 * foretold; and what holds for all of them.
 *
 * The clear network hands pixels on: its feature 24 + k is the mean of the
 * k-th of relu(red), relu(green), relu(-blue), at every fourth pixel of a row
 * and a column; its stages' maps have the same at every second and at all. */
#include "../datasets/store.h"
#include "../harness/network.h"
#include "../kernels/random.h"
#include "folder.h"
#include "toy.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE * 3, CLASSES = 3, FEATURE = 24, MANY = 150, FEW = 37, MOST = 32 };

/* A pixel of 2 is 1 in the network, a pixel of 1 is 0.5. */
static const double mean[3], std[3] = {2.0 / 255, 2.0 / 255, 2.0 / 255};

static net *subject;

/* --- Images --- */

typedef struct images {
    int64_t n;
    uint8_t *px;
    int32_t *labels;
} images;

static images images_of(int64_t n)
{
    return (images){n, pool_host((size_t)(n * PIXELS)), pool_host((size_t)n * sizeof(int32_t))};
}

static void free_images(images *i)
{
    free(i->px);
    free(i->labels);
}

static uint8_t *pixel(const images *all, int64_t i, int y, int x)
{
    return all->px + i * PIXELS + (y * SIDE + x) * 3;
}

/* Image i of a seed is the same whatever n. */
static images noise(int64_t n, uint64_t seed)
{
    images all = images_of(n);
    for (int64_t i = 0; i < n * PIXELS; i++)
        all.px[i] = (uint8_t)random_below(seed, (uint64_t)i, 8);
    for (int64_t i = 0; i < n; i++)
        all.labels[i] = (int32_t)(i % CLASSES);
    return all;
}

/* The first n of the images, taken by a stride. */
static images turned(const images *from, int64_t n, int64_t stride)
{
    images all = images_of(n);
    for (int64_t i = 0; i < n; i++) {
        int64_t k = i * stride % from->n;
        memcpy(all.px + i * PIXELS, from->px + k * PIXELS, PIXELS);
        all.labels[i] = from->labels[k];
    }
    return all;
}

/* Splits `train` and `test` of a file in the test's folder. */
static void write_images(const char *name, const images *train, const images *test)
{
    static const char *const classes[] = {"a", "b", "c"};
    const store_header header = {"images", classes, CLASSES, mean, std};
    store *s;
    int rc = store_create(&s, at(name), &header);
    for (int k = 0; k < 2 && rc == 0; k++) {
        const images *all = k ? test : train;
        rc = store_split(s, k ? "test" : "train", all->n, SIDE, "tests/inputs.c");
        if (rc == 0)
            rc = store_images(s, all->px, all->labels, all->n);
    }
    if (rc != 0 || store_commit(s) != 0)
        fail_msg("%s", fault_text());
}

/* The scores of the file's test split. */
static void score_file(const char *name, const char *parameters, const char *file, float *scores)
{
    run r;
    samples s;
    extractor e = {.net = subject, .backend = toy_device, .precision = "f32"};
    memcpy(e.mean, mean, sizeof mean);
    memcpy(e.std, std, sizeof std);
    plugin *p = toy_method(name, parameters);
    run_begin(&r, &e, at(file), 1);
    samples_begin(&s, &r, at(file), "test");
    tx_open();
    score_fit(p, &r);
    assert_int_equal(score_samples(p, &r, &s, scores), 0);
    tx_close();
    samples_end(&s);
    run_end(&r);
    plugin_close(p);
}

/* --- The clear network --- */

static void assign(tensor *t, const real *values)
{
    tx_open();
    tx_assign(t, tx_from(tx_dims(t), values));
    tx_close();
}

/* Blocks add nothing to what they are given. */
static void clear_part(const net_part *p)
{
    real *values = pool_host((size_t)p->count * sizeof *values);
    for (int64_t i = 0; i < p->count; i++)
        values[i] = p->kind == PART_VARIANCE ? (real)(1 - 1e-5) : strcmp(p->name, "bn1.weight") == 0;
    for (int k = 0; k < CLASSES && strcmp(p->name, "conv1.weight") == 0; k++)
        values[((k * 3 + 1) * 3 + 1) * 3 + k] = k == 2 ? -1 : 1;
    assign(p->view, values);
    free(values);
}

static void put_head(const real weight[CLASSES][3], const real bias[CLASSES])
{
    real values[CLASSES * TOY_WIDTH] = {0};
    for (int c = 0; c < CLASSES; c++)
        for (int k = 0; k < 3; k++)
            values[c * TOY_WIDTH + FEATURE + k] = weight[c][k];
    assign(nn_head_weight(subject), values);
    assign(nn_head_bias(subject), bias);
}

/* With toy problem T's head on red and green, and a third weight on -blue. */
static void open_clear(void)
{
    toy_open_device(tested_device());
    assert_int_equal(nn_build(&subject, "resnet20", CLASSES, 1), 0);
    for (int i = 0; i < subject->nparts; i++)
        clear_part(&subject->parts[i]);
    put_head((const real[][3]){{2, 0, 1}, {0, 2, 0}, {-1, -1, 0}}, (const real[]){0, 0, (real)0.5});
}

static void close_subject(void)
{
    nn_free(subject);
    subject = NULL;
}

static void expect(const char *name, const char *parameters, double got, double want)
{
    if (!(fabs(got - want) <= 1e-5 * fabs(want)))
        fail_msg("%s with `%s`: expected %.9g, found %.9g", name, parameters, want, got);
}

static double lse(double a, double b, double c, double temperature)
{
    return temperature * log(exp(a / temperature) + exp(b / temperature) + exp(c / temperature));
}

/* --- ODIN --- */

/* Spec A.5 with its step of 0.1: (1, 0.5) goes to (1.1, 0.4). Then blue at zero:
 * no gradient passes, and only a step downwards, as for a positive one, wakes
 * the unit that looks at -blue. */
static void odin(void **state)
{
    (void)state;
    static const uint8_t colours[2][3] = {{2, 1, 2}, {2, 1, 0}};
    char parameters[96];
    float got[2];
    images all = images_of(2);
    for (int64_t i = 0; i < 2 * PIXELS; i++)
        all.px[i] = colours[i / PIXELS][i % 3];
    write_images("odin.h5", &all, &all);
    open_clear();
    for (int t = 1; t <= 1000; t *= 10) {
        snprintf(parameters, sizeof parameters, "temperature=%d;epsilon=%.9g", t, 0.1 * std[0]);
        score_file("odin", parameters, "odin.h5", got);
        for (int i = 0; i < 2; i++) {
            double best = i ? 2.3 : 2.2;
            expect("odin", parameters, (double)got[i], exp((best - lse(best, 0.8, -1, t)) / t));
        }
    }
    assert_true(fabs((double)got[0] - 0.333845) < 1e-6);
    /* The step goes 0.1 in red, 0.1 * 63 / 62.1 in green, 0.1 * 63 / 66.7 in blue. */
    const double green = 0.5 - 6.3 / 62.1, blue = 6.3 / 66.7;
    snprintf(parameters, sizeof parameters, "temperature=1;std=original;epsilon=%.9g", 6.3 / 255);
    score_file("odin", parameters, "odin.h5", got);
    for (int i = 0; i < 2; i++) {
        double best = 2.2 + i * blue;
        expect("odin", parameters, (double)got[i], exp(best - lse(best, 2 * green, -0.6 - green, 1)));
    }
    close_subject();
    free_images(&all);
}

/* --- RankFeat --- */

/* Spec A.19: [[3,0],[0,1]] becomes [[0,0],[0,1]] in both maps. Then [[2,1],[1,2]]
 * becomes half of [[1,-1],[-1,1]]: its means are zero in the last map, but the
 * earlier one loses the negatives on its way. */
static void rankfeat(void **state)
{
    (void)state;
    static const char *const parameters[] = {"", "power=20", "temperature=2"};
    static const uint8_t pixels[2][2][3] = {{{6, 0, 0}, {0, 2, 0}}, {{4, 2, 0}, {2, 4, 0}}};
    const double h = 1.0 / 64;
    float got[2];
    images all = images_of(2);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            memcpy(pixel(&all, i, 4 * k, 8 * k), pixels[i][k], 3);
    write_images("rankfeat.h5", &all, &all);
    open_clear();
    for (int k = 0; k < 3; k++) {
        double t = k == 2 ? 2 : 1;
        score_file("rankfeat", parameters[k], "rankfeat.h5", got);
        expect("rankfeat", parameters[k], (double)got[0], lse(0, 2 * h, 0.5 - h, t));
        expect("rankfeat", parameters[k], (double)got[1], lse(h / 2, h / 2, 0.5 - h / 2, t));
    }
    close_subject();
    free_images(&all);
}

/* --- Gram --- */

/* The top left 2 x 2 of what every layer sees: red and another colour by two positions. */
static void put_map(const images *all, int64_t i, const uint8_t map[2][2], int other)
{
    for (int k = 0; k < 2; k++) {
        pixel(all, i, 0, 4 * k)[0] = (uint8_t)(2 * map[0][k]);
        pixel(all, i, 0, 4 * k)[other] = (uint8_t)(2 * map[1][k]);
    }
}

typedef struct watched {
    int layer, count; /* the last one shown; how many were */
} watched;

static void see_next(void *to, tensor *map)
{
    watched *w = to;
    while (subject->layers[++w->layer].kind != BK_CONV)
        ;
    bk_window g = net_out(subject, w->layer);
    dims d = tx_dims(map);
    assert_true(d.n == 4 && d.d[0] == 2 && d.d[1] == g.p && d.d[2] == g.q && d.d[3] == g.k);
    w->count++;
}

/* Each convolution once and in order; of resnet20 there are 19. The network goes
 * on in the mode it was in. */
static void maps_in_order(void **state)
{
    (void)state;
    watched w = {.layer = -1};
    toy_open_device(tested_device());
    assert_int_equal(nn_build(&subject, "resnet20", CLASSES, 1), 0);
    nn_mode(subject, NN_TRAIN);
    tx_open();
    nn_watch(subject, tx_full(DIMS(2, SIDE, SIDE, 3), 1), see_next, &w);
    tx_close();
    assert_int_equal(w.count, 19);
    assert_int_equal(nn_convolutions(subject), 19);
    assert_int_equal(nn_mode(subject, NN_EVAL), NN_TRAIN);
    close_subject();
}

/* Class 0 has shown but one map. Class 1 is noise, of which what is kept out
 * deviates with this seed. All layers that deviate see the same of the two samples,
 * which go to class 0, so the quotient of their scores is that of their deviations. */
static void gram_quotient(const char *parameters, int other, double want)
{
    static const uint8_t shown[2][2] = {{1, 2}, {3, 0}}, seen[2][2][2] = {{{1, 1}, {3, 0}}, {{1, 2}, {0, 0}}};
    float got[2];
    images train = noise(21, 6), test = images_of(2);
    memset(train.px, 0, (size_t)(10 * PIXELS));
    for (int i = 0; i < 21; i++) {
        train.labels[i] = i / 10;
        if (i < 10)
            put_map(&train, i, shown, other);
    }
    put_map(&test, 0, seen[0], other);
    put_map(&test, 1, seen[1], other);
    write_images("gram.h5", &train, &test);
    open_clear();
    put_head((const real[CLASSES][3]){{0}}, (const real[]){1, 0, 0});
    score_file("gram", parameters, "gram.h5", got);
    expect("gram", parameters, (double)got[0] / (double)got[1], want);
    assert_true(got[0] < 0 && got[1] < got[0]);
    close_subject();
    free_images(&train);
    free_images(&test);
}

/* Spec A.29: G of what was shown is (8, 12), and for the second power (5.09902,
 * 9.48683); of the samples (5, 12) and (5, 0). Of convolutions only the first
 * yields anything here, and there blue is negative: (2, 6), (-1, 6) and (5, 0). */
static void gram(void **state)
{
    (void)state;
    const double once[2] = {3.0 / 8, 3.0 / 8 + 1};
    const double twice[2] = {1 - sqrt(11.0 / 26), 1 - sqrt(17.0 / 26) + 1};
    const double both = (once[0] + twice[0]) / (once[1] + twice[1]);
    gram_quotient("powers=1", 1, once[0] / once[1]);
    gram_quotient("powers=2", 1, both);
    gram_quotient("powers=1;layers=convolutions", 1, once[0] / once[1]);
    gram_quotient("powers=2;layers=convolutions", 1, both);
    gram_quotient("powers=1;layers=convolutions", 2, 1.5 / 2.5);
    gram_quotient("powers=2;layers=convolutions", 2, (1.5 + twice[0]) / (2.5 + twice[1]));
}

/* --- What holds for all --- */

static char names[MOST][48], titles[MOST][80];
static struct CMUnitTest tests[MOST + 8];
static int ntests;

/* Scores depend neither on the order of samples nor on how many there are. */
static void invariances(void **state)
{
    const char *name = *state;
    float a[MANY], b[MANY], c[FEW];
    images train = noise(MANY, 1), all = noise(MANY, 2), order = turned(&all, MANY, 7), few = turned(&all, FEW, 1);
    write_images("all.h5", &train, &all);
    write_images("order.h5", &train, &order);
    write_images("few.h5", &train, &few);
    toy_open_device(tested_device());
    assert_int_equal(nn_build(&subject, "resnet20", CLASSES, 1), 0);
    score_file(name, "", "all.h5", a);
    score_file(name, "", "order.h5", b);
    score_file(name, "", "few.h5", c);
    for (int i = 0; i < MANY; i++)
        assert_memory_equal(&b[i], &a[i * 7 % MANY], sizeof *a); /* 7 and 150 share no factor */
    assert_memory_equal(c, a, sizeof c);
    int different = 0;
    for (int i = 1; i < MANY; i++)
        different += a[i] != a[0];
    assert_true(different > MANY / 2); /* else the above says nothing */
    close_subject();
    free_images(&train);
    free_images(&all);
    free_images(&order);
    free_images(&few);
}

static void add_scorer(const char *path)
{
    plugin *p;
    if (plugin_open(&p, path) != 0)
        return; /* tests/method.c says why */
    const method *m = plugin_method(p);
    if (m->score && m->inputs && ntests < MOST) {
        snprintf(names[ntests], sizeof *names, "%s", m->name);
        snprintf(titles[ntests], sizeof *titles, "%s: invariances", m->name);
        tests[ntests] = (struct CMUnitTest){titles[ntests], invariances, NULL, NULL, names[ntests]};
        ntests++;
    }
    plugin_close(p);
}

/* The folder is the list: methods/NAME.c that score and ask for inputs. */
static void add_scorers(void)
{
    struct dirent **found;
    int n = scandir("methods", &found, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char path[512];
        size_t length = strlen(found[i]->d_name);
        if (length > 2 && strcmp(found[i]->d_name + length - 2, ".c") == 0) {
            snprintf(path, sizeof path, "%s/methods/%.*s.so", tested_build(), (int)(length - 2), found[i]->d_name);
            add_scorer(path);
        }
        free(found[i]);
    }
    free(found);
}

int main(int argc, char **argv)
{
    toy_begin();
    add_scorers();
    tests[ntests++] = (struct CMUnitTest){"odin: hand checks", odin, NULL, NULL, NULL};
    tests[ntests++] = (struct CMUnitTest){"rankfeat: hand checks", rankfeat, NULL, NULL, NULL};
    tests[ntests++] = (struct CMUnitTest){"gram: hand checks", gram, NULL, NULL, NULL};
    tests[ntests++] = (struct CMUnitTest){"gram: maps in order", maps_in_order, NULL, NULL, NULL};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("inputs", tests, (size_t)ntests, begin, end);
}
