/* sharpness.c - how far the loss rises within a radius around the weights, model by
 * model and set by set: the largest rise over all searches, the least of them, and
 * that of a single step; means over seeds. */
#include "../harness/text.h"
#include "models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *at(const sheet *s, int row, int column)
{
    return sheet_at(s, row, column);
}

static int same_point(const sheet *s, int a, int b, int with_seed)
{
    return strcmp(at(s, a, ANALYSIS_SET), at(s, b, ANALYSIS_SET)) == 0 &&
           strcmp(at(s, a, ANALYSIS_SPLIT), at(s, b, ANALYSIS_SPLIT)) == 0 &&
           strcmp(at(s, a, ANALYSIS_SECOND), at(s, b, ANALYSIS_SECOND)) == 0 &&
           strcmp(at(s, a, ANALYSIS_SETTINGS), at(s, b, ANALYSIS_SETTINGS)) == 0 &&
           (!with_seed || strcmp(at(s, a, ANALYSIS_RUN), at(s, b, ANALYSIS_RUN)) == 0);
}

typedef struct spread { /* sums over seeds */
    double high, low, one_step;
    int seeds, searches;
} spread;

/* Is there no earlier row of the point, or of the point and seed? */
static int is_first(const models *m, int model, int row, int with_seed)
{
    const sheet *s = m->sheets[m->source[model]];
    for (int i = 0; i < row; i++)
        if (models_find(m, m->source[model], i) == model && same_point(s, i, row, with_seed))
            return 0;
    return 1;
}

/* Adds what the searches of this row's seed found. */
static void add_seed(spread *all, const models *m, int model, int row)
{
    const sheet *s = m->sheets[m->source[model]];
    double high = -INFINITY, low = INFINITY;
    for (int i = row; i < sheet_rows(s); i++)
        if (models_find(m, m->source[model], i) == model && same_point(s, i, row, 1)) {
            double rise = strtod(at(s, i, SHARPNESS_RISE), NULL);
            high = fmax(high, rise);
            low = fmin(low, rise);
            all->searches++;
        }
    all->high += high;
    all->low += low;
    all->one_step += strtod(at(s, row, SHARPNESS_ONE_STEP), NULL);
    all->seeds++;
}

static void put_point(figure_data *out, const models *m, int model, int row)
{
    const sheet *s = m->sheets[m->source[model]];
    const char *split = at(s, row, ANALYSIS_SPLIT), *name = at(s, row, ANALYSIS_SET);
    spread all = {0};
    for (int i = row; i < sheet_rows(s); i++)
        if (models_find(m, m->source[model], i) == model && same_point(s, i, row, 0) && is_first(m, model, i, 1))
            add_seed(&all, m, model, i);
    char *set = strcmp(split, "all") == 0 ? text_copy(name) : text_format("%s %s", name, split);
    data_text(out, m->label[model]);
    data_text(out, set);
    data_number(out, strtod(at(s, row, ANALYSIS_SECOND), NULL));
    data_number(out, all.high / all.seeds);
    data_number(out, all.low / all.seeds);
    data_number(out, all.one_step / all.seeds);
    data_number(out, all.searches);
    data_number(out, all.seeds);
    free(set);
}

static int data(const figure_input *in, figure_data *out)
{
    models m;
    if (models_make(&m, in, MODELS_OF_SHARPNESS) != 0)
        return -1;
    for (int i = 0; i < m.n; i++)
        for (int row = 0; row < sheet_rows(m.sheets[m.source[i]]); row++)
            if (models_find(&m, m.source[i], row) == i && is_first(&m, i, row, 0))
                put_point(out, &m, i, row);
    models_free(&m);
    return 0;
}

static const figure sharpness = {
    .name = "sharpness",
    .help = "the largest rise of the loss within a radius around models' weights",
    .columns = "model set rho sharpness low one_step searches seeds",
    .numbers = "rho sharpness low one_step searches seeds",
    .varies = "rho sharpness",
    .least = 2,
    .data = data,
};
FIGURE(sharpness);
