/* accuracies.c - rows of accuracy.csv by model, set, corruption and severity; means
 * over seeds, as in grid.c. A part `fog_3` is the corruption fog at severity 3; a
 * part without such a number has no severity, its accuracy stands under the mean. */
#include "accuracies.h"
#include "fault.h"
#include "file.h"
#include "grid.h"
#include "labels.h"
#include "matrix.h"
#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MEAN_OF_SEVERITIES = 0, MOST_SEVERITIES = 10 };

static const enum accuracy_column of_model[] = {ACCURACY_NET, ACCURACY_WEIGHTS, ACCURACY_ID, ACCURACY_TRAIN,
                                                ACCURACY_TRAIN_PARAMS};

typedef struct shifts {
    const sheet *rows;
    int *models, nmodels; /* a row that names each */
    char **sets, **corruptions, **seeds;
    int nsets, ncorruptions, nseeds;
    int severity[MOST_SEVERITIES]; /* is there such a one? */
} shifts;

/* "fog_3": its length without "_3", and 3; or all of it, and 0. */
static int split_name(const char *split, int *severity)
{
    size_t n = strlen(split);
    int numbered = n > 2 && split[n - 2] == '_' && isdigit((unsigned char)split[n - 1]);
    *severity = numbered ? split[n - 1] - '0' : 0;
    return (int)(numbered ? n - 2 : n);
}

static int is_sum(const char *split)
{
    return strncmp(split, "all", 3) == 0 && (split[3] == '\0' || split[3] == '+');
}

static const char *at(const shifts *s, int row, enum accuracy_column column)
{
    return sheet_at(s->rows, row, column);
}

static int same_model(const shifts *s, int a, int b)
{
    for (size_t i = 0; i < sizeof of_model / sizeof *of_model; i++)
        if (strcmp(at(s, a, of_model[i]), at(s, b, of_model[i])) != 0)
            return 0;
    return 1;
}

/* The first n bytes of `name`, unless it is there. */
static void add_name(char ***list, int *count, const char *name, int n)
{
    for (int i = 0; i < *count; i++)
        if (strncmp((*list)[i], name, (size_t)n) == 0 && !(*list)[i][n])
            return;
    *list = text_more(*list, (size_t)(*count + 1) * sizeof **list);
    (*list)[(*count)++] = text_format("%.*s", n, name);
}

static void add_model(shifts *s, int row)
{
    for (int i = 0; i < s->nmodels; i++)
        if (same_model(s, s->models[i], row))
            return;
    s->models = text_more(s->models, (size_t)(s->nmodels + 1) * sizeof *s->models);
    s->models[s->nmodels++] = row;
}

static int is_shifted(const shifts *s, int row)
{
    return strcmp(at(s, row, ACCURACY_SET), at(s, row, ACCURACY_ID)) != 0;
}

static void gather(shifts *s, const sheet *rows)
{
    *s = (shifts){.rows = rows};
    for (int row = 0; row < sheet_rows(rows); row++) {
        const char *set = at(s, row, ACCURACY_SET);
        if (!is_shifted(s, row))
            continue;
        add_model(s, row);
        add_name(&s->sets, &s->nsets, set, (int)strlen(set));
        add_name(&s->seeds, &s->nseeds, at(s, row, ACCURACY_SEED), (int)strlen(at(s, row, ACCURACY_SEED)));
    }
}

/* The corruptions and severities of one set. */
static void gather_parts(shifts *s, const char *set)
{
    s->ncorruptions = 0;
    memset(s->severity, 0, sizeof s->severity);
    for (int row = 0; row < sheet_rows(s->rows); row++) {
        int severity, n = split_name(at(s, row, ACCURACY_SPLIT), &severity);
        if (strcmp(at(s, row, ACCURACY_SET), set) != 0 || is_sum(at(s, row, ACCURACY_SPLIT)))
            continue;
        add_name(&s->corruptions, &s->ncorruptions, at(s, row, ACCURACY_SPLIT), n);
        s->severity[severity] = 1;
    }
}

static void drop_names(char **list, int n)
{
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

/* Numbers. */

static char *number(const shifts *s, mean v)
{
    if (v.n == 0)
        return text_copy("-");
    return s->nseeds > 1 ? text_format("%.2f ± %.2f", v.value, v.std) : text_format("%.2f", v.value);
}

/* The accuracy of a model under one seed; 0 when there is none. */
static int find(const shifts *s, int model, const char *seed, const char *set, const char *split, double *v)
{
    for (int row = sheet_rows(s->rows) - 1; row >= 0; row--)
        if (strcmp(at(s, row, ACCURACY_SPLIT), split) == 0 && strcmp(at(s, row, ACCURACY_SET), set) == 0 &&
            strcmp(at(s, row, ACCURACY_SEED), seed) == 0 && same_model(s, row, s->models[model])) {
            *v = strtod(at(s, row, ACCURACY_ACC), NULL);
            return 1;
        }
    return 0;
}

/* The mean over corruptions (`corruption` NULL: all) and severities (0: all) of one seed. */
static int mean_of(const shifts *s, int model, const char *seed, const char *set, const char *corruption,
                   int severity, double *out)
{
    double sum = 0, v;
    int n = 0;
    for (int c = 0; c < s->ncorruptions; c++)
        for (int level = 0; level < MOST_SEVERITIES; level++) {
            if ((corruption && strcmp(corruption, s->corruptions[c]) != 0) || (severity && severity != level))
                continue;
            char *split = level ? text_format("%s_%d", s->corruptions[c], level) : text_copy(s->corruptions[c]);
            if (find(s, model, seed, set, split, &v)) {
                sum += v;
                n++;
            }
            free(split);
        }
    *out = n ? sum / n : 0;
    return n > 0;
}

static char *mean_cell(const shifts *s, int model, const char *set, const char *corruption, int severity)
{
    mean all = {0};
    double v;
    for (int i = 0; i < s->nseeds; i++)
        if (mean_of(s, model, s->seeds[i], set, corruption, severity, &v))
            mean_take(&all, v);
    mean_end(&all);
    return number(s, all);
}

static mean of_split(const shifts *s, int model, const char *set, const char *split)
{
    mean all = {0};
    double v;
    for (int i = 0; i < s->nseeds; i++)
        if (find(s, model, s->seeds[i], set, split, &v))
            mean_take(&all, v);
    mean_end(&all);
    return all;
}

static char *split_cell(const shifts *s, int model, const char *set, const char *split)
{
    return number(s, of_split(s, model, set, split));
}

/* Tables. */

/* "resnet20, w.th, sam rho=0.05": what tells models apart, and the network. */
static char *model_label(const shifts *s, int model)
{
    text t = {0};
    const char **held = text_more(NULL, 2 * (size_t)s->nmodels * sizeof *held);
    for (int i = 0; i < s->nmodels; i++) {
        held[i] = at(s, s->models[i], ACCURACY_TRAIN);
        held[s->nmodels + i] = at(s, s->models[i], ACCURACY_TRAIN_PARAMS);
    }
    char *train = label_apart(held, held + s->nmodels, s->nmodels, model);
    int varies[2] = {0};
    for (int i = 0; i < s->nmodels; i++)
        for (int c = 0; c < 2; c++)
            varies[c] |= strcmp(at(s, s->models[i], of_model[c]), at(s, s->models[0], of_model[c])) != 0;
    for (int c = 0; c < 2; c++)
        if (varies[c])
            text_add(&t, "%s%s", t.n ? " " : "", at(s, s->models[model], of_model[c]));
    if (strcmp(train, "-") != 0 || !t.n)
        text_add(&t, "%s%s", t.n ? " " : "", strcmp(train, "-") != 0 ? train : at(s, s->models[0], ACCURACY_NET));
    free(train);
    free(held);
    return t.bytes;
}

static int severities(const shifts *s, int list[MOST_SEVERITIES])
{
    int n = 0;
    for (int i = 1; i < MOST_SEVERITIES; i++)
        if (s->severity[i])
            list[n++] = i;
    return n;
}

/* Corruptions x severities of one model. */
static void print_model(FILE *to, const shifts *s, int model, const char *set, const table_options *o)
{
    int level[MOST_SEVERITIES], n = severities(s, level);
    matrix m = matrix_new(s->ncorruptions + 2, n + 2, 1);
    char *label = model_label(s, model), *rest = text_format("on %s, accuracy in %% by severity", set);
    *matrix_at(&m, 0, 0) = text_copy("corruption");
    *matrix_at(&m, 0, n + 1) = text_copy("mean");
    for (int c = 0; c <= s->ncorruptions; c++) {
        const char *corruption = c < s->ncorruptions ? s->corruptions[c] : NULL;
        *matrix_at(&m, c + 1, 0) = text_copy(corruption ? corruption : "mean");
        for (int i = 0; i < n; i++)
            *matrix_at(&m, c + 1, i + 1) = mean_cell(s, model, set, corruption, level[i]);
        *matrix_at(&m, c + 1, n + 1) = mean_cell(s, model, set, corruption, MEAN_OF_SEVERITIES);
    }
    for (int i = 0; i < n; i++)
        *matrix_at(&m, 0, i + 1) = text_format("%d", level[i]);
    matrix_print(to, &m, &(caption){label, rest, NULL}, o);
    free(label);
    free(rest);
    matrix_free(&m);
}

/* Models x severities: clean test images, means over corruptions, all images, those and the clean ones. */
static void print_models(FILE *to, const shifts *s, const char *set, const table_options *o)
{
    static const char *const sums[] = {"all", "all+id"}, *const titles[] = {"all", "with clean"};
    int level[MOST_SEVERITIES], n = severities(s, level);
    matrix m = matrix_new(s->nmodels + 1, n + 4, 1);
    *matrix_at(&m, 0, 0) = text_copy("model");
    *matrix_at(&m, 0, 1) = text_copy("clean");
    for (int i = 0; i < n; i++)
        *matrix_at(&m, 0, i + 2) = text_format("%d", level[i]);
    for (int i = 0; i < 2; i++)
        *matrix_at(&m, 0, n + 2 + i) = text_copy(titles[i]);
    for (int model = 0; model < s->nmodels; model++) {
        *matrix_at(&m, model + 1, 0) = model_label(s, model);
        *matrix_at(&m, model + 1, 1) = split_cell(s, model, at(s, s->models[model], ACCURACY_ID), "test");
        for (int i = 0; i < n; i++)
            *matrix_at(&m, model + 1, i + 2) = mean_cell(s, model, set, NULL, level[i]);
        for (int i = 0; i < 2; i++)
            *matrix_at(&m, model + 1, n + 2 + i) = split_cell(s, model, set, sums[i]);
    }
    for (int col = 1; col < m.cols; col++)
        matrix_mark_best(&m, col, 1);
    char *rest = text_format("in %% on %s by severity, the mean over %d corruption%s; all: every shifted image",
                             set, s->ncorruptions, s->ncorruptions == 1 ? "" : "s");
    matrix_print(to, &m, &(caption){"accuracy", rest, NULL}, o);
    free(rest);
    matrix_free(&m);
}

static void print_csv_line(FILE *to, const shifts *s, int model, int row)
{
    mean all = of_split(s, model, at(s, row, ACCURACY_SET), at(s, row, ACCURACY_SPLIT));
    char seeds[16], acc[32], std[32];
    const char *fields[] = {at(s, row, ACCURACY_NET),
                            at(s, row, ACCURACY_WEIGHTS),
                            at(s, row, ACCURACY_ID),
                            at(s, row, ACCURACY_TRAIN),
                            at(s, row, ACCURACY_TRAIN_PARAMS),
                            at(s, row, ACCURACY_SET),
                            at(s, row, ACCURACY_SPLIT),
                            seeds,
                            acc,
                            std};
    text t = {0};
    snprintf(seeds, sizeof seeds, "%d", all.n);
    snprintf(acc, sizeof acc, "%.9g", all.value);
    snprintf(std, sizeof std, "%.9g", all.std);
    sheet_line(&t, fields, sizeof fields / sizeof *fields);
    fputs(t.bytes, to);
    text_free(&t);
}

/* A line per model and part, as it is in the file but for the means over seeds. */
static void print_csv(FILE *to, const shifts *s)
{
    fputs("net,weights,id,train,train_params,set,split,seeds,acc,acc_std\n", to);
    for (int model = 0; model < s->nmodels; model++)
        for (int row = 0; row < sheet_rows(s->rows); row++)
            if (same_model(s, row, s->models[model]) &&
                strcmp(at(s, row, ACCURACY_SEED), at(s, s->models[model], ACCURACY_SEED)) == 0)
                print_csv_line(to, s, model, row);
}

int accuracies_print(FILE *to, const sheet *rows, const table_options *o)
{
    shifts s;
    gather(&s, rows);
    if (s.nmodels && o->format == TABLE_CSV)
        print_csv(to, &s);
    for (int set = 0; set < s.nsets && o->format != TABLE_CSV; set++) {
        gather_parts(&s, s.sets[set]);
        if (o->format == TABLE_HTML)
            print_models(to, &s, s.sets[set], o);
        fputs(o->format == TABLE_HTML ? "<details><summary>By corruption</summary>\n" : "", to);
        for (int model = 0; model < s.nmodels; model++) {
            print_model(to, &s, model, s.sets[set], o);
            fputc('\n', to);
        }
        fputs(o->format == TABLE_HTML ? "</details>\n" : "", to);
        if (o->format != TABLE_HTML)
            print_models(to, &s, s.sets[set], o);
        drop_names(s.corruptions, s.ncorruptions);
        s.corruptions = NULL;
        if (set < s.nsets - 1)
            fputc('\n', to);
    }
    int found = s.nmodels;
    drop_names(s.sets, s.nsets);
    drop_names(s.seeds, s.nseeds);
    free(s.models);
    return found ? 0 : fault("no accuracy on a covariate-shifted set is there: run with `csid: SET`");
}

char *accuracies_beside(const char *results)
{
    const char *slash = strrchr(results, '/'), *name = slash ? slash + 1 : results;
    size_t n = strlen(name);
    if (n > 4) {
        char *path = text_format("%.*s-accuracy.csv", (int)(strlen(results) - 4), results);
        if (file_exists(path))
            return path;
        free(path);
    }
    return text_format("%.*saccuracy.csv", (int)(name - results), results);
}
