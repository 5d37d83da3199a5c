/* hostile.c - files from strangers execute nothing. Pickles that ask for commands,
 * for other objects' state, or for memory without end are refused by both readers;
 * names made to break out of a shell, of gnuplot's language, of HTML or of TeX go
 * through tables, figures and pages as text. What would be run is a program called
 * `pwned`, first in PATH, which leaves a file. */
#include "../datasets/cifar.h"
#include "../harness/checkpoint.h"
#include "../harness/scores.h"
#include "nights.h"
#include "torchfiles.h"

#include <sys/resource.h>

/* --- pickles --- */

/* As pickle.dumps() writes them in protocols 2 and 4, or by hand where it would not. */
#define PICKLE(ops, words)                                                                                         \
    {                                                                                                              \
        ops, sizeof(ops) - 1, words                                                                                \
    }
static const struct {
    const char *ops;
    size_t n;
    const char *words; /* of the refusal, by either reader */
} pickles[] = {
    /* os.system("pwned"), by __reduce__ */
    PICKLE("\x80\x02"
           "cposix\nsystem\nq\x00X\x05\x00\x00\x00pwnedq\x01\x85q\x02Rq\x03.",
           "refuses to execute posix.system"),
    PICKLE("\x80\x04\x95\x20\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x05pwned"
           "\x94\x85\x94R\x94.",
           "refuses to execute posix.system"),
    PICKLE("\x80\x02"
           "cos\nsystem\nU\x05pwned\x85R.",
           "refuses to execute os.system"),
    PICKLE("\x80\x02"
           "csubprocess\nPopen\n]U\x05pwned\x61\x85R.",
           "refuses to execute subprocess.Popen"),
    /* builtins.eval and exec, of both Pythons */
    PICKLE("\x80\x02"
           "cbuiltins\neval\nX\x1d\x00\x00\x00__import__('os').system('pwn')\x85R.",
           "refuses to execute builtins.eval"),
    PICKLE("\x80\x02"
           "c__builtin__\neval\nU\x01"
           "1\x85R.",
           "refuses to execute __builtin__.eval"),
    PICKLE("\x80\x02"
           "cbuiltins\nexec\nU\x04pass\x85R.",
           "refuses to execute builtins.exec"),
    PICKLE("\x80\x02"
           "cbuiltins\ngetattr\n(cos\nsystem\ntR.",
           "refuses to execute builtins.getattr"),
    /* a reduce within the arguments of a reduce, of a harmless function */
    PICKLE("\x80\x02"
           "ccollections\nOrderedDict\n]cos\nsystem\nU\x05pwned\x85Ra\x85R.",
           "refuses to execute "),
    /* names hidden in others: dotted, with spaces, with a module of ours in front */
    PICKLE("\x80\x04\x8c\x05torch\x8c\x0bos.system()\x93)R.", "refuses to execute torch.os.system()"),
    PICKLE("\x80\x02"
           "cnumpy\ndtype.__class__\n)R.",
           "refuses to execute numpy.dtype.__class__"),
    PICKLE("\x80\x02"
           "cnumpy.f2py.diagnose\nrun_command\nU\x05pwned\x85R.",
           "refuses to execute numpy.f2py.diagnose.run_command"),
    PICKLE("\x80\x02"
           "ctorch.serialization\nload\nU\x01x\x85R.",
           "refuses to execute torch.serialization.load"),
    PICKLE("\x80\x02"
           "ctorch.hub\nload\nU\x01x\x85R.",
           "refuses to execute torch.hub.load"),
    /* BUILD with a __setstate__ of somebody's class: (instance, state) */
    PICKLE("\x80\x02"
           "cevil\nEvil\n)\x81}U\x05xxxxxU\x05pwnedsb.",
           "refuses to execute evil.Evil"),
    PICKLE("\x80\x02"
           "cos\nsystem\n}U\x0c__setstate__U\x05pwnedsb.",
           "refuses to execute os.system"),
    /* the text opcodes, INST and OBJ, that old Pythons call with */
    PICKLE("(S'pwned'\nios\nsystem\n.", "an opcode that is not read"),
    PICKLE("\x80\x02(cos\nsystem\nU\x05pwnedo.", "refuses to execute os.system"),
    PICKLE("\x80\x02(U\x05pwnedo.", "an opcode that is not read"),
    PICKLE("cos\nsystem\n(S'pwned'\ntR.", "refuses to execute os.system"),
    /* NEWOBJ_EX, the extension registry, next buffers: none is read */
    PICKLE("\x80\x04)}\x92.", "an opcode that is not read"),
    PICKLE("\x80\x02\x82\x01.", "an opcode that is not read"),
    PICKLE("\x80\x02\x83\x01\x00.", "an opcode that is not read"),
    PICKLE("\x80\x02\x84\x01\x00\x00\x00.", "an opcode that is not read"),
    PICKLE("\x80\x05\x97.", "an opcode that is not read"),
    PICKLE("\x80\x05\x98.", "an opcode that is not read"),
    /* persistent ids: by line, and ones that are no storage */
    PICKLE("\x80\x02Ppwned\n.", "an opcode that is not read"),
    PICKLE("\x80\x02U\x05pwnedQ.", " at byte "),
    PICKLE("\x80\x02(U\x07storagecos\nsystem\nU\x01"
           "0U\x03"
           "cpuK\x01tQ.",
           "refuses to execute os.system"),
    /* more than there is, or ever could be */
    PICKLE("\x80\x02Nr\xff\xff\xff\x7f.", "a memo number out of range"),
    PICKLE("\x80\x04\x96\xff\xff\xff\xff\xff\xff\xff\x7f.", "more bytes promised"),
    PICKLE("\x80\x02T\xff\xff\xff\x7f.", "more bytes promised"),
    PICKLE("\x80\x02\x8b\xff\xff\xff\x7f.", "more bytes promised"),
    PICKLE("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "a frame longer"),
};
enum { PICKLES = sizeof pickles / sizeof *pickles };

static void refused(int rc, size_t i, const char *reader)
{
    const char *said = fault_text();
    if (rc != -1 || !strstr(said, pickles[i].words) || strchr(said, '\n'))
        fail_msg("%s, pickle %zu: expected one line with `%s`, found %d: %s", reader, i, pickles[i].words, rc,
                 said);
}

/* In both layouts of torch.save(). */
static int open_torch(const buffer *object, int zip)
{
    static buffer all;
    checkpoint *c = NULL;
    char *path = text_format("%s/evil.pt", here);
    if (zip) {
        write_zip(path, object, NULL, 0, "little", ZIP_CM_STORE);
    } else {
        legacy_bytes(&all, object, NULL, 0);
        assert_int_equal(file_write(path, all.at, all.n), 0);
    }
    int rc = checkpoint_open(&c, path);
    checkpoint_close(c);
    unlink(path);
    free(path);
    return rc;
}

static int open_batch(const void *bytes, size_t n)
{
    batch b = {0};
    int rc = batch_read(&b, "data_batch_1", bytes, (int64_t)n);
    batch_close(&b);
    return rc;
}

static void pickles_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < PICKLES; i++) {
        buffer b = {.n = 0};
        put(&b, pickles[i].ops, pickles[i].n);
        refused(open_torch(&b, 1), i, "torch's layout");
        refused(open_torch(&b, 0), i, "torch's older layout");
        refused(open_batch(pickles[i].ops, pickles[i].n), i, "a batch of CIFAR");
    }
}

/* Each tuple holds the last one twice: 2^2000 items to whoever looks at all of them. */
static void bombs_are_small(void **state)
{
    struct rlimit before, little;
    static buffer b;
    (void)state;
    b.n = 0;
    OPS(&b, "\x80\x02)");
    for (int i = 0; i < 2000; i++)
        OPS(&b, "2\x86");
    OPS(&b, "q\x00}h\x00h\x00su."); /* also as a key and a value */
    b.n -= 2;
    OPS(&b, ".");
    assert_int_equal(getrlimit(RLIMIT_CPU, &before), 0);
    little = before;
    little.rlim_cur = 60; /* seconds */
    assert_int_equal(setrlimit(RLIMIT_CPU, &little), 0);
    assert_int_equal(open_torch(&b, 1), -1);
    assert_int_equal(open_torch(&b, 0), -1);
    assert_int_equal(open_batch(b.at, b.n), -1);
    b.n = 0;
    OPS(&b, "\x80\x04)"); /* memo numbers without end */
    while (b.n < sizeof b.at - 8)
        OPS(&b, "\x94");
    OPS(&b, ".");
    assert_int_equal(open_torch(&b, 1), -1);
    assert_int_equal(open_batch(b.at, b.n), -1);
    assert_int_equal(setrlimit(RLIMIT_CPU, &before), 0);
}

/* --- names --- */

static const char *const evil[] = {
    "`pwned`",
    "$(pwned)",
    "'; pwned; '",
    "\"; system(\"pwned\"); x=\"",
    "< pwned",
    "|pwned",
    "a\nsystem('pwned')\n!pwned",
    "@pwned \\pwned %s%n {/Symbol a}^_",
    "<script>pwned()</script>\"'&",
    "\\input{pwned}\\write18{pwned}$&#%_^~{}",
};
enum { EVIL = sizeof evil / sizeof *evil };

static int figures;  /* drawn */
static char *canary; /* is there once somebody has run it */

/* The program that nobody may run. */
static void set_trap(void)
{
    char *folder = text_format("%s/bin", here), *path = text_format("%s/pwned", folder);
    canary = text_format("%s/canary", here);
    char *script = text_format("#!/bin/sh\n: >'%s'\n", canary);
    char *search = text_format("%s:%s", folder, getenv("PATH"));
    assert_int_equal(file_write(path, script, strlen(script)), 0);
    assert_int_equal(chmod(path, 0755), 0);
    setenv("PATH", search, 1);
    assert_int_equal(system("pwned"), 0); /* it would be noticed */
    assert_true(file_exists(canary));
    unlink(canary);
    free(search);
    free(script);
    free(folder);
    free(path);
}

static void not_sprung(const char *by, const char *name)
{
    if (file_exists(canary))
        fail_msg("%s executed a name: %s", by, name);
}

/* In every row: the set is called so, and so are network, weights and methods. */
static void rename_all(const char *name, const char *header[], int columns, const int renamed[], const char *file)
{
    sheet *s = NULL;
    char *from = text_format("%s/quiet/%s", here, file), *to = text_format("%s/evil/%s", here, file);
    text all = {0};
    assert_int_equal(sheet_open(&s, from, (const char *const *)header, columns, SHEET_READ), 0);
    sheet_line(&all, (const char *const *)header, columns);
    for (int row = 0; row < sheet_rows(s); row++) {
        const char *fields[64];
        for (int c = 0; c < columns; c++)
            fields[c] = sheet_at(s, row, c);
        for (int i = 0; renamed[i] >= 0; i++)
            if (strcmp(fields[renamed[i]], "newshapes") != 0 && strcmp(fields[renamed[i]], "shapes") != 0)
                fields[renamed[i]] = name;
        sheet_line(&all, fields, columns);
    }
    assert_int_equal(file_write(to, all.bytes, all.n), 0);
    text_free(&all);
    sheet_close(s);
    free(from);
    free(to);
}

/* The scores of `plasma` under another name, of every run. */
static void rename_scores(const char *name)
{
    sheet *s = sheet_of("quiet", "results.csv", result_names, RESULT_COLUMNS);
    char *quiet = text_format("%s/quiet", here), *out = text_format("%s/evil", here), path[PATH_MAX];
    const char *sets[] = {"plasma", "newshapes", "shapes"};
    for (int row = 0; row < sheet_rows(s); row++)
        for (int i = 0; i < 3; i++) {
            const char *run = sheet_at(s, row, RESULT_RUN), *as = i ? sets[i] : name;
            float *scores;
            int64_t n;
            assert_int_equal(scores_read(quiet, run, sets[i], &scores, &n), 0);
            scores_path(path, sizeof path, out, run, as);
            if (!strchr(as, '/'))
                assert_int_equal(scores_write(path, run, as, scores, n), 0);
            free(scores);
        }
    sheet_close(s);
    free(quiet);
    free(out);
}

static void make_evil(const char *name)
{
    static const int results[] = {RESULT_WEIGHTS,      RESULT_TRAIN, RESULT_TRAIN_PARAMS,
                                  RESULT_SCORE_PARAMS, RESULT_OOD,   -1};
    static const int accuracy[] = {ACCURACY_WEIGHTS, ACCURACY_TRAIN, ACCURACY_TRAIN_PARAMS, ACCURACY_SET, -1};
    char *out = text_format("%s/evil", here);
    remove_tree(out);
    assert_int_equal(file_mkdirs(out), 0);
    rename_all(name, (const char **)(uintptr_t)result_names, RESULT_COLUMNS, results, "results.csv");
    rename_all(name, (const char **)(uintptr_t)accuracy_names, ACCURACY_COLUMNS, accuracy, "accuracy.csv");
    rename_scores(name);
    free(out);
}

/* Of TeX, but for comments. */
static void no_commands(const char *said)
{
    for (const char *line = said; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != '\0')) {
        const char *input = strstr(line, "\\input"), *shell = strstr(line, "\\write18");
        const char *end = line + strcspn(line, "\n");
        if (line[0] != '%' && ((input && input < end) || (shell && shell < end)))
            fail_msg("a command of TeX went through:\n%.*s", (int)(end - line), line);
    }
}

/* The figure's CSV holds the name, and is drawn once more as if it came from somebody else. */
static void draws(const char *kind, const char *format, const char *name)
{
    int status;
    char *said = output(&status, "plot %s '%s/evil' -o '%s/evil/%s.%s'", kind, here, here, kind, format);
    if (status != 0 && strncmp(said, "oodbench: ", 10) != 0)
        fail_msg("plot %s of `%s` ended with %d:\n%s", kind, name, status, said);
    free(said);
    char *csv = text_format("%s/evil/%s.csv", here, kind);
    if (status == 0) {
        figures++;
        said = output(&status, "plot %s '%s' -o '%s/evil/again.%s'", kind, csv, here, format);
        assert_int_equal(status, 0);
        free(said);
        char *drawn = text_format("evil/%s.%s", kind, format), *tex = read_text(drawn);
        if (strcmp(format, "tex") == 0)
            no_commands(tex);
        free(tex);
        free(drawn);
    }
    free(csv);
    not_sprung(kind, name);
}

static void tables(const char *name)
{
    static const char *const formats[] = {"text", "csv", "markdown", "latex", "openood"};
    static const char *const layouts[] = {"", "--layout paper"};
    for (int i = 0; i < 5; i++)
        for (int l = 0; l < 2; l++) {
            int status;
            char *said = output(&status, "table '%s/evil/results.csv' --format %s %s", here, formats[i],
                                layouts[l]);
            assert_true(status == 0 || strncmp(said, "oodbench: ", 10) == 0);
            if (strcmp(formats[i], "latex") == 0)
                no_commands(said);
            free(said);
        }
    not_sprung("table", name);
}

static void report(const char *name)
{
    int status;
    char *said = output(&status, "report '%s/evil'", here);
    if (status != 0)
        fail_msg("report with `%s`:\n%s", name, said);
    free(said);
    char *page = read_text("evil/report.html");
    assert_null(strstr(page, "<script>pwned"));
    free(page);
    not_sprung("report", name);
}

static void names_are_text(void **state)
{
    static const char *const kinds[] = {"histogram", "roc", "prc", "scatter"};
    int status, all = nights_long();
    (void)state;
    char *said = night_run(&status, "quiet", "--train ce,oe --outliers scribbles");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    set_trap();
    for (int i = 0; i < EVIL; i++) {
        make_evil(evil[i]);
        tables(evil[i]);
        draws(kinds[i % 4], i == EVIL - 1 ? "tex" : "svg", evil[i]);
        for (int k = 0; all && k < 4; k++) {
            draws(kinds[k], "pdf", evil[i]);
            draws(kinds[k], "tex", evil[i]);
        }
        if (all || i % 3 == 0)
            report(evil[i]);
    }
    assert_true(figures >= EVIL / 2); /* what cannot be drawn says so in one line */
    free(canary);
}

/* Files whose own names are commands. */
static void paths_are_text(void **state)
{
    (void)state;
    int status;
    set_trap();
    for (int i = 0; i < EVIL; i++) {
        char *path = text_format("%s/%s", here, evil[i]), quoted[8192];
        size_t n = 0;
        if (strchr(evil[i], '/')) {
            free(path);
            continue;
        }
        assert_int_equal(file_write(path, "nothing", 7), 0);
        for (const char *c = path; *c; c++)
            n += (size_t)snprintf(quoted + n, sizeof quoted - n, *c == '\'' ? "'\\''" : "%c", *c);
        static const char *const commands[] = {"import '%s'", "inspect '%s'",     "convert '%s' -o x.safetensors",
                                               "run '%s'",    "table '%s'",       "plot roc '%s'",
                                               "report '%s'", "score '%s' --id x"};
        for (size_t k = 0; k < sizeof commands / sizeof *commands; k++) {
            char *arguments = text_format(commands[k], quoted);
            free(output(&status, "%s", arguments));
            assert_true(status == EXIT_CONFIG || status == 1);
            not_sprung(commands[k], evil[i]);
            free(arguments);
        }
        unlink(path);
        free(path);
    }
    free(canary);
}

static int begin(void **state)
{
    (void)state;
    return nights_begin("hostile");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pickles_are_refused),
        cmocka_unit_test(bombs_are_small),
        cmocka_unit_test(names_are_text),
        cmocka_unit_test(paths_are_text),
    };
    return cmocka_run_group_tests(tests, begin, program_end);
}
