/* search.c - the choice of a scorer's parameters: which points are tried, in which
 * order they are judged, how often the method is fitted, what a refusal leaves
 * behind; and that a search finds of every scorer what a fit of each point by
 * itself finds. */
#include "../harness/search.h"
#include "../harness/metrics.h"
#include "../harness/report.h"
#include "../kernels/random.h"
#include "toy.h"

#include "../harness/text.h" /* behind toy.h, which has a `text` of its own */

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

enum { CLASSES = 3, PAIRS = 10, MANY = 150, MOST = 300 };

static char folder[512];
static int reports; /* a file on descriptor 3, where cells report */

static char *at(const char *name)
{
    static char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* What is written to a file, which becomes empty; to be freed. */
static char *drain(int fd)
{
    char *bytes = pool_host(1 << 16);
    assert_true(pread(fd, bytes, (1 << 16) - 1, 0) >= 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    lseek(fd, 0, SEEK_SET);
    return bytes;
}

static int begin(void **state)
{
    const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    (void)state;
    snprintf(folder, sizeof folder, "%s/oodbench-search-XXXXXX", tmp);
    if (!mkdtemp(folder))
        return -1;
    reports = open(at("reports"), O_RDWR | O_CREAT | O_APPEND, 0666);
    if (reports < 0 || dup2(reports, 3) != 3)
        return -1;
    report_open();
    setenv("PICKY_LOG", at("log"), 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(at("reports"));
    unlink(at("log"));
    toy_close();
    return rmdir(folder);
}

/* --- Points in an order that can be foretold --- */

/* A search of the picky method. `above` says of each of the six points, in the
 * grid's order, how many of the ten outliers score below all ten ID samples: the
 * AUROC is ten times that. The parameters that are given (or NULL) stay. */
typedef struct hunt {
    const char *above, *dislikes, *given;
} hunt;

/* Column j of the features of ID samples is 1, of outliers 0 or 2. */
static features columns(const char *above, int outliers)
{
    features f = toy_room(PAIRS, CLASSES);
    for (int i = 0; i < PAIRS; i++)
        for (int j = 0; above[j]; j++)
            f.values[i * TOY_WIDTH + j] = !outliers ? 1 : i < above[j] - '0' ? 0 : 2;
    return f;
}

/* The settings it ends with, or the fault, to be freed; *log: the calls, *told: the reports. */
static char *search(const hunt *h, char **log, char **told)
{
    run r;
    extractor e;
    samples id, outliers[2];
    double fit_s = -1;
    char settings[256] = "", path[600];
    const unsigned char wanted[] = {!h->given || !strstr(h->given, "column"),
                                    !h->given || !strstr(h->given, "block"), 0};
    plugin *p;
    toy_open("ref", &toy_t);
    toy_begin_run(&toy_t, &r, &e);
    snprintf(path, sizeof path, "%s/tests/bad/picky.so", tested_build());
    if (plugin_open(&p, path) != 0)
        fail_msg("%s", fault_text());
    toy_configure(p, h->given ? h->given : "");
    toy_fill(&id, &r, columns(h->above, 0));
    for (int i = 0; i < 2; i++)
        toy_fill(&outliers[i], &r, columns(h->above, 1));
    setenv("PICKY", h->dislikes ? h->dislikes : "", 1);
    int calls = open(at("log"), O_RDWR | O_CREAT | O_TRUNC, 0666);
    tx_open();
    const int depth = pool_depth();
    const tuning t = {wanted, &id, outliers, 2};
    int rc = search_fit(p, &r, &t, &fit_s, settings, sizeof settings);
    assert_int_equal(pool_depth(), depth);
    assert_null(r.scratch);
    assert_null(r.refused);
    if (rc == 0) { /* what is left scores like the point that was chosen */
        float scores[PAIRS];
        assert_true(fit_s >= 0);
        assert_int_equal(score_samples(p, &r, &id, scores), 0);
    }
    tx_close();
    *log = drain(calls);
    *told = drain(reports);
    close(calls);
    char *result = text_copy(rc == 0 ? settings : fault_text());
    plugin_close(p);
    samples_end(&id);
    samples_end(&outliers[0]);
    samples_end(&outliers[1]);
    run_end(&r);
    return result;
}

static int times(const char *in, const char *what)
{
    int n = 0;
    for (const char *s = in; (s = strstr(s, what)); s++)
        n++;
    return n;
}

static void same_text(const char *found, const char *want)
{
    if (strcmp(found, want) != 0)
        fail_msg("expected `%s`, found `%s`", want, found);
}

static void free_all(char *a, char *b, char *c)
{
    free(a);
    free(b);
    free(c);
}

/* The points in the order of the reports: "1 4 50, 2 4 -, ..."; a star where it was chosen. */
static char *points_of(char *told)
{
    text t = {0};
    for (char *line = strtok(told, "\n"); line; line = strtok(NULL, "\n")) {
        int column, block;
        double auroc = NAN;
        char *value = strstr(line, "\tauroc=");
        if (strncmp(line, "point\t", 6) != 0)
            continue;
        assert_int_equal(
            sscanf(strstr(line, "score_params="), "score_params=column=%d;block=%d;plain=7\t", &column, &block), 2);
        if (value)
            auroc = strtod(value + 7, NULL);
        text_add(&t, "%s%d %d ", t.n ? ", " : "", column, block);
        text_add(&t, isnan(auroc) ? "-" : "%g", auroc);
        text_add(&t, "%s", strstr(line, "chosen=true") ? "*" : "");
    }
    return t.bytes ? t.bytes : text_copy("");
}

/* The first parameter changes fastest, and one fit serves three points. */
static void whole_grid(void **state)
{
    (void)state;
    char *log, *told;
    const hunt h = {.above = "123546"};
    char *got = search(&h, &log, &told), *points = points_of(told);
    same_text(got, "column=3;block=5;plain=7;searched=column block");
    same_text(points, "1 4 10, 2 4 20, 3 4 30, 1 5 50, 2 5 40, 3 5 60*");
    assert_int_equal(times(log, "fit "), 2);
    assert_int_equal(times(log, "score "), 6 * 3 + 1); /* the ID set, two of outliers; and what is left, once */
    assert_null(strstr(log, ": 2\n"));                 /* each fit found a struct of zeros */
    free(points);
    free_all(got, log, told);
}

/* Of equals the first, also where a later one was tried before it could be compared. */
static void ties(void **state)
{
    static const struct {
        const char *above, *points;
        int fits; /* one more where the chosen block is not the last */
    } cases[] = {
        {"555555", "1 4 50*, 2 4 50, 3 4 50, 1 5 50, 2 5 50, 3 5 50", 3},
        {"355545", "1 4 30, 2 4 50*, 3 4 50, 1 5 50, 2 5 40, 3 5 50", 3},
        {"333535", "1 4 30, 2 4 30, 3 4 30, 1 5 50*, 2 5 30, 3 5 50", 2},
        {"000000", "1 4 0*, 2 4 0, 3 4 0, 1 5 0, 2 5 0, 3 5 0", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *log, *told;
        const hunt h = {.above = cases[i].above};
        char *got = search(&h, &log, &told), *points = points_of(told);
        same_text(points, cases[i].points);
        assert_int_equal(times(log, "fit "), cases[i].fits);
        free(points);
        free_all(got, log, told);
    }
}

/* The same random numbers for every fit: a run with the chosen parameters alone draws them, too. */
static void fits_draw_alike(void **state)
{
    (void)state;
    char *log, *told, *first, *second;
    const hunt h = {.above = "555555"};
    char *got = search(&h, &log, &told);
    assert_non_null(first = strstr(log, "fit 1 4: "));
    assert_non_null(second = strstr(log, "fit 1 5: "));
    assert_memory_equal(strchr(first, ':'), strchr(second, ':'), strcspn(strchr(first, ':'), "\n") + 1);
    free_all(got, log, told);
}

/* A parameter that is given stays; of those left over the order is the same. */
static void given_ones_stay(void **state)
{
    (void)state;
    char *log, *told;
    hunt h = {.above = "123546", .given = "block=4"};
    char *got = search(&h, &log, &told), *points = points_of(told);
    same_text(got, "column=3;block=4;plain=7;searched=column");
    same_text(points, "1 4 10, 2 4 20, 3 4 30*");
    assert_int_equal(times(log, "fit "), 1);
    free(points);
    free_all(got, log, told);
    h.given = "column=2";
    got = search(&h, &log, &told);
    points = points_of(told);
    same_text(got, "column=2;block=5;plain=7;searched=block");
    same_text(points, "2 4 20, 2 5 40*");
    assert_int_equal(times(log, "fit "), 2);
    free(points);
    free_all(got, log, told);
}

/* Points that cannot be had are left out; a fit that was refused is tried with the next point. */
static void dislikes(void **state)
{
    static const struct {
        const char *dislikes, *points, *says;
        int fits;
    } cases[] = {
        {"score 3 5", "1 4 10, 2 4 20, 3 4 30, 1 5 50*, 2 5 40, 3 5 -", "status=refused: picky: no score", 2},
        {"nan 3 5, nan 1 5", "1 4 10, 2 4 20, 3 4 30, 1 5 -, 2 5 40*, 3 5 -",
         "status=nan: 30 of 30 scores are not finite", 2},
        {"fit 1 4, fit 2 4", "1 4 -, 2 4 -, 3 4 30, 1 5 50, 2 5 40, 3 5 60*", "status=refused: picky: no fit", 4},
        {"fit 1 5, fit 2 5, fit 3 5", "1 4 10, 2 4 20, 3 4 30*, 1 5 -, 2 5 -, 3 5 -",
         "status=refused: picky: no fit", 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *log, *told;
        const hunt h = {.above = "123546", .dislikes = cases[i].dislikes};
        char *got = search(&h, &log, &told);
        if (!strstr(told, cases[i].says))
            fail_msg("%s: expected `%s` in\n%s", cases[i].dislikes, cases[i].says, told);
        char *points = points_of(told);
        same_text(points, cases[i].points);
        assert_int_equal(times(log, "fit "), cases[i].fits);
        free(points);
        free_all(got, log, told);
    }
}

static void nothing_is_left(void **state)
{
    (void)state;
    char *log, *told;
    const hunt h = {.above = "123546", .dislikes = "score 1 4, nan 2 4, score 3 4", .given = "block=4"};
    char *got = search(&h, &log, &told), *points = points_of(told);
    same_text(got, "picky: none of the 3 points of its search can be used; the first: refused: picky: no score");
    same_text(points, "1 4 -, 2 4 -, 3 4 -");
    free(points);
    free_all(got, log, told);
}

/* --- Every scorer --- */

/* A head without zeros: with one of few weights, percentiles of them say nothing. */
static float weight[CLASSES * TOY_WIDTH];
static const float bias[CLASSES] = {0, 0.5f, -0.5f};
static const toy dense = {.classes = CLASSES, .features = TOY_WIDTH, .weight = weight, .bias = bias};

typedef struct problem {
    run r;
    extractor e;
    samples id, outliers;
} problem;

static void problem_begin(problem *q)
{
    for (int i = 0; i < CLASSES * TOY_WIDTH; i++)
        weight[i] = random_normal(1, (uint64_t)i);
    toy_open(tested_device(), &dense);
    q->e = (extractor){.net = toy_net};
    run_begin(&q->r, &q->e, NULL, 3);
    toy_fill(&q->r.splits[RUN_TRAIN], &q->r, toy_random(MOST, CLASSES, 10));
    toy_fill(&q->r.splits[RUN_VAL], &q->r, toy_random(MANY, CLASSES, 20));
    toy_fill(&q->id, &q->r, toy_random(MANY, CLASSES, 20));
    toy_fill(&q->outliers, &q->r, toy_random(MANY, CLASSES, 30));
}

static void problem_end(problem *q)
{
    samples_end(&q->id);
    samples_end(&q->outliers);
    run_end(&q->r);
}

/* Of a method that is fitted with these parameters and no others. */
static double auroc_alone(const char *name, const char *parameters)
{
    problem q;
    metrics m;
    float id[MANY], ood[MANY];
    problem_begin(&q);
    plugin *p = toy_method(name, parameters);
    tx_open();
    score_fit(p, &q.r);
    assert_int_equal(score_samples(p, &q.r, &q.id, id), 0);
    assert_int_equal(score_samples(p, &q.r, &q.outliers, ood), 0);
    tx_close();
    assert_int_equal(metrics_detect(&m, id, MANY, ood, MANY), 0);
    plugin_close(p);
    problem_end(&q);
    return m.auroc;
}

/* A parameter that changes what fit does, and is not marked so, is found here; not of
 * scorers that look at images, nor where no point of the sweep suits 64 features. */
static int same_as_alone(const char *name, char *told)
{
    int compared = 0;
    char *rest = told;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        char *settings = strstr(line, "score_params="), *auroc = strstr(line, "\tauroc="), want[32];
        if (strncmp(line, "point\t", 6) != 0 || !auroc)
            continue;
        settings += strlen("score_params=");
        settings[strcspn(settings, "\t")] = '\0';
        snprintf(want, sizeof want, "%.9g\t", auroc_alone(name, settings));
        if (strncmp(auroc + 7, want, strlen(want)) != 0)
            fail_msg("%s with %s: alone it reaches %s, in a search %.12s: is `refit` missing?", name, settings,
                     want, auroc + 7);
        compared++;
    }
    return compared;
}

static int search_like_alone(const char *name)
{
    problem q;
    unsigned char wanted[64] = {0};
    double fit_s;
    char settings[1024];
    int sweeps = 0, compared;
    problem_begin(&q);
    plugin *p = toy_method(name, "");
    for (uint32_t i = 0; i < plugin_method(p)->nparams; i++)
        sweeps += wanted[i] = plugin_sweep(p, i) > 0;
    int good = sweeps && plugin_method(p)->score && !plugin_method(p)->inputs;
    tx_open();
    const tuning t = {wanted, &q.id, &q.outliers, 1};
    if (good)
        search_fit(p, &q.r, &t, &fit_s, settings, sizeof settings); /* may find that no point suits 64 features */
    tx_close();
    plugin_close(p);
    problem_end(&q);
    char *told = drain(reports);
    compared = same_as_alone(name, told);
    free(told);
    return compared > 0;
}

static void every_scorer(void **state)
{
    struct dirent **found;
    int n = scandir("methods", &found, NULL, alphasort), searched = 0;
    (void)state;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(found[i]->d_name);
        if (length > 2 && strcmp(found[i]->d_name + length - 2, ".c") == 0) {
            found[i]->d_name[length - 2] = '\0';
            searched += search_like_alone(found[i]->d_name);
        }
        free(found[i]);
    }
    free(found);
    assert_true(searched >= 10); /* else the above says little */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_grid),      cmocka_unit_test(ties),     cmocka_unit_test(fits_draw_alike),
        cmocka_unit_test(given_ones_stay), cmocka_unit_test(dislikes), cmocka_unit_test(nothing_is_left),
        cmocka_unit_test(every_scorer),
    };
    toy_begin();
    return cmocka_run_group_tests_name("search", tests, begin, end);
}
