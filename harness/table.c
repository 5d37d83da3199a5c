/* table.c - gathers rows into a grid of lines (scorers on checkpoints) x sets x
 * seeds, takes means, and hands cells to one of the layouts in layouts.c. */
#include "table.h"
#include "accuracies.h"
#include "commands.h"
#include "config.h"
#include "fault.h"
#include "file.h"
#include "grid.h"
#include "left_out.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const format_names[] = {"text", "csv", "markdown", "latex", "openood"};
static const char *const layout_names[] = {"sets", "paper"};

static int help(FILE *to)
{
    fputs("usage: oodbench table RESULTS.csv [...] [--format F] [--layout L]\n"
          "                      [--metric M,...] [--score METHOD] [--output PATH]\n"
          "       oodbench table RESULTS.csv [...] --accuracy [--format F] [--output PATH]\n"
          "Prints results: near-OOD, far-OOD, every set, accuracy, and with\n"
          "covariate-shifted sets the accuracy on them and full-spectrum detection; means\n"
          "over seeds, +- the standard deviation of the population, as OpenOOD has it.\n"
          "Training methods stand in groups, as they say of themselves; the best of a\n"
          "column is bold, the second underlined. Several files are joined; of two rows\n"
          "for the same cell the last one counts.\n"
          "  --format    text, csv, markdown, latex, or openood (OpenOOD's own CSV, one\n"
          "              table per scorer)\n"
          "  --layout    sets (the default: a table per metric, a column per set), or\n"
          "              paper (one table: near, far, average in every metric, accuracy\n"
          "              on clean and on shifted images; its csv is as those of\n"
          "              results/paper)\n"
          "  --metric    of fpr95, auroc, aupr_in, aupr_out, fpr95_id; default:\n"
          "              fpr95,auroc, in csv all\n"
          "  --score     only this scorer\n"
          "  --output    a file instead of the terminal; with openood a folder, which gets\n"
          "              one file per scorer\n"
          "  --accuracy  accuracy by corruption and severity, from accuracy.csv (or\n"
          "              NAME-accuracy.csv) beside RESULTS.csv\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

table_options table_to_terminal(void)
{
    struct winsize w;
    table_options o = {.heading = heading_of, .bold = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
    if (o.bold && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
        o.width = w.ws_col;
    return o;
}

static int choose(const char *option, const char *const names[], int n, const char *name, int *chosen)
{
    text all = {0};
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            *chosen = i;
            text_free(&all);
            return 0;
        }
        text_add(&all, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", names[i]);
    }
    const char *near = config_nearest(name, names, n);
    int rc = fault("%s: expected %s, found `%s`%s%s%s", option, all.bytes, name, near ? "; did you mean `" : "",
                   near ? near : "", near ? "`?" : "");
    text_free(&all);
    return rc;
}

static int set_format(table_options *o, const char *name)
{
    int i = 0, rc = choose("--format", format_names, sizeof format_names / sizeof *format_names, name, &i);
    o->format = (enum table_format)i;
    return rc;
}

static int set_layout(table_options *o, const char *name)
{
    int i = 0, rc = choose("--layout", layout_names, sizeof layout_names / sizeof *layout_names, name, &i);
    o->layout = (enum table_layout)i;
    return rc;
}

/* Two rows that failed in the same cell for the same reason. */
static int same_failure(const sheet *rows, int a, int b)
{
    return strcmp(sheet_at(rows, a, RESULT_RUN), sheet_at(rows, b, RESULT_RUN)) == 0 &&
           strcmp(sheet_at(rows, a, RESULT_STATUS), sheet_at(rows, b, RESULT_STATUS)) == 0;
}

/* "sam + knn k=50": the training method, where there is one, and the scorer. */
static void print_scorer(FILE *to, const sheet *rows, int row)
{
    const char *train = sheet_at(rows, row, RESULT_TRAIN), *params = sheet_at(rows, row, RESULT_SCORE_PARAMS);
    fprintf(to, "  %s%s%s%s%s", train, train[0] ? " + " : "", sheet_at(rows, row, RESULT_SCORE),
            params[0] ? " " : "", params);
}

static void print_set(FILE *to, const sheet *rows, int row, const char *before)
{
    fprintf(to, "%s%s%s", before, result_spectrum(sheet_at(rows, row, RESULT_GROUP)) ? "fs-" : "",
            sheet_at(rows, row, RESULT_OOD));
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
        print_scorer(to, rows, row);
        print_set(to, rows, row, " on ");
        for (int i = row + 1; i < n; i++)
            if ((!keep || keep[i]) && same_failure(rows, i, row))
                print_set(to, rows, i, ", ");
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
    if (!f)
        text_out_of_memory(0);
    return f;
}

static int write_scorer(const char *folder, const grid *g, int line, int spectrum)
{
    char *name = layout_file_name(g, line), *bytes = NULL;
    char *path = text_format("%s/%s%s", folder, spectrum ? "fsood/" : "", name);
    size_t size = 0;
    FILE *f = memory_file(&bytes, &size);
    layout_openood(f, g, line, spectrum);
    fclose(f);
    int rc = file_write(path, bytes, size);
    free(bytes);
    free(path);
    free(name);
    return rc;
}

/* One file per scorer, as OpenOOD names them; full-spectrum ones in a folder below. */
static int write_openood(const char *folder, const sheet *rows, const table_options *o)
{
    grid g;
    if (grid_make(&g, rows, NULL, o) != 0)
        return -1;
    int rc = file_mkdirs(folder), kinds = 1 + layout_has_spectrum(&g);
    for (int i = 0; rc == 0 && i < kinds * g.nlines; i++)
        rc = write_scorer(folder, &g, i % g.nlines, i / g.nlines);
    grid_free(&g);
    return rc;
}

typedef struct request {
    char **files; /* of argv */
    int nfiles;
    const char *output;
    int accuracy;
    table_options options;
} request;

enum { FORMAT, METRIC, SCORE, OUTPUT, LAYOUT, ACCURACY, KEYS };
static const char *const keys[KEYS] = {"--format", "--metric", "--score", "--output", "--layout", "--accuracy"};

/* Which of keys a word is, up to its `=`; -1 with fault() set for none. */
static int find_key(const char *word, size_t n)
{
    if (n == 2 && strncmp(word, "-o", n) == 0)
        return OUTPUT;
    for (int i = 0; i < KEYS; i++)
        if (strlen(keys[i]) == n && strncmp(keys[i], word, n) == 0)
            return i;
    const char *near = config_nearest(word, keys, KEYS);
    return fault("table: unknown option %s%s%s%s", word,
                 near ? "; did you mean `" : ": see `oodbench table --help`", near ? near : "", near ? "`?" : "");
}

/* `--key value` or `--key=value`; *i moves over what is used. */
static int take_option(request *r, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *equals = strchr(word, '=');
    int which = find_key(word, equals ? (size_t)(equals - word) : strlen(word));
    if (which < 0)
        return -1;
    if (which == ACCURACY) {
        r->accuracy = 1;
        return equals ? fault("table: --accuracy takes no value") : 0;
    }
    if (!equals && *i + 1 >= argc)
        return fault("table: %s needs a value", word);
    const char *value = equals ? equals + 1 : argv[++*i];
    if (which == FORMAT)
        return set_format(&r->options, value);
    if (which == LAYOUT)
        return set_layout(&r->options, value);
    *(which == METRIC ? &r->options.metrics : which == SCORE ? &r->options.score : &r->output) = value;
    return 0;
}

/* The table that is asked for, but for OpenOOD's files. */
static int print_rows(FILE *to, const request *r, const sheet *rows)
{
    return r->accuracy ? accuracies_print(to, rows, &r->options) : table_print(to, rows, NULL, &r->options);
}

static int write_rows(const request *r, const sheet *rows)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *f = memory_file(&bytes, &size);
    int rc = print_rows(f, r, rows);
    fclose(f);
    if (rc == 0)
        rc = file_write(r->output, bytes, size);
    free(bytes);
    return rc;
}

static int print_request(const request *r, const sheet *rows)
{
    if (r->output)
        return r->options.format == TABLE_OPENOOD ? write_openood(r->output, rows, &r->options)
                                                  : write_rows(r, rows);
    int rc = print_rows(stdout, r, rows);
    if (r->options.format == TABLE_TEXT && !r->accuracy)
        table_failures(stdout, rows, NULL);
    return rc;
}

/* results.csv, or the accuracy.csv beside it; for NAME.csv, as results are kept in
 * results/baseline, NAME-accuracy.csv. */
static int open_file(int accuracy, const char *file, sheet **rows)
{
    if (!accuracy)
        return sheet_open(rows, file, result_names, RESULT_COLUMNS, SHEET_READ);
    char *path = accuracies_beside(file);
    int rc = sheet_open(rows, path, accuracy_names, ACCURACY_COLUMNS, SHEET_READ);
    free(path);
    return rc;
}

static int open_files(const request *r, sheet **rows)
{
    sheet *more;
    if (r->accuracy && (r->options.format == TABLE_OPENOOD || r->options.layout == TABLE_PAPER ||
                        r->options.metrics || r->options.score))
        return fault("table: --accuracy goes with --format text, csv, markdown or latex and with --output");
    if (open_file(r->accuracy, r->files[0], rows) != 0)
        return -1;
    for (int i = 1; i < r->nfiles; i++) {
        if (open_file(r->accuracy, r->files[i], &more) != 0) {
            sheet_close(*rows);
            return -1;
        }
        sheet_join(*rows, more);
        sheet_close(more);
    }
    return 0;
}

static int take_arguments(request *r, int argc, char **argv)
{
    r->files = argv + 1; /* moved to the front, one behind the other */
    for (int i = 1; i < argc; i++)
        if (argv[i][0] != '-')
            r->files[r->nfiles++] = argv[i];
        else if (take_option(r, argc, argv, &i) != 0)
            return -1;
    return r->nfiles ? 0 : fault("table: which file? `oodbench table results/out/NAME/results.csv`");
}

int table_main(int argc, char **argv)
{
    request r = {.options = table_to_terminal()};
    sheet *rows;
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return help(stdout);
    if (take_arguments(&r, argc, argv) != 0 || open_files(&r, &rows) != 0)
        return -1;
    char *left_out = r.nfiles == 1 ? left_out_beside(r.files[0]) : NULL;
    r.options.left_out = left_out;
    int rc = print_request(&r, rows);
    free(left_out);
    sheet_close(rows);
    return rc;
}
