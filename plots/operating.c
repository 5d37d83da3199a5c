/* operating.c - walks two sorted lists of scores from the highest downwards. Equal scores are
 * accepted together. */
#include "operating.h"
#include "../harness/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEP 0.4 /* percent of an axis, or of both together: less is not seen */

typedef struct curve {
    figure_data *out;
    operating_axes *axes;
    const char *panel, *line;
    double value, x, y; /* where the last point was put */
    int started;
} curve;

static void put(curve *c, double x, double y)
{
    data_text(c->out, c->panel);
    data_text(c->out, c->line);
    data_number(c->out, c->value);
    data_number(c->out, x);
    data_number(c->out, y);
    c->x = x;
    c->y = y;
    c->started = 1;
}

static void visit(curve *c, const operating_point *p)
{
    double x, y;
    int last = p->id == p->n_id && p->ood == p->n_ood;
    c->axes(p, &x, &y);
    if (!c->started || last || fabs(x - c->x) + fabs(y - c->y) >= STEP)
        put(c, x, y);
}

/* Both upwards. */
static void walk(curve *c, const float *id, int64_t n_id, const float *ood, int64_t n_ood)
{
    operating_point p = {0, 0, n_id, n_ood};
    visit(c, &p);
    while (p.id < n_id || p.ood < n_ood) {
        float a = p.id < n_id ? id[n_id - 1 - p.id] : -INFINITY,
              b = p.ood < n_ood ? ood[n_ood - 1 - p.ood] : -INFINITY;
        float cut = a > b ? a : b;
        while (p.id < n_id && id[n_id - 1 - p.id] == cut)
            p.id++;
        while (p.ood < n_ood && ood[n_ood - 1 - p.ood] == cut)
            p.ood++;
        visit(c, &p);
    }
}

/* The sets' scores are sorted already. */
static void put_curve(figure_data *out, const verdict *v, const kept_set *ood, int by_scorer,
                      enum result_column value, operating_axes *axes)
{
    curve c = {.out = out,
               .axes = axes,
               .panel = by_scorer ? ood->name : v->label,
               .line = by_scorer ? v->label : ood->name,
               .value = strtod(sheet_at(v->results, ood->row, value), NULL)};
    walk(&c, v->sets[0].scores, v->sets[0].n, ood->scores, ood->n);
}

/* Every panel's lines stand together: by set, panels are scorers; by scorer, sets. */
static void put_all(figure_data *out, const kept *k, int by_scorer, enum result_column value, operating_axes *axes)
{
    for (int i = 0; i < k->n && !by_scorer; i++)
        for (int s = 1; s < k->at[i].n; s++)
            put_curve(out, &k->at[i], &k->at[i].sets[s], 0, value, axes);
    for (int first = 1; by_scorer && first < k->at[0].n; first++)
        for (int i = 0; i < k->n; i++)
            for (int s = 1; s < k->at[i].n; s++)
                if (strcmp(k->at[i].sets[s].name, k->at[0].sets[first].name) == 0)
                    put_curve(out, &k->at[i], &k->at[i].sets[s], 1, value, axes);
}

int operating_data(const figure_input *in, figure_data *out, enum result_column value, operating_axes *axes)
{
    kept k;
    if (kept_make(&k, in) != 0)
        return -1;
    for (int i = 0; i < k.n; i++)
        for (int s = 0; s < k.at[i].n; s++)
            kept_sort(k.at[i].sets[s].scores, k.at[i].sets[s].n);
    int by_scorer = strcmp(figure_value(in, "by"), "scorer") == 0, sets = k.at[0].n - 1;
    int rc = kept_readable(in, by_scorer ? sets : k.n, by_scorer ? k.n : sets);
    if (rc == 0)
        put_all(out, &k, by_scorer, value, axes);
    kept_free(&k);
    return rc;
}
