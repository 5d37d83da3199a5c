/* searched.c - experiments with a search, as their users run them: what becomes of
 * the chosen parameters, of every point that was tried, of a search that was cut
 * short; and that none of it looks at test images. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"
#include "../harness/results.h"

#include <math.h>

static const char benchmark[] =
    "generator: shapes\nseed: 1\nclasses: [disc, ring, square, frame, triangle, cross, star, crescent, heart, "
    "arrow]\n"
    "side: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.25, 0.25, 0.25]\nsets:\n"
    "  shapes: {group: id, train: 256, val: 40, test: %d}\n  newshapes: {group: near, test: 50}\n"
    "  plasma: {group: far, test: 50}\n  othershapes: {group: tune, val: %d}\n  gratings: {group: tune, val: 20}\n";

static void write_benchmark(int test, int tuning)
{
    char *bytes = text_format(benchmark, test, tuning);
    write_text("tuned.yml", bytes);
    free(bytes);
}

/* Two networks with random weights. */
static int begin(void **state)
{
    (void)state;
    if (program_begin("searched") != 0 || device_open("cpu", 0) != 0)
        return -1;
    for (int seed = 0; seed < 2; seed++) {
        net *n;
        char *weights = text_format("%s/w%d.safetensors", here, seed);
        int rc = nn_build(&n, "resnet20", 10, (uint64_t)seed + 1) != 0 || nn_save(n, weights, NULL) != 0;
        free(weights);
        if (rc)
            return -1;
        nn_free(n);
    }
    write_benchmark(60, 40);
    write_text("a.yml", "benchmark: tuned.yml\nnet: resnet20\nweights: 'w{seed}.safetensors'\ndevice: cpu\n");
    return 0;
}

static char *run_into(int *status, const char *out, const char *more)
{
    return output(status, "run '%s/a.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here, out, more);
}

static void must_run(const char *out, const char *more)
{
    int status;
    char *said = run_into(&status, out, more);
    if (status != 0)
        fail_msg("%s", said);
    free(said);
}

static sheet *results_of(const char *out)
{
    return sheet_of(out, "results.csv", result_names, RESULT_COLUMNS);
}

static sheet *points_of(const char *out)
{
    return sheet_of(out, "search.csv", search_names, SEARCH_COLUMNS);
}

/* The one row of search.csv that was chosen of a scorer's, of which there are n. */
static int chosen(const sheet *s, const char *score, int n)
{
    int found = -1, points = 0;
    for (int row = 0; row < sheet_rows(s); row++) {
        if (strcmp(sheet_at(s, row, SEARCH_SCORE), score) != 0)
            continue;
        points++;
        if (strcmp(sheet_at(s, row, SEARCH_CHOSEN), "true") == 0) {
            assert_int_equal(found, -1);
            found = row;
        }
    }
    assert_int_equal(points, n);
    assert_true(found >= 0);
    return found;
}

/* The figures of a scorer on a set are the same in both, whatever else is not. */
static void same_figures(const sheet *a, const sheet *b, const char *score, const char *ood)
{
    int x = sheet_find(a, RESULT_SCORE, score, RESULT_OOD, ood),
        y = sheet_find(b, RESULT_SCORE, score, RESULT_OOD, ood);
    assert_true(x >= 0 && y >= 0);
    assert_string_equal(sheet_at(a, x, RESULT_STATUS), "ok");
    for (int c = RESULT_N_ID; c <= RESULT_FPR95_ID; c++)
        assert_string_equal(sheet_at(a, x, c), sheet_at(b, y, c));
}

/* A row says what was chosen, and is what those parameters give without a search. */
static void chosen_parameters(void **state)
{
    int status;
    (void)state;
    char *said = run_into(&status, "good", "--search --score msp,gen,react");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "gen searched");
    says(said, "react searched");
    says(said, "  search     gen gamma=");
    assert_null(strstr(said, "msp searched"));
    free(said);
    sheet *s = results_of("good"), *points = points_of("good");
    assert_int_equal(sheet_rows(s), 6);
    assert_int_equal(sheet_rows(points), 42 + 4); /* msp has no sweep */
    static const char *const scores[] = {"gen", "react"}, *const searched[] = {";searched=gamma m",
                                                                               ";searched=percentile"};
    text pinned = {0};
    for (int i = 0; i < 2; i++) {
        int point = chosen(points, scores[i], i ? 4 : 42);
        const char *params = sheet_at(points, point, SEARCH_SCORE_PARAMS);
        char *want = text_format("%s%s", params, searched[i]), *copy = text_copy(params), *rest = copy;
        int row = sheet_find(s, RESULT_SCORE, scores[i], RESULT_OOD, "plasma");
        assert_string_equal(sheet_at(s, row, RESULT_SCORE_PARAMS), want);
        assert_string_equal(sheet_at(s, row, RESULT_RUN), sheet_at(points, point, SEARCH_RUN));
        assert_string_equal(sheet_at(points, point, SEARCH_TUNE), "othershapes");
        for (char *one; (one = strsep(&rest, ";"));)
            text_add(&pinned, " --%s.%s", scores[i], one);
        free(want);
        free(copy);
    }
    char *more = text_format("--score msp,gen,react%s", text_str(&pinned));
    must_run("pinned", more);
    sheet *alone = results_of("pinned");
    for (int i = 0; i < 2; i++) {
        same_figures(s, alone, scores[i], "plasma");
        same_figures(s, alone, scores[i], "newshapes");
        int row = sheet_find(s, RESULT_SCORE, scores[i], RESULT_OOD, "plasma");
        assert_int_equal(result_find(alone, sheet_at(s, row, RESULT_RUN), "plasma", "far"), -1); /* another run */
    }
    int row = sheet_find(s, RESULT_SCORE, "msp", RESULT_OOD, "plasma");
    assert_true(result_find(alone, sheet_at(s, row, RESULT_RUN), "plasma", "far") >= 0); /* the same */
    text_free(&pinned);
    free(more);
    sheet_close(s);
    sheet_close(points);
    sheet_close(alone);
    said = run_into(&status, "good", "--search --score msp,gen,react");
    says(said, "3 scorers, 0 rows to compute");
    free(said);
}

/* The choice is the first of the best, by the file itself. */
static void first_of_the_best(void **state)
{
    (void)state;
    must_run("best", "--search --score gen,she,picky");
    sheet *points = points_of("best");
    static const char *const scores[] = {"gen", "she", "picky"};
    static const int sizes[] = {42, 3, 6};
    for (int i = 0; i < 3; i++) {
        int best = -1;
        for (int row = 0; row < sheet_rows(points); row++)
            if (strcmp(sheet_at(points, row, SEARCH_SCORE), scores[i]) == 0 &&
                (best < 0 || strtod(sheet_at(points, row, SEARCH_AUROC), NULL) >
                                 strtod(sheet_at(points, best, SEARCH_AUROC), NULL)))
                best = row;
        assert_int_equal(chosen(points, scores[i], sizes[i]), best);
    }
    sheet_close(points);
}

/* What is given is not searched, and what was searched otherwise is another run. */
static void given_ones_stay(void **state)
{
    (void)state;
    must_run("given", "--search --score gen --gen.m 10");
    must_run("given", "--search --score gen --gen.gamma 0.5,1");
    must_run("given", "--search --score gen --gen.gamma 1 --gen.m 10");
    sheet *s = results_of("given"), *points = points_of("given");
    assert_int_equal(sheet_rows(s), 2 + 4 + 2);
    assert_int_equal(sheet_rows(points), 7 + 2 * 6);
    static const char *const says_so[] = {";m=10;searched=gamma", "gamma=0.5;m=", "gamma=1;m="};
    for (int i = 0; i < 3; i++) {
        int found = 0;
        for (int row = 0; row < sheet_rows(s); row++)
            found += strstr(sheet_at(s, row, RESULT_SCORE_PARAMS), says_so[i]) != NULL;
        assert_int_equal(found, i == 2 ? 4 : 2);
    }
    assert_true(sheet_find(s, RESULT_SCORE_PARAMS, "gamma=1;m=10", RESULT_OOD, "plasma") >= 0);
    sheet_close(s);
    sheet_close(points);
}

/* But for the seconds, search.csv is that of a search in one go. */
static void same_points(const char *out, const char *whole)
{
    sheet *a = points_of(out), *b = points_of(whole);
    assert_int_equal(sheet_rows(a), sheet_rows(b));
    for (int row = 0; row < sheet_rows(a); row++) {
        int other = sheet_find(b, SEARCH_RUN, sheet_at(a, row, SEARCH_RUN), SEARCH_SCORE_PARAMS,
                               sheet_at(a, row, SEARCH_SCORE_PARAMS));
        assert_true(other >= 0);
        for (int c = 0; c < SEARCH_COLUMNS; c++)
            if (c != SEARCH_SECONDS)
                assert_string_equal(sheet_at(a, row, c), sheet_at(b, other, c));
    }
    sheet_close(a);
    sheet_close(b);
}

/* Without the files of test sets the points are the same: the search is over before they are opened. */
static void no_test_images(void **state)
{
    int status;
    (void)state;
    must_run("blind", "--search --score gen");
    sheet *points = points_of("blind");
    char *cell = text_format("%s/blind/cache/%s.yml", here, sheet_at(points, 0, SEARCH_RUN)), *bytes;
    size_t n;
    assert_int_equal(file_read(cell, &bytes, &n), 0);
    text blind = {0};
    int lines = 0;
    for (char *line, *rest = bytes; (line = strsep(&rest, "\n"));) {
        int test = strncmp(line, "data.newshapes:", 15) == 0 || strncmp(line, "data.plasma:", 12) == 0;
        text_add(&blind, "%.*s%s\n", test ? (int)strcspn(line, ":") : (int)strlen(line), line,
                 test ? ": /none.h5" : "");
        lines += test;
    }
    assert_int_equal(lines, 2);
    write_text("blind.yml", text_str(&blind));
    char *said = output(&status, "cell '%s/blind.yml'", here);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "/none.h5");
    for (int row = 0; row < sheet_rows(points); row++) {
        char *want = text_format("point\tscore_params=%s\tauroc=%s\t", sheet_at(points, row, SEARCH_SCORE_PARAMS),
                                 sheet_at(points, row, SEARCH_AUROC));
        says(said, want);
        free(want);
    }
    free(said);
    free(cell);
    free(bytes);
    text_free(&blind);
    sheet_close(points);
    write_benchmark(20, 40); /* nor do they depend on the ID set's test images */
    must_run("fewer", "--search --score gen");
    write_benchmark(60, 40);
    same_points("fewer", "blind");
}

static void cut_short(void **state)
{
    int status;
    (void)state;
    must_run("whole", "--search --score picky");
    setenv("PICKY", "kill 2 5", 1);
    char *said = run_into(&status, "killed", "--search --score picky");
    unsetenv("PICKY");
    assert_int_equal(status, 1);
    says(said, "crash: SIGKILL");
    free(said);
    must_run("killed", "--search --score picky");
    same_points("killed", "whole");

    /* Killed while it wrote the points down: half of a line, and no result. */
    must_run("torn", "--search --score picky");
    char *csv = text_format("%s/torn/search.csv", here), *results = text_format("%s/torn/results.csv", here),
         *bytes;
    size_t n;
    assert_int_equal(file_read(csv, &bytes, &n), 0);
    assert_int_equal(truncate(csv, (off_t)n - 70), 0);
    assert_int_equal(unlink(results), 0);
    must_run("torn", "--search --score picky");
    same_points("torn", "whole");
    free(bytes);
    free(csv);
    free(results);
}

static void points_left_out(void **state)
{
    int status;
    (void)state;
    setenv("PICKY", "fit 1 4, score 2 4, nan 3 4", 1);
    must_run("picky", "--search --score picky");
    sheet *points = points_of("picky");
    static const char *const statuses[] = {"refused: picky: no fit", "refused: picky: no score", "nan: "};
    for (int i = 0; i < 3; i++) {
        assert_memory_equal(sheet_at(points, i, SEARCH_STATUS), statuses[i], strlen(statuses[i]));
        assert_string_equal(sheet_at(points, i, SEARCH_AUROC), "");
    }
    assert_true(chosen(points, "picky", 6) >= 3);
    sheet_close(points);
    setenv("PICKY", "fit 1 4, fit 2 4, fit 3 4, fit 1 5, fit 2 5, fit 3 5", 1);
    char *said = run_into(&status, "nothing", "--search --score picky,msp");
    unsetenv("PICKY");
    assert_int_equal(status, 1);
    says(said, "failed: picky: none of the 6 points of its search can be used; the first: refused: picky: no fit");
    free(said);
    sheet *s = results_of("nothing");
    int row = sheet_find(s, RESULT_SCORE, "msp", RESULT_OOD, "plasma");
    assert_string_equal(sheet_at(s, row, RESULT_STATUS), "ok");
    sheet_close(s);
}

/* Seeds may choose differently and are still one line. */
static void seeds_are_one_line(void **state)
{
    int status, lines = 0;
    (void)state;
    char *said = run_into(&status, "seeds", "--search --score gen,picky --seed 0,1");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    sheet *s = results_of("seeds");
    int a = sheet_find(s, RESULT_SEED, "0", RESULT_SCORE, "picky"),
        b = sheet_find(s, RESULT_SEED, "1", RESULT_SCORE, "picky");
    assert_true(a >= 0 && b >= 0);
    assert_string_not_equal(sheet_at(s, a, RESULT_SCORE_PARAMS), sheet_at(s, b, RESULT_SCORE_PARAMS));
    sheet_close(s);
    said = output(&status, "table '%s/seeds/results.csv' --metric auroc", here);
    assert_int_equal(status, 0);
    says(said, "2 seeds");
    for (const char *p = said; (p = strstr(p, "picky searched")); p++)
        lines++;
    assert_int_equal(lines, 1);
    free(said);
}

/* Other images to tune by make another choice possible: only what was searched is done again. */
static void tuning_set_changes(void **state)
{
    int status;
    (void)state;
    must_run("changed", "--search --score msp,gen");
    write_benchmark(60, 30);
    char *said = run_into(&status, "changed", "--search --score msp,gen");
    write_benchmark(60, 40);
    assert_int_equal(status, 0);
    says(said, "2 scorers, 2 rows to compute");
    free(said);
}

/* Tuned by others it is another run; by several, they count as one set. */
static void other_tuning_sets(void **state)
{
    int status;
    (void)state;
    must_run("others", "--search --score gen");
    char *said = run_into(&status, "others", "--search --score gen --tune gratings");
    says(said, "1 scorer, 2 rows to compute");
    free(said);
    must_run("others", "--search --score gen --tune othershapes,gratings");
    sheet *points = points_of("others");
    static const char *const tuned[] = {"othershapes", "gratings", "othershapes+gratings"};
    assert_int_equal(sheet_rows(points), 3 * 42);
    for (int i = 0; i < 3; i++)
        assert_string_equal(sheet_at(points, i * 42, SEARCH_TUNE), tuned[i]);
    /* Of 40 and 20 outliers against the same images, AUROC is the mean, so weighted. */
    double one = strtod(sheet_at(points, 0, SEARCH_AUROC), NULL),
           two = strtod(sheet_at(points, 42, SEARCH_AUROC), NULL);
    assert_float_equal(strtod(sheet_at(points, 84, SEARCH_AUROC), NULL), (40 * one + 20 * two) / 60, 1e-5);
    sheet_close(points);
}

static void settings_without_choices(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"k=50", "k=50"},
        {"gamma=0.5;m=10;searched=gamma m", "searched=gamma m"},
        {"gamma=0.5;m=10;searched=gamma", "m=10;searched=gamma"},
        {"gamma=0.5;m=10;searched=m", "gamma=0.5;searched=m"},
        {"m=1;mm=2;searched=m", "mm=2;searched=m"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *s = result_settings(cases[i][0]);
        assert_string_equal(s, cases[i][1]);
        free(s);
    }
}

/* Mistakes: one line, and exit code 2. */
static void nothing_to_tune_by(void **state)
{
    static const struct {
        const char *arguments, *says;
    } cases[] = {
        {"--search --benchmark tiny.yml",
         "--search: a search needs outliers to tune by, and the benchmark tiny.yml "
         "has no set of the group tune"},
        {"--search --benchmark absent.yml", "--search: a search needs outliers to tune by: othershapes: the set "
                                            "othershapes needs none.npy: give the folder that holds them"},
        {"--search --far plasma --tune plasma", "the set plasma is in `far` and in `tune`: keep one"},
        {"--search --tune plasma", "plasma.h5 has no split `val`"}, /* test images are none to tune by */
        {"--search=maybe", "`search` must be true or false, found `maybe`"},
    };
    (void)state;
    char *whole = text_format(benchmark, 60, 40), *tune = strstr(whole, "  othershapes");
    char *absent = text_format("%.*s  othershapes: {group: tune, npy: none.npy}\n", (int)(tune - whole), whole);
    write_text("absent.yml", absent);
    free(absent);
    free(whole);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *more = text_format("--score gen %s", cases[i].arguments), *said = run_into(&status, "none", more);
        if (status != EXIT_CONFIG || !strstr(said, cases[i].says) || strchr(said, '\n') != said + strlen(said) - 1)
            fail_msg("%s: expected one line with `%s` and status 2, found status %d and:\n%s", cases[i].arguments,
                     cases[i].says, status, said);
        free(more);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chosen_parameters),  cmocka_unit_test(first_of_the_best),
        cmocka_unit_test(given_ones_stay),    cmocka_unit_test(no_test_images),
        cmocka_unit_test(cut_short),          cmocka_unit_test(points_left_out),
        cmocka_unit_test(seeds_are_one_line), cmocka_unit_test(tuning_set_changes),
        cmocka_unit_test(other_tuning_sets),  cmocka_unit_test(settings_without_choices),
        cmocka_unit_test(nothing_to_tune_by),
    };
    return cmocka_run_group_tests_name("searched", tests, begin, program_end);
}
