/* fuzz.h - what the targets share: each is a libFuzzer target for one parser, which
 * `make fuzz` runs, and whose corpus (tests/corpus/NAME) tests/corpus.c replays in
 * `make test`. Whatever the bytes are, a parser succeeds or says one line. */
#ifndef FUZZ_H
#define FUZZ_H

#include "../../harness/fault.h"
#include "../../harness/file.h"
#include "../../harness/text.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The Makefile renames it for tests/corpus.c, which has all of them: fuzz_NAME. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static inline void fuzz_require(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "%s; the fault was `%s`\n", what, fault_text());
    abort();
}

/* rc is what the parser returned. Returns it. */
static inline int fuzz_answer(int rc)
{
    const char *said = fault_text();
    fuzz_require(rc == 0 || *said, "refused without a word");
    for (const char *c = said; rc != 0 && *c; c++)
        fuzz_require((unsigned char)*c >= ' ' && *c != 127, "a control character in the fault");
    fault("%s", "");
    return rc;
}

static char fuzz_folder[PATH_MAX - 256]; /* this process's own, gone when it ends */

static inline int fuzz_remove_one(const char *path, const struct stat *s, int type, struct FTW *w)
{
    (void)s, (void)type, (void)w;
    return remove(path);
}

static inline void fuzz_remove(void)
{
    nftw(fuzz_folder, fuzz_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file of this name into the folder; the path stays until the next call. */
static inline const char *fuzz_file(const char *name, const void *bytes, size_t n)
{
    static char path[PATH_MAX];
    const char *tmp = getenv("TMPDIR");
    if (!*fuzz_folder) {
        snprintf(fuzz_folder, sizeof fuzz_folder, "%.3000s/oodbench-fuzz.XXXXXX", tmp && *tmp ? tmp : "/tmp");
        fuzz_require(mkdtemp(fuzz_folder) != NULL && atexit(fuzz_remove) == 0, "no folder to work in");
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    fuzz_require(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && close(fd) == 0, "cannot write the input");
    return path;
}

#endif
