/* models.c - rows with the same network, weights, ID set and training are one model, whatever
 * their seed; sources are never mixed. */
#include "models.h"
#include "../harness/labels.h"
#include "../harness/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NET, WEIGHTS, TRAIN, PARAMS, ID, KEYS };

/* Where these stand, by models_of. */
static const int columns[][KEYS] = {
    {RESULT_NET, RESULT_WEIGHTS, RESULT_TRAIN, RESULT_TRAIN_PARAMS, RESULT_ID},
    {ACCURACY_NET, ACCURACY_WEIGHTS, ACCURACY_TRAIN, ACCURACY_TRAIN_PARAMS, ACCURACY_ID},
    {ANALYSIS_NET, ANALYSIS_WEIGHTS, ANALYSIS_TRAIN, ANALYSIS_TRAIN_PARAMS, ANALYSIS_ID},
    {ANALYSIS_NET, ANALYSIS_WEIGHTS, ANALYSIS_TRAIN, ANALYSIS_TRAIN_PARAMS, ANALYSIS_ID},
};

static const sheet *sheet_of(source *s, enum models_of kind)
{
    return kind == MODELS_OF_RESULTS ? source_results(s)
           : kind == MODELS_OF_ACCURACY
               ? source_accuracy(s)
               : source_analysis(s, kind == MODELS_OF_LANDSCAPE ? ANALYSIS_LANDSCAPE : ANALYSIS_SHARPNESS);
}

static const char *field(const models *m, int from, int row, int key)
{
    return sheet_at(m->sheets[from], row, columns[m->kind][key]);
}

static const char *key_of(const models *m, int model, int key)
{
    return field(m, m->source[model], m->row[model], key);
}

/* In full-spectrum rows shifted sets follow the ID set. */
static int same_key(const char *a, const char *b, int key)
{
    size_t n = strcspn(a, "+");
    return key == ID ? strcspn(b, "+") == n && strncmp(a, b, n) == 0 : strcmp(a, b) == 0;
}

int models_find(const models *m, int from, int row)
{
    for (int i = 0; i < m->n; i++) {
        int same = m->source[i] == from;
        for (int k = 0; same && k < KEYS; k++)
            same = same_key(key_of(m, i, k), field(m, from, row, k), k);
        if (same)
            return i;
    }
    return -1;
}

static void add(models *m, int from, int row)
{
    if (models_find(m, from, row) >= 0)
        return;
    m->source = text_more(m->source, (size_t)(m->n + 1) * sizeof *m->source);
    m->row = text_more(m->row, (size_t)(m->n + 1) * sizeof *m->row);
    m->source[m->n] = from;
    m->row[m->n++] = row;
}

static int varies(const models *m, int key)
{
    for (int i = 1; i < m->n; i++)
        if (strcmp(key_of(m, i, key), key_of(m, 0, key)) != 0)
            return 1;
    return 0;
}

static char *label_of(const models *m, int model, const char *const *names, const char *const *settings)
{
    const char *weights = key_of(m, model, WEIGHTS), *slash = strrchr(weights, '/');
    char *train = label_apart(names, settings, m->n, model);
    int trained = strcmp(train, "-") != 0;
    text t = {0};
    if (varies(m, NET) || !trained)
        text_add(&t, "%s", key_of(m, model, NET));
    if (varies(m, WEIGHTS) && weights[0])
        text_add(&t, "%s%s", t.n ? " " : "", slash ? slash + 1 : weights);
    if (trained)
        text_add(&t, "%s%s", t.n ? " " : "", train);
    free(train);
    return t.bytes;
}

/* Another source's model of the same name gets its source's name added, and so does this one. */
static void add_source_names(models *m, const figure_input *in)
{
    char *twice = text_more(NULL, (size_t)m->n + 1);
    for (int i = 0; i < m->n; i++) {
        twice[i] = 0;
        for (int j = 0; j < m->n; j++)
            twice[i] |= m->source[j] != m->source[i] && strcmp(m->label[j], m->label[i]) == 0;
    }
    for (int i = 0; i < m->n; i++)
        if (twice[i]) {
            char *longer = text_format("%s (%s)", m->label[i], in->sources[m->source[i]].name);
            free(m->label[i]);
            m->label[i] = longer;
        }
    free(twice);
}

int models_make(models *m, const figure_input *in, enum models_of kind)
{
    *m = (models){.kind = kind, .nsheets = in->n};
    m->sheets = text_more(NULL, (size_t)in->n * sizeof *m->sheets);
    for (int i = 0; i < in->n; i++) {
        m->sheets[i] = sheet_of(&in->sources[i], kind);
        if (!m->sheets[i]) {
            models_free(m);
            return -1;
        }
        for (int row = 0; row < sheet_rows(m->sheets[i]); row++)
            add(m, i, row);
    }
    const char **names = text_more(NULL, 2 * (size_t)m->n * sizeof *names), **settings = names + m->n;
    for (int i = 0; i < m->n; i++) {
        names[i] = key_of(m, i, TRAIN);
        settings[i] = key_of(m, i, PARAMS);
    }
    m->label = text_more(NULL, (size_t)m->n * sizeof *m->label);
    for (int i = 0; i < m->n; i++)
        m->label[i] = label_of(m, i, names, settings);
    free(names);
    add_source_names(m, in);
    return 0;
}

void models_free(models *m)
{
    for (int i = 0; m->label && i < m->n; i++)
        free(m->label[i]);
    free(m->label);
    free(m->source);
    free(m->row);
    free(m->sheets);
    *m = (models){0};
}

void seeds_take(seeds *s, const char *number)
{
    s->sum += number[0] ? strtod(number, NULL) : NAN;
    s->n++;
}

double seeds_mean(const seeds *s)
{
    return s->n ? s->sum / s->n : NAN;
}
