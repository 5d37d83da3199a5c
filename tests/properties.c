/* properties.c - what must hold for every scorer of features and logits, whatever
 * its formula: classes may be renumbered, a feature that never changes kills
 * nothing, classes may lack samples, any size of network will do.
 *
 * tests/method.c has what holds for samples. The network here is a head alone,
 * so that it can have any size. */
#include "../harness/network.h"
#include "../kernels/random.h"
#include "toy.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SETS = 3, SHOWN = 60, MOST = 256, SEED = 5 }; /* sets: training, validation, those shown */

/* A linear head and three sets of samples; logits are what the head says. */
typedef struct problem {
    int64_t classes, width, n[SETS];
    float *weight, *bias, *values[SETS], *logits[SETS];
    int32_t *labels[SETS];
} problem;

static problem room(int64_t classes, int64_t width, int64_t train)
{
    problem p = {.classes = classes, .width = width, .n = {train, train < 200 ? train : 200, SHOWN}};
    p.weight = pool_host((size_t)(classes * width) * sizeof *p.weight);
    p.bias = pool_host((size_t)classes * sizeof *p.bias);
    for (int s = 0; s < SETS; s++) {
        p.values[s] = pool_host((size_t)(p.n[s] * width) * sizeof(float));
        p.logits[s] = pool_host((size_t)(p.n[s] * classes) * sizeof(float));
        p.labels[s] = pool_host((size_t)p.n[s] * sizeof(int32_t));
    }
    return p;
}

static void end(problem *p)
{
    free(p->weight);
    free(p->bias);
    for (int s = 0; s < SETS; s++) {
        free(p->values[s]);
        free(p->logits[s]);
        free(p->labels[s]);
    }
}

/* What the head says, in single precision where there are millions of products. */
static void fill_logits(problem *p)
{
    tx_open();
    tensor *w = tx_from(DIMS(p->classes, p->width), p->weight), *b = tx_from(DIMS(p->classes), p->bias);
    for (int s = 0; s < SETS; s++)
        tx_read(tx_add(tx_matmul(tx_from(DIMS(p->n[s], p->width), p->values[s]), w, 0, 1), b), p->logits[s]);
    tx_close();
}

/* Features as after a ReLU, raised where the label's weights are positive, so that most are
 * classified as they are labelled. Labels lie below `used`. */
static problem draw(int64_t classes, int64_t width, int64_t train, int64_t used)
{
    problem p = room(classes, width, train);
    for (int64_t i = 0; i < classes * width; i++)
        p.weight[i] = random_normal(SEED, (uint64_t)i) / sqrtf((float)width);
    for (int64_t k = 0; k < classes; k++)
        p.bias[k] = 0.1f * random_normal(SEED + 1, (uint64_t)k);
    for (int s = 0; s < SETS; s++)
        for (int64_t i = 0; i < p.n[s]; i++) {
            const float *w = p.weight + i % used * width;
            p.labels[s][i] = (int32_t)(i % used);
            for (int64_t j = 0; j < width; j++) {
                float z = random_normal(SEED + 2 + (uint64_t)s, (uint64_t)(i * width + j));
                p.values[s][i * width + j] = fmaxf(0, z + 2 * sqrtf((float)width) * fmaxf(w[j], 0));
            }
        }
    fill_logits(&p);
    return p;
}

static void *copy(const void *from, int64_t n)
{
    float *to = pool_host((size_t)n * sizeof *to);
    return memcpy(to, from, (size_t)n * sizeof *to);
}

static features known(const problem *p, int s)
{
    return (features){.n = p->n[s],
                      .width = p->width,
                      .classes = p->classes,
                      .values = copy(p->values[s], p->n[s] * p->width),
                      .logits = copy(p->logits[s], p->n[s] * p->classes),
                      .labels = copy(p->labels[s], p->n[s])};
}

/* The scores of the samples shown, of a method that is fitted on the others. */
static void score(const char *name, const char *parameters, const problem *p, float scores[SHOWN])
{
    run r;
    samples shown;
    plugin *m = toy_method(name, parameters);
    tx_open();
    net_part head[] = {{.view = tx_from(DIMS(p->classes, p->width), p->weight)},
                       {.view = tx_from(DIMS(p->classes), p->bias)}};
    net n = {.classes = p->classes, .features = p->width, .parts = head, .nparts = 2};
    extractor e = {.net = &n};
    run_begin(&r, &e, NULL, 0);
    for (int s = 0; s < 2; s++)
        toy_fill(&r.splits[s], &r, known(p, s));
    toy_fill(&shown, &r, known(p, 2));
    score_fit(m, &r);
    int64_t bad = score_samples(m, &r, &shown, scores);
    samples_end(&shown);
    run_end(&r);
    tx_close();
    plugin_close(m);
    if (bad)
        fail_msg("%s: %lld of %d scores are not finite", name, (long long)bad, SHOWN);
}

/* Equal to what float leaves of numbers that are summed in another order. Fails
 * unless most scores differ, else equality would say nothing. */
static void same(const char *name, const char *what, const float *a, const float *b)
{
    int different = 0;
    for (int i = 0; i < SHOWN; i++)
        different += a[i] != a[(i + 1) % SHOWN];
    if (different < SHOWN / 2)
        fail_msg("%s: most scores are equal", name);
    for (int i = 0; i < SHOWN; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-4f * fabsf(a[i]) + 1e-6f))
            fail_msg("%s: sample %d scores %.9g, and %.9g %s", name, i, (double)a[i], (double)b[i], what);
}

/* What a parameter must be on these problems, where the default suits larger ones. */
static const char *suited(const char *name)
{
    static const struct {
        const char *name, *parameters;
    } some[] = {{"vim", "dim=20"}, {"residual", "dim=20"}, {"knn", "k=5"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (strcmp(name, some[i].name) == 0)
            return some[i].parameters;
    return "";
}

/* --- Classes in another order --- */

static void relabelled(void **state)
{
    const char *name = *state;
    float a[SHOWN], b[SHOWN];
    problem p = draw(10, 48, 400, 10), q = room(10, 48, 400);
    for (int64_t k = 0; k < p.classes; k++) { /* class k becomes 3 k + 1: 3 and 10 share no factor */
        int64_t to = (3 * k + 1) % p.classes;
        q.bias[to] = p.bias[k];
        memcpy(q.weight + to * p.width, p.weight + k * p.width, (size_t)p.width * sizeof *p.weight);
    }
    for (int s = 0; s < SETS; s++) {
        memcpy(q.values[s], p.values[s], (size_t)(p.n[s] * p.width) * sizeof(float));
        for (int64_t i = 0; i < p.n[s]; i++)
            q.labels[s][i] = (int32_t)((3 * p.labels[s][i] + 1) % p.classes);
    }
    fill_logits(&q);
    score(name, suited(name), &p, a);
    score(name, suited(name), &q, b);
    same(name, "when classes are renumbered", a, b);
    end(&p);
    end(&q);
}

/* --- A feature that never changes --- */

/* One more feature of this value, in the middle, which no class has a weight for. */
static problem with_constant(const problem *p, float value)
{
    problem q = room(p->classes, p->width + 1, p->n[0]);
    int64_t at = p->width / 2;
    memcpy(q.bias, p->bias, (size_t)p->classes * sizeof *p->bias);
    for (int s = -1; s < SETS; s++) {
        const float *from = s < 0 ? p->weight : p->values[s];
        float *to = s < 0 ? q.weight : q.values[s];
        for (int64_t i = 0; i < (s < 0 ? p->classes : p->n[s]); i++) {
            memcpy(to + i * q.width, from + i * p->width, (size_t)at * sizeof *to);
            to[i * q.width + at] = s < 0 ? 0 : value;
            memcpy(to + i * q.width + at + 1, from + i * p->width + at, (size_t)(p->width - at) * sizeof *to);
        }
        if (s >= 0)
            memcpy(q.labels[s], p->labels[s], (size_t)p->n[s] * sizeof(int32_t));
    }
    fill_logits(&q);
    return q;
}

static int listed(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

/* Logits stay as they were. A zero changes no product, norm or distance; it does change
 * a share of the features. Any other value stays without effect where only logits
 * count, or differences of features. */
static void constant_feature(void **state)
{
    static const char *const of_shares[] = {"ash_b", "ash_p", "ash_s", "scale", "react",
                                            "vra",   "dice",  "line",  NULL};
    static const char *const of_differences[] = {"msp",     "mls", "ebo",  "temp_scaling", "gen", "klm",
                                                 "openmax", "mds", "rmds", "fdbd",         NULL};
    const char *name = *state;
    float a[SHOWN], b[SHOWN];
    problem p = draw(10, 48, 400, 10), dead = with_constant(&p, 0), set = with_constant(&p, 0.75f);
    score(name, suited(name), &p, a);
    score(name, suited(name), &dead, b);
    if (!listed(name, of_shares))
        same(name, "with a dead feature", a, b);
    score(name, suited(name), &set, b);
    if (listed(name, of_differences))
        same(name, "with a constant feature", a, b);
    end(&p);
    end(&dead);
    end(&set);
}

/* --- Few samples, many classes, many features --- */

/* Classes 7 to 9 have no sample, class 0 has one. */
static void missing_classes(void **state)
{
    const char *name = *state;
    float scores[SHOWN];
    problem p = draw(10, 48, 400, 7);
    for (int64_t i = 1; i < p.n[0]; i++)
        p.labels[0][i] = p.labels[0][i] ? p.labels[0][i] : 3;
    score(name, suited(name), &p, scores);
    end(&p);
}

/* Fewer samples than features, and than classes in the end: every covariance is
 * singular. Drawn once, at need; ended behind the last case. */
static const struct {
    int64_t classes, width, train, used;
} extents[] = {{10, 64, 50, 10}, {1000, 64, 60, 20}, {10, 512, 60, 10}, {1000, 2048, 300, 100}};
enum { EXTENTS = sizeof extents / sizeof *extents };
static problem drawn[EXTENTS];

static void sizes(void **state)
{
    const char *name = *state;
    int slow = strcmp(name, "line") == 0; /* half a minute for the last */
    float scores[SHOWN];
    for (int i = 0; i < EXTENTS - slow; i++) {
        if (!drawn[i].classes)
            drawn[i] = draw(extents[i].classes, extents[i].width, extents[i].train, extents[i].used);
        score(name, suited(name), &drawn[i], scores);
    }
}

static int end_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < EXTENTS; i++)
        end(&drawn[i]);
    return 0;
}

/* --- More asked for than there is --- */

static void more_than_there_is(void **state)
{
    static const struct {
        const char *name, *parameters, *says;
    } all[] = {
        {"knn", "k=41", "knn.k is 41, but there are only 40 training features"},
        {"vim", "dim=48", "vim.dim is 48, but the features have 48 dimensions"},
        {"residual", "dim=48", "residual.dim is 48, but the features have 48 dimensions"},
        {"residual", "dim=65536;parity=true", "residual.dim is 65536"},
        {"delta_energy", "top=11", "delta_energy.top is 11, but there are only 10 classes"},
        {"ash_s", "percentile=100", "ash_s.percentile is 100, which leaves none of 48 features"},
        {"ash_b", "percentile=99", "ash_b.percentile is 99, which leaves none of 48 features"},
    };
    (void)state;
    toy_open_device("ref");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int status, err[2];
        char said[1024] = "";
        float scores[SHOWN];
        assert_int_equal(pipe(err), 0);
        problem p = draw(10, 48, 40, 10);
        pid_t child = fork(); /* ref has no threads that would not survive */
        if (child == 0) {
            dup2(err[1], STDERR_FILENO);
            score(all[i].name, all[i].parameters, &p, scores);
            _exit(0);
        }
        end(&p);
        close(err[1]);
        assert_true(read(err[0], said, sizeof said - 1) >= 0);
        close(err[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_CONFIG || !strstr(said, all[i].says))
            fail_msg("%s with %s: expected `%s`, found %s", all[i].name, all[i].parameters, all[i].says, said);
    }
}

/* All there are, where a method says so: the same as that many. */
static void as_many_as_there_are(void **state)
{
    static const struct {
        const char *name, *more, *all;
    } some[] = {
        {"nnguide", "k=10000;alpha=1", "k=40;alpha=1"},
        {"gen", "m=1000", "m=10"},
        {"openmax", "tail=1000", "tail=40"},
    };
    (void)state;
    toy_open_device("ref");
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        float a[SHOWN], b[SHOWN];
        problem p = draw(10, 48, 40, 10);
        score(some[i].name, some[i].more, &p, a);
        score(some[i].name, some[i].all, &p, b);
        assert_memory_equal(a, b, sizeof a);
        end(&p);
    }
}

/* --- The cases --- */

static struct CMUnitTest tests[MOST];
static char names[MOST][64], methods[MOST][32];
static int ntests;

static void add(CMUnitTestFunction f, const char *scorer, const char *what)
{
    assert_true(ntests < MOST);
    snprintf(methods[ntests], sizeof methods[ntests], "%s", scorer);
    snprintf(names[ntests], sizeof names[ntests], "%.30s%s%.30s", scorer, *scorer ? ": " : "", what);
    tests[ntests] = (struct CMUnitTest){.name = names[ntests], .test_func = f, .initial_state = methods[ntests]};
    ntests++;
}

/* The folder is the list: scorers that look at images have no file there. */
static void add_scorers(void)
{
    struct dirent **found;
    int n = scandir("tests/methods", &found, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char *dot = strstr(found[i]->d_name, ".csv");
        if (dot) {
            *dot = '\0';
            add(relabelled, found[i]->d_name, "classes renumbered");
            add(constant_feature, found[i]->d_name, "constant features");
            add(missing_classes, found[i]->d_name, "missing classes");
            add(sizes, found[i]->d_name, "sizes");
        }
        free(found[i]);
    }
    free(found);
}

static int on_device(void **state)
{
    (void)state;
    toy_open_device(tested_device());
    return 0;
}

/* `properties "knn: *"` runs only the cases of that name. */
int main(int argc, char **argv)
{
    toy_begin();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    add(more_than_there_is, "", "more than there is"); /* first: a fork needs no threads */
    add(as_many_as_there_are, "", "as many as there are");
    add_scorers();
    for (int i = 2; i < ntests; i++)
        tests[i].setup_func = on_device;
    return _cmocka_run_group_tests("properties", tests, (size_t)ntests, NULL, end_sizes);
}
