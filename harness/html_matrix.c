/* html_matrix.c - a matrix as a table of a page. It reads without a style sheet, and to
 * those who hear it: every cell has its headings. */
#include "html.h"

#include <string.h>

static const char *cell(const matrix *m, int row, int col)
{
    const char *s = *matrix_at(m, row, col);
    return s ? s : "";
}

/* How many columns from `col` on share its title. */
static int shared(const matrix *m, int col)
{
    int n = 1;
    while (m->above[col] && col + n < m->cols && m->above[col + n] && strcmp(m->above[col], m->above[col + n]) == 0)
        n++;
    return n;
}

static void put_above(FILE *to, const matrix *m)
{
    int any = 0;
    for (int col = 0; col < m->cols; col++)
        any |= m->above[col] != NULL;
    if (!any)
        return;
    fputs("<tr>", to);
    for (int col = 0, n; col < m->cols; col += n) {
        n = shared(m, col);
        if (!m->above[col]) {
            fputs(col < m->labels ? "<td class=\"label\"></td>" : "<td></td>", to);
            continue;
        }
        fprintf(to, "<th scope=\"colgroup\" colspan=\"%d\">", n);
        html_text(to, "%s", m->above[col]);
        fputs("</th>", to);
    }
    fputs("</tr>\n", to);
}

static void put_titles(FILE *to, const matrix *m)
{
    fputs("<tr class=\"titles\">", to);
    for (int col = 0; col < m->cols; col++) {
        fprintf(to, "<th scope=\"col\"%s>", col < m->labels ? " class=\"label\"" : "");
        html_text(to, "%s", cell(m, 0, col));
        fputs("</th>", to);
    }
    fputs("</tr>\n", to);
}

static void put_row(FILE *to, const matrix *m, int row)
{
    static const char *const open[] = {"", "<strong>", "<u>"}, *const close[] = {"", "</strong>", "</u>"};
    fputs("<tr>", to);
    for (int col = 0; col < m->cols; col++) {
        int rank = m->rank[row * m->cols + col], label = col < m->labels;
        fprintf(to, "%s%s", label ? "<th scope=\"row\" class=\"label\">" : "<td>", open[rank]);
        html_text(to, "%s", cell(m, row, col));
        fprintf(to, "%s%s", close[rank], label ? "</th>" : "</td>");
    }
    fputs("</tr>\n", to);
}

/* Groups are bodies of the table, within which rows are sorted by plots/report.js. */
static void put_body(FILE *to, const matrix *m)
{
    int open = 0;
    for (int row = 1; row < m->rows; row++) {
        if (m->heading[row] || !open) {
            fputs(open ? "</tbody>\n<tbody>\n" : "<tbody>\n", to);
            open = 1;
        }
        if (m->heading[row]) {
            fprintf(to, "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"%d\"><span>", m->cols);
            html_text(to, "%s", m->heading[row]);
            fputs("</span></th></tr>\n", to);
        }
        put_row(to, m, row);
    }
    fputs(open ? "</tbody>\n" : "", to);
}

void html_matrix(FILE *to, const matrix *m, const caption *c)
{
    static int tables; /* of the page, for names that are used once */
    int id = ++tables;
    fprintf(to, "<figure class=\"table\">\n<figcaption id=\"table-%d\"><b>", id);
    html_text(to, "%s", c->title);
    fputs("</b> ", to);
    html_text(to, "%s%s%s", c->rest, c->note ? "; " : "", c->note ? c->note : "");
    fprintf(to,
            "</figcaption>\n<div class=\"scroll\" role=\"region\" aria-labelledby=\"table-%d\" tabindex=\"0\">\n",
            id);
    fprintf(to, "<table class=\"labels-%d%s\" aria-labelledby=\"table-%d\">\n<thead>\n", m->labels,
            m->labels == m->cols ? " words" : "", id);
    put_above(to, m);
    put_titles(to, m);
    fputs("</thead>\n", to);
    put_body(to, m);
    fputs("</table>\n</div>\n</figure>\n", to);
}
