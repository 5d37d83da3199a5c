/* landscape.c - the loss along two random directions of the weights, around every
 * model and on every set, on one scale. A mean over seeds would be of different
 * places, so the first seed stands for all. */
#include "../harness/text.h"
#include "models.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double endless = 1e30; /* instead of an infinite loss: above every clip */

static const char *at(const sheet *s, int row, int column)
{
    return sheet_at(s, row, column);
}

/* "cifar10 test"; of a shifted set its name alone. */
static char *set_label(const sheet *s, int row)
{
    const char *split = at(s, row, ANALYSIS_SPLIT);
    return strcmp(split, "all") == 0 ? text_copy(at(s, row, ANALYSIS_SET))
                                     : text_format("%s %s", at(s, row, ANALYSIS_SET), split);
}

static int is_shown(const char *wanted, const char *label)
{
    char *list = text_format(",%s,", wanted), *item = text_format(",%s,", label);
    int shown = !wanted[0] || strstr(list, item);
    free(list);
    free(item);
    return shown;
}

/* Rows of one run: another seed, other directions or images are another landscape. */
static int put_row(const figure_input *in, figure_data *out, const models *m, int model, int row, double clip)
{
    const sheet *s = m->sheets[m->source[model]];
    char *set = set_label(s, row);
    double loss = strtod(at(s, row, LANDSCAPE_LOSS), NULL);
    int shown = is_shown(figure_value(in, "set"), set), infinite = shown && !isfinite(loss);
    if (shown) {
        data_text(out, m->label[model]);
        data_text(out, set);
        data_number(out, strtod(at(s, row, ANALYSIS_FIRST), NULL));
        data_number(out, strtod(at(s, row, ANALYSIS_SECOND), NULL));
        data_number(out, infinite ? endless : loss);
        data_number(out, clip);
        data_text(out, figure_value(in, "view"));
    }
    free(set);
    return infinite;
}

static int put_model(const figure_input *in, figure_data *out, const models *m, int model, double clip)
{
    const sheet *s = m->sheets[m->source[model]];
    const char *run = at(s, m->row[model], ANALYSIS_RUN);
    int infinite = 0, others = 0;
    for (int row = 0; row < sheet_rows(s); row++)
        if (models_find(m, m->source[model], row) != model)
            continue;
        else if (strcmp(at(s, row, ANALYSIS_RUN), run) == 0)
            infinite += put_row(in, out, m, model, row, clip);
        else
            others++;
    if (others)
        data_note(out, "%s: left out %d points of other seeds or settings than the first's (%s)", m->label[model],
                  others, at(s, m->row[model], ANALYSIS_SETTINGS));
    return infinite;
}

static int data(const figure_input *in, figure_data *out)
{
    models m;
    double clip;
    int infinite = 0;
    if (figure_number(in, "clip", &clip, 1e-6, 1e6) != 0 || models_make(&m, in, MODELS_OF_LANDSCAPE) != 0)
        return -1;
    for (int i = 0; i < m.n; i++)
        if (is_shown(figure_value(in, "model"), m.label[i]))
            infinite += put_model(in, out, &m, i, clip);
    if (infinite)
        data_note(out, "%d points have an infinite loss, 1e30 in the CSV", infinite);
    models_free(&m);
    return 0;
}

static const figure_option options[] = {
    {"view", "contour", "contour surface", "seen from above, or from the side"},
    {"clip", "10", NULL, "the loss from which on all is drawn alike"},
    {"model", "", NULL, "models to show, as the figure names them: ce,sam; all"},
    {"set", "", NULL, "sets to show, as the figure names them: cifar10 test,cifar10c; all"},
    {0},
};

static const figure landscape = {
    .name = "landscape",
    .help = "the loss around models along two random directions of the weights",
    .columns = "model set alpha beta loss clip view",
    .numbers = "alpha beta loss clip",
    .varies = "alpha beta loss",
    .least = 9,
    .options = options,
    .data = data,
};
FIGURE(landscape);
