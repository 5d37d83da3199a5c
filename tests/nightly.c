/* nightly.c - how far chance goes, held to sums over all pairs and to tables; a night's
 * verdict on planted changes, which a run that was made before stands for. */
#include "../harness/tolerance.h"
#include "program.h"

#include <math.h>

/* Chance. */

/* DeLong's formula as it is written: kernels of all pairs, their means by sample. */
static double brute(const float *id, int n, const float *ood, int m, double *auroc)
{
    double rows[64] = {0}, cols[64] = {0}, a = 0, b = 0;
    *auroc = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) {
            double k = id[i] > ood[j] ? 1 : id[i] == ood[j] ? 0.5 : 0;
            rows[i] += k / m;
            cols[j] += k / n;
            *auroc += k / n / m;
        }
    for (int i = 0; i < n; i++)
        a += (rows[i] - *auroc) * (rows[i] - *auroc) / (n - 1) / n;
    for (int j = 0; j < m; j++)
        b += (cols[j] - *auroc) * (cols[j] - *auroc) / (m - 1) / m;
    return a + b;
}

static void delong_is_the_sum_over_pairs(void **state)
{
    (void)state;
    float id[40], ood[30];
    uint32_t draw = 7;
    for (int round = 0; round < 50; round++) {
        int n = 2 + round % 39, m = 2 + round * 7 % 29;
        for (int i = 0; i < n + m; i++) {
            draw = draw * 1664525u + 1013904223u;
            float v = (float)(draw >> 16 & (round % 2 ? 7 : 1023)); /* every other time nearly all are tied */
            *(i < n ? &id[i] : &ood[i - n]) = v + (i < n ? 2.0f : 0);
        }
        double area, expected, v = tolerance_delong(id, n, ood, m, &area), w = brute(id, n, ood, m, &expected);
        assert_true(fabs(area - expected) < 1e-12);
        assert_true(fabs(v - w) < 1e-12);
    }
}

/* Two of each, {3, 1} above {2, 0}: the kernels are 1 1 / 0 1, the area 3/4, the means by
 * sample 1, 1/2 and 1/2, 1: each side has variance 1/8, over two 1/16, together 1/8. */
static void delong_by_hand(void **state)
{
    (void)state;
    const float id[] = {3, 1}, ood[] = {2, 0};
    double area, v = tolerance_delong(id, 2, ood, 2, &area);
    assert_true(fabs(area - 0.75) < 1e-15 && fabs(v - 0.125) < 1e-15);
}

static void variances_from_counts(void **state)
{
    (void)state;
    assert_true(fabs(tolerance_binomial(0.2, 100) - 0.0016) < 1e-15);
    assert_true(tolerance_binomial(0, 100) > 0 && tolerance_binomial(1, 100) > 0);
    /* At 1/2: q1 = q2 = 1/3, so (1/4 + (n - 1 + m - 1) / 12) / nm; n = m = 4 gives 3/64. */
    assert_true(fabs(tolerance_hanley_mcneil(0.5, 4, 4) - 3.0 / 64) < 1e-15);
    assert_true(tolerance_hanley_mcneil(1, 50, 50) > 0);
}

static void probabilities_are_the_tables(void **state)
{
    (void)state;
    const struct {
        double t, freedom, p;
    } student[] = {{12.7062047, 1, 0.05}, {4.30265273, 2, 0.05}, {2.57058184, 5, 0.05}, {0.70710678, 2, 0.55278640},
                   {1, 1, 0.5},           {63.6567412, 1, 0.01}, {2.75, 30, 0.00999}};
    for (size_t i = 0; i < sizeof student / sizeof *student; i++)
        assert_true(fabs(tolerance_student(-2 * student[i].t, 2, student[i].freedom) - student[i].p) < 2e-5);
    assert_true(fabs(tolerance_normal(1.95996398, 1) - 0.05) < 1e-8);
    assert_true(tolerance_normal(0, 0) == 1 && tolerance_normal(0.1, 0) == 0 && tolerance_student(0, 1, 3) == 1);
}

/* Against 0.05 / 4, 0.05 / 3, 0.05 / 2, 0.05: the second smallest is below, the third is
 * not, so the largest is not looked at. NaN is no comparison. */
static void corrections_count_comparisons(void **state)
{
    (void)state;
    const double p[] = {0.03, 0.016, NAN, 0.01, 0.04};
    char holm[5], bonferroni[5];
    tolerance_holm(p, 5, 0.05, holm);
    tolerance_bonferroni(p, 5, 0.05, bonferroni);
    assert_memory_equal(holm, "\0\1\0\1\0", 5);
    assert_memory_equal(bonferroni, "\0\0\0\1\0", 5);
}

/* Nights. The experiment is run once; then rows of its baseline are changed, and the rows
 * of tonight are those that are there already (--keep, --look). */

static const char experiment_file[] = "benchmark: %s/tiny.yml\nimported: %s/imported\nnet: resnet20\ntrain: ce\n"
                                      "epochs: 1\nepoch_steps: 1\nbatch: 16\nscore: [msp, ebo]\nthreads: 1\n";

static void write_list(const char *more)
{
    char *list =
        text_format("experiments:\n  one:\n    run: one.yml\nout: out\nhistory: history\nreports: false\n%s", more);
    write_text("list.yml", list);
    free(list);
}

static char *night(int *status, const char *options)
{
    return output(status, "nightly '%s/list.yml' %s", here, options);
}

static void expect(const char *options, int wanted, const char *what)
{
    int status;
    char *said = night(&status, options);
    if (status != wanted)
        fail_msg("nightly %s: expected status %d, found %d and:\n%s", options, wanted, status, said);
    says(said, what);
    free(said);
}

/* Which line of the text has all of these; the first one. */
static char *find_line(char *all, const char *a, const char *b)
{
    for (char *line = all; line && *line; line = strchr(line, '\n'), line += line != NULL) {
        size_t n = strcspn(line, "\n");
        char *copy = text_format("%.*s", (int)n, line);
        int has = strstr(copy, a) && strstr(copy, b);
        free(copy);
        if (has)
            return line;
    }
    fail_msg("no line with %s and %s in:\n%s", a, b, all);
    return NULL;
}

/* A field of a row of the baseline; NULL removes the row. */
static void plant(const char *file, const char *a, const char *b, int column, const char *value)
{
    char *all = read_text(file), *line = find_line(all, a, b);
    size_t n = strcspn(line, "\n");
    text t = {0};
    text_add(&t, "%.*s", (int)(line - all), all);
    if (value) {
        char *copy = text_format("%.*s", (int)n, line), *rest = copy, *field;
        for (int i = 0; (field = strsep(&rest, ",")) != NULL; i++)
            text_add(&t, "%s%s", i ? "," : "", i == column ? value : field);
        text_char(&t, '\n');
        free(copy);
    }
    text_add(&t, "%s", line + n + 1);
    write_text(file, t.bytes);
    text_free(&t);
    free(all);
}

enum { AUROC = 18, FPR95 = 21, STATUS = 26, ACC = 11, CORRECT = 10 };
static const char *const kept[] = {"baseline/one.csv", "baseline/one-accuracy.csv", "baseline/one-data.csv",
                                   "baseline/one-made.csv"};
static char *held[4];

static void restore(void)
{
    for (int i = 0; i < 4; i++)
        write_text(kept[i], held[i]);
}

static int begin(void **state)
{
    (void)state;
    if (program_begin("nightly") != 0)
        return -1;
    char *yml = text_format(experiment_file, here, here);
    write_text("one.yml", yml);
    write_list("");
    free(yml);
    return 0;
}

static int end(void **state)
{
    for (int i = 0; i < 4; i++)
        free(held[i]);
    return program_end(state);
}

/* Without a baseline nothing is known of a night; what is accepted is met to the last digit. */
static void first_night(void **state)
{
    (void)state;
    expect("", 2, "no baseline");
    expect("--look", 2, "--accept --only one");
    expect("--accept", 0, "accepted");
    for (int i = 0; i < 4; i++)
        held[i] = read_text(kept[i]);
    expect("--look", 0, "equal to the last digit");
    expect("--accept", 0, "is the baseline already");
}

static void planted_digit(void **state)
{
    (void)state;
    plant(kept[0], ",msp,", ",plasma,", AUROC, "50.1234567");
    expect("--look", 1, "equal digits were promised");
    expect("--look", 1, "first that differs: none: the same settings, data, machine and commit");
    write_list("exact: warn\n");
    expect("--look", 0, "look one: resnet20 ce msp");
    write_list("");
    restore();
}

/* On another machine digits are not promised: one seed trained anew is looked at when it is
 * far off, and regresses when the tolerance is given. */
static void planted_machine(void **state)
{
    (void)state;
    plant(kept[3], "machine,", "", 1, "another");
    expect("--look", 0, "machine: another -> ");
    plant(kept[0], ",msp,", ",plasma,", AUROC, "99.9");
    expect("--look", 0, "chance between trainings is not known");
    write_list("tolerance: {auroc: 2}\n");
    expect("--look", 1, "worse, more than the 2 points of `tolerance.auroc`");
    plant(kept[0], ",msp,", ",plasma,", AUROC, "0.1");
    expect("--look", 0, "better");
    write_list("");
    restore();
}

/* As the same weights, given: 60 and 50 samples say that 99.9 is no chance, and that a tenth of a point is. */
static void planted_noise(void **state)
{
    (void)state;
    char *all = read_text(kept[0]), *now = read_text("out/one/results.csv"), *weights[] = {all, now};
    for (int i = 0; i < 2; i++) {
        text t = {0};
        for (char *line = weights[i]; *line; line += strcspn(line, "\n") + 1) {
            char *copy = text_format("%.*s", (int)strcspn(line, "\n"), line), *rest = copy, *field;
            for (int c = 0; (field = strsep(&rest, ",")) != NULL; c++)
                text_add(&t, "%s%s", c ? "," : "", (c == 8 || c == 9) && line != weights[i] ? "" : field);
            text_char(&t, '\n');
            free(copy);
        }
        write_text(i ? "out/one/results.csv" : kept[0], t.bytes);
        text_free(&t);
    }
    plant(kept[3], "machine,", "", 1, "another");
    char *row = find_line(now, ",msp,", ",plasma,");
    for (int c = 0; c < AUROC; c++)
        row = strchr(row, ',') + 1;
    double value = strtod(row, NULL);
    char near[32];
    snprintf(near, sizeof near, "%.6f", value + 0.1);
    plant(kept[0], ",msp,", ",plasma,", AUROC, near);
    expect("--look", 0, "OK: 0 regressions, 0 warnings");
    plant(kept[0], ",msp,", ",plasma,", AUROC, "99.9");
    expect("--look", 1, "by DeLong, the baseline's by Hanley-McNeil");
    write_text("out/one/results.csv", held[0]);
    free(all);
    free(now);
    restore();
}

static void planted_rows(void **state)
{
    (void)state;
    plant("out/one/results.csv", ",msp,", ",newshapes,", 0, NULL);
    expect("--look", 1, "missing row against newshapes (near)");
    expect("--look", 1, "first that differs: ood: newshapes -> plasma");
    write_text("out/one/results.csv", held[0]);
    plant(kept[0], ",msp,", ",newshapes,", 0, NULL);
    expect("--look", 0, "extra row against newshapes (near)");
    restore();
}

static void planted_failures(void **state)
{
    (void)state;
    plant("out/one/results.csv", ",ebo,", ",plasma,", STATUS, "crash: SIGSEGV");
    expect("--look", 1, "no result against plasma (far), seed 0: ok -> crash: SIGSEGV");
    expect("--accept", 2, "has rows without a result");
    plant(kept[0], ",ebo,", ",plasma,", STATUS, "crash: SIGSEGV");
    expect("--look", 0, "OK: 0 regressions, 0 warnings"); /* as ever */
    write_text("out/one/results.csv", held[0]);
    expect("--look", 0, "has a result now");
    restore();
    plant("out/one/results.csv", ",ebo,", ",plasma,", FPR95, "nan");
    expect("--look", 1, "ok, but a value is no number");
    write_text("out/one/results.csv", held[0]);
}

static void planted_counts_and_data(void **state)
{
    (void)state;
    plant(kept[1], ",shapes,test,", "", CORRECT, "59");
    expect("--look", 1, "acc on shapes test");
    restore();
    plant(kept[2], "plasma,test,", "", 3, "0123456789abcdef");
    expect("--look", 1, "sha256 of plasma test: 0123456789ab -> ");
    restore();
}

static void planted_speed(void **state)
{
    (void)state;
    plant(kept[3], "calibration_s,", "", 1, "1");
    char *made = read_text("out/one/made.csv");
    plant("out/one/made.csv", "calibration_before_s,", "", 1, "1");
    plant("out/one/made.csv", "calibration_after_s,", "", 1, "1.1");
    plant("out/one/made.csv", "calibration_s,", "", 1, "1");
    plant(kept[3], "fit_s.", "ebo", 1, "1");
    plant("out/one/made.csv", "fit_s.", "ebo", 1, "1.5");
    expect("--look", 0, "OK:");
    plant("out/one/made.csv", "fit_s.", "ebo", 1, "3");
    expect("--look", 0, "3 times as long");
    write_list("speed: fail\n");
    expect("--look", 1, "more than 2 times");
    plant("out/one/made.csv", "calibration_after_s,", "", 1, "2");
    expect("--look", 0, "the machine's own speed changed 2 times");
    write_text("out/one/made.csv", made);
    free(made);
    write_list("");
    restore();
}

/* Only what changed is another line afterwards. */
static void accept_changes_what_differs(void **state)
{
    (void)state;
    plant(kept[0], ",msp,", ",plasma,", AUROC, "12.5");
    plant(kept[0], ",ebo,", ",plasma,", 1, "c0ffeec0ffee");
    expect("--accept", 0, "changed  resnet20 ce msp");
    char *all = read_text(kept[0]);
    find_line(all, ",ebo,", "c0ffeec0ffee");
    assert_null(strstr(all, ",12.5,"));
    free(all);
    expect("--look", 0, "OK:");
    restore();
}

static void bad_lists(void **state)
{
    (void)state;
    const struct {
        const char *line, *says;
    } bad[] = {{"lvel: 0.1\n", "did you mean `level`"},
               {"tolerance: {auro: 1}\n", "did you mean `auroc`"},
               {"speed: maybe\n", "must be one of off, warn, fail"},
               {"level: 2\n", "`level` must be a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_list(bad[i].line);
        expect("--look", 2, bad[i].says);
    }
    write_text("list.yml", "experiments: {one: {runs: one.yml}}\n");
    expect("", 2, "did you mean `run`");
    write_text("list.yml", "experiments: {\"a/one\": {run: one.yml}}\n");
    expect("", 2, "is no name of an experiment");
    write_text("list.yml", "out: out\n");
    expect("", 2, "no experiments are listed");
    write_list("");
    expect("--acept", 2, "did you mean --accept");
    expect("--only two", 2, "there is no experiment `two`");
}

/* One experiment cannot run, another needs what is not there: the third is run all the same.
 * A folder that no night made is not cleared away. */
static void others_go_on(void **state)
{
    (void)state;
    char *list = text_format(
        "experiments:\n  wrong: {run: one.yml, options: {epoch: 1}}\n"
        "  images: {run: one.yml, needs: data}\n  one: {run: one.yml}\nout: out\nreports: false\n");
    write_text("list.yml", list);
    expect("--keep", 2, "did you mean `epochs`");
    expect("--look", 2, "OODBENCH_DATA does not name");
    expect("--look", 2, "equal to the last digit");
    free(list);
    write_text("list.yml", "experiments: {one: {run: one.yml}}\nout: other\nreports: false\n");
    write_text("other/one/precious", "x");
    expect("", 2, "no nightly made it");
    free(read_text("other/one/precious"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delong_is_the_sum_over_pairs),
        cmocka_unit_test(delong_by_hand),
        cmocka_unit_test(variances_from_counts),
        cmocka_unit_test(probabilities_are_the_tables),
        cmocka_unit_test(corrections_count_comparisons),
        cmocka_unit_test(first_night),
        cmocka_unit_test(planted_digit),
        cmocka_unit_test(planted_machine),
        cmocka_unit_test(planted_noise),
        cmocka_unit_test(planted_rows),
        cmocka_unit_test(planted_failures),
        cmocka_unit_test(planted_counts_and_data),
        cmocka_unit_test(planted_speed),
        cmocka_unit_test(accept_changes_what_differs),
        cmocka_unit_test(bad_lists),
        cmocka_unit_test(others_go_on),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
