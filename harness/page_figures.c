/* page_figures.c - every figure whose data is there, drawn with its usual options. Of a
 * picture that is large as an SVG, such as a cloud of points, the smaller PNG is taken. */
#include "file.h"
#include "page.h"
#include "progress.h"
#include "spawn.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 250000, MOST_ROWS = 150, MOST_NOTES = 2 }; /* bytes; of tables and notes that stand beside */

typedef struct drawing {
    page *p;
    const figure *of;
    figure_data *data;
    char csv[PATH_MAX]; /* beside the page while the figure is drawn */
    FILE *left_out;
} drawing;

/* The figure's CSV from its usual options. -1: there is nothing to draw; fault() says why. */
static int fill(drawing *d)
{
    figure_input in = {.of = d->of, .sources = d->p->sources, .n = d->p->n, .at_hand = !d->p->all};
    in.values = figure_defaults(d->of);
    d->data = data_begin(d->of);
    int rc = d->of->data(&in, d->data) == 0 ? data_end(d->data) : -1;
    free(in.values);
    return rc;
}

/* Reads the picture; *bytes to be freed. */
static int draw(const drawing *d, const char *ending, char **bytes, size_t *n)
{
    char *said = NULL, *path = text_format("%s%s", d->csv, ending);
    int rc = gnuplot_draw(d->of, d->csv, path, 0, &said);
    if (rc == 0)
        rc = file_read(path, bytes, n);
    if (rc == 0 && said)
        fprintf(stderr, "gnuplot: %s\n", said);
    free(said);
    unlink(path);
    free(path);
    return rc;
}

/* A big-endian number of a PNG's header; pixels are 1/300 inch there, of a page 1/96. */
static int pixels(const char *png, int at)
{
    const unsigned char *b = (const unsigned char *)png + at;
    return (int)(((unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3]) * 96 / 300);
}

static void put_png(FILE *to, const char *png, size_t n, const char *label)
{
    fprintf(to, "<img width=\"%d\" height=\"%d\" alt=\"", pixels(png, 16), pixels(png, 20));
    html_text(to, "%s", label);
    fputs("\" src=\"data:image/png;base64,", to);
    html_base64(to, png, n);
    fputs("\">\n", to);
}

static int put_picture(const drawing *d)
{
    char *svg = NULL, *png = NULL, *prefix = text_format("%s-", d->of->name),
         *label = text_format("Figure: %s", d->of->help);
    size_t n = 0, small = 0;
    int rc = draw(d, ".svg", &svg, &n);
    if (rc == 0 && n > LARGE)
        rc = draw(d, ".png", &png, &small);
    if (rc == 0 && png && small > 24 && 4 * small / 3 < n)
        put_png(d->p->to, png, small, label);
    else if (rc == 0)
        page_svg(d->p->to, svg, prefix, label);
    free(svg);
    free(png);
    free(prefix);
    free(label);
    return rc;
}

/* A few lines stand below the figure; many, which are tables of a kind, are folded. */
static void put_notes(FILE *to, const char *notes)
{
    int lines = 0;
    for (const char *p = notes; *p; p++)
        lines += *p == '\n';
    if (!lines)
        return;
    fputs(lines > MOST_NOTES ? "<details><summary>Notes</summary><pre tabindex=\"0\">" : "<p class=\"notes\">", to);
    html_text(to, "%.*s", (int)strlen(notes) - 1, notes);
    fputs(lines > MOST_NOTES ? "</pre></details>\n" : "</p>\n", to);
}

static int is_word(const figure *f, const char *column)
{
    size_t n = strlen(column);
    for (const char *p = f->numbers; *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == n && strncmp(p, column, n) == 0)
            return 0;
    return 1;
}

/* The figure in numbers, for those who do not see it: a short table stands here. */
static int put_rows(const drawing *d)
{
    const char *header[64];
    char *names = text_copy(d->of->columns), *rest = names;
    int columns = 0, labels = 0, rc;
    sheet *s;
    for (char *name; columns < 64 && (name = strsep(&rest, " ")) != NULL;)
        header[columns++] = name;
    while (labels < columns && is_word(d->of, header[labels]))
        labels++;
    if ((rc = sheet_open(&s, d->csv, header, columns, SHEET_READ)) == 0 && sheet_rows(s) <= MOST_ROWS) {
        matrix m = matrix_new(sheet_rows(s) + 1, columns, labels);
        for (int col = 0; col < columns; col++) {
            *matrix_at(&m, 0, col) = text_copy(header[col]);
            for (int row = 0; row < sheet_rows(s); row++)
                *matrix_at(&m, row + 1, col) = text_copy(sheet_at(s, row, col));
        }
        fputs("<details><summary>In numbers</summary>\n", d->p->to);
        html_matrix(d->p->to, &m, &(caption){d->of->name, d->of->help, NULL});
        fputs("</details>\n", d->p->to);
        matrix_free(&m);
    }
    if (rc == 0)
        sheet_close(s);
    free(names);
    return rc;
}

/* A picture that gnuplot does not draw is said in its place, and on the terminal. */
static int put_figure(const drawing *d)
{
    FILE *to = d->p->to;
    const text *rows = data_csv(d->data);
    if (file_write(d->csv, rows->bytes, rows->n) != 0)
        return -1;
    fputs("<figure class=\"plot\">\n<div class=\"paper\">\n", to);
    int drawn = put_picture(d);
    if (drawn != 0) {
        fputs("<p class=\"failed\">", to);
        html_text(to, "%s", fault_text());
        fputs("</p>\n", to);
        fprintf(stderr, "oodbench: %s\n", fault_text());
    }
    fputs("</div>\n<figcaption><b>", to);
    html_text(to, "%s", d->of->name);
    fputs("</b> ", to);
    html_text(to, "%s", d->of->help);
    fputs("</figcaption>\n", to);
    put_notes(to, data_notes(d->data));
    int rc = put_rows(d);
    fputs("</figure>\n", to);
    unlink(d->csv);
    return spawn_interrupted() ? -1 : rc;
}

/* Most figures are of things that an experiment need not have, so this is no failure. */
static void tell_left_out(const drawing *d)
{
    const char *why = fault_text(), *colon = strstr(why, ": ");
    if (strncmp(why, "plot", 4) == 0 && colon)
        why = colon + 2; /* which figure is said already */
    fputs("<li><b>", d->left_out);
    html_text(d->left_out, "%s", d->of->name);
    fputs("</b> ", d->left_out);
    html_text(d->left_out, "%s", why);
    fputs("</li>\n", d->left_out);
}

static int put_all(drawing *d, int *drawn)
{
    int rc = 0;
    for (int i = 0; i < figures_count() && rc == 0; i++) {
        d->of = figures_at(i);
        if (fill(d) != 0) {
            tell_left_out(d);
        } else {
            progress_begin("drawing", "figures", figures_count());
            progress_from(i);
            rc = put_figure(d);
            progress_end();
            ++*drawn;
        }
        data_free(d->data);
    }
    return rc;
}

int page_figures(page *p)
{
    char *bytes = NULL;
    size_t n = 0;
    int drawn = 0;
    drawing d = {.p = p};
    if (file_aside(d.csv, sizeof d.csv, p->output) != 0)
        return -1;
    d.left_out = open_memstream(&bytes, &n);
    if (!d.left_out)
        text_out_of_memory(0);
    spawn_catch_signals();
    fputs("<p>Drawn with the usual options: <code>oodbench plot KIND --help</code> lists others, such as "
          "<code>--score</code>.</p>\n<div class=\"plots\">\n",
          p->to);
    int rc = put_all(&d, &drawn);
    fclose(d.left_out);
    fputs(drawn ? "</div>\n" : "</div>\n<p>There was nothing to draw.</p>\n", p->to);
    if (bytes[0])
        fprintf(p->to, "<details><summary>Figures left out, and why</summary>\n<ul>\n%s</ul>\n</details>\n", bytes);
    free(bytes);
    return rc;
}
