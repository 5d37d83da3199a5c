/* variants.c - training methods in a configuration: a method over the loss of
 * another, recipes of their own, and what is refused before anything is run. */
#include "program.h"

#include "../harness/results.h"

static int begin(void **state)
{
    (void)state;
    if (program_begin("variants") != 0)
        return -1;
    write_text("a.yml", "benchmark: tiny.yml\nnet: resnet20\ndevice: cpu\nepochs: 1\nbatch: 64\nlr: 0.05\n"
                        "near: [newshapes]\nfar: null\nscore: msp\n");
    return 0;
}

static char *run_into(int *status, const char *out, const char *more)
{
    return output(status, "run '%s/a.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here, out, more);
}

/* sam over ce and over oe with two weights: three checkpoints, each with all its parameters. */
static void base_multiplies(void **state)
{
    static const char *const settings[] = {"rho=0.1;base=ce;", "rho=0.1;base=oe;", "oe.weight=0.5", "oe.weight=1"};
    int status;
    sheet *s;
    (void)state;
    char *said = run_into(&status, "base",
                          "--train sam --sam.base ce,oe --sam.rho 0.1 --oe.weight 0.5,1 --outliers scribbles "
                          "--outlier_batch 16 --sam.lr 0.02 --epoch_steps 2");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "3 checkpoints, 1 scorer");
    free(said);
    char *path = text_format("%s/base/results.csv", here);
    assert_int_equal(sheet_open(&s, path, result_names, RESULT_COLUMNS, SHEET_READ), 0);
    assert_int_equal(sheet_rows(s), 3);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int found = 0;
        for (int row = 0; row < 3; row++) {
            const char *params = sheet_at(s, row, RESULT_TRAIN_PARAMS);
            found += strstr(params, settings[i]) != NULL;
            says(params, ";epoch_steps=2;");
            says(params, "lr=0.02;"); /* sam's own, not the recipe's 0.05 */
        }
        assert_int_equal(found, i == 1 ? 2 : 1);
    }
    sheet_close(s);
    free(path);
}

typedef struct refusal {
    const char *arguments, *says;
} refusal;

static void refusals(void **state)
{
    static const refusal cases[] = {
        {"--train oe", "oe needs auxiliary outliers and none are given: add `outliers: SET`"},
        {"--train sam --sam.base oe", "oe needs auxiliary outliers"},
        {"--train sam --sam.base msp",
         "expected a training method with a loss of its own, found msp, which scores"},
        {"--train sam --sam.base asam", "found asam, which takes steps of its own"},
        {"--train sam --sam.base cee", "there is no method `cee`; did you mean `ce`?"},
        {"--train sam --sam.lr fast", "`sam.lr` must be a number"},
        {"--train sam --sam.rhoo 1", "did you mean `sam.rho`?"},
        {"--train msp", "msp does not train, it scores"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status;
        char *said = run_into(&status, "refused", cases[i].arguments);
        says(said, cases[i].says);
        assert_int_equal(status, 2);
        assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); /* one line */
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(base_multiplies), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("variants", tests, begin, program_end);
}
