/* table.c - gathers rows into a grid of lines (scorers on checkpoints) x sets x
 * seeds, takes means, and hands cells to one of the layouts in layouts.c. */
#include "table.h"
#include "commands.h"
#include "config.h"
#include "fault.h"
#include "file.h"
#include "grid.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const format_names[] = {"text", "csv", "markdown", "latex", "openood"};

static int help(FILE *to)
{
    fputs("usage: oodbench table RESULTS.csv [--format F] [--metric M,...] [--score METHOD] [--output PATH]\n"
          "Prints results: near-OOD, far-OOD, every set, accuracy; means over seeds, +- the population deviation.\n"
          "  --format  text, csv, markdown, latex, or openood (OpenOOD's own CSV, one table per scorer)\n"
          "  --metric  of fpr95, auroc, aupr_in, aupr_out, fpr95_id; default fpr95,auroc, in csv all\n"
          "  --score   only this scorer\n"
          "  --output  a file instead of the terminal; with openood a folder, which gets one file per scorer\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int set_format(table_options *o, const char *name)
{
    enum { FORMATS = sizeof format_names / sizeof *format_names };
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(format_names[i], name) == 0) {
            o->format = (enum table_format)i;
            return 0;
        }
    const char *near = config_nearest(name, format_names, FORMATS);
    return fault("--format: expected text, csv, markdown, latex or openood, found `%s`%s%s%s", name,
                 near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

/* Two rows that failed in the same cell for the same reason. */
static int same_failure(const sheet *rows, int a, int b)
{
    return strcmp(sheet_at(rows, a, RESULT_RUN), sheet_at(rows, b, RESULT_RUN)) == 0 &&
           strcmp(sheet_at(rows, a, RESULT_STATUS), sheet_at(rows, b, RESULT_STATUS)) == 0;
}

int table_failures(FILE *to, const sheet *rows, const char *keep)
{
    int failed = 0, n = sheet_rows(rows);
    for (int row = 0; row < n; row++) {
        int first = row;
        if ((keep && !keep[row]) || result_ok(rows, row))
            continue;
        if (failed++ == 0)
            fputs("\nwithout a result:\n", to);
        for (int i = row - 1; i >= 0; i--)
            if ((!keep || keep[i]) && same_failure(rows, i, row))
                first = i;
        if (first < row)
            continue; /* listed with the first of its kind */
        const char *params = sheet_at(rows, row, RESULT_SCORE_PARAMS);
        fprintf(to, "  %s%s%s on %s", sheet_at(rows, row, RESULT_SCORE), params[0] ? " " : "", params,
                sheet_at(rows, row, RESULT_OOD));
        for (int i = row + 1; i < n; i++)
            if ((!keep || keep[i]) && same_failure(rows, i, row))
                fprintf(to, ", %s", sheet_at(rows, i, RESULT_OOD));
        fprintf(to, ": %s\n", sheet_at(rows, row, RESULT_STATUS));
    }
    return failed;
}

int table_print(FILE *to, const sheet *rows, const char *keep, const table_options *o)
{
    grid g;
    if (grid_make(&g, rows, keep, o) != 0)
        return -1;
    layout_print(to, &g, o);
    grid_free(&g);
    return 0;
}

static FILE *memory_file(char **bytes, size_t *size)
{
    FILE *f = open_memstream(bytes, size);
    if (!f) {
        fputs("oodbench: out of memory\n", stderr);
        exit(EXIT_MEMORY);
    }
    return f;
}

/* One file per scorer, as OpenOOD names them. */
static int write_openood(const char *folder, const sheet *rows, const table_options *o)
{
    grid g;
    if (grid_make(&g, rows, NULL, o) != 0)
        return -1;
    int rc = file_mkdirs(folder);
    for (int line = 0; rc == 0 && line < g.nlines; line++) {
        char *name = layout_file_name(&g, line), *path = text_format("%s/%s", folder, name), *bytes = NULL;
        size_t size = 0;
        FILE *f = memory_file(&bytes, &size);
        layout_openood(f, &g, line);
        fclose(f);
        rc = file_write(path, bytes, size);
        free(bytes);
        free(path);
        free(name);
    }
    grid_free(&g);
    return rc;
}

static int write_file(const char *path, const sheet *rows, const table_options *o)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *f = memory_file(&bytes, &size);
    int rc = table_print(f, rows, NULL, o);
    fclose(f);
    if (rc == 0)
        rc = file_write(path, bytes, size);
    free(bytes);
    return rc;
}

typedef struct request {
    const char *file, *output;
    table_options options;
} request;

/* `--key value` or `--key=value`; *i moves over what is used. */
static int take_option(request *r, int argc, char **argv, int *i)
{
    static const char *const keys[] = {"--format", "--metric", "--score", "--output"};
    const char *word = argv[*i], *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    int which = 0;
    while (which < 4 && (strlen(keys[which]) != n || strncmp(keys[which], word, n) != 0))
        which++;
    const char *near = config_nearest(word, keys, 4);
    if (which == 4 && strcmp(word, "-o") == 0)
        which = 3;
    if (which == 4)
        return fault("table: unknown option %s%s%s%s", word,
                     near ? "; did you mean `" : ": see `oodbench table --help`", near ? near : "",
                     near ? "`?" : "");
    if (!equals && *i + 1 >= argc)
        return fault("table: %s needs a value", word);
    const char *value = equals ? equals + 1 : argv[++*i];
    if (which == 0)
        return set_format(&r->options, value);
    *(which == 1 ? &r->options.metrics : which == 2 ? &r->options.score : &r->output) = value;
    return 0;
}

static int print_request(const request *r, const sheet *rows)
{
    if (!r->output) {
        int rc = table_print(stdout, rows, NULL, &r->options);
        if (r->options.format == TABLE_TEXT)
            table_failures(stdout, rows, NULL);
        return rc;
    }
    return r->options.format == TABLE_OPENOOD ? write_openood(r->output, rows, &r->options)
                                              : write_file(r->output, rows, &r->options);
}

int table_main(int argc, char **argv)
{
    request r = {.options.bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
    sheet *rows;
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return help(stdout);
        int option = argv[i][0] == '-';
        if (!option && r.file)
            return fault("table: one file at a time: found %s and %s", r.file, argv[i]);
        if (!option)
            r.file = argv[i];
        else if (take_option(&r, argc, argv, &i) != 0)
            return -1;
    }
    if (!r.file)
        return fault("table: which file? `oodbench table results/out/NAME/results.csv`");
    if (sheet_open(&rows, r.file, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
        return -1;
    int rc = print_request(&r, rows);
    sheet_close(rows);
    return rc;
}
