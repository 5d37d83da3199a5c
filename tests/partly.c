/* partly.c - an experiment of which a set is not on disk runs without it, and says so in
 * every table that is printed of it. */
#include "program.h"

#include "../harness/engine.h"
#include "../harness/models.h"
#include "listed.h"

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

/* Images to train with are no part of the detection of a network that is trained. */
static void without_training_images(void **state)
{
    (void)state;
    int status;
    snprintf(top, sizeof top, "%s", here);
    put_listed("birds", "", 32, 32, 20);
    write_text("birds.yml", "classes: 10\nside: 32\nmean: [0.5, 0.5, 0.5]\nstd: [0.5, 0.5, 0.5]\nlists: lists\n"
                            "images: images\nsets:\n  birds: {group: id, train: more.txt, val: birds.txt, "
                            "test: birds.txt}\n  others: {group: far, test: birds.txt}\n");
    write_text("b.yml", "benchmark: birds.yml\nnet: resnet20\nweights: w.safetensors\nscore: msp\ndevice: cpu\n");
    char *run = text_format("run '%s/b.yml' --data '%s' --imported '%s/imported' --out '%s/b'", here, here, here,
                            here);
    char *said = run_partly(run), *train = text_format("%s --train ce", run);
    says(said, "left out of birds: train: cannot read ");
    says(said, "\nmsp");
    free(said);
    said = output(&status, "%s", train);
    assert_int_equal(status, EXIT_CONFIG);
    says(said, "--train: there are no training images of birds: ");
    free(said);

    write_text("lists/more.txt", "more/1.png 3\n"); /* its images are not there */
    said = run_partly(run);
    says(said, "left out of birds: train: ");
    free(said);
    write_text("lists/more.txt", "birds/1.png 3\n"); /* now there are some */
    said = run_partly(run);
    assert_null(strstr(said, "left out"));
    free(said);
    free(train);
    free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means_without_a_set_are_marked),
                                       cmocka_unit_test(without_training_images)};
    return cmocka_run_group_tests(tests, set_up, program_end);
}
