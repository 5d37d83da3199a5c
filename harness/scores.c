/* scores.c - scores as entries of a cache (cache.h) that are named by what they
 * are and not by a hash, so that others may find and read them. */
#include "scores.h"
#include "cache.h"
#include "fault.h"
#include "file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

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
    char text[400];
    const cache_array a = {
        .name = "scores", .type = CACHE_REAL, .rows = n, .cols = 1, .values = (void *)(uintptr_t)scores};
    return cache_write(path, ingredients(text, run, set), &a, 1);
}

int scores_read(const char *out, const char *run, const char *set, float **scores, int64_t *n)
{
    char text[400], path[PATH_MAX];
    cache_array a = {.name = "scores", .type = CACHE_REAL};
    scores_path(path, sizeof path, out, run, set);
    int found = cache_read(path, ingredients(text, run, set), &a, 1);
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
