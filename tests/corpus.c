/* corpus.c - what fuzzing found and what it starts from, replayed: every file of
 * tests/corpus/NAME goes through the target tests/fuzz/NAME.c, in a process of its own. It
 * may be read or refused in one line; it may not crash, hang, or ask for memory without end. */
#include "folder.h"

#include <sys/resource.h>

#define PARSERS(X)                                                                                                 \
    X(benchmark)                                                                                                   \
    X(cifar)                                                                                                       \
    X(config)                                                                                                      \
    X(dataset)                                                                                                     \
    X(decode)                                                                                                      \
    X(given)                                                                                                       \
    X(given_hdf)                                                                                                   \
    X(idx)                                                                                                         \
    X(list)                                                                                                        \
    X(mat)                                                                                                         \
    X(npy)                                                                                                         \
    X(npz)                                                                                                         \
    X(paper)                                                                                                       \
    X(plain)                                                                                                       \
    X(reports)                                                                                                     \
    X(safetensors)                                                                                                 \
    X(sheet)                                                                                                       \
    X(tar)                                                                                                         \
    X(torch)                                                                                                       \
    X(zip)

typedef int target(const uint8_t *bytes, size_t n);
#define DECLARE(name) target fuzz_##name;
#define ROW(name) {#name, fuzz_##name},
PARSERS(DECLARE)
static const struct parser {
    const char *name;
    target *run;
} parsers[] = {PARSERS(ROW)};
enum { COUNT = sizeof parsers / sizeof *parsers, SECONDS = 20 };

/* The child ends by itself, so that what it made is removed. */
static int replay(const struct parser *p, const char *path)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char *bytes;
        size_t n;
        struct rlimit most = {SECONDS, SECONDS};
        setrlimit(RLIMIT_CPU, &most);
        if (file_read(path, &bytes, &n) != 0)
            exit(1);
        p->run((const uint8_t *)bytes, n);
        free(bytes);
        exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static int replay_folder(const struct parser *p)
{
    char folder[64], path[PATH_MAX];
    int n = 0;
    snprintf(folder, sizeof folder, "tests/corpus/%s", p->name);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        int status = replay(p, file_join(path, sizeof path, folder, e->d_name));
        if (status != 0)
            fail_msg("%s: %s %d", path, WIFSIGNALED(status) ? "signal" : "status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        n++;
    }
    if (d)
        closedir(d);
    return n;
}

static void every_input_is_read_or_refused(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        if (replay_folder(&parsers[i]) == 0)
            fail_msg("tests/corpus/%s is empty: is this run from the root of the repository?", parsers[i].name);
}

/* A folder without a parser would be replayed by nobody. */
static void every_folder_has_its_parser(void **state)
{
    (void)state;
    DIR *d = opendir("tests/corpus");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        int i = 0;
        while (i < COUNT && strcmp(parsers[i].name, e->d_name) != 0)
            i++;
        if (e->d_name[0] != '.' && i == COUNT)
            fail_msg("tests/corpus/%s: no such parser", e->d_name);
    }
    closedir(d);
}

static void whatever_fault_is_told_is_one_line(void **state)
{
    (void)state;
    fault("a\nb\tc\x1b[2J\x7f d\xc3\xa9");
    assert_string_equal(fault_text(), "a b c?[2J? d\xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_input_is_read_or_refused),
                                       cmocka_unit_test(every_folder_has_its_parser),
                                       cmocka_unit_test(whatever_fault_is_told_is_one_line)};
    return cmocka_run_group_tests(tests, begin, end);
}
