/* paper_print.c - for people: the setting, then paper, ours and the difference of each
 * quantity; a published row without ours is there with what it has. */
#include "paper_print.h"
#include "matrix.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_WIDTH = 100, CELLS = 3 }; /* cells of a quantity: paper, ours, difference */

/* "drsam + msp": the last two labels, training and scorer, and what else tells our lines apart. */
static char *our_label(const paper_match *m, int line)
{
    text t = {0};
    for (int i = 0; i < LINE_LABELS - m->any_scorer; i++) {
        char *s = i >= LINE_LABELS - 2 || line_shown(m->grid, i) ? line_label(m->grid, line, i) : text_copy("-");
        if (*s && strcmp(s, "-") != 0)
            text_add(&t, "%s%s", !t.n ? "" : i == LINE_LABELS - 1 ? " + " : ", ", s);
        free(s);
    }
    return t.bytes ? t.bytes : text_copy(grid_line(m->grid, line, RESULT_NET));
}

/* "far FPR@95 ↓" */
static char *title(const quantity *q)
{
    if (!q->of)
        return text_copy(q->what == PAPER_CLEAN ? "ID accuracy ↑" : "accuracy, shifted ↑");
    return text_format("%s %s %s", q->subject, q->of->word, q->of->higher ? "↑" : "↓");
}

static char *printed_figure(const paper_match *m, int row, const quantity *q)
{
    double v;
    if (row < 0 || !paper_figure(m->paper, row, q->column, &v))
        return text_copy("-");
    const char *figure = sheet_at(m->paper->rows, row, q->column);
    return paper_figure(m->paper, row, q->std, &v)
               ? text_format("%s ± %s", figure, sheet_at(m->paper->rows, row, q->std))
               : text_copy(figure);
}

static int networks(const paper_match *m)
{
    int first = -1;
    for (int i = 0; i < m->n; i++) {
        if (m->pairs[i].row < 0)
            continue;
        first = first < 0 ? i : first;
        if (strcmp(paper_text(m, m->pairs[i].row, PAPER_NETWORK),
                   paper_text(m, m->pairs[first].row, PAPER_NETWORK)) != 0)
            return 2;
    }
    return 1;
}

static void fill_labels(const paper_match *m, matrix *t, int row, pair at, int several)
{
    int col = 0;
    if (several)
        *matrix_at(t, row, col++) = text_copy(row ? paper_text(m, at.row, PAPER_NETWORK) : "network");
    *matrix_at(t, row, col++) = text_copy(row ? paper_text(m, at.row, PAPER_METHOD) : "paper");
    *matrix_at(t, row, col) = !row                                  ? text_copy("ours")
                              : at.line >= 0                        ? our_label(m, at.line)
                              : *paper_text(m, at.row, PAPER_TRAIN) ? text_copy("-")
                                                                    : text_copy("(no such method)");
}

static void fill_figures(const paper_match *m, matrix *t, int row, pair at, int *partial)
{
    for (int i = 0; i < m->paper->n; i++) {
        const quantity *q = &m->paper->quantities[i];
        int col = t->labels + CELLS * i;
        double d;
        mean ours = paper_ours(m, at.line, q);
        *partial |= ours.n && ours.partial;
        *matrix_at(t, row, col) = printed_figure(m, at.row, q);
        *matrix_at(t, row, col + 1) = layout_number(m->grid, ours);
        *matrix_at(t, row, col + 2) = paper_difference(m, at, q, &d) ? text_format("%+.2f", d) : text_copy("-");
    }
}

static matrix make(const paper_match *m, int *partial)
{
    int several = networks(m) > 1, rows = 1, lacking = 0;
    for (int i = 0; i < m->n; i++)
        rows += m->pairs[i].row >= 0;
    matrix t = matrix_new(rows, 2 + several + CELLS * m->paper->n, 2 + several);
    static const char *const cells[CELLS] = {"paper", "ours", "diff."};
    for (int col = t.labels; col < t.cols; col++) {
        *matrix_at(&t, 0, col) = text_copy(cells[(col - t.labels) % CELLS]);
        t.above[col] = title(&m->paper->quantities[(col - t.labels) / CELLS]);
    }
    fill_labels(m, &t, 0, (pair){-1, -1}, several);
    for (int pass = 0, row = 1; pass < 2; pass++)
        for (int i = 0; i < m->n; i++) {
            pair at = m->pairs[i];
            if (at.row < 0 || (at.line < 0) != pass)
                continue;
            if (pass && !lacking++)
                t.heading[row] = "published, not in these results";
            fill_labels(m, &t, row, at, several);
            fill_figures(m, &t, row++, at, partial);
        }
    return t;
}

/* Words of *s that fit in `width` columns; moves *s behind them. */
static char *take_words(const char **s, int width)
{
    text t = {0};
    while (**s) {
        char *word = text_format("%.*s", (int)strcspn(*s, " "), *s);
        int fits = !t.n || text_columns(t.bytes) + 1 + text_columns(word) <= width;
        if (fits)
            text_add(&t, "%s%s", t.n ? " " : "", word);
        *s += fits ? strlen(word) + ((*s)[strlen(word)] == ' ') : 0;
        free(word);
        if (!fits)
            break;
    }
    return t.bytes ? t.bytes : text_copy("");
}

static void print_cell(FILE *to, const char *s, int width)
{
    fprintf(to, "%s%*s", s, width - text_columns(s) > 0 ? width - text_columns(s) : 0, "");
}

/* A name in `what` columns, then two texts, each wrapped at `half`. */
static void print_sides(FILE *to, const char *name, const char *a, const char *b, int what, int half)
{
    for (int first = 1; first || *a || *b; first = 0) {
        char *left = take_words(&a, half), *right = take_words(&b, half);
        print_cell(to, first ? name : "", what + 2);
        print_cell(to, left, *right ? half + 2 : 0);
        fprintf(to, "%s\n", right);
        free(left);
        free(right);
    }
}

static void print_setting(FILE *to, const setting *s, int width)
{
    int what = (int)strlen("setting"), half = (int)strlen("paper");
    for (int i = 0; i < s->n; i++) {
        int n = text_columns(s->list[i].what), k = text_columns(s->list[i].paper);
        what = n > what ? n : what;
        half = k > half ? k : half;
    }
    int most = width - what - 4 > 40 ? (width - what - 4) / 2 : 20;
    half = half < most ? half : most;
    print_sides(to, "setting", "paper", "ours", what, half);
    for (int i = 0; i < s->n; i++)
        print_sides(to, s->list[i].what, s->list[i].paper, s->list[i].ours, what, half);
    if (*s->alike)
        fprintf(to, "alike: %s\n", s->alike);
}

static void print_setting_markdown(FILE *to, const setting *s, const table_options *o)
{
    matrix t = matrix_new(s->n + 1, 3, 3);
    static const char *const heads[] = {"setting", "paper", "ours"};
    for (int i = 0; i < 3; i++)
        *matrix_at(&t, 0, i) = text_copy(heads[i]);
    for (int i = 0; i < s->n; i++) {
        *matrix_at(&t, i + 1, 0) = text_copy(s->list[i].what);
        *matrix_at(&t, i + 1, 1) = text_copy(s->list[i].paper);
        *matrix_at(&t, i + 1, 2) = text_copy(s->list[i].ours);
    }
    char *rest = text_format("differs%s%s", *s->alike ? "; alike: " : "", s->alike);
    matrix_print(to, &t, &(caption){"The setting", rest, NULL}, o);
    free(rest);
    matrix_free(&t);
}

static const measure *false_positives(const paper_match *m)
{
    for (int i = 0; i < m->paper->n; i++)
        if (m->paper->quantities[i].of && !m->paper->quantities[i].of->higher)
            return m->paper->quantities[i].of;
    return NULL;
}

/* "a; b; c" on lines of `width`, broken between entries. */
static void print_entries(FILE *to, const char *head, char *const list[], int n, int width)
{
    int at = text_columns(head);
    fprintf(to, "\n%s", head);
    for (int i = 0; i < n; i++) {
        int k = text_columns(list[i]) + 2, fits = at + k <= width;
        fprintf(to, "%s%s%s", fits ? " " : "\n  ", list[i], i < n - 1 ? ";" : "\n");
        at = (fits ? at : 1) + k;
    }
}

/* The last lines: ours that are not published, rows left out. */
static void print_rest(FILE *to, const paper_match *m, int width)
{
    char **list = text_more(NULL, (size_t)(m->n + 1) * sizeof *list);
    int n = 0;
    for (int i = 0; i < m->n; i++)
        if (m->pairs[i].row < 0)
            list[n++] = our_label(m, m->pairs[i].line);
    if (n)
        print_entries(to, "in these results, not published there:", list, n, width);
    if (m->other_ids)
        fprintf(to, "\nleft out: %d published row%s of other ID sets\n", m->other_ids,
                m->other_ids == 1 ? "" : "s");
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

static void print_for_people(FILE *to, const paper_match *m, const setting *s, const char *file, table_options o)
{
    int partial = 0, markdown = o.format == TABLE_MARKDOWN;
    o.width = o.width ? o.width : USUAL_WIDTH;
    fprintf(to, "%s%s\ntable %s%s, beside %s\n\n", markdown ? "**" : "", config_text(m->paper->setting, "paper"),
            config_text(m->paper->setting, "table"), markdown ? "**" : "", file);
    if (markdown)
        print_setting_markdown(to, s, &o);
    else
        print_setting(to, s, o.width);
    fputc('\n', to);
    matrix t = make(m, &partial);
    const measure *f = false_positives(m);
    char *rest =
        f ? text_format("in %%; the difference is ours less the printed figure; %s as the paper has it, our "
                        "column %s: %s",
                        f->word, f->name, f->meaning)
          : text_copy("in %; the difference is ours less the printed figure");
    matrix_print(
        to, &t,
        &(caption){"Figures", rest,
                   partial ? "* some sets, corruptions or seeds of the published figure are missing in it" : NULL},
        &o);
    free(rest);
    matrix_free(&t);
    print_rest(to, m, o.width);
}

void paper_print(FILE *to, const paper_match *m, const setting *s, const char *file, const table_options *o)
{
    if (o->format == TABLE_CSV)
        paper_print_csv(to, m, s);
    else
        print_for_people(to, m, s, file, *o);
}
