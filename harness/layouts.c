/* layouts.c - which columns a grid shows, and its two kinds of CSV. */
#include "grid.h"
#include "html.h"
#include "left_out.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

char *layout_number(const grid *g, mean m)
{
    const char *mark = m.partial ? "*" : "";
    if (m.n == 0)
        return text_copy("-");
    return g->nseeds > 1 ? text_format("%.2f ± %.2f%s", m.value, m.std, mark)
                         : text_format("%.2f%s", m.value, mark);
}

/* Columns of numbers. */

typedef struct column {
    char *title;
    enum { ONE_SET, GROUP, AVERAGE, CLEAN, SHIFTED, ALL_IMAGES } what;
    int set;
    const char *group;
} column;

static void add(column **list, int *n, char *title, column c)
{
    *list = text_more(*list, (size_t)(*n + 1) * sizeof **list);
    c.title = title;
    (*list)[(*n)++] = c;
}

static void add_sets(column **list, int *n, const grid *g, const char *group, const char *prefix)
{
    for (int set = 0; set < g->nsets; set++)
        if (strcmp(grid_name(g, set, RESULT_GROUP), group) == 0)
            add(list, n, text_format("%s%s", prefix, grid_name(g, set, RESULT_OOD)),
                (column){.what = ONE_SET, .set = set});
}

static int shifted_sets(const grid *g)
{
    int n = 0;
    for (int set = 0; set < g->nsets; set++)
        n += strcmp(grid_name(g, set, RESULT_GROUP), "csid") == 0;
    return n;
}

/* Accuracy on each shifted set. */
static void add_shifted(column **list, int *n, const grid *g)
{
    int sets = shifted_sets(g);
    for (int set = 0; set < g->nsets; set++)
        if (strcmp(grid_name(g, set, RESULT_GROUP), "csid") == 0)
            add(list, n, text_format("%s-acc", sets == 1 ? "csid" : grid_name(g, set, RESULT_OOD)),
                (column){.what = SHIFTED, .set = set});
}

/* The means, the sets, accuracies, full spectrum; `all`: also what people are not
 * shown, how far shifted sets are taken for outliers, and full spectrum by set. */
static int list_columns(const grid *g, int all, column **list)
{
    static const char *const groups[] = {"near", "far", "csid", "fsnear", "fsfar"};
    static const char *const prefixes[] = {"", "", "", "fs-", "fs-"};
    int n = 0, has[5];
    *list = NULL;
    for (int i = 0; i < 5; i++)
        has[i] = grid_has_group(g, groups[i]);
    for (int i = 0; i < 2; i++)
        if (has[i])
            add(list, &n, text_copy(groups[i]), (column){.what = GROUP, .group = groups[i]});
    if (has[0] && has[1])
        add(list, &n, text_copy("average"), (column){.what = AVERAGE});
    for (int i = 0; i < (all ? 3 : 2); i++)
        add_sets(list, &n, g, groups[i], prefixes[i]);
    add(list, &n, text_copy("acc"), (column){.what = CLEAN});
    add_shifted(list, &n, g);
    if (all && (has[3] || has[4]))
        add(list, &n, text_copy("full-acc"), (column){.what = ALL_IMAGES});
    for (int i = 3; i < 5; i++)
        if (has[i])
            add(list, &n, text_format("fs-%s", groups[i] + 2), (column){.what = GROUP, .group = groups[i]});
    for (int i = 3; i < 5 && all; i++)
        add_sets(list, &n, g, groups[i], prefixes[i]);
    return n;
}

static void drop_columns(column *list, int n)
{
    for (int i = 0; i < n; i++)
        free(list[i].title);
    free(list);
}

static mean value(const grid *g, const measure *of, int line, const column *c)
{
    switch (c->what) {
    case ONE_SET:
        return grid_set(g, line, c->set, of->column);
    case GROUP:
        return grid_group(g, line, c->group, of->column);
    case AVERAGE:
        return grid_average(g, line, of->column);
    case CLEAN:
        return grid_accuracy(g, line, "near far");
    case SHIFTED:
        return grid_set(g, line, c->set, RESULT_ACC);
    default:
        return grid_accuracy(g, line, "fsnear fsfar");
    }
}

static int higher_is_better(const measure *of, const column *c)
{
    return of->higher || c->what == CLEAN || c->what == SHIFTED;
}

matrix layout_labels(const grid *g, int n)
{
    int shown[LINE_LABELS], labels = 0;
    for (int i = 0; i < LINE_LABELS; i++)
        if (line_shown(g, i))
            shown[labels++] = i;
    matrix m = matrix_new(g->nlines + 1, labels + n, labels);
    for (int i = 0; i < labels; i++) {
        *matrix_at(&m, 0, i) = text_copy(line_title(shown[i]));
        for (int line = 0; line < g->nlines; line++)
            *matrix_at(&m, line + 1, i) = line_label(g, line, shown[i]);
    }
    for (int line = 0; line < g->nlines; line++)
        m.heading[line + 1] = grid_heading(g, line);
    return m;
}

static matrix make(const grid *g, const measure *of)
{
    column *list;
    int values = list_columns(g, 0, &list);
    matrix m = layout_labels(g, values);
    int labels = m.labels;
    for (int col = 0; col < values; col++) {
        *matrix_at(&m, 0, labels + col) = text_copy(list[col].title);
        for (int line = 0; line < g->nlines; line++)
            *matrix_at(&m, line + 1, labels + col) = layout_number(g, value(g, of, line, &list[col]));
        matrix_mark_best(&m, labels + col, higher_is_better(of, &list[col]));
    }
    drop_columns(list, values);
    return m;
}

static int any_partial(const matrix *m)
{
    for (int row = 1; row < m->rows; row++)
        for (int col = m->labels; col < m->cols; col++)
            if (strchr(*matrix_at(m, row, col), '*'))
                return 1;
    return 0;
}

/* CSV: a row per line and metric; every mean with its deviation. */

static void print_csv(FILE *to, const grid *g)
{
    static const enum result_column of_line[] = {
        RESULT_NET,   RESULT_WEIGHTS,      RESULT_ID,     RESULT_TRAIN, RESULT_TRAIN_PARAMS,
        RESULT_SCORE, RESULT_SCORE_PARAMS, RESULT_DEVICE, RESULT_FAST,  RESULT_PRECISION};
    enum { OF_LINE = sizeof of_line / sizeof *of_line };
    column *list;
    int values = list_columns(g, 1, &list), columns = OF_LINE + 2 + 2 * values;
    char **held = text_more(NULL, (size_t)columns * sizeof *held);
    for (int row = -1; row < g->nlines * g->nmeasures; row++) {
        int line = row < 0 ? 0 : row / g->nmeasures, n = 0;
        const measure *of = g->measures[row < 0 ? 0 : row % g->nmeasures];
        for (int i = 0; i < OF_LINE; i++)
            held[n++] = text_copy(row < 0 ? result_names[of_line[i]] : grid_line(g, line, of_line[i]));
        held[n++] = row < 0 ? text_copy("metric") : text_copy(of->name);
        held[n++] = row < 0 ? text_copy("seeds")
                            : text_format("%d", grid_group(g, line, "near far csid", of->column).n);
        for (int col = 0; col < values; col++) {
            const char *title = list[col].title;
            mean m = value(g, of, line, &list[col]);
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
    drop_columns(list, values);
}

/* OpenOOD's own CSV of one scorer: the near sets and their mean, the far sets and
 * theirs; of its full-spectrum variant, in which accuracy is that on all images. */
void layout_openood(FILE *to, const grid *g, int line, int spectrum)
{
    static const char *const groups[][2] = {{"near", "far"}, {"fsnear", "fsfar"}}, *const means[] = {"near", "far"};
    static const enum result_column columns[] = {RESULT_FPR95, RESULT_AUROC, RESULT_AUPR_IN, RESULT_AUPR_OUT,
                                                 RESULT_ACC};
    fputs(",FPR@95,AUROC,AUPR_IN,AUPR_OUT,ACC\n", to);
    for (int i = 0; i < 2; i++)
        for (int set = 0; set <= g->nsets; set++) {
            const char *group = groups[spectrum][i];
            int whole = set == g->nsets;
            if (whole ? !grid_has_group(g, group) : strcmp(grid_name(g, set, RESULT_GROUP), group) != 0)
                continue;
            fprintf(to, whole ? "%sood" : "%s", whole ? means[i] : grid_name(g, set, RESULT_OOD));
            for (int c = 0; c < 5; c++) {
                mean m = whole ? grid_group(g, line, group, columns[c]) : grid_set(g, line, set, columns[c]);
                if (m.n)
                    fprintf(to, ",%.2f ± %.2f", m.value, m.std);
                else
                    fputs(",nan ± nan", to);
            }
            fputc('\n', to);
        }
}

int layout_has_spectrum(const grid *g)
{
    return grid_has_group(g, "fsnear") || grid_has_group(g, "fsfar");
}

static void print_openood(FILE *to, const grid *g)
{
    int kinds = 1 + layout_has_spectrum(g);
    for (int i = 0; i < kinds * g->nlines; i++) {
        char *name = layout_file_name(g, i % g->nlines);
        if (kinds * g->nlines > 1)
            fprintf(to, "%s==> %s%s <==\n", i ? "\n" : "", i / g->nlines ? "fsood/" : "", name);
        layout_openood(to, g, i % g->nlines, i / g->nlines);
        free(name);
    }
}

static void print_metric(FILE *to, const grid *g, const measure *of, const table_options *o)
{
    matrix m = make(g, of);
    char *rest = text_format("in %%, %s is better: %s", of->higher ? "higher" : "lower", of->meaning);
    char *note = any_partial(&m) ? left_out_note(g->left_out) : NULL;
    matrix_print(to, &m, &(caption){of->title, rest, note}, o);
    free(rest);
    free(note);
    matrix_free(&m);
}

void layout_words(FILE *to, const char *words, const table_options *o)
{
    if (o->format == TABLE_HTML) {
        fputs("<p>", to);
        html_text(to, "%s", words);
        fputs("</p>\n", to);
        return;
    }
    fputs(o->format == TABLE_LATEX ? "% " : "", to);
    for (const char *c = words; *c; c++) /* a name's line break would end the comment */
        fputc((unsigned char)*c < ' ' && o->format == TABLE_LATEX ? ' ' : *c, to);
    fputc('\n', to);
}

static void print_legend(FILE *to, const grid *g, const table_options *o)
{
    const char *id = grid_spectrum(g);
    text t = {0};
    text_add(&t, "%s-acc: accuracy on covariate-shifted images alone", shifted_sets(g) == 1 ? "csid" : "SET");
    if (id)
        text_add(&t, "; fs: full spectrum, ID is %s%s", *id ? id : "not the same in all lines",
                 *id ? ", clean and shifted" : ": see their id in the results");
    fputc('\n', to);
    layout_words(to, t.bytes, o);
    text_free(&t);
}

void layout_print(FILE *to, const grid *g, const table_options *o)
{
    if (o->layout == TABLE_PAPER && o->format != TABLE_OPENOOD) {
        layout_paper(to, g, o);
        return;
    }
    if (o->format == TABLE_CSV) {
        print_csv(to, g);
        return;
    }
    if (o->format == TABLE_OPENOOD) {
        print_openood(to, g);
        return;
    }
    char *context = line_context(g);
    layout_words(to, context, o);
    free(context);
    fputc('\n', to);
    for (int i = 0; i < g->nmeasures; i++) {
        if (i)
            fputc('\n', to);
        print_metric(to, g, g->measures[i], o);
    }
    if (grid_has_group(g, "csid"))
        print_legend(to, g, o);
}
