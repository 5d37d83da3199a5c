/* alloc.c - memory that runs out at any request for it. Each command here runs again
 * and again with the shim preloaded, and each time another request is refused, alone
 * or with all that come after it: the command ends by itself with a documented status
 * and a line that speaks of memory, or does all of its work; files are as without
 * the shim, or absent. `make test` tries some, drawn with a fixed seed; OODBENCH_SOAK
 * tries each. Builds with AddressSanitizer take part. */
#include "givens.h"

#include "../kernels/random.h"
#include "shim/alloc.h"

#include <fcntl.h>
#include <sys/mman.h>

enum { SOME = 2, MOST = 1000, MOST_DEAR = 60, SEED = 20 };

static alloc_state *state;
static char *preload;

/* In place of @ stands the folder of the test; what is made lies there in new* . */
static const struct command {
    const char *arguments;
    int differs; /* from run to run, since it measures */
    int dear;    /* seconds: it starts other programs, or trains */
} commands[] = {
    {"show knn", 0, 0},
    {"describe @methods/vim.so", 0, 0},
    {"devices", 1, 0},
    {"doctor @", 1, 1},
    {"run @wrong.yml", 0, 0},
    {"run @small.yml --imported @imported --out @quiet", 1, 1},
    {"table @quiet/results.csv", 0, 0},
    {"table @quiet/results.csv --format latex --layout paper", 0, 0},
    {"table @quiet/results.csv --format csv --output @new.csv", 0, 0},
    {"table @quiet/results.csv --format openood --output @new", 0, 0},
    {"import @sets.yml --imported @new", 0, 0},
    {"import @sheet.list @ --side 8 -o @new.h5", 0, 0},
    {"inspect @imported/sets/shapes.h5 -o @new.png", 0, 0},
    {"corrupt @imported/sets/shapes.h5 --corruptions fog,jpeg_compression --severities 1 --out @new.h5", 0, 0},
    {"convert @quiet.safetensors --net resnet20 -o @new.safetensors", 0, 0},
    {"trace @quiet.safetensors @images.npy -o @new.safetensors", 0, 0},
    {"plot roc @quiet -o @new/roc.svg", 0, 1},
    {"report @quiet -o @new.html", 0, 1},
    {"score @arrays.npz --score msp,knn --knn.k 2 --out @new", 1, 0},
    {"cell @features.yml", 1, 0},
    {"cell @score.yml", 1, 0},
    {"cell @train.yml", 1, 1},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static const char sets[] =
    "generator: shapes\nseed: 1\nclasses: [disc, ring, square, frame, triangle, cross, star, crescent, heart, "
    "arrow]\nside: 32\nmean: [0.5, 0.5, 0.5]\n"
    "std: [0.25, 0.25, 0.25]\nsets:\n"
    "  shapes: {group: id, train: 24, val: 8, test: 8}\n  newshapes: {group: near, test: 8}\n"
    "  plasma: {group: far, test: 8}\n";
static const char experiment[] = "benchmark: sets.yml\nnet: resnet20\ntrain: ce\nepochs: 1\nbatch: 8\n"
                                 "epoch_steps: 2\nscore: [msp, knn]\nknn.k: 2\ndevice: cpu\nthreads: 1\n";

/* Runs in `here`, through the shell; its status. */
static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *fmt, ...)
{
    char command[8192];
    va_list args;
    va_start(args, fmt);
    int n = snprintf(command, sizeof command, "cd '%s' && { ", here);
    n += vsnprintf(command + n, sizeof command - (size_t)n, fmt, args);
    snprintf(command + n, sizeof command - (size_t)n, "\n}");
    va_end(args);
    int code = system(command);
    return WIFEXITED(code) ? WEXITSTATUS(code) : 128 + WTERMSIG(code);
}

/* The command's arguments with `here` in place of @, "methods" that of the build; to be freed. */
static char *arguments_of(const struct command *c)
{
    text t = {0};
    for (const char *s = c->arguments; *s; s++)
        if (strncmp(s, "@methods", 8) == 0)
            text_add(&t, "%.*s", (int)(strrchr(program, '/') - program + 1), program);
        else if (*s == '@')
            text_add(&t, "%s/", here);
        else
            text_char(&t, *s);
    return t.bytes;
}

/* Once; requests numbered first to last are refused. What it said is in said and errors. */
static int once(const struct command *c, uint64_t first, uint64_t last)
{
    char *arguments = arguments_of(c);
    atomic_store(&state->calls, 0);
    atomic_store(&state->failed, 0);
    state->first = first;
    state->last = last;
    /* gnuplot, left alone by a program that ended, may still be drawing. */
    int status = shell("rm -rf new* 2>errors || { sleep 2; rm -rf new*; }; timeout 120 env LD_PRELOAD='%s' '%s' %s "
                       ">said 2>errors </dev/null",
                       preload, program, arguments);
    free(arguments);
    return status;
}

static char *said_of(const char *file)
{
    char *path = text_format("%s/%s", here, file), *bytes;
    size_t n;
    if (file_read(path, &bytes, &n) != 0)
        fail_msg("%s", fault_text());
    free(path);
    return bytes;
}

/* Everything under new* is as it was made in peace, and nothing is half-written. */
static int whole(const struct command *c, int all)
{
    return shell("for f in $(find new* -type f 2>/dev/null); do case $f in *.aside | *.aside.*) ;; *) %s ;; esac "
                 "|| exit 1; done; "
                 "%s",
                 c->differs ? "true" : "cmp -s $f peace/$f",
                 all ? "cd peace && for f in $(find new* -type f 2>/dev/null); do [ -f ../$f ] || exit 1; done"
                     : "true");
}

/* 0 when all is as it should be; else it is printed. */
static int refuse(const struct command *c, int quiet, uint64_t first, uint64_t last)
{
    int status = once(c, first, last), all = status == quiet && quiet == 0;
    char *said = said_of("said"), *errors = said_of("errors"), *peace = said_of("peace/said");
    int speaks = strstr(errors, "memory") || strstr(said, "memory") || (c->differs && all);
    int good = status <= EXIT_NOT_FINITE && status != EXIT_PRECONDITION && !strstr(errors, "Sanitizer") &&
               whole(c, all) == 0 && (all ? c->differs || strcmp(said, peace) == 0 : speaks);
    if (!good)
        print_error("oodbench %s\nstatus %d with request %llu%s refused (%u were); it said:\n%.2000s%.4000s\n",
                    c->arguments, status, (unsigned long long)first, last > first ? " and all behind it" : "",
                    atomic_load(&state->failed), said, errors);
    free(said);
    free(errors);
    free(peace);
    return !good;
}

static void refused(void **param)
{
    const struct command *c = *param;
    if (!preload || access(preload, R_OK) != 0)
        skip();
    int quiet = once(c, 0, 0);
    uint64_t n = atomic_load(&state->calls);
    if (quiet > 2)
        fail_msg("oodbench %s: status %d\n%s", c->arguments, quiet, said_of("errors"));
    assert_true(n > 0);
    assert_int_equal(
        shell("rm -rf peace && mkdir peace && for f in new* said; do [ ! -e $f ] || cp -r $f peace; done"), 0);
    int soak = getenv("OODBENCH_SOAK") != NULL;
    uint64_t most = !soak ? SOME : c->dear ? MOST_DEAR : MOST, tries = n < most ? n : most;
    int bad = 0;
    for (uint64_t i = 0; i < tries; i++) {
        uint64_t k = soak ? 1 + i * n / tries : 1 + (uint64_t)random_below(SEED, i, (int64_t)n);
        bad += refuse(c, quiet, k, k) + refuse(c, quiet, k, UINT64_MAX);
        if (soak && i % 100 == 0)
            fprintf(stderr, "%s: %llu of %llu\n", c->arguments, (unsigned long long)i, (unsigned long long)tries);
    }
    shell("rm -rf new* peace said errors");
    assert_int_equal(bad, 0);
}

/* An image as `oodbench trace` reads it, black. */
static void put_image(const char *name)
{
    static char bytes[128 + 3 * 32 * 32 * sizeof(float)] = "\x93NUMPY\1\0v"; /* a head of 118 bytes */
    snprintf(bytes + 10, 119, "%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 32, 32), }");
    char *path = text_format("%s/%s", here, name);
    assert_int_equal(file_write(path, bytes, sizeof bytes), 0);
    free(path);
}

/* What the commands read, made in peace; a cell's file is taken from a run, and what
 * it writes goes to `new`. */
static void make_inputs(void)
{
    givens g = usual_givens();
    write_text("sets.yml", sets);
    write_text("small.yml", experiment);
    write_text("wrong.yml", "net: [resnet20, resnet32\nseed: 1\n");
    write_text("sheet.list", "sheet.png 0\nsheet.png 1\n");
    put_image("images.npy");
    write_npz(&g, "arrays.npz", "<f4", 1);
    free_givens(&g);
    if (shell("p='%s'; { $p import sets.yml --imported imported && $p run small.yml --imported imported --out "
              "quiet && "
              "$p inspect imported/sets/shapes.h5 -o sheet.png; } >said 2>&1 && cp quiet/weights/*.safetensors "
              "quiet.safetensors && for kind in features score train; do sed \"s,^cache: .*,cache: $PWD/new,; "
              "s,^results: .*,results: $PWD/new,\" $(grep -l \"^cell: $kind\" quiet/cache/*.yml | head -n 1) "
              ">$kind.yml; "
              "done",
              program) != 0)
        fail_msg("%s", said_of("said"));
}

static int set_up(void **params)
{
    (void)params;
    if (program_begin("alloc") != 0)
        return -1;
    char *path = text_format("%s/state", here);
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    void *at = fd < 0 || ftruncate(fd, sizeof *state) != 0
                   ? MAP_FAILED
                   : mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (at == MAP_FAILED)
        return -1;
    state = at;
    setenv(ALLOC_STATE, path, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
    unsetenv("OODBENCH_METHODS");
    preload = text_format("%.*s/tests/shim/alloc.so", (int)(strlen(program) - strlen("/oodbench")), program);
    free(path);
    make_inputs();
    return 0;
}

static int tear_down(void **params)
{
    munmap(state, sizeof *state);
    free(preload);
    return program_end(params);
}

/* With a pattern behind its name, only commands that match. */
int main(int argc, char **argv)
{
    struct CMUnitTest tests[COMMANDS];
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    for (int i = 0; i < COMMANDS; i++)
        tests[i] = (struct CMUnitTest){
            .name = commands[i].arguments, .test_func = refused, .initial_state = (void *)(uintptr_t)&commands[i]};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
