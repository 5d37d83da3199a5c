/* nights.h - for tests of what a night may bring: a small experiment run as its
 * users run it, what it leaves compared with what a quiet run leaves, a disk that
 * fails when it is told to (shim/disk.c). Rows, scores of every sample, accuracies
 * and checkpoints must be the same, but for what is measured: seconds and memory. */
#ifndef NIGHTS_H
#define NIGHTS_H

#include "../harness/results.h"
#include "program.h"
#include "shim/disk.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DISK_ALWAYS UINT64_MAX

static const char night_file[] =
    "benchmark: tiny.yml\nnet: resnet20\ntrain: ce\nepochs: 1\nbatch: 64\nsave_s: 0.001\nscore: [msp, ebo]\n"
    "device: cpu\n";

/* `make soak`: hundreds of rounds where `make test` has a few. */
static inline int nights_long(void)
{
    return getenv("OODBENCH_SOAK") != NULL;
}

/* Long work says how far it is. */
static inline void nights_progress(const char *what, uint64_t done, uint64_t all)
{
    if (nights_long())
        fprintf(stderr, "%s %llu of %llu\n", what, (unsigned long long)done, (unsigned long long)all);
}

static inline void remove_tree(const char *path)
{
    char *command = text_format("rm -rf '%s'", path);
    if (system(command) != 0)
        fail_msg("%s could not be removed", path);
    free(command);
}

static inline int nights_begin(const char *test)
{
    if (program_begin(test) != 0)
        return -1;
    write_text("night.yml", night_file);
    return 0;
}

/* The shim's path, to be freed; NULL where it cannot be preloaded, since sanitizers want to be first. */
static inline char *night_shim(const char *name)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    (void)name;
    return NULL;
#else
    return text_format("%.*s/tests/shim/%s.so", (int)(strlen(program) - strlen("/oodbench")), program, name);
#endif
}

static inline void disk_watch(disk_state *d, const char *under)
{
    size_t n = strlen(under);
    assert_true(n < sizeof d->under);
    memcpy(d->under, under, n + 1);
}

/* From now on, in processes that are started, the calls numbered first to last on
 * files below `under` fail. first 0: they are only counted. NULL: cannot be done here. */
static inline disk_state *disk_arm(const char *under, uint64_t first, uint64_t last, int error)
{
    char *path = text_format("%s/disk.XXXXXX", here), *shim = night_shim("disk");
    int fd = shim ? mkstemp(path) : -1;
    disk_state *d = NULL;
    if (fd >= 0 && ftruncate(fd, sizeof *d) == 0)
        d = mmap(NULL, sizeof *d, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (d) {
        d->first = first;
        d->last = last;
        d->error = error;
        disk_watch(d, under);
        setenv(DISK_STATE, path, 1);
        setenv("LD_PRELOAD", shim, 1);
    }
    free(path);
    free(shim);
    return d;
}

/* How many calls there were; *failed, which may be NULL: and failed. */
static inline uint64_t disk_disarm(disk_state *d, unsigned *failed)
{
    uint64_t calls = d->calls;
    if (failed)
        *failed = d->failed;
    unlink(getenv(DISK_STATE));
    unsetenv("LD_PRELOAD");
    unsetenv(DISK_STATE);
    munmap(d, sizeof *d);
    return calls;
}

/* Runs night.yml into the folder `out` with more arguments; what it said. */
static inline char *night_run(int *status, const char *out, const char *more)
{
    return output(status, "run '%s/night.yml' --imported '%s/imported' --out '%s/%s' %s", here, here, here, out,
                  more);
}

/* Starts it in a process group of its own and does not wait. Its output is thrown away. */
static inline pid_t night_start(const char *out, const char *more)
{
    char *command = text_format("exec '%s' run '%s/night.yml' --imported '%s/imported' --out '%s/%s' %s "
                                ">/dev/null 2>&1 </dev/null",
                                program, here, here, here, out, more);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    free(command);
    assert_true(pid > 0);
    return pid;
}

/* Its exit status, or 128 and the signal that ended it. */
static inline int night_wait(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What a run has left. */
typedef struct night {
    sheet *results, *accuracy;
    text files; /* digest and name of every score file and checkpoint, sorted */
} night;

static struct {
    char line[512][400];
    int n;
    size_t skip;
} night_found;

static inline int night_note(const char *path, const struct stat *s, int type, struct FTW *w)
{
    char digest[FILE_DIGEST];
    (void)s, (void)w;
    const char *name = path + night_found.skip;
    int counts = strncmp(name, "scores/", 7) == 0 || strncmp(name, "weights/", 8) == 0;
    if (strstr(name, ".aside"))
        fail_msg("%s was left behind", path);
    if (type != FTW_F || !counts || night_found.n == 512)
        return 0;
    if (file_digest(digest, path) != 0)
        fail_msg("%s", fault_text());
    snprintf(night_found.line[night_found.n++], 400, "%s %s\n", name, digest);
    return 0;
}

static inline int night_by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline void night_read(night *n, const char *out)
{
    char *folder = text_format("%s/%s/", here, out);
    *n = (night){.results = sheet_of(out, "results.csv", result_names, RESULT_COLUMNS),
                 .accuracy = sheet_of(out, "accuracy.csv", accuracy_names, ACCURACY_COLUMNS)};
    night_found.n = 0;
    night_found.skip = strlen(folder);
    assert_int_equal(nftw(folder, night_note, 16, FTW_PHYS), 0);
    qsort(night_found.line, (size_t)night_found.n, sizeof night_found.line[0], night_by_name);
    for (int i = 0; i < night_found.n; i++)
        text_add(&n->files, "%s", night_found.line[i]);
    free(folder);
}

static inline void night_free(night *n)
{
    sheet_close(n->results);
    sheet_close(n->accuracy);
    text_free(&n->files);
}

/* Row `row` of `a` stands in `b`, but for what is measured. */
static inline void night_same_row(const sheet *a, int row, const sheet *b)
{
    int other = result_find(b, sheet_at(a, row, RESULT_RUN), sheet_at(a, row, RESULT_OOD),
                            sheet_at(a, row, RESULT_GROUP));
    assert_true(other >= 0);
    for (int c = 0; c < RESULT_COLUMNS; c++)
        if (c != RESULT_FIT_S && c != RESULT_SCORE_S && c != RESULT_PEAK_MB &&
            strcmp(sheet_at(a, row, c), sheet_at(b, other, c)) != 0)
            fail_msg("%s of %s against %s is %s, was %s", result_names[c], sheet_at(a, row, RESULT_SCORE),
                     sheet_at(a, row, RESULT_OOD), sheet_at(b, other, c), sheet_at(a, row, c));
}

static inline void night_same(const night *a, const night *b)
{
    assert_int_equal(sheet_rows(a->results), sheet_rows(b->results));
    for (int row = 0; row < sheet_rows(a->results); row++)
        night_same_row(a->results, row, b->results);
    assert_int_equal(sheet_rows(a->accuracy), sheet_rows(b->accuracy));
    for (int row = 0; row < sheet_rows(a->accuracy); row++)
        for (int c = 0; c < ACCURACY_COLUMNS; c++)
            assert_string_equal(sheet_at(a->accuracy, row, c), sheet_at(b->accuracy, row, c));
    assert_string_equal(text_str(&a->files), text_str(&b->files));
}

/* One sentence of ours, with these words in it. */
static inline void night_one_line(const char *said, const char *words)
{
    if (strncmp(said, "oodbench: ", 10) != 0 || !strstr(said, words) ||
        strchr(said, '\n') != said + strlen(said) - 1)
        fail_msg("expected one line with `%s`, found:\n%s", words, said);
}

#endif
