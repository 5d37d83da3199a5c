/* shift.c - covariate-shifted sets from the command line: accuracy by part, rows
 * of csid and full spectrum, what is computed again and what is not. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"
#include "../harness/results.h"

static const char with_shift[] = "  shapes_c: {group: csid, corrupt: shapes, corruptions: [contrast, %s], "
                                 "severities: [2]}\n  moved: {group: csid, draw: shapes, test: 30}\n";

static void write_benchmark(const char *second)
{
    char *sets = text_format(with_shift, second), *all = text_format("%s%s", tiny_benchmark, sets);
    write_text("tiny.yml", all);
    free(sets);
    free(all);
}

static int begin(void **state)
{
    net *n;
    (void)state;
    if (program_begin("shift") != 0 || device_open("cpu", 0) != 0)
        return -1;
    char *weights = text_format("%s/w.safetensors", here);
    int rc = nn_build(&n, "resnet20", 10, 1) != 0 || nn_save(n, weights, NULL) != 0;
    if (rc == 0)
        nn_free(n);
    free(weights);
    write_benchmark("brightness");
    write_text("a.yml",
               "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: [msp, knn]\ndevice: cpu\n");
    return rc ? -1 : 0;
}

/* Runs a.yml, which must end with `status`, into the folder `out`; what it said, to be freed. */
static char *run_to(int status, const char *out, const char *more)
{
    int found;
    char *said = output(&found, "run '%s/a.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here, out,
                        more);
    if (found != status)
        fail_msg("%s: expected status %d, found %d:\n%s", more, status, found, said);
    return said;
}

static sheet *open_sheet(const char *out, const char *name, const char *const header[], int columns)
{
    sheet *s = NULL;
    char *path = text_format("%s/%s/%s", here, out, name);
    if (sheet_open(&s, path, header, columns, SHEET_WRITE) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static sheet *results_of(const char *out)
{
    return open_sheet(out, "results.csv", result_names, RESULT_COLUMNS);
}

/* The row of a scorer; -1 when there is none. */
static int row_of(const sheet *s, const char *score, const char *ood, const char *group)
{
    for (int row = 0; row < sheet_rows(s); row++)
        if (strcmp(sheet_at(s, row, RESULT_SCORE), score) == 0 && strcmp(sheet_at(s, row, RESULT_OOD), ood) == 0 &&
            strcmp(sheet_at(s, row, RESULT_GROUP), group) == 0)
            return row;
    return -1;
}

static const char *field(const sheet *s, const char *ood, const char *group, int column)
{
    int row = row_of(s, "msp", ood, group);
    if (row < 0)
        fail_msg("there is no row of %s as %s", ood, group);
    return sheet_at(s, row, column);
}

static const char *accuracy(const sheet *s, const char *set, const char *split, int column)
{
    for (int row = 0; row < sheet_rows(s); row++)
        if (strcmp(sheet_at(s, row, ACCURACY_SET), set) == 0 &&
            strcmp(sheet_at(s, row, ACCURACY_SPLIT), split) == 0)
            return sheet_at(s, row, column);
    fail_msg("there is no accuracy of %s, %s", set, split);
    return NULL;
}

static long right(const sheet *s, const char *set, const char *split)
{
    return strtol(accuracy(s, set, split, ACCURACY_CORRECT), NULL, 10);
}

static void end_to_end(void **state)
{
    static const char *const groups[] = {"near", "far", "csid", "fsnear", "fsfar"},
                             *const sets[] = {"newshapes", "plasma", "shapes_c", "newshapes", "plasma"},
                             *const n_id[] = {"60", "60", "60", "180", "180"};
    (void)state;
    char *said = run_to(0, "good", "--csid shapes_c");
    says(said, "1 checkpoint, 2 scorers, 10 rows to compute");
    says(said, "csid-acc  fs-near  fs-far\n");
    free(said);
    sheet *s = results_of("good"), *a = open_sheet("good", "accuracy.csv", accuracy_names, ACCURACY_COLUMNS);
    assert_int_equal(sheet_rows(s), 10);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(field(s, sets[i], groups[i], RESULT_STATUS), "ok");
        assert_string_equal(field(s, sets[i], groups[i], RESULT_N_ID), n_id[i]);
        assert_string_equal(field(s, sets[i], groups[i], RESULT_N_OOD), i == 2 ? "120" : "50");
        assert_string_equal(field(s, sets[i], groups[i], RESULT_ID), i < 3 ? "shapes" : "shapes+shapes_c");
        assert_string_equal(field(s, sets[i], groups[i], RESULT_PRECISION), "f32");
    }
    assert_int_equal(sheet_rows(a), 7);
    long parts = right(a, "shapes_c", "contrast_2") + right(a, "shapes_c", "brightness_2");
    assert_int_equal(right(a, "shapes_c", "all"), parts);
    assert_int_equal(right(a, "shapes_c", "all+id"), parts + right(a, "shapes", "test"));
    assert_string_equal(accuracy(a, "shapes_c", "all", ACCURACY_N), "120");
    assert_string_equal(accuracy(a, "shapes_c", "all+id", ACCURACY_N), "180");
    assert_string_equal(field(s, "shapes_c", "csid", RESULT_ACC), accuracy(a, "shapes_c", "all", ACCURACY_ACC));
    assert_string_equal(field(s, "plasma", "fsfar", RESULT_ACC), accuracy(a, "shapes_c", "all+id", ACCURACY_ACC));
    assert_string_equal(field(s, "plasma", "far", RESULT_ACC), accuracy(a, "shapes", "test", ACCURACY_ACC));
    sheet_close(s);
    sheet_close(a);
    int status;
    said = output(&status, "table '%s/good/results.csv' --accuracy", here);
    assert_int_equal(status, 0);
    says(said, "resnet20 on shapes_c, accuracy in % by severity\ncorruption      2");
    says(said, "\nbrightness  ");
    free(said);
}

/* The same rows, times and all. */
static void same_rows(const sheet *a, const sheet *b, const char *group)
{
    for (int row = 0; row < sheet_rows(a); row++) {
        if (strcmp(sheet_at(a, row, RESULT_GROUP), group) != 0)
            continue;
        int other = row_of(b, sheet_at(a, row, RESULT_SCORE), sheet_at(a, row, RESULT_OOD), group);
        assert_true(other >= 0);
        for (int c = 0; c < RESULT_COLUMNS; c++)
            assert_string_equal(sheet_at(a, row, c), sheet_at(b, other, c));
    }
}

static void only_what_is_missing(void **state)
{
    (void)state;
    free(run_to(0, "more", ""));
    sheet *before = results_of("more"), *after;
    assert_int_equal(sheet_rows(before), 4);
    char *said = run_to(0, "more", "--csid shapes_c");
    says(said, "2 scorers, 6 rows to compute");
    free(said);
    after = results_of("more");
    assert_int_equal(sheet_rows(after), 10);
    same_rows(before, after, "near");
    same_rows(before, after, "far");
    sheet_close(before);
    int gone = row_of(after, "knn", "shapes_c", "csid");
    assert_true(gone >= 0);
    assert_int_equal(sheet_remove(after, gone), 0);
    said = run_to(0, "more", "--csid shapes_c");
    says(said, "2 scorers, 1 row to compute");
    free(said);
    before = results_of("more");
    assert_int_equal(sheet_rows(before), 10);
    same_rows(after, before, "fsnear"); /* those that were there */
    sheet_close(after);
    said = run_to(0, "more", "--csid shapes_c,moved"); /* another spectrum, and one more set */
    says(said, "2 scorers, 6 rows to compute");
    free(said);
    after = results_of("more");
    assert_int_equal(sheet_rows(after), 12);
    same_rows(before, after, "csid");
    assert_string_equal(field(after, "plasma", "fsfar", RESULT_ID), "shapes+shapes_c+moved");
    assert_string_equal(field(after, "plasma", "fsfar", RESULT_N_ID), "210");
    said = run_to(0, "more", "--csid shapes_c,moved");
    says(said, "2 scorers, 0 rows to compute");
    assert_null(strstr(said, "  features"));
    free(said);
    sheet_close(before);
    sheet_close(after);
}

static const char *status(const sheet *s, const char *ood, const char *group)
{
    return sheet_at(s, row_of(s, "fickle (reconstruction)", ood, group), RESULT_STATUS);
}

/* Calls: the ID test set, the near one, the far one, then the two parts. */
static void one_bad_set(void **state)
{
    static const struct {
        const char *call, *says;
        int bad[5]; /* rows, as in `sets` */
    } cases[] = {{"1", "nan: 60 of 60 scores of shapes are not finite", {1, 1, 1, 1, 1}},
                 {"2", "nan: 50 of 50 scores of newshapes are not finite", {1, 0, 0, 1, 0}},
                 {"5", "nan: 60 of 120 scores of shapes_c are not finite", {0, 0, 1, 1, 1}}};
    static const char *const sets[] = {"newshapes", "plasma", "shapes_c", "newshapes", "plasma"},
                             *const groups[] = {"near", "far", "csid", "fsnear", "fsfar"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        char out[16], left[32];
        int bad = 0;
        snprintf(out, sizeof out, "bad%d", i);
        setenv("FICKLE", cases[i].call, 1);
        char *said = run_to(1, out, "--score fickle --csid shapes_c");
        unsetenv("FICKLE");
        says(said, "without a result:\n  fickle (reconstruction) on ");
        says(said, cases[i].says);
        free(said);
        sheet *s = results_of(out);
        assert_int_equal(sheet_rows(s), 5);
        for (int k = 0; k < 5; k++) {
            assert_string_equal(status(s, sets[k], groups[k]), cases[i].bad[k] ? cases[i].says : "ok");
            bad += cases[i].bad[k];
        }
        sheet_close(s);
        snprintf(left, sizeof left, " %d rows to compute", bad);
        said = run_to(0, out, "--score fickle --csid shapes_c"); /* and only those again */
        says(said, left);
        says(said, "\nfickle (reconstruction)  ");
        free(said);
    }
    int status;
    char *said = output(&status, "table '%s/bad0/results.csv' --score fickle", here);
    says(said, "\nfickle (reconstruction)  ");
    free(said);
}

/* A model that cannot be had fails each of its rows. */
static void no_model(void **state)
{
    (void)state;
    write_text("w.th", "no checkpoint");
    char *said = run_to(1, "damaged", "--weights w.th --csid shapes_c --score msp");
    says(said, "msp on newshapes, plasma, shapes_c, fs-newshapes, fs-plasma: failed: ");
    free(said);
    sheet *s = results_of("damaged");
    assert_int_equal(sheet_rows(s), 5);
    sheet_close(s);
}

/* Other corruptions under the same name: what they took part in is computed again. */
static void changed_parts(void **state)
{
    (void)state;
    free(run_to(0, "changed", "--csid shapes_c --score msp"));
    sheet *before = results_of("changed"), *after, *a;
    write_benchmark("pixelate");
    char *said = run_to(0, "changed", "--csid shapes_c --score msp");
    says(said, "1 scorer, 3 rows to compute");
    free(said);
    after = results_of("changed");
    same_rows(before, after, "near");
    same_rows(before, after, "far");
    a = open_sheet("changed", "accuracy.csv", accuracy_names, ACCURACY_COLUMNS);
    assert_int_equal(sheet_rows(a), 7);
    assert_int_equal(right(a, "shapes_c", "all"),
                     right(a, "shapes_c", "contrast_2") + right(a, "shapes_c", "pixelate_2"));
    sheet_close(before);
    sheet_close(after);
    sheet_close(a);
    write_benchmark("brightness");
}

/* Tables of an earlier version: one line that says what to do. */
static void other_columns(void **state)
{
    static const char *const names[] = {"results.csv", "accuracy.csv"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *path = text_format("old%d/%s", i, names[i]), *out = text_format("old%d", i);
        write_text(path, "run,commit,status\n1,2,ok\n");
        char *said = run_to(EXIT_CONFIG, out, "--score msp");
        says(said, "found 3 that begin with `run`: if another version wrote it, move it away and compute it again");
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
        free(said);
        free(path);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end_to_end), cmocka_unit_test(only_what_is_missing), cmocka_unit_test(one_bad_set),
        cmocka_unit_test(no_model),   cmocka_unit_test(changed_parts),        cmocka_unit_test(other_columns),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
