/* curves.c - what the figures of scores put into their CSVs: densities that sum to one,
 * curves whose areas are the rows' metrics. */
#include "program.h"
#include "weights.h"

#include "../harness/data.h"
#include "../harness/engine.h"
#include "../harness/models.h"
#include "../harness/results.h"
#include "../harness/scores.h"

#include <math.h>

static int begin(void **state)
{
    (void)state;
    if (program_begin("curves") != 0)
        return -1;
    int status, rc = device_open("cpu", 0) != 0 || put_weights("w.safetensors", 1) != 0;
    write_text("a.yml",
               "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: [ebo, msp]\ndevice: cpu\n");
    char *said = output(&status, "run '%s/a.yml' --imported '%s/imported' --out '%s/out'", here, here, here);
    if (status)
        fprintf(stderr, "%s\n", said);
    free(said);
    return rc || status ? -1 : 0;
}

/* Draws and opens the CSV. */
static sheet *drawn(const char *kind, const char *options, const char *const *header, int columns)
{
    int status;
    sheet *s;
    char *said = output(&status, "plot %s '%s/out' -o '%s/%s.svg' %s", kind, here, here, kind, options);
    char *csv = text_format("%s/%s.csv", here, kind), *svg = text_format("%s/%s.svg", here, kind);
    if (status != 0 || !file_exists(svg))
        fail_msg("%s", said);
    if (sheet_open(&s, csv, header, columns, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    free(csv);
    free(svg);
    free(said);
    return s;
}

static double number(const sheet *s, int row, int column)
{
    return strtod(sheet_at(s, row, column), NULL);
}

static void densities_sum_to_one(void **state)
{
    static const char *const header[] = {"panel", "set", "group", "low", "high", "density", "threshold"};
    double sum[3] = {0};
    int set = -1;
    (void)state;
    sheet *s = drawn("histogram", "--bins 20", header, 7);
    assert_int_equal(sheet_rows(s), 3 * 20); /* one scorer: ID, near and far */
    for (int row = 0; row < sheet_rows(s); row++) {
        set += row == 0 || strcmp(sheet_at(s, row, 1), sheet_at(s, row - 1, 1)) != 0;
        assert_true(set < 3);
        sum[set] += number(s, row, 5) * (number(s, row, 4) - number(s, row, 3));
    }
    for (int i = 0; i < 3; i++)
        assert_true(fabs(sum[i] - 1) < 1e-6);
    sheet_close(s);
}

/* By trapezoids over the rows of each line. Curves leave out points that cannot be seen. */
static void areas_are(const char *kind, const char *const *header, double tolerance)
{
    double area = 0;
    int lines = 0;
    sheet *s = drawn(kind, "--score all", header, 5);
    for (int row = 0; row < sheet_rows(s); row++) {
        int last = row + 1 == sheet_rows(s) || strcmp(sheet_at(s, row, 0), sheet_at(s, row + 1, 0)) != 0 ||
                   strcmp(sheet_at(s, row, 1), sheet_at(s, row + 1, 1)) != 0;
        if (!last) {
            area += (number(s, row + 1, 3) - number(s, row, 3)) * (number(s, row + 1, 4) + number(s, row, 4)) / 200;
            continue;
        }
        if (fabs(fabs(area) - number(s, row, 2)) > tolerance)
            fail_msg("%s of %s: area %g, expected %s", kind, sheet_at(s, row, 1), area, sheet_at(s, row, 2));
        area = 0;
        lines++;
    }
    assert_int_equal(lines, 4); /* two scorers, two sets */
    sheet_close(s);
}

static void areas_are_the_metrics(void **state)
{
    static const char *const roc[] = {"panel", "line", "auroc", "ood_accepted", "id_accepted"};
    static const char *const prc[] = {"panel", "line", "aupr", "recall", "precision"};
    (void)state;
    areas_are("roc", roc, 1e-4);
    areas_are("prc", prc, 1e-4);
}

/* The first image of the upper row is the one with the highest score. */
static void images_are_those_scored(void **state)
{
    static const char *const header[] = {"kind", "text", "x", "y", "red", "green", "blue"};
    enum { ACROSS = 4, STEP = 32 + 3, WIDE = ACROSS * STEP - 3, TITLE = 13 };
    char best[32];
    dataset *d;
    (void)state;
    sheet *s = drawn("images", "--images 4", header, 7), *results;
    char *out = text_format("%s/out", here), *csv = text_format("%s/out/results.csv", here);
    char *path = text_format("%s/imported/tiny/shapes.h5", here);
    assert_int_equal(sheet_open(&results, csv, result_names, RESULT_COLUMNS, SHEET_READ), 0);
    float *scores;
    int64_t n, top = 0;
    assert_int_equal(scores_read(out, sheet_at(results, 0, RESULT_RUN), "shapes", &scores, &n), 0);
    for (int64_t i = 0; i < n; i++)
        top = scores[i] > scores[top] ? i : top;
    snprintf(best, sizeof best, "%.2g", scores[top]);
    int row = sheet_find(s, 0, "score", 1, best), first = 0;
    assert_true(row >= 0);
    assert_int_equal(dataset_open(&d, path, "test"), 0);
    while (strcmp(sheet_at(s, first, 0), "pixel") != 0)
        first++;
    for (int y = 0; y < 32; y++)
        for (int x = 0; x < 32; x++)
            for (int c = 0; c < 3; c++)
                assert_int_equal((int)number(s, first + (TITLE + y) * WIDE + x, 4 + c),
                                 dataset_images(d)[((top * 32 + y) * 32 + x) * 3 + c]);
    dataset_close(d);
    sheet_close(s);
    sheet_close(results);
    free(scores);
    free(path);
    free(csv);
    free(out);
}

static void mistakes(void **state)
{
    static const struct {
        const char *options, *says;
    } bad[] = {{"--score nothing", "no row that is ok has what"},
               {"--sets nowhere", "no row that is ok has what"},
               {"--by sets", "did you mean `set`?"},
               {"--scores ebo", "did you mean --score?"}};
    int status;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *said = output(&status, "plot roc '%s/out' -o '%s/bad.svg' %s", here, here, bad[i].options);
        char *path = text_format("%s/bad.svg", here);
        assert_int_equal(status, 2);
        says(said, bad[i].says);
        assert_false(file_exists(path));
        free(path);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(densities_sum_to_one),
        cmocka_unit_test(areas_are_the_metrics),
        cmocka_unit_test(images_are_those_scored),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
