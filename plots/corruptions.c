/* corruptions.c - accuracy of every model under every corruption and severity of a
 * covariate-shifted set, means over seeds. */
#include "../harness/text.h"
#include "models.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The shifted set that is asked for, or the first there is; NULL with fault() set. */
static const char *find_set(const models *m, const char *wanted)
{
    for (int i = 0; i < m->nsheets; i++)
        for (int row = 0; row < sheet_rows(m->sheets[i]); row++) {
            const char *set = sheet_at(m->sheets[i], row, ACCURACY_SET);
            if (strcmp(set, sheet_at(m->sheets[i], row, ACCURACY_ID)) != 0 &&
                (!wanted[0] || strcmp(set, wanted) == 0))
                return set;
        }
    if (wanted[0])
        fault("plot corruptions: --set: there is no accuracy on a covariate-shifted set `%s`", wanted);
    else
        fault("plot corruptions: there is no accuracy on a covariate-shifted set: run with `csid: SET`");
    return NULL;
}

/* "fog_3" is fog at severity 3; sums and parts without a severity are no cell of the map. */
static int is_part(const char *split)
{
    size_t n = strlen(split);
    return n > 2 && split[n - 2] == '_' && isdigit((unsigned char)split[n - 1]);
}

/* The mean over seeds; NaN without any. */
static double accuracy(const models *m, int model, const char *set, const char *split)
{
    const sheet *s = m->sheets[m->source[model]];
    seeds all = {0};
    for (int row = 0; row < sheet_rows(s); row++)
        if (strcmp(sheet_at(s, row, ACCURACY_SPLIT), split) == 0 &&
            strcmp(sheet_at(s, row, ACCURACY_SET), set) == 0 && models_find(m, m->source[model], row) == model)
            seeds_take(&all, sheet_at(s, row, ACCURACY_ACC));
    return seeds_mean(&all);
}

static void put_cell(figure_data *out, const models *m, int model, const char *set, const char *split, int first)
{
    size_t n = strlen(split) - 2;
    char *corruption = text_format("%.*s", (int)n, split);
    double value = accuracy(m, model, set, split);
    data_text(out, m->label[model]);
    data_text(out, set);
    data_text(out, corruption);
    data_number(out, split[n + 1] - '0');
    data_text(out, first >= 0 ? "difference" : "accuracy");
    data_number(out, first >= 0 ? value - accuracy(m, first, set, split) : value);
    free(corruption);
}

/* Parts in the order of the model's own rows; those of another seed are in its mean. */
static void put_model(figure_data *out, const models *m, int model, const char *set, int first)
{
    const sheet *s = m->sheets[m->source[model]];
    const char *seed = sheet_at(s, m->row[model], ACCURACY_SEED);
    for (int row = 0; row < sheet_rows(s); row++) {
        const char *split = sheet_at(s, row, ACCURACY_SPLIT);
        if (strcmp(sheet_at(s, row, ACCURACY_SET), set) == 0 && is_part(split) &&
            strcmp(sheet_at(s, row, ACCURACY_SEED), seed) == 0 && models_find(m, m->source[model], row) == model)
            put_cell(out, m, model, set, split, first);
    }
}

static int data(const figure_input *in, figure_data *out)
{
    int difference = strcmp(figure_value(in, "of"), "difference") == 0;
    models m;
    if (models_make(&m, in, MODELS_OF_ACCURACY) != 0)
        return -1;
    const char *set = find_set(&m, figure_value(in, "set"));
    int rc = !set ? -1
             : difference && m.n < 2
                 ? fault("plot corruptions: a difference needs two models, found `%s` alone", m.n ? m.label[0] : "")
                 : 0;
    for (int i = difference; rc == 0 && i < m.n; i++)
        put_model(out, &m, i, set, difference ? 0 : -1);
    if (rc == 0 && difference)
        data_note(out, "differences to %s", m.label[0]);
    models_free(&m);
    return rc;
}

static const figure_option options[] = {
    {"of", "accuracy", "accuracy difference", "what is shown; difference: to the first model"},
    {"set", "", NULL, "the covariate-shifted set; the first there is"},
    {0},
};

static const figure corruptions = {
    .name = "corruptions",
    .help = "accuracy by corruption and severity, as a heat map per model",
    .columns = "model set corruption severity of value",
    .numbers = "severity value",
    .varies = "value",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(corruptions);
