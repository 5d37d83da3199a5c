/* install.c - the program where `make install` puts it: it finds its parts, runs in a
 * folder of the user's, takes plugins built against its headers, and goes again. And
 * what is written about it: the manual page and the exit codes. Commands run in
 * here/user, with here/home as the home. In a bundle, which installs nothing, skipped. */
#include "program.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

static char build[4200], prefix[700];

/* What a command of the shell printed, both streams joined, to be freed. */
static char *shell(int *status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *shell(int *status, const char *fmt, ...)
{
    char command[8192];
    va_list args;
    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    char *quiet = text_format("{ %s\n} 2>&1 </dev/null", command), *said = output_of(status, quiet);
    free(quiet);
    return said;
}

static int has(const char *tool)
{
    int status;
    free(shell(&status, "command -v %s", tool));
    return status == 0;
}

static char *below(const char *folder, const char *name)
{
    static char paths[4][4096];
    static int turn;
    return file_join(paths[turn = (turn + 1) % 4], sizeof paths[0], folder, name);
}

/* The script behind `make install` and `make uninstall`; what links the program copies it. */
static char *place(int *status, const char *how)
{
    return shell(status, "B='%s' LINK='sh %s/link' DESTDIR='%s/staged' PREFIX=/usr/local sh .ci/place %s", build,
                 here, here, how);
}

static int set_up(void **state)
{
    char cwd[4000], *link;
    (void)state;
    if (program_begin("install") != 0 || !getcwd(cwd, sizeof cwd))
        return -1;
    snprintf(build, sizeof build, "%.*s", (int)(strrchr(program, '/') - program), program);
    snprintf(prefix, sizeof prefix, "%s/staged/usr/local", here);
    link = text_format("cp '%s' \"$2\"\n", program); /* -o FILE */
    write_text("link", link);
    free(link);
    snprintf(program, sizeof program, "%s/bin/oodbench", prefix);
    setenv("HOME", below(here, "home"), 1);
    static const char *const others[] = {"OODBENCH_KERNELS", "OODBENCH_METHODS", "XDG_DATA_HOME", "XDG_CACHE_HOME"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    return file_mkdirs(below(here, "user/"));
}

static void needs_sources(void)
{
    if (!file_exists(".ci/place") || !file_exists(below(build, "oodbench.1")))
        skip();
}

/* One place, and the command behind it run in here/user. */
static void installed(void)
{
    int status;
    needs_sources();
    if (file_exists(program))
        return;
    char *said = place(&status, "install");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
}

#define RUN(status, ...) shell(status, "cd '%s/user' && PATH='%s/bin':$PATH && %s", here, prefix, __VA_ARGS__)

static void places_what_it_lists(void **state)
{
    int status;
    (void)state;
    needs_sources();
    free(place(&status, "install"));
    assert_int_equal(status, 0);
    char *said = shell(&status,
                       "cd '%s' && find * -type f | sort >'%s/there' && "
                       "grep -v '/$' lib/oodbench/installed | sort | diff - '%s/there'",
                       prefix, here, here);
    if (status != 0)
        fail_msg("there, but not listed, or the other way:\n%s", said);
    free(said);
    static const char *const some[] = {"lib/oodbench/methods/knn.so", "share/oodbench/results/demo.yml",
                                       "include/oodbench/methods/method.h", "share/man/man1/oodbench.1",
                                       "share/bash-completion/completions/oodbench"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (!file_exists(below(prefix, some[i])))
            fail_msg("%s is not there", some[i]);
}

/* Its own parts, from a folder that is nothing to it. */
static void finds_its_parts(void **state)
{
    static const struct {
        const char *command, *says;
        int status;
    } cases[] = {
        {"oodbench --version", "oodbench ", 0},
        {"oodbench show knn", "knn.k: ", 0},
        {"oodbench devices", "ref ", 0},
        {"oodbench run demo --score knnn", "did you mean `knn`", 2},
        {"oodbench run results/demo.yml --score knnn", "did you mean `knn`", 2},
        {"oodbench run demoo", "share/oodbench/results", 2},
        {"oodbench doctor", "home/.local/share/oodbench/imported", 0},
    };
    int status;
    (void)state;
    installed();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said = RUN(&status, cases[i].command);
        if (status != cases[i].status)
            fail_msg("%s: expected status %d, found %d:\n%s", cases[i].command, cases[i].status, status, said);
        says(said, cases[i].says);
        free(said);
    }
    char *left = RUN(&status, "ls -A");
    assert_string_equal(left, "");
    free(left);
}

static const char experiment[] = "benchmark: ../tiny.yml\nnet: resnet20\ntrain: ce\nepochs: 1\nepoch_steps: 2\n"
                                 "batch: 8\nscore: mine\n";
static const char plugin[] =
    "#include \"method.h\"\n"
    "static tensor *score(void *self, run *r, samples *s)\n"
    "{\n    (void)self, (void)r;\n    return tx_lse(samples_logits(s));\n}\n"
    "const method method_entry = {METHOD_HEAD, .name = \"mine\", .cite = \"x\", .score = score};\n";

/* A plugin built by the manual's line, used in an experiment of the user's own. */
static void runs_a_plugin_of_ones_own(void **state)
{
    int status;
    (void)state;
    installed();
    if (!has("cc"))
        skip();
    write_text("user/mine.c", plugin);
    write_text("user/own.yml", experiment);
    char *page = shell(&status, "sed -n 's/\\\\-/-/g; s,/usr/local,%s,; /^cc /p' '%s/oodbench.1'", prefix, build);
    page[strcspn(page, "\n")] = '\0';
    says(page, "mine.c -o mine.so");
    char *said = RUN(&status, page);
    if (status != 0)
        fail_msg("%s\n%s", page, said);
    free(page);
    free(said);
    said = RUN(&status, "OODBENCH_METHODS=. oodbench run own.yml");
    if (status != 0)
        fail_msg("%s", said);
    says(said, "/user/results/out/own/results.csv");
    free(said);
    assert_true(file_exists(below(here, "home/.local/share/oodbench/imported/tiny/shapes.h5")));
}

/* What a stranger put there stays, with the folders it needs. */
static void goes_again(void **state)
{
    int status;
    (void)state;
    installed();
    write_text("staged/usr/local/lib/oodbench/methods/own.so", "");
    free(place(&status, "install")); /* once more, over what is there */
    assert_int_equal(status, 0);
    free(place(&status, "uninstall"));
    assert_int_equal(status, 0);
    char *left = shell(&status, "cd '%s' && find . -depth", prefix);
    assert_string_equal(left, "./lib/oodbench/methods/own.so\n./lib/oodbench/methods\n./lib/oodbench\n./lib\n.\n");
    free(left);
    left = place(&status, "uninstall");
    assert_int_equal(status, 2);
    says(left, "nothing is installed there");
    free(left);
}

/* The page has no mistakes that groff knows, and holds every command, key and method. */
static void manual(void **state)
{
    int status;
    (void)state;
    needs_sources();
    if (has("groff")) {
        char *said = shell(&status, "groff -ww -man -Tutf8 '%s/oodbench.1' >/dev/null", build);
        assert_string_equal(said, "");
        free(said);
    }
    char *missing = shell(&status,
                          "{ '%s/oodbench' --help | sed -n 's/^  oodbench \\([a-z-]*\\) .*/SS oodbench \\1/p'; "
                          "'%s/oodbench' run --help | sed -n 's/^  \\([a-z_0-9.]*\\) .*/  \\1 /p'; "
                          "ls '%s/methods' | sed -n 's/^\\(.*\\)[.]so$/B \\1/p'; } | while IFS= read -r word; do "
                          "sed 's/\\\\-/-/g' '%s/oodbench.1' | grep -qF -- \"$word\" || echo \"$word\"; done",
                          build, build, build, build);
    if (*missing)
        fail_msg("not in the manual page:\n%s", missing);
    free(missing);
}

/* --help says which there are, and these are they. */
static void exit_codes(void **state)
{
    static const int codes[] = {EXIT_OK, 1, EXIT_CONFIG, EXIT_PRECONDITION, EXIT_MEMORY, EXIT_NOT_FINITE};
    static const struct {
        const char *arguments;
        int status;
    } cases[] = {
        {"--help", 0},
        {"--version", 0},
        {"", 2},
        {"no-such-command", 2},
        {"run absent.yml", 2},
        {"run --help", 0},
        {"run", 2},
        {"methods", 0},
        {"show absent", 2},
        {"table absent.csv", 2},
        {"import --help", 0},
        {"doctor --benchmark cifar10 --imported /nowhere /", 1},
    };
    int status;
    char line[32];
    (void)state;
    char *said = shell(&status, "'%s/oodbench' --help", build);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        snprintf(line, sizeof line, "\n  %d   ", codes[i]);
        says(strstr(said, "Exit status:"), line);
    }
    free(said);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        said = shell(&status, "'%s/oodbench' %s", build, cases[i].arguments);
        if (status != cases[i].status)
            fail_msg("oodbench %s: expected status %d, found %d:\n%s", cases[i].arguments, cases[i].status, status,
                     said);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_what_it_lists),
        cmocka_unit_test(finds_its_parts),
        cmocka_unit_test(runs_a_plugin_of_ones_own),
        cmocka_unit_test(goes_again),
        cmocka_unit_test(manual),
        cmocka_unit_test(exit_codes),
    };
    return cmocka_run_group_tests(tests, set_up, program_end);
}
