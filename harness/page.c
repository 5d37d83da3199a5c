/* page.c - `oodbench report`: results as one file of HTML that needs nothing but itself. */
#include "page.h"
#include "commands.h"
#include "commit.h"
#include "file.h"
#include "layout.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* In the order of the page: what went wrong before what went well, then what made it. A section
 * that has written nothing is not on the page, nor among the links at its head. */
static const struct {
    const char *id, *title;
    int (*write)(page *p);
} sections[] = {
    {"failures", "Without a result", page_failures},
    {"results", "Results", page_results},
    {"shift", "Accuracy under shift", page_shift},
    {"figures", "Figures", page_figures},
    {"search", "Search", page_search},
    {"methods", "Methods", page_methods},
    {"configuration", "Configuration", page_configuration},
    {"provenance", "Provenance", page_provenance},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static int help(FILE *to)
{
    fputs("usage: oodbench report RESULTS... [-o FILE] [--all]\n"
          "Writes results as one HTML file, which needs nothing but itself: failures,\n"
          "tables, figures, the configuration, and what made the rows. RESULTS: folders\n"
          "(results/out/NAME), or a results.csv; several are joined as tables are.\n"
          "  -o FILE  the page (results/out/NAME/report.html)\n"
          "  --all    also figures that take long to compute and are not kept from before,\n"
          "           such as t-SNE\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

char *page_path(const source *s, const char *name)
{
    if (!s->stem)
        return text_format("%s/%s.csv", s->folder, name);
    return strcmp(name, "results") == 0 ? text_format("%s/%s.csv", s->folder, s->stem)
                                        : text_format("%s/%s-%s.csv", s->folder, s->stem, name);
}

int page_different(const sheet *rows, int column, const char ***list)
{
    int n = 0;
    *list = NULL;
    for (int row = 0; row < sheet_rows(rows); row++) {
        const char *s = sheet_at(rows, row, column);
        int i = 0;
        while (i < n && strcmp((*list)[i], s) != 0)
            i++;
        if (i < n || !*s)
            continue;
        *list = text_more(*list, (size_t)(n + 1) * sizeof **list);
        (*list)[n++] = s;
    }
    return n;
}

int page_varies(const sheet *rows, int column)
{
    for (int row = 1; row < sheet_rows(rows); row++)
        if (strcmp(sheet_at(rows, row, column), sheet_at(rows, 0, column)) != 0)
            return 1;
    return 0;
}

char *page_spaced(const char *settings)
{
    text t = {0};
    for (const char *p = settings; *p; p++)
        text_add(&t, "%c%s", *p, *p == ';' ? " " : "");
    return t.bytes ? t.bytes : text_copy("-");
}

/* Input. */

/* A folder, or a CSV of results by its header: `source_open` would take other tables, too. */
static int open_source(source *s, const char *given)
{
    struct stat st;
    int own;
    if (stat(given, &st) != 0)
        return fault(
            "report: expected a folder of results (results/out/NAME), there is no %s: `oodbench run` writes "
            "one",
            given);
    if (!S_ISDIR(st.st_mode)) {
        sheet *rows; /* anything else says here what it is not */
        if (sheet_open(&rows, given, result_names, RESULT_COLUMNS, SHEET_READ) != 0)
            return -1;
        sheet_close(rows);
    }
    return source_open(s, given, figures_at(0), &own);
}

/* The sheets of all sources as one; *joined stays NULL when no source has it. */
static int join(const page *p, const char *name, const char *const header[], int columns, sheet **joined)
{
    int rc = 0;
    for (int i = 0; i < p->n && rc == 0; i++) {
        char *path = page_path(&p->sources[i], name);
        sheet *more = NULL;
        if (file_exists(path))
            rc = sheet_open(&more, path, header, columns, SHEET_READ);
        else if (header == result_names)
            rc =
                fault("report: expected a folder of results with results.csv in it, there is no %s: `oodbench run` "
                      "writes it",
                      path);
        if (rc == 0 && more && *joined) {
            sheet_join(*joined, more);
            sheet_close(more);
        } else if (rc == 0 && more)
            *joined = more;
        free(path);
    }
    return rc;
}

static int read_all(page *p)
{
    if (join(p, "results", result_names, RESULT_COLUMNS, &p->results) != 0 ||
        join(p, "accuracy", accuracy_names, ACCURACY_COLUMNS, &p->accuracy) != 0 ||
        join(p, "search", search_names, SEARCH_COLUMNS, &p->search) != 0)
        return -1;
    char *path = page_path(&p->sources[0], "results");
    int rc = sheet_rows(p->results) ? 0
                                    : fault("report: %s%s no rows: `oodbench run` adds them", path,
                                            p->n > 1 ? " and the others have" : " has");
    free(path);
    return rc;
}

/* The page. */

/* plots/report.css or .js as it is. */
static int put_file(FILE *to, const char *name)
{
    char path[PATH_MAX], *bytes;
    size_t n;
    file_join(path, sizeof path, layout_root((char[PATH_MAX]){0}, PATH_MAX, "plots"), name);
    if (file_read(path, &bytes, &n) != 0)
        return -1;
    fwrite(bytes, 1, n, to);
    free(bytes);
    return 0;
}

/* "msp, ebo and knn", or "30 scorers". */
static void put_names(FILE *to, const sheet *rows, int column, const char *many)
{
    const char **list;
    int n = page_different(rows, column, &list);
    for (int i = 0; i < n && n <= 4; i++)
        html_text(to, "%s%s", i == 0 ? "" : i == n - 1 ? " and " : ", ", list[i]);
    if (n > 4)
        html_text(to, "%d %s", n, many);
    free(list);
}

/* The newest of the files, not the clock: the same results make the same page. */
static void put_time(const page *p, FILE *to)
{
    struct stat st;
    time_t last = 0;
    char words[64];
    for (int i = 0; i < p->n; i++) {
        char *path = page_path(&p->sources[i], "results");
        if (stat(path, &st) == 0 && st.st_mtime > last)
            last = st.st_mtime;
        free(path);
    }
    strftime(words, sizeof words, "%Y-%m-%d %H:%M UTC", gmtime(&last));
    html_text(to, "; last written %s", words);
}

static void put_summary(const page *p, FILE *to)
{
    int rows = sheet_rows(p->results), failed = 0;
    const char **trains;
    int n = page_different(p->results, RESULT_TRAIN, &trains);
    for (int row = 0; row < rows; row++)
        failed += !result_ok(p->results, row);
    fputs("<p class=\"summary\">", to);
    put_names(to, p->results, RESULT_NET, "networks");
    if (n)
        fputs(" trained with ", to);
    put_names(to, p->results, RESULT_TRAIN, "methods");
    free(trains);
    fputs(", scored by ", to);
    put_names(to, p->results, RESULT_SCORE, "scorers");
    fputs(" against ", to);
    put_names(to, p->results, RESULT_OOD, "sets");
    html_text(to, ": %d row%s, ", rows, rows == 1 ? "" : "s");
    if (failed)
        fprintf(to, "<strong class=\"failed\">%d without a result</strong>", failed);
    else
        fputs("all with a result", to);
    put_time(p, to);
    fputs(".</p>\n", to);
}

static void put_title(const page *p, FILE *to)
{
    for (int i = 0; i < p->n; i++)
        html_text(to, "%s%s", i ? ", " : "", p->sources[i].name);
}

/* Nothing may be loaded, says the policy; the empty icon keeps a browser from asking for one. */
static int put_head(const page *p, FILE *to)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
          "script-src 'unsafe-inline'; img-src data:\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>",
          to);
    put_title(p, to);
    fputs(" - oodbench</title>\n<style>\n", to);
    int rc = put_file(to, "report.css");
    fputs("</style>\n</head>\n<body>\n<header>\n<h1>", to);
    put_title(p, to);
    fputs("</h1>\n", to);
    put_summary(p, to);
    return rc;
}

/* All sections are written first, since links to them come before them. */
static int put_sections(page *p, FILE *to)
{
    char *bodies[SECTIONS] = {0};
    int rc = 0;
    for (int i = 0; i < SECTIONS && rc == 0; i++) {
        size_t n = 0;
        p->to = open_memstream(&bodies[i], &n);
        if (!p->to)
            text_out_of_memory(0);
        rc = sections[i].write(p);
        fclose(p->to);
    }
    fputs("<nav aria-label=\"Sections\"><ul>\n", to);
    for (int i = 0; i < SECTIONS && rc == 0; i++)
        if (bodies[i][0])
            fprintf(to, "<li><a href=\"#%s\">%s</a></li>\n", sections[i].id, sections[i].title);
    fputs("</ul></nav>\n</header>\n<main>\n", to);
    for (int i = 0; i < SECTIONS && rc == 0; i++)
        if (bodies[i][0])
            fprintf(to, "<section id=\"%s\">\n<h2>%s</h2>\n%s</section>\n", sections[i].id, sections[i].title,
                    bodies[i]);
    for (int i = 0; i < SECTIONS; i++)
        free(bodies[i]);
    return rc;
}

static int put_page(page *p, FILE *to)
{
    if (put_head(p, to) != 0 || put_sections(p, to) != 0)
        return -1;
    fputs("</main>\n<footer><p>Written by oodbench", to);
    html_text(to, "%s%s from", commit_id()[0] ? " " : "", commit_id());
    for (int i = 0; i < p->n; i++)
        html_text(to, "%s %s", i ? "," : "", p->sources[i].given);
    fputs(".</p></footer>\n<script>\n", to);
    int rc = put_file(to, "report.js");
    fputs("</script>\n</body>\n</html>\n", to);
    return rc;
}

/* In memory until it is whole: a page is there, or the one before it stays. */
static int write_page(page *p)
{
    char *bytes = NULL;
    size_t n = 0;
    FILE *to = open_memstream(&bytes, &n);
    if (!to)
        text_out_of_memory(0);
    int rc = put_page(p, to);
    fclose(to);
    if (rc == 0)
        rc = file_write(p->output, bytes, n);
    if (rc == 0)
        printf("report: %s\n", p->output);
    free(bytes);
    return rc;
}

static int report(char **given, int n, page *p)
{
    int rc = 0;
    char *own = NULL;
    p->sources = text_more(NULL, (size_t)n * sizeof *p->sources);
    for (; p->n < n && rc == 0; p->n += rc == 0)
        rc = open_source(&p->sources[p->n], given[p->n]);
    if (rc == 0 && !p->output && n > 1)
        rc = fault("report: of several results: name the page with -o FILE");
    if (rc == 0 && !p->output)
        p->output = own = p->sources[0].stem
                              ? text_format("%s/%s-report.html", p->sources[0].folder, p->sources[0].stem)
                              : text_format("%s/report.html", p->sources[0].folder);
    if (rc == 0)
        rc = read_all(p) == 0 ? write_page(p) : -1;
    sheet_close(p->results);
    sheet_close(p->accuracy);
    sheet_close(p->search);
    for (int i = 0; i < p->n; i++)
        source_close(&p->sources[i]);
    free(p->sources);
    free(own);
    return rc;
}

int report_main(int argc, char **argv)
{
    page p = {0};
    int n = 0;
    if (argc < 2)
        return help(stderr);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help(stdout);
        if (strcmp(argv[i], "--all") == 0)
            p.all = 1;
        else if (strcmp(argv[i], "-o") != 0 && argv[i][0] == '-')
            return fault("report: unknown option %s: see `oodbench report --help`", argv[i]);
        else if (argv[i][0] != '-')
            argv[1 + n++] = argv[i]; /* to the front, one behind the other */
        else if (++i < argc)
            p.output = argv[i];
        else
            return fault("report: -o: expected a file behind it");
    }
    if (n == 0)
        return fault("report: of which results? `oodbench report results/out/NAME`");
    return report(argv + 1, n, &p) == 0 ? EXIT_OK : -1;
}
