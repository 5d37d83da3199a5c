/* layout_paper.c - one table as the papers have it: near, far and their average in
 * every metric, then accuracy on clean and on shifted images. Its CSV has a row
 * per line and the columns that results/paper has. */
#include "grid.h"
#include "left_out.h"
#include "matrix.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

typedef struct column {
    enum { GROUP, AVERAGE, CLEAN, SHIFTED } what;
    const char *group; /* "near" */
    const measure *of; /* NULL: accuracy */
    int set;           /* of shifted images */
} column;

static int list_columns(const grid *g, column **list)
{
    static const char *const groups[] = {"near", "far"};
    int n = 0, both = grid_has_group(g, "near") && grid_has_group(g, "far");
    *list = text_more(NULL, (size_t)(3 * g->nmeasures + 1 + g->nsets) * sizeof **list);
    for (int i = 0; i < 2 + both; i++)
        for (int k = 0; k < g->nmeasures; k++)
            if (i == 2)
                (*list)[n++] = (column){.what = AVERAGE, .group = "average", .of = g->measures[k]};
            else if (grid_has_group(g, groups[i]))
                (*list)[n++] = (column){.what = GROUP, .group = groups[i], .of = g->measures[k]};
    (*list)[n++] = (column){.what = CLEAN, .group = "ID"};
    for (int set = 0; set < g->nsets; set++)
        if (strcmp(grid_name(g, set, RESULT_GROUP), "csid") == 0)
            (*list)[n++] = (column){.what = SHIFTED, .group = "OOD", .set = set};
    return n;
}

/* Its name in a CSV: "near_fpr95", "acc", "csid_acc" or, of several shifted sets, "cifar10c_acc". */
static char *key(const grid *g, const column *c, int shifted)
{
    if (c->of)
        return text_format("%s_%s", c->group, c->of->name);
    return c->what == CLEAN ? text_copy("acc")
                            : text_format("%s_acc", shifted == 1 ? "csid" : grid_name(g, c->set, RESULT_OOD));
}

/* Nothing of line -1, which stands for the heading. */
static mean value(const grid *g, int line, const column *c)
{
    const mean none = {0};
    if (line < 0)
        return none;
    switch (c->what) {
    case GROUP:
        return grid_group(g, line, c->group, c->of->column);
    case AVERAGE:
        return grid_average(g, line, c->of->column);
    case CLEAN:
        return grid_accuracy(g, line, "near far");
    default:
        return grid_set(g, line, c->set, RESULT_ACC);
    }
}

/* CSV. */

static void end_line(FILE *to, char **held, int n)
{
    text t = {0};
    sheet_line(&t, (const char *const *)held, n);
    fputs(t.bytes, to);
    text_free(&t);
    for (int i = 0; i < n; i++)
        free(held[i]);
}

static int seeds_of(const grid *g, int line)
{
    return grid_group(g, line, "near far csid", RESULT_ACC).n;
}

static void print_csv(FILE *to, const grid *g, const column *list, int n)
{
    static const enum result_column of_line[] = {
        RESULT_NET,   RESULT_WEIGHTS,      RESULT_ID,     RESULT_TRAIN, RESULT_TRAIN_PARAMS,
        RESULT_SCORE, RESULT_SCORE_PARAMS, RESULT_DEVICE, RESULT_FAST,  RESULT_PRECISION};
    enum { OF_LINE = sizeof of_line / sizeof *of_line };
    int shifted = 0;
    for (int i = 0; i < n; i++)
        shifted += list[i].what == SHIFTED;
    char **held = text_more(NULL, (size_t)(OF_LINE + 2 + 2 * n) * sizeof *held);
    for (int line = -1; line < g->nlines; line++) {
        int k = 0;
        held[k++] = text_copy(line < 0 ? "family" : heading_titles[g->headings[line]]);
        for (int i = 0; i < OF_LINE; i++)
            held[k++] = text_copy(line < 0 ? result_names[of_line[i]] : grid_line(g, line, of_line[i]));
        held[k++] = line < 0 ? text_copy("seeds") : text_format("%d", seeds_of(g, line));
        for (int i = 0; i < n; i++) {
            char *name = key(g, &list[i], shifted);
            mean m = value(g, line, &list[i]);
            held[k++] = line < 0 ? text_copy(name) : m.n ? text_format("%.9g", m.value) : text_copy("");
            held[k++] = line < 0 ? text_format("%s_std", name) : m.n ? text_format("%.9g", m.std) : text_copy("");
            free(name);
        }
        end_line(to, held, k);
    }
    free(held);
}

/* For people. */

/* Several columns of one group share its title; accuracies stand by themselves. */
static void title(const grid *g, matrix *m, int col, const column *c)
{
    char **cell = matrix_at(m, 0, col);
    if (c->of) {
        m->above[col] = text_copy(c->group);
        *cell = text_format("%s %s", c->of->word, c->of->higher ? "↑" : "↓");
        return;
    }
    m->above[col] = text_copy("accuracy");
    *cell = c->what == CLEAN ? text_copy("ID ↑") : text_format("%s ↑", grid_name(g, c->set, RESULT_OOD));
}

static matrix make(const grid *g, const column *list, int n, int *partial)
{
    matrix m = layout_labels(g, n);
    int labels = m.labels;
    for (int i = 0; i < n; i++) {
        title(g, &m, labels + i, &list[i]);
        for (int line = 0; line < g->nlines; line++) {
            mean v = value(g, line, &list[i]);
            *partial |= v.partial && v.n;
            *matrix_at(&m, line + 1, labels + i) = layout_number(g, v);
        }
        matrix_mark_best(&m, labels + i, !list[i].of || list[i].of->higher);
    }
    return m;
}

static void add_sets(text *t, const grid *g, const char *group)
{
    const char *before = "; ", *colon = ": ";
    for (int set = 0; set < g->nsets; set++) {
        if (strcmp(grid_name(g, set, RESULT_GROUP), group) != 0)
            continue;
        text_add(t, "%s%s%s%s", before, *colon ? group : "", colon, grid_name(g, set, RESULT_OOD));
        before = ", ";
        colon = "";
    }
}

/* "in %, mean ± standard deviation of the population over 3 seeds; near: ..." */
static char *describe(const grid *g)
{
    text t = {0};
    text_add(&t, "in %%");
    if (g->nseeds > 1)
        text_add(&t, ", mean ± standard deviation (of the population) over %d seeds", g->nseeds);
    add_sets(&t, g, "near");
    add_sets(&t, g, "far");
    for (int k = 0; k < g->nmeasures; k++)
        text_add(&t, "; %s: %s", g->measures[k]->word, g->measures[k]->meaning);
    return t.bytes;
}

void layout_paper(FILE *to, const grid *g, const table_options *o)
{
    column *list;
    int n = list_columns(g, &list), partial = 0;
    if (o->format == TABLE_CSV) {
        print_csv(to, g, list, n);
        free(list);
        return;
    }
    matrix m = make(g, list, n, &partial);
    char *rest = describe(g);
    char *note = partial ? left_out_note(g->left_out) : NULL;
    char *context = line_context(g);
    layout_words(to, context, o);
    free(context);
    fputc('\n', to);
    matrix_print(to, &m, &(caption){"Detection and accuracy", rest, note}, o);
    free(rest);
    free(note);
    matrix_free(&m);
    free(list);
}
