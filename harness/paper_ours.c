/* paper_ours.c - our figure for a published quantity: over the sets that the paper
 * has and we have, too; accuracy on shifted images by set or, where the paper
 * names corruptions, by these. */
#include "paper_match.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

static int find_set(const grid *g, const char *name, size_t n, int shifted)
{
    for (int set = 0; set < g->nsets; set++) {
        const char *group = grid_name(g, set, RESULT_GROUP), *own = grid_name(g, set, RESULT_OOD);
        if (!result_spectrum(group) && (strcmp(group, "csid") == 0) == shifted && strlen(own) == n &&
            strncmp(own, name, n) == 0)
            return set;
    }
    return -1;
}

static int has_set(const paper_match *m, int line, const char *name, size_t n)
{
    int set = find_set(m->grid, name, n, 0);
    for (int i = 0; set >= 0 && i < m->grid->nlines; i++)
        if ((line < 0 || i == line) && grid_set(m->grid, i, set, RESULT_AUROC).n)
            return 1;
    return 0;
}

char *paper_present(const paper_match *m, int line, const char *list)
{
    text t = {0};
    for (const char *p = list; *p; p += strcspn(p, " "), p += *p == ' ') {
        int n = (int)strcspn(p, " ");
        if (has_set(m, line, p, (size_t)n))
            text_add(&t, "%s%.*s", t.n ? " " : "", n, p);
    }
    return t.bytes ? t.bytes : text_copy("");
}

static mean detection(const paper_match *m, int line, const quantity *q)
{
    char **lists;
    int n = paper_sets(m->paper, q, &lists), partial = 0;
    for (int i = 0; i < n; i++) {
        char *held = paper_present(m, line, lists[i]);
        partial |= strcmp(held, lists[i]) != 0;
        free(held);
    }
    mean v = grid_named(m->grid, line, lists, n, q->of->column);
    v.partial |= partial;
    for (int i = 0; i < n; i++)
        free(lists[i]);
    free(lists);
    return v;
}

/* Shifted images. */

static int shifted_set(const paper_match *m, int line)
{
    for (int i = 0; i < config_items(m->paper->setting, "csid"); i++) {
        const char *name = config_item(m->paper->setting, "csid", i);
        int set = find_set(m->grid, name, strlen(name), 1);
        if (set >= 0 && grid_set(m->grid, line, set, RESULT_ACC).n)
            return set;
    }
    return -1;
}

static int same_model(const paper_match *m, int line, int row)
{
    static const struct {
        enum result_column ours;
        enum accuracy_column theirs;
    } of[] = {{RESULT_NET, ACCURACY_NET},
              {RESULT_WEIGHTS, ACCURACY_WEIGHTS},
              {RESULT_TRAIN, ACCURACY_TRAIN},
              {RESULT_TRAIN_PARAMS, ACCURACY_TRAIN_PARAMS}};
    int same = 1;
    for (size_t i = 0; same && i < sizeof of / sizeof *of; i++)
        same = strcmp(grid_line(m->grid, line, of[i].ours), sheet_at(m->accuracies, row, of[i].theirs)) == 0;
    return same;
}

/* Of one seed and corruption, the mean over its severities in the first set that has it. */
static int corruption(const paper_match *m, int line, const char *seed, const char *name, double *value)
{
    const char *set = NULL;
    double sum = 0;
    int n = 0;
    size_t length = strlen(name);
    for (int row = 0; row < sheet_rows(m->accuracies); row++) {
        const char *split = sheet_at(m->accuracies, row, ACCURACY_SPLIT);
        const char *own = sheet_at(m->accuracies, row, ACCURACY_SET);
        if (strncmp(split, name, length) != 0 || (split[length] && split[length] != '_') ||
            strspn(split + length, "_0123456789") != strlen(split + length) || (set && strcmp(set, own) != 0) ||
            strcmp(sheet_at(m->accuracies, row, ACCURACY_SEED), seed) != 0 || !same_model(m, line, row))
            continue;
        set = own;
        sum += strtod(sheet_at(m->accuracies, row, ACCURACY_ACC), NULL);
        n++;
    }
    *value = n ? sum / n : 0;
    return n > 0;
}

static mean corruptions(const paper_match *m, int line)
{
    mean all = {0};
    int wanted = config_items(m->paper->setting, "corruptions");
    for (int seed = 0; m->accuracies && seed < m->grid->nseeds; seed++) {
        double sum = 0, value;
        int n = 0;
        for (int i = 0; i < wanted; i++)
            if (corruption(m, line, sheet_at(m->grid->rows, m->grid->seeds[seed], RESULT_SEED),
                           config_item(m->paper->setting, "corruptions", i), &value)) {
                sum += value;
                n++;
            }
        if (n)
            mean_take(&all, sum / n);
        all.partial |= n < wanted;
    }
    mean_end(&all);
    return all;
}

mean paper_ours(const paper_match *m, int line, const quantity *q)
{
    const mean none = {0};
    if (line < 0)
        return none;
    int set = q->what == PAPER_SHIFTED ? shifted_set(m, line) : -1;
    if (q->of)
        return detection(m, line, q);
    if (q->what == PAPER_CLEAN)
        return grid_accuracy(m->grid, line, "near far");
    return set >= 0 ? grid_set(m->grid, line, set, RESULT_ACC) : corruptions(m, line);
}

char *paper_shifted(const paper_match *m, int line)
{
    int set = shifted_set(m, line);
    text t = {0};
    double value;
    if (set >= 0)
        return text_copy(grid_name(m->grid, set, RESULT_OOD));
    for (int i = 0; m->accuracies && i < config_items(m->paper->setting, "corruptions"); i++) {
        const char *name = config_item(m->paper->setting, "corruptions", i);
        if (corruption(m, line, sheet_at(m->grid->rows, m->grid->seeds[0], RESULT_SEED), name, &value))
            text_add(&t, "%s%s", t.n ? ", " : "", name);
    }
    return t.bytes ? t.bytes : text_copy("");
}

/* Ours less the printed figure; 0 where one of them is missing. */
int paper_difference(const paper_match *m, pair at, const quantity *q, double *d)
{
    double v;
    mean ours = paper_ours(m, at.line, q);
    int both = ours.n && at.row >= 0 && paper_figure(m->paper, at.row, q->column, &v);
    *d = both ? ours.value - v : 0;
    return both;
}
