/* sources.c - what stands for results on a command line: the folder of an
 * experiment, a CSV in it, or results kept as NAME.csv beside NAME-accuracy.csv. */
#include "file.h"
#include "plot.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum header { HEADER_RESULTS, HEADER_ACCURACY, HEADER_OWN, HEADER_OTHER };

/* Does the line begin with these names, separated by commas, and end there? */
static int is_header(const char *line, const char *const names[], int n)
{
    for (int i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(line, names[i], length) != 0 || (i < n - 1 && line[length] != ','))
            return 0;
        line += length + (i < n - 1);
    }
    return *line == '\0';
}

static int is_own(const char *line, const char *columns)
{
    for (; *line && *columns; line++, columns++)
        if (*line != (*columns == ' ' ? ',' : *columns))
            return 0;
    return *line == *columns;
}

static int kind_of(const char *path, const figure *of, enum header *kind)
{
    char line[4096] = "";
    FILE *f = fopen(path, "r");
    if (!f)
        return fault("cannot read %s: %s", path, strerror(errno));
    if (!fgets(line, sizeof line, f))
        line[0] = '\0';
    fclose(f);
    line[strcspn(line, "\r\n")] = '\0';
    *kind = is_header(line, result_names, RESULT_COLUMNS)       ? HEADER_RESULTS
            : is_header(line, accuracy_names, ACCURACY_COLUMNS) ? HEADER_ACCURACY
            : is_own(line, of->columns)                         ? HEADER_OWN
                                                                : HEADER_OTHER;
    return 0;
}

/* "NAME" of NAME.csv and NAME-accuracy.csv; NULL for results.csv and accuracy.csv. */
static char *stem_of(const char *file, enum header kind)
{
    static const char suffix[] = "-accuracy.csv";
    size_t n = strlen(file), tail = kind == HEADER_ACCURACY ? sizeof suffix - 1 : 4;
    if (strcmp(file, "results.csv") == 0 || strcmp(file, "accuracy.csv") == 0 || n <= tail)
        return NULL;
    return text_format("%.*s", (int)(n - tail), file);
}

/* The folder as it was given; its own name tells several results apart in a legend. */
static void set_names(source *s, const char *given, const char *file, enum header kind)
{
    char path[PATH_MAX];
    size_t n = strlen(given) - (file ? strlen(file) : 0);
    while (n > 1 && given[n - 1] == '/')
        n--;
    s->folder = n ? text_format("%.*s", (int)n, given) : text_copy(".");
    s->stem = file ? stem_of(file, kind) : NULL;
    if (!realpath(s->folder, path))
        snprintf(path, sizeof path, "%s", s->folder);
    const char *slash = strrchr(path, '/');
    s->name = text_copy(s->stem ? s->stem : slash && slash[1] ? slash + 1 : path);
}

int source_open(source *s, const char *given, const figure *of, int *own)
{
    struct stat st;
    enum header kind = HEADER_RESULTS;
    *s = (source){.given = given};
    *own = 0;
    if (stat(given, &st) != 0)
        return fault("plot: expected a folder of results (results/out/NAME) or a CSV in it, cannot read %s: %s",
                     given, strerror(errno));
    if (S_ISDIR(st.st_mode)) {
        set_names(s, given, NULL, kind);
        return 0;
    }
    if (kind_of(given, of, &kind) != 0)
        return -1;
    if (kind == HEADER_OTHER)
        return fault("plot %s: expected a folder of results, its results.csv or accuracy.csv, or the table that "
                     "`oodbench plot %s` wrote beside a figure; %s is none of these",
                     of->name, of->name, given);
    *own = kind == HEADER_OWN;
    const char *slash = strrchr(given, '/');
    set_names(s, given, slash ? slash + 1 : given, kind);
    return 0;
}

void source_close(source *s)
{
    sheet_close(s->results);
    sheet_close(s->accuracy);
    for (int a = 0; a < ANALYSES; a++)
        sheet_close(s->analyses[a]);
    free(s->folder);
    free(s->name);
    free(s->stem);
}

static const sheet *opened(source *s, sheet **held, const char *tail, const char *plain, const char *const header[],
                           int columns)
{
    if (*held != NULL)
        return *held;
    char *path = s->stem ? text_format("%s/%s%s", s->folder, s->stem, tail)
                         : text_format("%s/%s", s->folder, plain);
    if (!file_exists(path))
        fault("plot: expected a folder of results with %s in it, there is no %s: `oodbench run` writes it", plain,
              path);
    else if (sheet_open(held, path, header, columns, SHEET_READ) != 0)
        *held = NULL;
    free(path);
    return *held;
}

const sheet *source_results(source *s)
{
    return opened(s, &s->results, ".csv", "results.csv", result_names, RESULT_COLUMNS);
}

const sheet *source_accuracy(source *s)
{
    return opened(s, &s->accuracy, "-accuracy.csv", "accuracy.csv", accuracy_names, ACCURACY_COLUMNS);
}

const sheet *source_analysis(source *s, enum analysis a)
{
    const analysis_kind *k = &analysis_kinds[a];
    char plain[64], tail[64];
    snprintf(plain, sizeof plain, "%s.csv", k->name);
    snprintf(tail, sizeof tail, "-%s.csv", k->name);
    return opened(s, &s->analyses[a], tail, plain, k->columns, k->ncolumns);
}
