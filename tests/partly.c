/* partly.c - an experiment of which a set is not on disk runs without it, and says so in
 * every table that is printed of it. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"

static int set_up(void **state)
{
    (void)state;
    return program_begin("partly");
}

static char *run_partly(const char *command)
{
    int status;
    char *said = output(&status, "%s", command);
    if (status != 0)
        fail_msg("%s: status %d:\n%s", command, status, said);
    return said;
}

/* far is a mean over plasma alone while a second set is missing; near is whole. */
static void means_without_a_set_are_marked(void **state)
{
    (void)state;
    net *n;
    char *own = text_format("%s  photographs: {group: far, tree: photographs}\n", tiny_benchmark);
    char *weights = text_format("%s/w.safetensors", here);
    assert_int_equal(device_open("cpu", 0), 0);
    assert_int_equal(nn_build(&n, "resnet20", 10, 1), 0);
    assert_int_equal(nn_save(n, weights, NULL), 0);
    nn_free(n);
    device_close();
    write_text("partly.yml", own);
    write_text("none/readme", "");
    write_text("p.yml", "benchmark: partly.yml\nnet: resnet20\nweights: w.safetensors\nscore: msp\ndevice: cpu\n");
    char *run = text_format("run '%s/p.yml' --data '%s/none' --imported '%s/imported' --out '%s/p'", here, here,
                            here, here);
    char *table = text_format("table '%s/p/results.csv'", here), *whole = text_format("%s --far plasma", run);
    char *said = run_partly(run);
    says(said, "left out of far: photographs: ");
    says(said, "* some sets or seeds are missing in this mean; not on disk: photographs\n");
    free(said);
    said = run_partly(table);
    says(said, "; not on disk: photographs\n");
    char *line = strstr(said, "\nmsp"); /* near, far*, average*, newshapes, plasma */
    int stars = 0;
    assert_non_null(line);
    for (const char *p = line + 1; *p && *p != '\n'; p++)
        stars += *p == '*';
    assert_int_equal(stars, 2);
    free(said);
    said = run_partly(whole); /* chosen by name, nothing is missing */
    assert_null(strstr(said, "missing"));
    free(said);
    said = run_partly(table);
    assert_null(strchr(said, '*'));
    free(said);
    free(whole);
    free(table);
    free(run);
    free(weights);
    free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means_without_a_set_are_marked)};
    return cmocka_run_group_tests(tests, set_up, program_end);
}
