/* matrix.c - text, Markdown and LaTeX. */
#include "matrix.h"
#include "html.h"
#include "text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_WIDTH = 120 };

char **matrix_at(const matrix *m, int row, int col)
{
    return &m->at[(size_t)row * (size_t)m->cols + (size_t)col];
}

static const char *cell(const matrix *m, int row, int col)
{
    const char *s = *matrix_at(m, row, col);
    return s ? s : "";
}

static void *nulls(size_t n, size_t size)
{
    return memset(text_more(NULL, n * size), 0, n * size);
}

matrix matrix_new(int rows, int cols, int labels)
{
    size_t n = (size_t)rows * (size_t)cols;
    return (matrix){.rows = rows,
                    .cols = cols,
                    .labels = labels,
                    .at = nulls(n, sizeof(char *)),
                    .rank = nulls(n, 1),
                    .heading = nulls((size_t)rows, sizeof(char *)),
                    .above = nulls((size_t)cols, sizeof(char *))};
}

void matrix_free(matrix *m)
{
    for (int i = 0; i < m->rows * m->cols; i++)
        free(m->at[i]);
    for (int i = 0; i < m->cols; i++)
        free(m->above[i]);
    free(m->at);
    free(m->rank);
    free(m->heading);
    free(m->above);
    *m = (matrix){0};
}

static int is_number(const char *s)
{
    return *s && strcmp(s, "-") != 0;
}

/* Of the numbers in a column those beyond `bound`, the best; 0 when there is none. */
static int best_beyond(const matrix *m, int col, int higher, double bound, double *best)
{
    int seen = 0;
    for (int row = 1; row < m->rows; row++) {
        double v = strtod(cell(m, row, col), NULL);
        if (!is_number(cell(m, row, col)) || (higher ? v >= bound : v <= bound))
            continue;
        *best = !seen++ || (higher ? v > *best : v < *best) ? v : *best;
    }
    return seen;
}

void matrix_mark_best(matrix *m, int col, int higher)
{
    double value[3] = {0}, bound = higher ? HUGE_VAL : -HUGE_VAL;
    int n = 0;
    while (n < 3 && best_beyond(m, col, higher, bound, &value[n]))
        bound = value[n++];
    for (int row = 1; row < m->rows && n > 1; row++)
        for (int i = 0; i < n - 1; i++)
            if (is_number(cell(m, row, col)) && strtod(cell(m, row, col), NULL) == value[i])
                m->rank[row * m->cols + col] = (char)(i + 1);
}

/* Text. */

/* How wide a column is, and whether a mark follows one of its numbers. */
static int column_width(const matrix *m, int col, int *marked)
{
    int width = 0;
    *marked = 0;
    for (int row = 0; row < m->rows; row++)
        *marked |= col >= m->labels && strchr(cell(m, row, col), '*') != NULL;
    for (int row = 0; row < m->rows; row++) {
        const char *s = cell(m, row, col);
        int n = text_columns(s) + (*marked && !strchr(s, '*')); /* decimal points stay in line */
        width = n > width ? n : width;
    }
    return width;
}

/* The last label always stands; one before it does where it, or one before that, is new. */
static int is_repeated(const matrix *m, int row, int col)
{
    int same = row > 1 && col < m->labels - 1 && !m->heading[row];
    for (int i = 0; i <= col && same; i++)
        same = strcmp(cell(m, row, i), cell(m, row - 1, i)) == 0;
    return same;
}

/* How a cell begins on a terminal: headings and the best bold, the second underlined. */
static const char *emphasis(const matrix *m, int row, int col)
{
    static const char *const of_rank[] = {"", "\033[1m", "\033[4m"};
    return row == 0 ? of_rank[1] : of_rank[(int)m->rank[row * m->cols + col]];
}

static void print_cell(FILE *to, const matrix *m, int row, int col, int last, int bold)
{
    int marked, width = column_width(m, col, &marked), words = col < m->labels;
    const char *s = is_repeated(m, row, col) ? "" : cell(m, row, col);
    int after = marked && !strchr(s, '*'), pad = width - text_columns(s) - after;
    const char *code = bold && *s ? emphasis(m, row, col) : "";
    fprintf(to, "%s%*s%s%s%s%*s", col ? "  " : "", words ? 0 : pad, "", code, s, *code ? "\033[0m" : "",
            last    ? 0
            : words ? pad
                    : after,
            "");
}

/* How many columns from `col` on, before `past`, have its shared title. */
static int shared(const matrix *m, int col, int past)
{
    int n = 1;
    while (m->above[col] && col + n < past && m->above[col + n] && strcmp(m->above[col], m->above[col + n]) == 0)
        n++;
    return n;
}

/* The titles that columns share, each in the middle of its own. */
static void print_above(FILE *to, const matrix *m, int first, int past)
{
    text t = {0};
    int n, marked;
    for (int i = 0; i < m->labels; i++)
        text_add(&t, "%*s", column_width(m, i, &marked) + 2, "");
    for (int col = first; col < past; col += n) {
        int width = -2;
        n = shared(m, col, past);
        for (int i = 0; i < n; i++)
            width += column_width(m, col + i, &marked) + 2;
        const char *title = m->above[col] ? m->above[col] : "";
        int left = (width - text_columns(title) + 1) / 2, right = width - text_columns(title) - left;
        text_add(&t, "%*s%s%*s  ", left > 0 ? left : 0, "", title, right > 0 ? right : 0, "");
    }
    while (t.n && t.bytes[t.n - 1] == ' ')
        t.bytes[--t.n] = '\0';
    if (t.n)
        fprintf(to, "%s\n", t.bytes);
    text_free(&t);
}

/* The columns from `first` on that fit beside the labels, at least one; returns the one behind them. */
static int fit(const matrix *m, int first, int room)
{
    int col, marked;
    for (int i = 0; i < m->labels; i++)
        room -= column_width(m, i, &marked) + 2;
    for (col = first; col < m->cols; col++) {
        room -= column_width(m, col, &marked);
        if (room < 0 && col > first)
            break;
        room -= 2;
    }
    int whole = col; /* columns that share a title stay together, where they fit at all */
    while (whole < m->cols && whole > first && m->above[whole] && m->above[whole - 1] &&
           strcmp(m->above[whole], m->above[whole - 1]) == 0)
        whole--;
    return whole > first ? whole : col;
}

/* Words, as many to a line as fit. */
static void print_wrapped(FILE *to, const char *s, int width)
{
    int at = 0;
    while (*s) {
        char *word = text_format("%.*s", (int)strcspn(s, " "), s);
        int n = text_columns(word), fits = at == 0 || at + 1 + n <= width;
        fprintf(to, "%s%s", at == 0 ? "" : fits ? " " : "\n", word);
        at = fits && at ? at + 1 + n : n;
        s += strlen(word);
        s += *s == ' ';
        free(word);
    }
    fputc('\n', to);
}

static void print_text(FILE *to, const matrix *m, const caption *c, const table_options *o)
{
    int width = o->width ? o->width : USUAL_WIDTH;
    char *words = text_format("%s %s", c->title, c->rest);
    print_wrapped(to, words, width);
    free(words);
    for (int first = m->labels, past; first < m->cols; first = past) {
        past = fit(m, first, width);
        if (first > m->labels)
            fputc('\n', to);
        print_above(to, m, first, past);
        for (int row = 0; row < m->rows; row++) {
            if (m->heading[row])
                fprintf(to, "%s%s:\n", row > 1 ? "\n" : "", m->heading[row]);
            for (int col = 0; col < past; col = col + 1 == m->labels ? first : col + 1)
                print_cell(to, m, row, col, col == past - 1, o->bold);
            fputc('\n', to);
        }
    }
    if (c->note)
        fprintf(to, "%s\n", c->note);
}

/* Markdown and LaTeX. */

/* A cell with the characters that a format gives a meaning to made harmless. */
static void put_markdown(FILE *to, const char *s)
{
    for (; *s; s++)
        fprintf(to, "%s%c", strchr("|*_\\`<", *s) ? "\\" : "", (unsigned char)*s < ' ' ? ' ' : *s);
}

static void put_latex(FILE *to, const char *s)
{
    static const char *const symbols[][2] = {{"±", "$\\pm$"},
                                             {"↓", "$\\downarrow$"},
                                             {"↑", "$\\uparrow$"},
                                             {"\\", "\\textbackslash{}"},
                                             {"~", "\\textasciitilde{}"},
                                             {"^", "\\textasciicircum{}"}};
    while (*s) {
        size_t i = 0, n = sizeof symbols / sizeof *symbols;
        while (i < n && strncmp(s, symbols[i][0], strlen(symbols[i][0])) != 0)
            i++;
        if (i < n)
            fputs(symbols[i][1], to);
        else
            fprintf(to, "%s%c", strchr("%_&#${}", *s) ? "\\" : "", (unsigned char)*s < ' ' ? ' ' : *s);
        s += i < n ? strlen(symbols[i][0]) : 1;
    }
}

static void put_markdown_row(FILE *to, const matrix *m, int row)
{
    static const char *const open[] = {"", "**", "<u>"}, *const close[] = {"", "**", "</u>"};
    for (int col = 0; col < m->cols; col++) {
        int rank = m->rank[row * m->cols + col];
        fprintf(to, "%s%s", col ? " " : "| ", open[rank]);
        if (row == 0 && m->above[col]) {
            put_markdown(to, m->above[col]);
            fputc(' ', to);
        }
        put_markdown(to, cell(m, row, col));
        fprintf(to, "%s |", close[rank]);
    }
    fputc('\n', to);
}

static void print_markdown(FILE *to, const matrix *m, const caption *c)
{
    fprintf(to, "**%s** %s\n\n", c->title, c->rest);
    for (int row = 0; row < m->rows; row++) {
        if (m->heading[row]) {
            fprintf(to, "| *%s* |", m->heading[row]);
            for (int col = 1; col < m->cols; col++)
                fputs(" |", to);
            fputc('\n', to);
        }
        put_markdown_row(to, m, row);
        for (int col = 0; row == 0 && col < m->cols; col++)
            fprintf(to, "%s---%s", col ? "" : "|", col < m->labels ? "|" : ":|");
        if (row == 0)
            fputc('\n', to);
    }
    if (c->note) {
        fputc('\n', to);
        put_markdown(to, c->note);
        fputc('\n', to);
    }
}

static void put_latex_row(FILE *to, const matrix *m, int row)
{
    static const char *const open[] = {"", "\\textbf{", "\\underline{"};
    fputs("    ", to);
    for (int col = 0; col < m->cols; col++) {
        int rank = m->rank[row * m->cols + col];
        fprintf(to, "%s%s", col ? " & " : "", open[rank]);
        put_latex(to, cell(m, row, col));
        fputs(rank ? "}" : "", to);
    }
    fputs(" \\\\\n", to);
}

/* The titles that columns share, with a rule below each. */
static void put_latex_above(FILE *to, const matrix *m)
{
    text rules = {0};
    for (int col = 0, n; col < m->cols; col += n) {
        n = shared(m, col, m->cols);
        fputs(col ? " & " : "    ", to);
        if (!m->above[col])
            continue;
        fprintf(to, "\\multicolumn{%d}{c}{", n);
        put_latex(to, m->above[col]);
        fputc('}', to);
        text_add(&rules, "%s\\cmidrule(lr){%d-%d}", rules.n ? " " : "    ", col + 1, col + n);
    }
    fprintf(to, " \\\\\n%s\n", text_str(&rules));
    text_free(&rules);
}

static int has_above(const matrix *m)
{
    for (int col = 0; col < m->cols; col++)
        if (m->above[col])
            return 1;
    return 0;
}

static void print_latex(FILE *to, const matrix *m, const caption *c)
{
    fputs("\\begin{table}\n  \\centering\n  \\caption{", to);
    put_latex(to, c->title);
    fputc(' ', to);
    put_latex(to, c->rest);
    fputs(c->note ? "; " : "", to);
    put_latex(to, c->note ? c->note : "");
    fputs("}\n  \\begin{tabular}{", to);
    for (int col = 0; col < m->cols; col++)
        fputc(col < m->labels ? 'l' : 'r', to);
    fputs("}\n    \\toprule\n", to);
    if (has_above(m))
        put_latex_above(to, m);
    for (int row = 0; row < m->rows; row++) {
        if (row == 1 || m->heading[row])
            fputs("    \\midrule\n", to);
        if (m->heading[row])
            fprintf(to, "    \\multicolumn{%d}{l}{\\emph{%s}} \\\\\n", m->cols, m->heading[row]);
        put_latex_row(to, m, row);
    }
    fputs("    \\bottomrule\n  \\end{tabular}\n\\end{table}\n", to);
}

void matrix_print(FILE *to, const matrix *m, const caption *c, const table_options *o)
{
    if (o->format == TABLE_MARKDOWN)
        print_markdown(to, m, c);
    else if (o->format == TABLE_LATEX)
        print_latex(to, m, c);
    else if (o->format == TABLE_HTML)
        html_matrix(to, m, c);
    else
        print_text(to, m, c, o);
}
