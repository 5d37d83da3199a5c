/* completion.c - what harness/oodbench.bash offers behind words of a command line, in a
 * bash that reads no settings of anybody's; skipped where there is none. */
#include "program.h"

static char script[4200];

/* The candidates, each between two spaces, in alphabetical order; to be freed. */
static char *offers(const char *words)
{
    char block[8192] = "";
    char *command = text_format(
        "cd '%s' && bash --norc -c '. \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _oodbench; "
        "printf \" %%s\" \"${COMPREPLY[@]}\" \" \"' bash '%s' '%s' %s 2>&1",
        here, script, program, words);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(block, 1, sizeof block - 1, f);
    block[n] = '\0';
    pclose(f);
    free(command);
    return text_copy(block);
}

static int set_up(void **state)
{
    char cwd[4000];
    (void)state;
    if (program_begin("completion") != 0 || !getcwd(cwd, sizeof cwd))
        return -1;
    snprintf(script, sizeof script, "%s/harness/oodbench.bash", cwd);
    unsetenv("OODBENCH_METHODS");
    write_text("two words.csv", "");
    write_text(".hidden.yml", "");
    write_text("folder/own.yml", "");
    return 0;
}

static void needs_bash(void)
{
    if (system("bash --version >/dev/null 2>&1") != 0 || !file_exists(script))
        skip();
}

static void words(void **state)
{
    static const struct {
        const char *words, *has, *lacks; /* between spaces */
    } cases[] = {
        {"''", " run ", " cell "},
        {"--v", " --version ", " --help "},
        {"run ''", " demo ", " .hidden.yml "},
        {"run ''", " tiny.yml ", " two "},
        {"run ''", " folder ", " folder/own.yml "},
        {"run folder/", " folder/own.yml ", " demo "},
        {"run x.yml --weight", " --weight_decay ", " --train "},
        {"run x.yml --sharpness.r", " --sharpness.restarts ", " --sharpness.sets "},
        {"run x.yml --knn.", " --knn.k ", " --vim.dim "},
        {"run x.yml --score ''", " knn ", " demo "},
        {"run x.yml --score msp,kn", " msp,knn ", " knn "},
        {"run x.yml --schedule ''", " plateau ", " becomes "},
        {"run x.yml --keep ''", " last ", " of "}, /* in two lines of help */
        {"run x.yml --nesterov ''", " false ", " sgd "},
        {"run x.yml --device ''", " ref ", " knn "},
        {"plot ''", " histogram ", " tiny.yml "},
        {"plot roc x --", " --score ", " --option "},
        {"plot roc ''", " two words.csv ", " tiny.yml "},
        {"show kn", " knn ", " msp "},
        {"import cif", " cifar10 ", " knn "},
        {"import shapes sc", " scribbles ", " shapes "},
        {"table --format ''", " openood ", " svg "},
        {"compare-paper a.csv results/paper/drsam-table0", " results/paper/drsam-table01-cifar10.csv ",
         " tiny.yml "},
    };
    (void)state;
    needs_bash();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *found = offers(cases[i].words);
        if (!strstr(found, cases[i].has) || strstr(found, cases[i].lacks))
            fail_msg("oodbench %s: expected `%s` and not `%s` among:%s", cases[i].words, cases[i].has,
                     cases[i].lacks, found);
        free(found);
    }
}

/* Nothing that `run --help` and `--help` list is left out. */
static void all_keys_and_commands(void **state)
{
    int status, n = 0;
    (void)state;
    needs_bash();
    char *keys = offers("run x.yml --"), *commands = offers("''");
    char *help = output(&status, "run --help"), *top = output(&status, "--help"), word[64];
    for (const char *line = help; (line = strstr(line, "\n  ")); line += 3)
        if (line[3] != ' ' && sscanf(line, "\n  %60[a-z_0-9.]", word) == 1 && ++n) {
            char *option = text_format(" --%s ", word);
            says(keys, option);
            free(option);
        }
    assert_true(n > 40);
    for (const char *line = top; (line = strstr(line, "\n  oodbench ")); line += 3)
        if (sscanf(line, "\n  oodbench %60[a-z-]", word) == 1) {
            char *command = text_format(" %s ", word);
            says(commands, command);
            free(command);
        }
    free(keys);
    free(commands);
    free(help);
    free(top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(all_keys_and_commands)};
    return cmocka_run_group_tests(tests, set_up, program_end);
}
