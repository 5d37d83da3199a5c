/* matrix.c - text, Markdown and LaTeX. */
#include "matrix.h"
#include "text.h"

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

matrix matrix_new(int rows, int cols, int labels)
{
    matrix m = {.rows = rows, .cols = cols, .labels = labels};
    size_t n = (size_t)rows * (size_t)cols;
    m.at = text_more(NULL, n * sizeof *m.at);
    for (size_t i = 0; i < n; i++)
        m.at[i] = NULL;
    m.best = memset(text_more(NULL, n), 0, n);
    return m;
}

void matrix_free(matrix *m)
{
    for (int i = 0; i < m->rows * m->cols; i++)
        free(m->at[i]);
    free(m->at);
    free(m->best);
    *m = (matrix){0};
}

static int is_number(const char *s)
{
    return *s && strcmp(s, "-") != 0;
}

void matrix_mark_best(matrix *m, int col, int higher)
{
    double best = 0, worst = 0;
    int seen = 0;
    for (int row = 1; row < m->rows; row++) {
        double v = strtod(cell(m, row, col), NULL);
        if (!is_number(cell(m, row, col)))
            continue;
        best = !seen || (higher ? v > best : v < best) ? v : best;
        worst = !seen++ || (higher ? v < worst : v > worst) ? v : worst;
    }
    for (int row = 1; row < m->rows && best != worst; row++)
        m->best[row * m->cols + col] = is_number(cell(m, row, col)) && strtod(cell(m, row, col), NULL) == best;
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
    int same = row > 1 && col < m->labels - 1;
    for (int i = 0; i <= col && same; i++)
        same = strcmp(cell(m, row, i), cell(m, row - 1, i)) == 0;
    return same;
}

static void print_cell(FILE *to, const matrix *m, int row, int col, int last, int bold)
{
    int marked, width = column_width(m, col, &marked), words = col < m->labels;
    const char *s = is_repeated(m, row, col) ? "" : cell(m, row, col);
    int after = marked && !strchr(s, '*'), pad = width - text_columns(s) - after;
    int strong = bold && *s && (row == 0 || m->best[row * m->cols + col]);
    fprintf(to, "%s%*s%s%s%s%*s", col ? "  " : "", words ? 0 : pad, "", strong ? "\033[1m" : "", s,
            strong ? "\033[0m" : "",
            last    ? 0
            : words ? pad
                    : after,
            "");
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
    return col;
}

static void print_text(FILE *to, const matrix *m, const caption *c, const table_options *o)
{
    fprintf(to, "%s %s\n", c->title, c->rest);
    for (int first = m->labels, past; first < m->cols; first = past) {
        past = fit(m, first, o->width ? o->width : USUAL_WIDTH);
        if (first > m->labels)
            fputc('\n', to);
        for (int row = 0; row < m->rows; row++) {
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
static void put_escaped(FILE *to, const char *s, const char *special)
{
    for (; *s; s++) {
        if (strchr(special, *s))
            fputc('\\', to);
        if (strncmp(s, "±", 2) == 0 && strchr(special, '%')) {
            fputs("$\\pm$", to);
            s++;
        } else {
            fputc(*s, to);
        }
    }
}

static void print_markdown(FILE *to, const matrix *m, const caption *c)
{
    fprintf(to, "**%s** %s\n\n", c->title, c->rest);
    for (int row = 0; row < m->rows; row++) {
        for (int col = 0; col < m->cols; col++) {
            const char *strong = m->best[row * m->cols + col] ? "**" : "";
            fprintf(to, "%s%s", col ? " " : "| ", strong);
            put_escaped(to, cell(m, row, col), "|*_");
            fprintf(to, "%s |", strong);
        }
        fputc('\n', to);
        for (int col = 0; row == 0 && col < m->cols; col++)
            fprintf(to, "%s---%s", col ? "" : "|", col < m->labels ? "|" : ":|");
        if (row == 0)
            fputc('\n', to);
    }
    if (c->note) {
        fputc('\n', to);
        put_escaped(to, c->note, "*_");
        fputc('\n', to);
    }
}

static void print_latex(FILE *to, const matrix *m, const caption *c)
{
    fputs("\\begin{table}\n  \\centering\n  \\caption{", to);
    put_escaped(to, c->title, "%_&#");
    fputc(' ', to);
    put_escaped(to, c->rest, "%_&#");
    fputs(c->note ? "; " : "", to);
    put_escaped(to, c->note ? c->note : "", "%_&#");
    fputs("}\n  \\begin{tabular}{", to);
    for (int col = 0; col < m->cols; col++)
        fputc(col < m->labels ? 'l' : 'r', to);
    fputs("}\n    \\toprule\n", to);
    for (int row = 0; row < m->rows; row++) {
        fputs("    ", to);
        for (int col = 0; col < m->cols; col++) {
            int strong = m->best[row * m->cols + col];
            fprintf(to, "%s%s", col ? " & " : "", strong ? "\\textbf{" : "");
            put_escaped(to, cell(m, row, col), "%_&#");
            fputs(strong ? "}" : "", to);
        }
        fputs(row == 0 ? " \\\\\n    \\midrule\n" : " \\\\\n", to);
    }
    fputs("    \\bottomrule\n  \\end{tabular}\n\\end{table}\n", to);
}

void matrix_print(FILE *to, const matrix *m, const caption *c, const table_options *o)
{
    if (o->format == TABLE_MARKDOWN)
        print_markdown(to, m, c);
    else if (o->format == TABLE_LATEX)
        print_latex(to, m, c);
    else
        print_text(to, m, c, o);
}
