/* nightly_page.c - OUT/nightly.html: the verdict, every finding, the history as figures, and
 * a link to each experiment's own report, which is written beside. */
#include "file.h"
#include "html.h"
#include "layout.h"
#include "nightly.h"
#include "page.h"
#include "spawn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int put_style(FILE *to)
{
    char path[PATH_MAX], *bytes;
    size_t n;
    file_join(path, sizeof path, layout_root((char[PATH_MAX]){0}, PATH_MAX, "plots"), "report.css");
    if (file_read(path, &bytes, &n) != 0)
        return -1;
    fwrite(bytes, 1, n, to);
    free(bytes);
    return 0;
}

static int put_head(const night *n, FILE *to)
{
    int status = nightly_status(n);
    fputs(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        "<link rel=\"icon\" href=\"data:,\">\n<title>",
        to);
    html_text(to, "%s: night of %.10s - oodbench", nightly_word(n), n->began);
    fputs("</title>\n<style>\n", to);
    int rc = put_style(to);
    fprintf(to, "</style>\n</head>\n<body>\n<header>\n<h1%s>", status ? " class=\"failed\"" : "");
    html_text(to, "%s: night of %.10s", nightly_word(n), n->began);
    fputs("</h1>\n<p class=\"summary\">", to);
    html_text(to,
              "Begun at %s, commit %s, on %s. %d differences were held against chance at a level of %g for all of "
              "them together, two-sided, %s; digits are to be equal where settings, machine and threads are.",
              n->began, n->commit[0] ? n->commit : "(none)", n->machine, n->compared, n->level,
              n->bonferroni ? "Bonferroni's correction" : "Holm's correction");
    fputs("</p>\n</header>\n<main>\n", to);
    return rc;
}

/* Tables. */

static void put_experiments(const night *n, FILE *to)
{
    static const char *const titles[] = {"experiment", "verdict",   "remarks", "rows",
                                         "equal",      "regressed", "warnings"};
    enum { COLUMNS = sizeof titles / sizeof *titles };
    matrix m = matrix_new(n->n + 1, COLUMNS, 3);
    for (int col = 0; col < COLUMNS; col++)
        *matrix_at(&m, 0, col) = text_copy(titles[col]);
    for (int i = 0; i < n->n; i++) {
        const experiment *e = &n->at[i];
        const char *why = e->why ? e->why : e->unpromised ? e->unpromised : "-";
        *matrix_at(&m, i + 1, 0) = text_copy(e->name);
        *matrix_at(&m, i + 1, 1) = text_copy(nightly_verdict(e));
        *matrix_at(&m, i + 1, 2) = text_format("%s%s",
                                               !e->why && e->unpromised ? "equal digits not promised: " : "", why);
        *matrix_at(&m, i + 1, 3) = text_format("%d", e->rows);
        *matrix_at(&m, i + 1, 4) = text_format("%d", e->equal);
        *matrix_at(&m, i + 1, 5) = text_format("%d", e->regressed);
        *matrix_at(&m, i + 1, 6) = text_format("%d", e->warned);
    }
    fputs("<section id=\"experiments\">\n<h2>Experiments</h2>\n", to);
    html_matrix(to, &m, &(caption){"Experiments", "equal: rows whose every digit is the baseline's", NULL});
    fputs("</section>\n", to);
    matrix_free(&m);
}

static void put_findings(const night *n, FILE *to)
{
    static const char *const titles[] = {"weight", "experiment", "series", "what",
                                         "why",    "baseline",   "now",    "first that differs"},
                             *const words[] = {"note", "look", "regressed"};
    enum { COLUMNS = sizeof titles / sizeof *titles };
    fputs("<section id=\"findings\">\n<h2>Findings</h2>\n", to);
    if (!n->nfindings)
        fputs("<p>None.</p>\n", to);
    matrix m = matrix_new(n->nfindings + 1, COLUMNS, COLUMNS);
    for (int col = 0; col < COLUMNS; col++)
        *matrix_at(&m, 0, col) = text_copy(titles[col]);
    for (int i = 0; i < n->nfindings; i++) {
        const finding *f = &n->findings[i];
        char *cells[] = {text_copy(words[f->weight]),
                         text_copy(n->at[f->experiment].name),
                         page_spaced(f->series),
                         f->weight == NOTED
                             ? text_copy(f->what)
                             : text_format("%s %s%s%s", f->kind, f->where, f->where[0] ? ": " : "", f->what),
                         text_copy(f->why),
                         text_copy(f->was),
                         text_copy(f->is),
                         page_spaced(f->key)};
        for (int col = 0; col < COLUMNS; col++)
            *matrix_at(&m, i + 1, col) = cells[col];
    }
    if (n->nfindings)
        html_matrix(to, &m, &(caption){"Findings", "the heaviest first", NULL});
    fputs("</section>\n", to);
    matrix_free(&m);
}

/* Figures. */

/* The history of one experiment, one quantity; nothing where there is too little of it. */
static int put_history(const night *n, const experiment *e, const char *show, FILE *to)
{
    const figure *of = figures_find("history");
    char csv[PATH_MAX], *svg = NULL, *said = NULL, *beside = text_format("%s/nightly.html", n->out);
    size_t size;
    if (!of || file_aside(csv, sizeof csv, beside) != 0) {
        free(beside);
        return -1;
    }
    source s = {.given = n->history, .folder = n->history, .name = n->machine};
    figure_input in = {.of = of, .sources = &s, .n = 1, .values = figure_defaults(of)};
    const char *own[][2] = {{"machine", n->machine}, {"experiment", e->name}, {"show", show}};
    for (int i = 0; of->options[i].name; i++)
        for (int j = 0; j < 3; j++)
            if (strcmp(of->options[i].name, own[j][0]) == 0)
                in.values[i] = own[j][1];
    figure_data *d = data_begin(of);
    char *picture = text_format("%s.svg", csv), *prefix = text_format("%s-%s-", e->name, show);
    int rc = 0;
    if (of->data(&in, d) == 0 && data_end(d) == 0) {
        const text *rows = data_csv(d);
        fputs("<figure class=\"plot\">\n<div class=\"paper\">\n", to);
        if (file_write(csv, rows->bytes, rows->n) == 0 && gnuplot_draw(of, csv, picture, 12, &said) == 0 &&
            file_read(picture, &svg, &size) == 0)
            page_svg(to, svg, prefix, show);
        else
            html_text(to, "%s", fault_text());
        fputs("</div>\n<figcaption><b>", to);
        html_text(to, "%s: %s", e->name, show);
        fputs("</b> ", to);
        html_text(to, "%s", data_notes(d));
        fputs("</figcaption>\n</figure>\n", to);
    } else {
        fputs("<p>", to);
        html_text(to, "%s, %s: %s", e->name, show, fault_text());
        fputs("</p>\n", to);
    }
    unlink(csv);
    unlink(picture);
    data_free(d);
    free(svg);
    free(said);
    free(picture);
    free(prefix);
    free(beside);
    free(in.values);
    return rc;
}

static int put_histories(const night *n, FILE *to)
{
    static const char *const shown[] = {"auroc", "speed"};
    int rc = 0;
    fputs("<section id=\"history\">\n<h2>History</h2>\n<div class=\"plots\">\n", to);
    for (int i = 0; i < n->n; i++)
        for (int j = 0; rc == 0 && n->at[i].now.results && j < 2; j++)
            rc = put_history(n, &n->at[i], shown[j], to);
    fputs("</div>\n</section>\n", to);
    return rc;
}

/* Reports, each by a process of its own. */

static void write_report(const experiment *e)
{
    char word[] = "report", *log = text_format("%s-report.log", e->out);
    char *argv[] = {(char *)(uintptr_t)layout_program(), word, e->out, NULL};
    outcome o;
    job j = {.argv = argv, .log = log, .report_fd = 3};
    fprintf(stderr, "nightly: report of %s\n", e->name);
    if (spawn_run(&o, &j) != 0)
        fprintf(stderr, "oodbench: %s\n", fault_text());
    else if (o.end != SPAWN_EXIT || o.code != 0)
        fprintf(stderr, "oodbench: the report of %s was not written: %s\n", e->name, o.last);
    free(log);
}

static void put_links(const night *n, FILE *to)
{
    fputs("<section id=\"reports\">\n<h2>Reports</h2>\n<ul>\n", to);
    for (int i = 0; i < n->n; i++) {
        const experiment *e = &n->at[i];
        char *path = text_format("%s/report.html", e->out);
        int there = file_exists(path);
        fputs("<li>", to);
        if (there) {
            fputs("<a href=\"", to);
            html_text(to, "%s", e->name);
            fputs("/report.html\">", to);
        }
        html_text(to, "%s", e->name);
        fputs(there ? "</a></li>\n" : ": no report</li>\n", to);
        free(path);
    }
    fputs("</ul>\n</section>\n", to);
}

int nightly_page(night *n)
{
    char *bytes = NULL, *path = text_format("%s/nightly.html", n->out);
    size_t size = 0;
    FILE *to = open_memstream(&bytes, &size);
    if (!to)
        text_out_of_memory(0);
    spawn_catch_signals();
    for (int i = 0; n->reports && i < n->n; i++)
        if (n->at[i].now.results && !spawn_interrupted())
            write_report(&n->at[i]);
    int rc = put_head(n, to);
    put_findings(n, to);
    put_experiments(n, to);
    if (rc == 0)
        rc = put_histories(n, to);
    put_links(n, to);
    fputs("</main>\n</body>\n</html>\n", to);
    fclose(to);
    if (rc == 0)
        rc = file_write(path, bytes, size);
    free(bytes);
    free(path);
    return rc;
}
