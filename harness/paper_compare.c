/* paper_compare.c - `oodbench compare-paper`: results beside a published table. */
#include "accuracies.h"
#include "commands.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "paper_print.h"
#include "text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"text", "csv", "markdown"};
static const enum table_format format_of[] = {TABLE_TEXT, TABLE_CSV, TABLE_MARKDOWN};
enum { FORMATS = sizeof formats / sizeof *formats };

static int help(FILE *to)
{
    fputs("usage: oodbench compare-paper RESULTS.csv results/paper/TABLE.csv\n"
          "                              [--format F] [--network NAME]\n"
          "Prints results beside a published table: what differs in the setting, then\n"
          "paper, ours and the difference of every figure. Published rows without ours,\n"
          "and ours that are not published, are listed as such. A mean is taken over those\n"
          "of the published sets that the results have, and marked where some are missing.\n"
          "  --format   text, csv or markdown\n"
          "  --network  only published rows of this network, as it is printed there\n"
          "results/paper/README.md lists the tables.\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

typedef struct request {
    const char *results, *table, *network;
    table_options options;
} request;

static int set_format(table_options *o, const char *name)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i], name) == 0) {
            o->format = format_of[i];
            return 0;
        }
    const char *near = config_nearest(name, formats, FORMATS);
    return fault("--format: expected text, csv or markdown, found `%s`%s%s%s", name, near ? "; did you mean `" : "",
                 near ? near : "", near ? "`?" : "");
}

/* `--key value` or `--key=value`; *i moves over what is used. */
static int take_option(request *r, int argc, char **argv, int *i)
{
    static const char *const keys[] = {"--format", "--network"};
    const char *word = argv[*i], *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : strlen(word);
    int which = 0;
    while (which < 2 && (strlen(keys[which]) != n || strncmp(keys[which], word, n) != 0))
        which++;
    const char *near = config_nearest(word, keys, 2);
    if (which == 2)
        return fault("compare-paper: unknown option %s%s%s%s", word,
                     near ? "; did you mean `" : ": see `oodbench compare-paper --help`", near ? near : "",
                     near ? "`?" : "");
    if (!equals && *i + 1 >= argc)
        return fault("compare-paper: %s needs a value", word);
    const char *value = equals ? equals + 1 : argv[++*i];
    if (which == 0)
        return set_format(&r->options, value);
    r->network = value;
    return 0;
}

static int take_arguments(request *r, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (take_option(r, argc, argv, &i) != 0)
                return -1;
        } else if (r->table) {
            return fault("compare-paper: one file of results and one table: found %s behind them", argv[i]);
        } else {
            *(r->results ? &r->table : &r->results) = argv[i];
        }
    }
    return r->table ? 0
                    : fault("compare-paper: which files? `oodbench compare-paper RESULTS.csv "
                            "results/paper/TABLE.csv`");
}

/* accuracy.csv beside the results, where it is; only tables that name corruptions need it. */
static int open_accuracies(sheet **s, const request *r)
{
    char *path = accuracies_beside(r->results);
    *s = NULL;
    int rc = file_exists(path) ? sheet_open(s, path, accuracy_names, ACCURACY_COLUMNS, SHEET_READ) : 0;
    free(path);
    return rc;
}

static int compare(const request *r, const paper *p, const sheet *results, const sheet *accuracies)
{
    grid g;
    if (grid_make(&g, results, NULL, &(table_options){.format = TABLE_CSV}) != 0)
        return -1;
    paper_match m = {.paper = p, .grid = &g, .accuracies = accuracies};
    int rc = paper_match_make(&m, r->network);
    if (rc == 0) {
        setting s = setting_compare(&m, r->results);
        paper_print(stdout, &m, &s, r->results, &r->options);
        setting_free(&s);
    }
    paper_match_free(&m);
    grid_free(&g);
    return rc;
}

int compare_paper_main(int argc, char **argv)
{
    request r = {.options = table_to_terminal()};
    sheet *results, *accuracies;
    char table[PATH_MAX];
    paper p;
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return help(stdout);
    if (take_arguments(&r, argc, argv) != 0 ||
        sheet_open(&results, r.results, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
        return -1;
    int rc = open_accuracies(&accuracies, &r);
    if (rc == 0 && (rc = paper_open(&p, layout_find(table, sizeof table, r.table))) == 0) {
        rc = compare(&r, &p, results, accuracies);
        paper_close(&p);
    }
    sheet_close(accuracies);
    sheet_close(results);
    return rc;
}
