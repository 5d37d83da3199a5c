/* folder.h - for tests that work with files: a folder of the test's own, faults
 * compared word by word, commands run in this process. Included by one file of a program. */
#ifndef FOLDER_H
#define FOLDER_H

#include "../datasets/benchmark.h"
#include "../harness/data.h"
#include "../harness/fault.h"
#include "../harness/file.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[PATH_MAX]; /* a folder of this test's own */

static inline char *at(const char *name)
{
    static char paths[8][PATH_MAX];
    static int turn;
    return file_join(paths[turn = (turn + 1) % 8], PATH_MAX, top, name);
}

static inline int remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
    (void)s, (void)type, (void)w;
    return remove(path);
}

static inline int begin(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(top, sizeof top, "%s/oodbench-test.XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(top) ? 0 : -1;
}

static inline int end(void **state)
{
    (void)state;
    return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void put(const char *name, const void *content, size_t n)
{
    assert_int_equal(file_write(at(name), content, n), 0);
}

static inline void put_text(const char *name, const char *content)
{
    put(name, content, strlen(content));
}

/* `content` with the first `from` in it replaced. */
static inline void put_changed(const char *name, const char *content, const char *from, const char *to)
{
    char changed[2048];
    const char *found = strstr(content, from);
    assert_non_null(found);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(found - content), content, to, found + strlen(from));
    put_text(name, changed);
}

static inline benchmark *open_benchmark(const char *name, const char *data)
{
    benchmark *b;
    if (benchmark_open(&b, at("sets"), name, data, at("imported")) != 0)
        fail_msg("%s", fault_text());
    return b;
}

/* Runs `body` in a process of its own, so that limits and signals stay there; how it ended. */
static inline int child(void (*body)(void))
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* The last fault is one line that holds all the words, separated by `|`. */
static inline void expect_fault(int rc, const char *words)
{
    char copy[PATH_MAX], *rest = copy;
    assert_int_equal(rc, -1);
    assert_null(strchr(fault_text(), '\n'));
    snprintf(copy, sizeof copy, "%s", words);
    for (char *word; (word = strsep(&rest, "|")) != NULL;)
        if (!strstr(fault_text(), word))
            fail_msg("expected `%s` in: %s", word, fault_text());
}

static inline int files_in(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

/* A command with its words, the last NULL; what it prints is thrown away. */
static inline int command(int (*run)(int, char **), const char *const words[])
{
    char *argv[32];
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    fflush(stdout);
    int out = dup(1);
    assert_non_null(freopen("/dev/null", "w", stdout));
    int rc = run(argc, argv);
    fflush(stdout);
    dup2(out, 1);
    close(out);
    return rc;
}

static inline void digest_of(const char *file, const char *split, char out[65])
{
    dataset *d;
    if (dataset_open(&d, at(file), split) != 0)
        fail_msg("%s", fault_text());
    snprintf(out, 65, "%s", dataset_digest(d));
    dataset_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
