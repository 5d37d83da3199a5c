/* sampled.c - `oodbench plot tsne` on an experiment that really ran: whose features are in
 * the figure, that it comes out the same again, and what is said when they are gone. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"

/* In the folder of the test. */
static void shell(const char *command)
{
    char *all = text_format("cd '%s' && %s", here, command);
    assert_int_equal(system(all), 0);
    free(all);
}

/* A network of random weights, scored on three kinds of images. A script stands in for gnuplot. */
static int begin(void **state)
{
    net *n;
    int status;
    (void)state;
    if (program_begin("sampled") != 0 || device_open("cpu", 0) != 0)
        return -1;
    char *weights = text_format("%s/w.safetensors", here);
    int rc = nn_build(&n, "resnet20", 10, 1) != 0 || nn_save(n, weights, NULL) != 0;
    if (rc == 0)
        nn_free(n);
    char *sets = text_format("%s  shapes_c: {group: csid, corrupt: shapes, corruptions: [contrast, fog], "
                             "severities: [2, 3]}\n",
                             tiny_benchmark);
    write_text("tiny.yml", sets);
    write_text("a.yml", "benchmark: tiny.yml\nnet: resnet20\nweights: w.safetensors\nscore: msp\ncsid: shapes_c\n"
                        "device: cpu\n");
    char *said = output(&status, "run '%s/a.yml' --imported '%s/imported' --out '%s/r'", here, here, here);
    if (status != 0)
        fail_msg("%s", said);
    write_text("bin/gnuplot", "#!/bin/sh\necho drawn > \"$5\"\n");
    shell("chmod +x bin/gnuplot");
    char *path = text_format("%s/bin:/usr/bin:/bin", here);
    setenv("PATH", path, 1);
    free(path);
    free(said);
    free(sets);
    free(weights);
    return rc;
}

static char *draw(int status, const char *options)
{
    int found;
    char *said = output(&found, "plot tsne '%s/r' --samples 90 --perplexity 8 %s", here, options);
    if (found != status)
        fail_msg("%s: expected status %d, found %d:\n%s", options, status, found, said);
    return said;
}

/* The rows of a CSV that begin with this. */
static int rows(const char *csv, const char *start)
{
    int n = 0;
    for (const char *line = csv; *line; line += strcspn(line, "\n"), line += *line == '\n')
        n += strncmp(line, start, strlen(start)) == 0;
    return n;
}

static void equal_shares_of_each_kind(void **state)
{
    (void)state;
    char *said = draw(0, ""), *csv = read_text("r/figures/tsne.csv");
    says(said, "samples: 30 of shapes, 30 of shapes_c, 30 of plasma; perplexity 8, seed 0\n");
    assert_int_equal(rows(csv, ""), 91);
    assert_int_equal(rows(csv, "resnet20,id,shapes,"), 30);
    assert_int_equal(rows(csv, "resnet20,csid,shapes_c,,"), 30);
    assert_int_equal(rows(csv, "resnet20,far,plasma,,"), 30);
    free(said);
    free(csv);
    free(draw(0, "--sets newshapes,plasma"));
    csv = read_text("r/figures/tsne.csv");
    assert_int_equal(rows(csv, "resnet20,id,shapes,"), 45);
    assert_int_equal(rows(csv, "resnet20,near,newshapes,,"), 22);
    assert_int_equal(rows(csv, "resnet20,far,plasma,,"), 22);
    free(csv);
}

/* From the cache, and computed again. */
static void the_same_again(void **state)
{
    (void)state;
    free(draw(0, ""));
    char *first = read_text("r/figures/tsne.csv");
    for (int again = 0; again < 2; again++) {
        if (again)
            shell("rm r/cache/tsne-*.h5");
        free(draw(0, ""));
        char *csv = read_text("r/figures/tsne.csv");
        assert_string_equal(csv, first);
        free(csv);
    }
    free(draw(0, "--seed 1"));
    char *other = read_text("r/figures/tsne.csv");
    assert_string_not_equal(other, first);
    free(other);
    free(first);
}

static void refused(const char *options, const char *why)
{
    char *said = draw(EXIT_CONFIG, options);
    says(said, why);
    if (strchr(said, '\n') != strrchr(said, '\n'))
        fail_msg("%s: expected one line, found:\n%s", options, said);
    free(said);
}

static void one_line_for_each_mistake(void **state)
{
    (void)state;
    refused("--sets plasma,mnist", "--sets: expected some of shapes_c, plasma, newshapes; found `mnist`");
    refused("--train drsam", "--train: expected some of resnet20; found `drsam`");
    refused("--samples 24", "a perplexity of 8 wants more than 24 points, there are 24");
    refused("--perplexity many", "--perplexity: expected a number");
}

/* What is said to cure it does. */
static void features_that_are_gone(void **state)
{
    (void)state;
    shell("rm r/cache/features-*.h5");
    char *said = draw(EXIT_CONFIG, ""), *command = strstr(said, "`oodbench cell "), *end;
    says(said, "the features of shapes test are not in ");
    assert_non_null(command);
    end = strchr(command + 1, '`');
    assert_non_null(end);
    int status;
    char *more = output(&status, "%.*s", (int)(end - command) - 10, command + 10);
    assert_int_equal(status, 0);
    free(draw(0, ""));
    free(more);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_shares_of_each_kind),
        cmocka_unit_test(the_same_again),
        cmocka_unit_test(one_line_for_each_mistake),
        cmocka_unit_test(features_that_are_gone),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
