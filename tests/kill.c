/* kill.c - a run, or one of its cells, killed by signal 9 at random moments, again
 * and again, until it has had the time to end; then the same command: rows, scores
 * and checkpoints are those of a run that nobody disturbed, no process is left and
 * no file half-written. `make soak` kills hundreds of times. */
#include "../kernels/random.h"
#include "killing.h"
#include "nights.h"

static const char arguments[] =
    "--train ce,oe --outliers scribbles --score msp,knn,vim --vim.dim 32 --analyses landscape "
    "--landscape.grid 3 --landscape.images 20 --threads 1";
static night undisturbed;

static int begin(void **state)
{
    (void)state;
    int status;
    if (nights_begin("kill") != 0)
        return -1;
    char *said = night_run(&status, "undisturbed", arguments);
    if (status != 0)
        fprintf(stderr, "%s", said);
    free(said);
    if (status == 0)
        night_read(&undisturbed, "undisturbed");
    return status;
}

static int end(void **state)
{
    night_free(&undisturbed);
    return program_end(state);
}

/* One process, killed after so long; it may have ended before. */
static void disturb(const char *out, const char *more, unsigned us, int parent)
{
    char *all = text_format("%s %s", arguments, more);
    pid_t pid = night_start(out, all);
    free(all);
    usleep(us);
    if (parent)
        kill(pid, SIGKILL);
    else
        cells(kill_it);
    int status = night_wait(pid);
    nobody_is_left();
    if (!(parent && status == 128 + SIGKILL) && status != 0 && status != 1 && status != EXIT_CONFIG)
        fail_msg("the run ended with %d", status);
}

/* Moments from the start of a run to somewhat beyond its end. */
static void disturbed(const char *out, const char *more, uint64_t seed, int kills, int imports)
{
    uint64_t stream = random_stream(seed, 0);
    int status;
    night n;
    for (int i = 0; i < kills; i++) {
        double at = random_uniform(stream, (uint64_t)i);
        disturb(out, more, (unsigned)(at * 1.5e6) + 1000, i % 3 != 2);
    }
    char *all = text_format("%s %s", arguments, more);
    char *said = night_run(&status, out, all);
    if (status != 0)
        fail_msg("after %d kills, seed %llu:\n%s", kills, (unsigned long long)seed, said);
    free(said);
    free(all);
    night_read(&n, out);
    night_same(&undisturbed, &n);
    night_free(&n);
    char *folder = text_format("%s/%s", here, out), *imported = text_format("%s/imported", here);
    remove_tree(folder);
    if (imports)
        remove_tree(imported);
    free(folder);
    free(imported);
}

static void killed(void **state)
{
    (void)state;
    int rounds = nights_long() ? 60 : 1, kills = nights_long() ? 10 : 5;
    for (int i = 0; i < rounds; i++) {
        nights_progress("round of kills", (uint64_t)i + 1, (uint64_t)rounds);
        disturbed("killed", "", (uint64_t)i + 1, kills, i % 2);
    }
}

/* With two cells at once: what one dies of does not touch the other. */
static void killed_side_by_side(void **state)
{
    (void)state;
    int rounds = nights_long() ? 30 : 1, kills = nights_long() ? 10 : 3;
    for (int i = 0; i < rounds; i++) {
        nights_progress("round of kills, two at once", (uint64_t)i + 1, (uint64_t)rounds);
        disturbed("pair", "--jobs 2", (uint64_t)i + 1001, kills, i % 2 == 0);
    }
}

/* A run that is killed holds nothing: the next one does not wait. */
static void second_waits_or_says(void **state)
{
    (void)state;
    int status;
    pid_t first = night_start("held", "--score hang --timeout_s 100");
    char *said;
    for (int waited = 0; waited < 4000 && cells(NULL) == 0; waited++)
        usleep(5000);
    said = night_run(&status, "held", "--score msp");
    assert_int_equal(status, EXIT_CONFIG);
    night_one_line(said, "another run (process ");
    free(said);
    kill(first, SIGKILL);
    night_wait(first);
    nobody_is_left();
    said = night_run(&status, "held", "--score msp");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
}

/* A process that a method left behind is out of reach of whoever is killed by signal 9; the
 * next run into the same folder ends it. */
static void left_by_the_killed(void **state)
{
    (void)state;
    int status, n = 0;
    char *log = text_format("%s/forked", here), *pids = NULL;
    setenv("FORK_LOG", log, 1);
    pid_t run = night_start("orphans", "--score fork,hang --timeout_s 100");
    unsetenv("FORK_LOG");
    for (int waited = 0; waited < 4000 && n < 3; waited++) {
        usleep(5000);
        pids = file_exists(log) ? read_text("forked") : text_copy("");
        n = 0;
        for (const char *c = pids; *c; c++)
            n += *c == '\n';
        if (n < 3)
            free(pids);
    }
    assert_int_equal(n, 3);
    kill(run, SIGKILL);
    night_wait(run);
    free(night_run(&status, "orphans", "--score msp"));
    assert_int_equal(status, 0);
    for (const char *at = pids; *at; at += strcspn(at, "\n") + 1) {
        int there = 0;
        for (int waited = 0; waited < 400 && (there = kill((pid_t)atol(at), 0) == 0); waited++)
            usleep(5000);
        assert_int_equal(there, 0);
    }
    free(pids);
    free(log);
}

/* What was written aside by who is dead goes, whoever it was; what a living process writes stays. */
static void left_aside(void **state)
{
    static const char *const dead[] = {"results.csv.x-%ld.aside", "figures/roc.csv.x-%ld.aside.svg",
                                       "cache/features-1.h5.x-%ld.aside"};
    (void)state;
    int status;
    pid_t ended = fork();
    if (ended == 0)
        _exit(0);
    night_wait(ended);
    for (int i = 0; i < 3; i++) {
        char *name = text_format(dead[i], (long)ended), *path = text_format("swept/%s", name);
        write_text(path, "half");
        free(path);
        free(name);
    }
    char *mine = text_format("swept/report.html.x-%ld.aside", (long)getpid());
    write_text(mine, "half");
    write_text("swept/deeper/results.csv.x-1.aside", "not ours");
    char *said = night_run(&status, "swept", "--score msp");
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    char *command = text_format("cd '%s/swept' && find . -name '*.aside*' | sort >'%s/left'", here, here);
    assert_int_equal(system(command), 0);
    char *left = read_text("left"), *expected = text_format("./deeper/results.csv.x-1.aside\n./%s\n", mine + 6);
    assert_string_equal(left, expected);
    free(expected);
    free(left);
    free(command);
    free(mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed),
        cmocka_unit_test(killed_side_by_side),
        cmocka_unit_test(second_waits_or_says),
        cmocka_unit_test(left_by_the_killed),
        cmocka_unit_test(left_aside),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
