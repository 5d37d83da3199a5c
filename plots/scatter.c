/* scatter.c - detection against generalisation: how far each model's FPR@95 or AUROC and its
 * accuracy moved from a baseline's (DR-SAM, Figure 2), means over seeds. */
#include "../harness/config.h"
#include "../harness/grid.h"
#include "../harness/text.h"
#include "models.h"
#include "placing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct point {
    int model, from; /* from: its source */
    char *label, *score;
    mean detection, accuracy;
} point;

typedef struct points {
    models m;
    point *at;
    int n;
} points;

static const struct {
    const char *name;
    enum result_column column;
} metrics[] = {{"fpr95", RESULT_FPR95}, {"auroc", RESULT_AUROC}, {"fpr95_id", RESULT_FPR95_ID}};

static enum result_column metric_column(const char *name)
{
    int i = 0;
    while (strcmp(metrics[i].name, name) != 0)
        i++;
    return metrics[i].column;
}

static mean detection_of(const grid *g, int line, const figure_input *in)
{
    const char *group = figure_value(in, "group");
    enum result_column column = metric_column(figure_value(in, "metric"));
    return strcmp(group, "average") == 0 ? grid_average(g, line, column) : grid_group(g, line, group, column);
}

static mean accuracy_of(const grid *g, int line, const figure_input *in)
{
    int clean = strcmp(figure_value(in, "accuracy"), "clean") == 0;
    return grid_accuracy(g, line, clean ? "near far" : "csid");
}

/* A model with several settings of the scorer is several points. */
static char *label_line(const points *p, const grid *g, int line, int model)
{
    const char *params = grid_line(g, line, RESULT_SCORE_PARAMS);
    for (int i = 0; i < g->nlines; i++)
        if (i != line && strcmp(grid_line(g, i, RESULT_SCORE_PARAMS), params) != 0 &&
            models_find(&p->m, p->at[p->n].from, g->lines[i]) == model)
            return text_format("%s, %s", p->m.label[model], params);
    return text_copy(p->m.label[model]);
}

static int take_source(points *p, const figure_input *in, int from, const char *score)
{
    grid g;
    if (grid_make(&g, p->m.sheets[from], NULL, &(table_options){.score = score}) != 0)
        return -1;
    if (strcmp(figure_value(in, "accuracy"), "shifted") == 0 && !grid_has_group(&g, "csid")) {
        grid_free(&g);
        return fault(
            "plot scatter: %s: there is no accuracy on covariate-shifted images: run with `csid: SET`, or take "
            "`--accuracy clean`",
            in->sources[from].given);
    }
    for (int line = 0; line < g.nlines; line++) {
        int model = models_find(&p->m, from, g.lines[line]);
        p->at = text_more(p->at, (size_t)(p->n + 1) * sizeof *p->at);
        p->at[p->n] = (point){.model = model, .from = from};
        p->at[p->n].detection = detection_of(&g, line, in);
        p->at[p->n].accuracy = accuracy_of(&g, line, in);
        p->at[p->n].score = text_copy(grid_line(&g, line, RESULT_SCORE));
        p->at[p->n].label = label_line(p, &g, line, model);
        p->n++;
    }
    grid_free(&g);
    return 0;
}

/* The first scorer of a sheet, without the mark of a reconstruction. */
static char *first_score(const sheet *s)
{
    const char *score = sheet_rows(s) ? sheet_at(s, 0, RESULT_SCORE) : "";
    return text_format("%.*s", (int)strcspn(score, " "), score);
}

static const char *train_of(const points *p, const point *q)
{
    return sheet_at(p->m.sheets[q->from], p->m.row[q->model], RESULT_TRAIN);
}

/* What a point is compared with: of its own source where that has a baseline. */
static const point *baseline_of(const points *p, const char *name, int from)
{
    const point *found = NULL;
    for (int i = 0; i < p->n; i++) {
        const point *q = &p->at[i];
        int named = !name[0] || strcmp(q->label, name) == 0 || strcmp(train_of(p, q), name) == 0;
        if (named && (!found || (q->from == from && found->from != from)))
            found = q;
    }
    return found;
}

static int no_baseline(const points *p, const char *name)
{
    const char **labels = text_more(NULL, ((size_t)p->n + 1) * sizeof *labels);
    text all = {0};
    for (int i = 0; i < p->n; i++) {
        labels[i] = p->at[i].label;
        text_add(&all, "%s%s", i ? ", " : "", labels[i]);
    }
    const char *near = config_nearest(name, labels, p->n);
    int rc = near ? fault("plot scatter: --baseline: there is no model `%s`; did you mean `%s`?", name, near)
                  : fault("plot scatter: --baseline: expected one of %s; found `%s`", text_str(&all), name);
    text_free(&all);
    free(labels);
    return rc;
}

/* The range that the script draws, and where in it a value stands, in cm. */
typedef struct axis {
    double low, high, length;
} axis;

static void axis_take(axis *a, double v)
{
    if (isfinite(v)) {
        a->low = fmin(a->low, v);
        a->high = fmax(a->high, v);
    }
}

/* Room around the points, and a share of the axis on either side of zero, as in scatter.gp. */
static void axis_pad(axis *a, double share)
{
    double pad = 0.16 * (a->high - a->low), below = -a->low + pad, above = a->high + pad;
    a->low = -fmax(below, above * share / (1 - share));
    a->high = fmax(above, below * share / (1 - share));
}

static double on_paper(const axis *a, double v)
{
    return a->high > a->low ? (v - a->low) / (a->high - a->low) * a->length : 0;
}

static double from_paper(const axis *a, double cm)
{
    return a->low + cm / a->length * (a->high - a->low);
}

static void put_points(figure_data *out, const figure_input *in, const points *p)
{
    axis x = {.length = 6.7}, y = {.length = 5.4};
    placed *labels = text_more(NULL, (size_t)p->n * 3 * sizeof *labels);
    double(*moved)[2] = text_more(NULL, (size_t)p->n * sizeof *moved);
    for (int i = 0; i < p->n; i++) {
        const point *base = baseline_of(p, figure_value(in, "baseline"), p->at[i].from);
        int whole = p->at[i].accuracy.n && p->at[i].detection.n && base->accuracy.n && base->detection.n;
        moved[i][0] = whole ? p->at[i].accuracy.value - base->accuracy.value : NAN;
        moved[i][1] = whole ? p->at[i].detection.value - base->detection.value : NAN;
        axis_take(&x, moved[i][0]);
        axis_take(&y, moved[i][1]);
    }
    axis_pad(&x, 0.32);
    axis_pad(&y, 0.18);
    for (int i = 0; i < p->n; i++)
        labels[i] = (placed){.x = isnan(moved[i][0]) ? -100 : on_paper(&x, moved[i][0]),
                             .y = isnan(moved[i][1]) ? -100 : on_paper(&y, moved[i][1]),
                             .wide = place_width(p->at[i].label),
                             .tall = 0.3};
    place_labels(labels, p->n, &(area){x.length, y.length, 2.1, 0.75, on_paper(&x, 0), on_paper(&y, 0)});
    for (int i = 0; i < p->n; i++) {
        data_text(out, p->at[i].label);
        data_text(out, p->at[i].score);
        data_text(out, figure_value(in, "metric"));
        data_text(out, figure_value(in, "group"));
        data_text(out, figure_value(in, "accuracy"));
        data_number(out, moved[i][0]);
        data_number(out, moved[i][1]);
        data_number(out, p->at[i].accuracy.std);
        data_number(out, p->at[i].detection.std);
        data_number(out, p->at[i].accuracy.n);
        data_number(out, round(1e4 * from_paper(&x, labels[i].label_x)) / 1e4);
        data_number(out, round(1e4 * from_paper(&y, labels[i].label_y)) / 1e4);
    }
    free(labels);
    free(moved);
}

static int data(const figure_input *in, figure_data *out)
{
    const char *baseline = figure_value(in, "baseline");
    points p = {0};
    if (models_make(&p.m, in, MODELS_OF_RESULTS) != 0)
        return -1;
    char *score = figure_value(in, "score")[0] ? text_copy(figure_value(in, "score")) : first_score(p.m.sheets[0]);
    int rc = 0;
    for (int i = 0; rc == 0 && i < in->n; i++)
        rc = take_source(&p, in, i, score);
    if (rc == 0 && !baseline_of(&p, baseline, 0))
        rc = no_baseline(&p, baseline);
    if (rc == 0) {
        put_points(out, in, &p);
        data_note(out, "changes from %s, scored with %s", baseline_of(&p, baseline, 0)->label, score);
    }
    for (int i = 0; i < p.n; i++) {
        free(p.at[i].label);
        free(p.at[i].score);
    }
    free(p.at);
    free(score);
    models_free(&p.m);
    return rc;
}

static const figure_option options[] = {
    {"metric", "fpr95", "fpr95 auroc fpr95_id", "of detection"},
    {"group", "average", "near far average", "of OOD sets; average: of near and far"},
    {"accuracy", "shifted", "shifted clean", "on covariate-shifted or on clean images"},
    {"baseline", "", NULL, "the model that changes are taken from; the first there is"},
    {"score", "", NULL, "the scorer; the first there is"},
    {0},
};

static const figure scatter = {
    .name = "scatter",
    .help = "detection against generalisation: changes from a baseline",
    .columns =
        "model score metric group images accuracy detection accuracy_std detection_std seeds label_x label_y",
    .numbers = "accuracy detection accuracy_std detection_std seeds label_x label_y",
    .varies = "accuracy detection",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(scatter);
