/* scores.c - the scores that a run keeps: they are those behind its rows, come
 * back when they are lost, and are not believed when they are damaged. */
#include "program.h"
#include "weights.h"

#include "../harness/engine.h"
#include "../harness/metrics.h"
#include "../harness/models.h"
#include "../harness/results.h"
#include "../harness/scores.h"

#include <limits.h>
#include <math.h>

static int begin(void **state)
{
    (void)state;
    if (program_begin("scores") != 0)
        return -1;
    int rc = device_open("cpu", 0) != 0 || put_weights("w.safetensors", 1) != 0;
    write_text("a.yml", "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: [ebo]\ndevice: cpu\n");
    return rc ? -1 : 0;
}

static char *run_it(void)
{
    int status;
    char *said = output(&status, "run '%s/a.yml' --imported '%s/imported' --out '%s/out'", here, here, here);
    if (status != 0)
        fail_msg("%s", said);
    return said;
}

static sheet *results(char out[PATH_MAX])
{
    sheet *s = NULL;
    char *path = text_format("%s/out/results.csv", here);
    snprintf(out, PATH_MAX, "%s/out", here);
    if (sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return s;
}

static float *scores_of(const char *out, const char *run, const char *set, int64_t n)
{
    float *scores = NULL;
    int64_t found = 0;
    if (scores_read(out, run, set, &scores, &found) != 0)
        fail_msg("%s", fault_text());
    assert_int_equal(found, n);
    return scores;
}

static void are_those_of_the_rows(void **state)
{
    char out[PATH_MAX];
    (void)state;
    free(run_it());
    sheet *s = results(out);
    assert_int_equal(sheet_rows(s), 2);
    for (int row = 0; row < 2; row++) {
        metrics m;
        const char *run = sheet_at(s, row, RESULT_RUN);
        float *id = scores_of(out, run, "shapes", 60), *ood = scores_of(out, run, sheet_at(s, row, RESULT_OOD), 50);
        assert_int_equal(metrics_detect(&m, id, 60, ood, 50), 0);
        assert_true(fabs(m.auroc - atof(sheet_at(s, row, RESULT_AUROC))) < 1e-6); /* nine digits are written */
        free(id);
        free(ood);
    }
    sheet_close(s);
}

static void come_back(void **state)
{
    char out[PATH_MAX], path[PATH_MAX];
    (void)state;
    char *said = run_it();
    says(said, "0 rows to compute");
    free(said);
    sheet *s = results(out);
    const char *run = sheet_at(s, 0, RESULT_RUN);
    float *before = scores_of(out, run, "plasma", 50);
    assert_int_equal(unlink(scores_path(path, sizeof path, out, run, "plasma")), 0);
    said = run_it();
    says(said, "1 row to compute");
    free(said);
    float *after = scores_of(out, run, "plasma", 50);
    assert_memory_equal(before, after, 50 * sizeof *before);
    free(before);
    free(after);
    sheet_close(s);
}

static void damage_is_seen(void **state)
{
    char out[PATH_MAX], path[PATH_MAX], other[PATH_MAX];
    float *scores;
    int64_t n;
    (void)state;
    free(run_it());
    sheet *s = results(out);
    const char *run = sheet_at(s, 0, RESULT_RUN);
    scores_path(path, sizeof path, out, run, "plasma");
    scores_path(other, sizeof other, out, run, "newshapes");
    assert_int_equal(rename(other, path), 0); /* another set's */
    assert_int_equal(scores_read(out, run, "plasma", &scores, &n), -1);
    says(fault_text(), "damaged or another's");
    assert_int_equal(scores_read(out, run, "newshapes", &scores, &n), -1);
    says(fault_text(), "no such file");
    says(fault_text(), "oodbench run");
    sheet_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_those_of_the_rows),
        cmocka_unit_test(come_back),
        cmocka_unit_test(damage_is_seen),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
