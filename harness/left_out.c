/* left_out.c - which sets of a benchmark are missing in an experiment, kept and said. */
#include "left_out.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char name_of_file[] = "left_out.txt";

static int named_anywhere(const config *c, const char *set)
{
    static const char *const keys[] = {"id", "near", "far", "csid", "tune", "outliers"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (int i = 0; i < config_items(c, keys[k]); i++)
            if (strcmp(config_item(c, keys[k], i), set) == 0)
                return 1;
    return 0;
}

/* Groups whose sets nobody chose are the benchmark's; what it has more is not on disk. */
char *left_out_of(const benchmark *b, const config *c)
{
    static const char *const groups[] = {"near", "far"};
    text t = {0};
    for (int g = 0; b && g < 2; g++) {
        const char *origin = config_origin(c, groups[g]);
        for (int i = 0; origin && strcmp(origin, "the benchmark") == 0 && i < benchmark_sets(b); i++) {
            const char *set = benchmark_set(b, i);
            if (strcmp(benchmark_group(b, set), groups[g]) == 0 && !named_anywhere(c, set))
                text_add(&t, "%s %s\n", groups[g], set);
        }
    }
    return t.bytes;
}

int left_out_keep(const char *lines, const char *out)
{
    char path[PATH_MAX];
    file_join(path, sizeof path, out, name_of_file);
    if (lines)
        return file_write(path, lines, strlen(lines));
    if (unlink(path) != 0 && errno != ENOENT)
        return fault("cannot remove %s: %s", path, strerror(errno));
    return 0;
}

char *left_out_beside(const char *results)
{
    const char *slash = strrchr(results, '/');
    char *path = text_format("%.*s%s", slash ? (int)(slash + 1 - results) : 0, results, name_of_file);
    char *lines = NULL;
    size_t n;
    if (file_exists(path) && file_read(path, &lines, &n) != 0)
        lines = NULL;
    free(path);
    return lines;
}

int left_out_has(const char *lines, const char *groups)
{
    for (const char *g = groups; lines && *g; g += strcspn(g, " "), g += *g == ' ') {
        const char *group = strncmp(g, "fs", 2) == 0 ? g + 2 : g;
        size_t n = strcspn(group, " ");
        for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n')
            if (strncmp(line, group, n) == 0 && line[n] == ' ')
                return 1;
    }
    return 0;
}

char *left_out_note(const char *lines)
{
    text t = {0};
    text_add(&t, "* some sets or seeds are missing in this mean");
    for (const char *line = lines; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *set = line + strcspn(line, " \n");
        set += *set == ' ';
        text_add(&t, "%s%.*s", line == lines ? "; not on disk: " : ", ", (int)strcspn(set, "\n"), set);
    }
    return t.bytes;
}
