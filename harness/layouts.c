/* layouts.c - a grid as text, Markdown, LaTeX or CSV. The first three print one
 * table per metric through the same matrix of strings. */
#include "grid.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

/* The columns that tell lines apart, in the order they are shown; the scorer has its own rule. */
static const struct {
    enum result_column column;
    const char *title;
} label_columns[] = {{RESULT_NET, "net"},     {RESULT_WEIGHTS, "weights"},     {RESULT_ID, "ID"},
                     {RESULT_TRAIN, "train"}, {RESULT_TRAIN_PARAMS, "recipe"}, {RESULT_DEVICE, "device"},
                     {RESULT_FAST, "fast"},   {RESULT_PRECISION, "precision"}};
enum { LABELS = sizeof label_columns / sizeof *label_columns };

typedef struct matrix {
    int rows, cols, labels; /* the first row is the heading, the first `labels` columns are text */
    char **at;
    char *best; /* of each cell */
} matrix;

static char **cell(const matrix *m, int row, int col)
{
    return &m->at[(size_t)row * (size_t)m->cols + (size_t)col];
}

/* A scorer by name, with its parameters where they tell lines apart. */
static char *label_of(const grid *g, int line)
{
    const char *score = grid_line(g, line, RESULT_SCORE), *params = grid_line(g, line, RESULT_SCORE_PARAMS);
    for (int i = 0; i < g->nlines; i++)
        if (strcmp(grid_line(g, i, RESULT_SCORE), score) == 0 &&
            strcmp(grid_line(g, i, RESULT_SCORE_PARAMS), params) != 0)
            return text_format("%s %s", score, params);
    return text_copy(score);
}

char *layout_file_name(const grid *g, int line)
{
    text t = {0};
    char *label = label_of(g, line);
    text_add(&t, "%s", label);
    for (int i = 0; i < LABELS; i++)
        if (grid_varies(g, label_columns[i].column))
            text_add(&t, "-%s", grid_line(g, line, label_columns[i].column));
    for (char *c = t.bytes; *c; c++)
        if (*c == '/' || *c == ' ')
            *c = '_';
    text_add(&t, ".csv");
    free(label);
    return t.bytes;
}

static char *number(const grid *g, mean m)
{
    const char *mark = m.partial ? "*" : "";
    if (m.n == 0)
        return text_copy("-");
    return g->nseeds > 1 ? text_format("%.2f ± %.2f%s", m.value, m.std, mark)
                         : text_format("%.2f%s", m.value, mark);
}

/* Column `col` of a table of numbers: the groups there are, then the sets, then accuracy. */
static mean value(const grid *g, const measure *of, int line, int col, const char **title)
{
    static const char *const groups[] = {"near", "far"};
    for (int i = 0; i < 2; i++)
        if (grid_has_group(g, groups[i]) && col-- == 0) {
            *title = groups[i];
            return grid_group(g, line, groups[i], of->column);
        }
    if (col < g->nsets) {
        *title = grid_name(g, col, RESULT_OOD);
        return grid_set(g, line, col, of->column);
    }
    *title = "acc"; /* of the checkpoint: no set is missing in it */
    mean acc = grid_group(g, line, NULL, RESULT_ACC);
    acc.partial = 0;
    return acc;
}

static int value_columns(const grid *g)
{
    return grid_has_group(g, "near") + grid_has_group(g, "far") + g->nsets + 1;
}

/* Marks the best of a column as it is printed; nothing when all are the same. */
static void mark_best(matrix *m, int col, int higher)
{
    double best = 0, worst = 0;
    for (int row = 1; row < m->rows; row++) {
        double v = strtod(*cell(m, row, col), NULL);
        if (strcmp(*cell(m, row, col), "-") == 0)
            continue;
        best = row == 1 || (higher ? v > best : v < best) ? v : best;
        worst = row == 1 || (higher ? v < worst : v > worst) ? v : worst;
    }
    for (int row = 1; row < m->rows && best != worst; row++)
        m->best[row * m->cols + col] = (*cell(m, row, col))[0] != '-' && strtod(*cell(m, row, col), NULL) == best;
}

static matrix make(const grid *g, const measure *of)
{
    int shown[LABELS], labels = 1, values = value_columns(g);
    for (int i = 0; i < LABELS; i++)
        if (grid_varies(g, label_columns[i].column))
            shown[labels++ - 1] = i;
    matrix m = {.rows = g->nlines + 1, .cols = labels + values, .labels = labels};
    m.at = text_more(NULL, (size_t)m.rows * (size_t)m.cols * sizeof *m.at);
    m.best = memset(text_more(NULL, (size_t)m.rows * (size_t)m.cols), 0, (size_t)m.rows * (size_t)m.cols);
    *cell(&m, 0, 0) = text_copy("score");
    for (int i = 1; i < labels; i++)
        *cell(&m, 0, i) = text_copy(label_columns[shown[i - 1]].title);
    for (int line = 0; line < g->nlines; line++) {
        *cell(&m, line + 1, 0) = label_of(g, line);
        for (int i = 1; i < labels; i++)
            *cell(&m, line + 1, i) = text_copy(grid_line(g, line, label_columns[shown[i - 1]].column));
    }
    for (int col = 0; col < values; col++) {
        const char *title = "";
        for (int line = 0; line < g->nlines; line++)
            *cell(&m, line + 1, labels + col) = number(g, value(g, of, line, col, &title));
        *cell(&m, 0, labels + col) = text_copy(title);
        mark_best(&m, labels + col, col == values - 1 ? 1 : of->higher);
    }
    return m;
}

static void drop(matrix *m)
{
    for (int i = 0; i < m->rows * m->cols; i++)
        free(m->at[i]);
    free(m->at);
    free(m->best);
}

/* What all lines have in common. */
static void context(FILE *to, const grid *g)
{
    text t = {0};
    for (int i = 0; i < LABELS; i++) {
        const char *s = grid_line(g, 0, label_columns[i].column);
        if (grid_varies(g, label_columns[i].column) || !s[0] || label_columns[i].column == RESULT_TRAIN_PARAMS)
            continue;
        int bare = label_columns[i].column == RESULT_NET || label_columns[i].column == RESULT_WEIGHTS;
        if ((label_columns[i].column == RESULT_FAST && strcmp(s, "true") != 0) ||
            (label_columns[i].column == RESULT_PRECISION && strcmp(s, "f32") == 0))
            continue;
        text_add(&t, "%s%s%s%s", t.n ? ", " : "", bare ? "" : label_columns[i].title, bare ? "" : " ", s);
    }
    text_add(&t, ", %d seed%s", g->nseeds, g->nseeds == 1 ? "" : "s");
    fprintf(to, "%s", t.bytes);
    text_free(&t);
}

static int any_partial(const matrix *m)
{
    for (int i = 0; i < m->rows * m->cols; i++)
        if (i % m->cols >= m->labels && strchr(m->at[i], '*'))
            return 1;
    return 0;
}

static const char *const partial_note = "* some sets or seeds are missing in this mean";

/* How wide a column is, and whether a mark follows one of its numbers. */
static int column_width(const matrix *m, int col, int *marked)
{
    int width = 0;
    *marked = 0;
    for (int row = 0; row < m->rows; row++)
        *marked |= col >= m->labels && strchr(*cell(m, row, col), '*') != NULL;
    for (int row = 0; row < m->rows; row++) {
        const char *s = *cell(m, row, col);
        int n = text_columns(s) + (*marked && !strchr(s, '*')); /* decimal points stay in line */
        width = n > width ? n : width;
    }
    return width;
}

static void print_text(FILE *to, const matrix *m, const measure *of, int bold)
{
    fprintf(to, "%s in %%, %s is better: %s\n", of->title, of->higher ? "higher" : "lower", of->meaning);
    for (int row = 0; row < m->rows; row++) {
        for (int col = 0; col < m->cols; col++) {
            const char *s = *cell(m, row, col);
            int marked, width = column_width(m, col, &marked), words = col < m->labels, last = col == m->cols - 1;
            int after = marked && !strchr(s, '*'), pad = width - text_columns(s) - after;
            int strong = bold && (row == 0 || m->best[row * m->cols + col]);
            fprintf(to, "%s%*s%s%s%s%*s", col ? "  " : "", words ? 0 : pad, "", strong ? "\033[1m" : "", s,
                    strong ? "\033[0m" : "",
                    last    ? 0
                    : words ? pad
                            : after,
                    "");
        }
        fputc('\n', to);
    }
    if (any_partial(m))
        fprintf(to, "%s\n", partial_note);
}

/* A cell with the characters that a layout gives a meaning to made harmless. */
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

static void print_markdown(FILE *to, const matrix *m, const measure *of)
{
    fprintf(to, "**%s** in %%, %s is better: %s\n\n", of->title, of->higher ? "higher" : "lower", of->meaning);
    for (int row = 0; row < m->rows; row++) {
        for (int col = 0; col < m->cols; col++) {
            const char *strong = m->best[row * m->cols + col] ? "**" : "";
            fprintf(to, "%s%s", col ? " " : "| ", strong);
            put_escaped(to, *cell(m, row, col), "|*_");
            fprintf(to, "%s |", strong);
        }
        fputc('\n', to);
        for (int col = 0; row == 0 && col < m->cols; col++)
            fprintf(to, "%s---%s", col ? "" : "|", col < m->labels ? "|" : ":|");
        if (row == 0)
            fputc('\n', to);
    }
    if (any_partial(m))
        fprintf(to, "\n\\%s\n", partial_note);
}

static void print_latex(FILE *to, const matrix *m, const measure *of)
{
    fputs("\\begin{table}\n  \\centering\n  \\caption{", to);
    put_escaped(to, of->title, "%_&#");
    fprintf(to, " in \\%%, %s is better: ", of->higher ? "higher" : "lower");
    put_escaped(to, of->meaning, "%_&#");
    fprintf(to, "%s}\n  \\begin{tabular}{",
            any_partial(m) ? "; *: some sets or seeds are missing in this mean" : "");
    for (int col = 0; col < m->cols; col++)
        fputc(col < m->labels ? 'l' : 'r', to);
    fputs("}\n    \\toprule\n", to);
    for (int row = 0; row < m->rows; row++) {
        fputs("    ", to);
        for (int col = 0; col < m->cols; col++) {
            int strong = m->best[row * m->cols + col];
            fprintf(to, "%s%s", col ? " & " : "", strong ? "\\textbf{" : "");
            put_escaped(to, *cell(m, row, col), "%_&#");
            fputs(strong ? "}" : "", to);
        }
        fputs(row == 0 ? " \\\\\n    \\midrule\n" : " \\\\\n", to);
    }
    fputs("    \\bottomrule\n  \\end{tabular}\n\\end{table}\n", to);
}

/* CSV: a row per line and metric; every mean with its deviation. */

static void print_csv(FILE *to, const grid *g)
{
    static const enum result_column of_line[] = {RESULT_NET,          RESULT_WEIGHTS,      RESULT_ID,
                                                 RESULT_TRAIN,        RESULT_TRAIN_PARAMS, RESULT_SCORE,
                                                 RESULT_SCORE_PARAMS, RESULT_DEVICE,       RESULT_FAST};
    enum { OF_LINE = sizeof of_line / sizeof *of_line };
    int values = value_columns(g), columns = OF_LINE + 2 + 2 * values;
    char **held = text_more(NULL, (size_t)columns * sizeof *held);
    for (int row = -1; row < g->nlines * g->nmeasures; row++) {
        int line = row < 0 ? 0 : row / g->nmeasures, n = 0;
        const measure *of = g->measures[row < 0 ? 0 : row % g->nmeasures];
        for (int i = 0; i < OF_LINE; i++)
            held[n++] = text_copy(row < 0 ? result_names[of_line[i]] : grid_line(g, line, of_line[i]));
        held[n++] = row < 0 ? text_copy("metric") : text_copy(of->name);
        held[n++] = row < 0 ? text_copy("seeds") : text_format("%d", grid_group(g, line, NULL, of->column).n);
        for (int col = 0; col < values; col++) {
            const char *title = "";
            mean m = value(g, of, line, col, &title);
            held[n++] = row < 0 ? text_copy(title) : m.n ? text_format("%.9g", m.value) : text_copy("");
            held[n++] = row < 0 ? text_format("%s_std", title) : m.n ? text_format("%.9g", m.std) : text_copy("");
        }
        text t = {0};
        sheet_line(&t, (const char *const *)held, n);
        fputs(t.bytes, to);
        text_free(&t);
        for (int i = 0; i < n; i++)
            free(held[i]);
    }
    free(held);
}

/* OpenOOD's own CSV of one scorer: the near sets and their mean, the far sets and theirs. */
void layout_openood(FILE *to, const grid *g, int line)
{
    static const char *const groups[] = {"near", "far"};
    static const enum result_column columns[] = {RESULT_FPR95, RESULT_AUROC, RESULT_AUPR_IN, RESULT_AUPR_OUT,
                                                 RESULT_ACC};
    fputs(",FPR@95,AUROC,AUPR_IN,AUPR_OUT,ACC\n", to);
    for (int i = 0; i < 2; i++)
        for (int set = 0; set <= g->nsets; set++) {
            int whole = set == g->nsets;
            if (whole ? !grid_has_group(g, groups[i]) : strcmp(grid_name(g, set, RESULT_GROUP), groups[i]) != 0)
                continue;
            fprintf(to, whole ? "%sood" : "%s", whole ? groups[i] : grid_name(g, set, RESULT_OOD));
            for (int c = 0; c < 5; c++) {
                mean m = whole ? grid_group(g, line, groups[i], columns[c]) : grid_set(g, line, set, columns[c]);
                if (m.n)
                    fprintf(to, ",%.2f ± %.2f", m.value, m.std);
                else
                    fputs(",nan ± nan", to);
            }
            fputc('\n', to);
        }
}

static void print_openood(FILE *to, const grid *g)
{
    for (int line = 0; line < g->nlines; line++) {
        char *name = layout_file_name(g, line);
        if (g->nlines > 1)
            fprintf(to, "%s==> %s <==\n", line ? "\n" : "", name);
        layout_openood(to, g, line);
        free(name);
    }
}

void layout_print(FILE *to, const grid *g, const table_options *o)
{
    if (o->format == TABLE_CSV) {
        print_csv(to, g);
        return;
    }
    if (o->format == TABLE_OPENOOD) {
        print_openood(to, g);
        return;
    }
    fputs(o->format == TABLE_LATEX ? "% " : "", to);
    context(to, g);
    fputs("\n\n", to);
    for (int i = 0; i < g->nmeasures; i++) {
        matrix m = make(g, g->measures[i]);
        if (o->format == TABLE_TEXT)
            print_text(to, &m, g->measures[i], o->bold);
        else if (o->format == TABLE_MARKDOWN)
            print_markdown(to, &m, g->measures[i]);
        else
            print_latex(to, &m, g->measures[i]);
        if (i < g->nmeasures - 1)
            fputc('\n', to);
        drop(&m);
    }
}
