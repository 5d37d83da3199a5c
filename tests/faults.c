/* faults.c - what a night may bring to a run: methods that leak, fork, flood or
 * ruin their heap, an output folder that is read-only or vanishes, a clock that
 * jumps. Each costs its own rows, if any, and the same command makes up for it.
 * Disks that fill up: disk.c; kills: kill.c; damaged files: damage.c. */
#include "nights.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <sys/stat.h>

static const char usual[] = "--score msp,ebo";
static night undisturbed;

static int begin(void **state)
{
    (void)state;
    if (nights_begin("faults") != 0)
        return -1;
    int status;
    free(night_run(&status, "undisturbed", usual));
    night_read(&undisturbed, "undisturbed");
    return status;
}

static int end(void **state)
{
    night_free(&undisturbed);
    return program_end(state);
}

static const char *status_of(const night *n, const char *score)
{
    int row = sheet_find(n->results, RESULT_SCORE, score, RESULT_OOD, "plasma");
    return row < 0 ? "no row" : sheet_at(n->results, row, RESULT_STATUS);
}

/* A method that misbehaves costs its own row: the others are those of a quiet run. */
static void others_go_on(const night *n)
{
    for (int row = 0; row < sheet_rows(undisturbed.results); row++)
        night_same_row(undisturbed.results, row, n->results);
}

static char *with_bad(int *status, const char *out, const char *score, const char *more)
{
    char *all = text_format("--score %s,msp,ebo --timeout_s 20 %s", score, more);
    char *said = night_run(status, out, all);
    free(all);
    return said;
}

static void floods(void **state)
{
    (void)state;
    int status;
    struct stat s;
    glob_t logs;
    night n;
    char *said = with_bad(&status, "flood", "flood", "");
    if (status != 0)
        fail_msg("%s", said);
    assert_true(strlen(said) < 10000);
    says(said, "   [2Jnothing\n"); /* nothing moves the cursor */
    says(said, "further notes of this cell are left out");
    free(said);
    night_read(&n, "flood");
    assert_string_equal(status_of(&n, "flood"), "ok");
    others_go_on(&n);
    night_free(&n);
    char *pattern = text_format("%s/flood/cache/*.log", here);
    assert_int_equal(glob(pattern, 0, NULL, &logs), 0);
    for (size_t i = 0; i < logs.gl_pathc; i++)
        assert_true(stat(logs.gl_pathv[i], &s) == 0 && s.st_size < 1100000);
    globfree(&logs);
    free(pattern);
}

static void floods_without_end(void **state)
{
    (void)state;
    int status;
    night n;
    char *said = night_run(&status, "endless", "--score flood,msp,ebo --flood.mb 1000000 --timeout_s 4");
    assert_int_equal(status, 1);
    night_read(&n, "endless");
    assert_string_equal(status_of(&n, "flood"), "timeout: 4 s");
    others_go_on(&n);
    night_free(&n);
    free(said);
}

/* Also the one that left its process group. */
static void leaves_processes(void **state)
{
    (void)state;
    int status, n = 0;
    night left;
    char *path = text_format("%s/forked", here), *at;
    setenv("FORK_LOG", path, 1);
    char *said = with_bad(&status, "fork", "fork", "");
    unsetenv("FORK_LOG");
    if (status != 0)
        fail_msg("%s", said);
    char *pids = read_text("forked");
    for (at = pids; *at; at += strcspn(at, "\n") + 1, n++)
        if (kill((pid_t)atol(at), 0) == 0 || errno != ESRCH)
            fail_msg("process %ld was left behind", atol(at));
    assert_int_equal(n, 3);
    night_read(&left, "fork");
    others_go_on(&left);
    night_free(&left);
    free(pids);
    free(path);
    free(said);
}

static void leaks(void **state)
{
    (void)state;
    int status;
    night n;
    char *said = with_bad(&status, "leak", "leak", "--limit_mb 700");
    assert_int_equal(status, 1);
    night_read(&n, "leak");
    assert_string_equal(status_of(&n, "leak"), "memory: 700 MB");
    others_go_on(&n);
    night_free(&n);
    free(said);
}

static void ruins_its_heap(void **state)
{
    (void)state;
    int status;
    night n;
    char *said = with_bad(&status, "heap", "heap", "");
    assert_int_equal(status, 1);
    night_read(&n, "heap");
    assert_memory_equal(status_of(&n, "heap"), "crash: SIG", 10); /* the allocator's, or the processor's */
    others_go_on(&n);
    night_free(&n);
    free(said);
}

/* The folder is there, and nothing can be written: one line, nothing half done. */
static void read_only_folder(void **state)
{
    (void)state;
    int status;
    night n;
    char *folder = text_format("%s/readonly", here);
    free(night_run(&status, "readonly", "--score msp"));
    assert_int_equal(status, 0);
    disk_state *d = disk_arm(folder, 1, DISK_ALWAYS, EROFS);
    if (!d)
        skip();
    char *said = night_run(&status, "readonly", usual);
    disk_disarm(d, NULL);
    assert_int_equal(status, EXIT_CONFIG);
    night_one_line(said, "Read-only file system");
    free(said);
    free(night_run(&status, "readonly", usual));
    assert_int_equal(status, 0);
    night_read(&n, "readonly");
    night_same(&undisturbed, &n);
    night_free(&n);
    free(folder);
}

/* Files may be made in it meanwhile: then once more. */
static void removed(const char *out)
{
    char *command = text_format("rm -rf '%s/%s' 2>/dev/null", here, out);
    int tries = 1;
    while (system(command) != 0 && tries < 100)
        tries++;
    assert_true(tries < 100);
    free(command);
}

/* Somebody removes the folder in the middle of a run. What comes of that run is
 * its own affair, but it ends by itself, and the same command makes all of it. */
static void vanishing_folder(void **state)
{
    (void)state;
    night n;
    int status;
    for (int turn = 0; turn < 4; turn++) {
        pid_t pid = night_start("vanishing", usual);
        usleep(60000u * (unsigned)(turn + 1));
        removed("vanishing");
        status = night_wait(pid);
        assert_true(status == 0 || status == 1 || status == EXIT_CONFIG);
    }
    char *said = night_run(&status, "vanishing", usual);
    if (status != 0)
        fail_msg("%s", said);
    free(said);
    night_read(&n, "vanishing");
    night_same(&undisturbed, &n);
    night_free(&n);
}

/* The calendar leaps by years in both directions at every look; limits are of time that passes. */
static void jumping_clock(void **state)
{
    (void)state;
    int status;
    night n;
    char *shim = night_shim("clock");
    if (!shim)
        skip();
    setenv("LD_PRELOAD", shim, 1);
    char *said = night_run(&status, "clock", "--score msp,ebo --timeout_s 600");
    unsetenv("LD_PRELOAD");
    if (status != 0)
        fail_msg("%s", said);
    night_read(&n, "clock");
    night_same(&undisturbed, &n);
    for (int row = 0; row < sheet_rows(n.results); row++) {
        double s = strtod(sheet_at(n.results, row, RESULT_SCORE_S), NULL);
        assert_true(s >= 0 && s < 600);
    }
    night_free(&n);
    free(shim);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods),           cmocka_unit_test(floods_without_end),
        cmocka_unit_test(leaves_processes), cmocka_unit_test(leaks),
        cmocka_unit_test(ruins_its_heap),   cmocka_unit_test(read_only_folder),
        cmocka_unit_test(vanishing_folder), cmocka_unit_test(jumping_clock),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
