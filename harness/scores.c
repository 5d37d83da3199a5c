/* scores.c - scores as entries of a cache (cache.h) that are named by what they
 * are and not by a hash, so that others may find and read them. */
#include "scores.h"
#include "cache.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *scores_path(char *path, size_t cap, const char *out, const char *run, const char *set)
{
    char folder[PATH_MAX], name[300];
    file_join(folder, sizeof folder, out, "scores");
    file_join(path, cap, folder, run);
    snprintf(folder, sizeof folder, "%s", path);
    snprintf(name, sizeof name, "%.255s.h5", set);
    return file_join(path, cap, folder, name);
}

/* Guards against a file that was renamed by hand. */
static const char *ingredients(char out[400], const char *run, const char *set)
{
    snprintf(out, 400, "scores of run %.64s on %.255s\n", run, set);
    return out;
}

int scores_write(const char *path, const char *run, const char *set, const float *scores, int64_t n)
{
    char made_of[400];
    const cache_array a = {
        .name = "scores", .type = CACHE_REAL, .rows = n, .cols = 1, .values = (void *)(uintptr_t)scores};
    return cache_write(path, ingredients(made_of, run, set), &a, 1);
}

/* Files that were found whole, by digests of path, size and time: runs ask for each many times. */
static struct {
    char (*digests)[FILE_DIGEST];
    size_t n, cap;
} whole;

static int was_whole(const char *digest)
{
    for (size_t i = 0; i < whole.n; i++)
        if (memcmp(whole.digests[i], digest, FILE_DIGEST) == 0)
            return 1;
    return 0;
}

static void remember(const char *digest)
{
    if (whole.n == whole.cap)
        whole.digests = text_more(whole.digests, (whole.cap = 2 * whole.cap + 64) * sizeof *whole.digests);
    memcpy(whole.digests[whole.n++], digest, FILE_DIGEST);
}

int scores_kept(const char *out, const char *run, const char *set)
{
    char path[PATH_MAX], digest[FILE_DIGEST];
    struct stat s;
    float *scores;
    int64_t n;
    if (stat(scores_path(path, sizeof path, out, run, set), &s) != 0)
        return 0;
    char *file = text_format("%s %lld %lld.%09ld", path, (long long)s.st_size, (long long)s.st_mtim.tv_sec,
                             s.st_mtim.tv_nsec);
    file_digest_bytes(digest, file, strlen(file));
    free(file);
    if (was_whole(digest))
        return 1;
    if (scores_read(out, run, set, &scores, &n) != 0)
        return 0;
    free(scores);
    remember(digest);
    return 1;
}

int scores_read(const char *out, const char *run, const char *set, float **scores, int64_t *n)
{
    char made_of[400], path[PATH_MAX];
    cache_array a = {.name = "scores", .type = CACHE_REAL};
    scores_path(path, sizeof path, out, run, set);
    int found = cache_read(path, ingredients(made_of, run, set), &a, 1);
    if (found && a.cols == 1) {
        *scores = a.values;
        *n = a.rows;
        return 0;
    }
    if (found)
        free(a.values);
    return fault(
        "%s: expected the scores of every sample of %s, found %s: `oodbench run` on the configuration of these "
        "results computes what is missing",
        path, set, file_exists(path) ? "a file that is damaged or another's" : "no such file");
}
