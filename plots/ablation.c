/* ablation.c - a metric over the values of one setting of training or scorer (rho, lambda,
 * an augmentation), a series for every combination of the others, means over seeds. */
#include "../harness/config.h"
#include "../harness/grid.h"
#include "../harness/labels.h"
#include "../harness/text.h"
#include "figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct point { /* a scorer on a checkpoint */
    char *name;        /* "drsam", or with several scorers "drsam, knn" */
    char *settings;    /* of both, but for the key */
    char *value;       /* of the key; NULL without it */
    int series, order; /* its first point's number, and its value's place among words */
    mean result;
} point;

typedef struct points {
    point *at;
    int n;
} points;

/* Where the value of a key stands in "a=1;b=2", its length in *n; NULL without that key. */
static const char *value_of(const char *settings, const char *key, int *n)
{
    size_t length = strlen(key);
    for (const char *p = settings; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strncmp(p, key, length) == 0 && p[length] == '=') {
            *n = (int)strcspn(p + length + 1, ";");
            return p + length + 1;
        }
    return NULL;
}

static char *without(const char *settings, const char *key)
{
    text t = {0};
    size_t length = strlen(key);
    for (const char *p = settings; *p; p += strcspn(p, ";"), p += *p == ';')
        if (strncmp(p, key, length) != 0 || p[length] != '=')
            text_add(&t, "%s%.*s", t.n ? ";" : "", (int)strcspn(p, ";"), p);
    return t.bytes ? t.bytes : text_copy("");
}

static mean result_of(const grid *g, int line, const figure_input *in)
{
    const char *metric = figure_value(in, "metric"), *group = figure_value(in, "group");
    if (strcmp(metric, "acc") == 0)
        return grid_accuracy(g, line, "near far");
    if (strcmp(metric, "shifted") == 0)
        return grid_accuracy(g, line, "csid");
    enum result_column column = strcmp(metric, "auroc") == 0 ? RESULT_AUROC : RESULT_FPR95;
    return strcmp(group, "average") == 0 ? grid_average(g, line, column) : grid_group(g, line, group, column);
}

static char *name_of(const grid *g, int line, const char *source_name)
{
    const char *train = grid_line(g, line, RESULT_TRAIN), *net = grid_line(g, line, RESULT_NET);
    text t = {0};
    if (grid_varies(g, RESULT_NET) || !train[0])
        text_add(&t, "%s%s", net, train[0] ? " " : "");
    text_add(&t, "%s", train);
    if (grid_varies(g, RESULT_SCORE))
        text_add(&t, ", %s", grid_line(g, line, RESULT_SCORE));
    if (source_name)
        text_add(&t, " (%s)", source_name);
    return t.bytes;
}

static void take_line(points *p, const grid *g, int line, const figure_input *in, const char *key,
                      const char *source_name)
{
    const char *train = grid_line(g, line, RESULT_TRAIN_PARAMS), *score = grid_line(g, line, RESULT_SCORE_PARAMS);
    char *all = text_format("%s%s%s", train, train[0] && score[0] ? ";" : "", score);
    int n = 0;
    const char *value = key ? value_of(all, key, &n) : NULL;
    p->at = text_more(p->at, (size_t)(p->n + 1) * sizeof *p->at);
    p->at[p->n++] = (point){.name = name_of(g, line, source_name),
                            .settings = key ? without(all, key) : text_copy(all),
                            .value = value ? text_format("%.*s", n, value) : NULL,
                            .result = result_of(g, line, in)};
    free(all);
}

static void drop_points(points *p)
{
    for (int i = 0; i < p->n; i++) {
        free(p->at[i].name);
        free(p->at[i].settings);
        free(p->at[i].value);
    }
    free(p->at);
    *p = (points){0};
}

static int gather(points *p, const figure_input *in, const char *key, const char *score)
{
    for (int i = 0; i < in->n; i++) {
        grid g;
        const sheet *rows = source_results(&in->sources[i]);
        if (!rows || grid_make(&g, rows, NULL, &(table_options){.score = score}) != 0)
            return -1;
        for (int line = 0; line < g.nlines; line++)
            take_line(p, &g, line, in, key, in->n > 1 ? in->sources[i].name : NULL);
        grid_free(&g);
    }
    return 0;
}

/* The key. */

/* Adds the keys in which two points of one name differ to a list "lr rho". */
static void add_differences(text *keys, const point *a, const point *b)
{
    for (const char *p = a->settings; *p; p += strcspn(p, ";"), p += *p == ';') {
        char *key = text_format("%.*s", (int)strcspn(p, "=;"), p), *listed = text_format(" %s ", text_str(keys));
        char *word = text_format(" %s ", key);
        int n = 0, m = (int)strcspn(p + strlen(key) + 1, ";");
        const char *other = value_of(b->settings, key, &n);
        if (other && (n != m || strncmp(other, p + strlen(key) + 1, (size_t)n) != 0) && !strstr(listed, word))
            text_add(keys, "%s%s", keys->n ? " " : "", key);
        free(key);
        free(listed);
        free(word);
    }
}

/* What was swept, as "aug rho"; p was gathered without a key. */
static char *swept_keys(const points *p)
{
    text keys = {0};
    for (int i = 0; i < p->n; i++)
        for (int j = i + 1; j < p->n; j++)
            if (strcmp(p->at[i].name, p->at[j].name) == 0)
                add_differences(&keys, &p->at[i], &p->at[j]);
    return keys.bytes ? keys.bytes : text_copy("");
}

/* The key that is asked for, or the only one that was swept; NULL with fault() set. */
static char *choose_key(const figure_input *in, const char *score)
{
    points p = {0};
    const char *wanted = figure_value(in, "key"), *names[64];
    int n = 0, found = 0;
    if (gather(&p, in, NULL, score) != 0) {
        drop_points(&p);
        return NULL;
    }
    char *keys = swept_keys(&p), *copy = text_copy(keys), *rest = copy, *key = NULL;
    for (char *name; *copy && n < 64 && (name = strsep(&rest, " ")) != NULL; n++) {
        names[n] = name;
        found |= strcmp(name, wanted) == 0;
    }
    const char *near = config_nearest(wanted, names, n);
    if (found || (!wanted[0] && n == 1))
        key = text_copy(found ? wanted : names[0]);
    else if (n == 0)
        fault("plot ablation: no setting has several values: run with a list, such as `METHOD.rho: [0.05, 0.1]`");
    else if (!wanted[0])
        fault("plot ablation: several settings have several values: choose one with --key: %s", keys);
    else if (near)
        fault("plot ablation: --key: `%s` has no several values; did you mean `%s`?", wanted, near);
    else
        fault("plot ablation: --key: expected a setting with several values, one of %s; found `%s`", keys, wanted);
    free(keys);
    free(copy);
    drop_points(&p);
    return key;
}

/* The CSV. */

/* Is there a number in every value? */
static int all_numbers(const points *p)
{
    for (int i = 0; i < p->n; i++) {
        char *end;
        if (p->at[i].value && (strtod(p->at[i].value, &end), *end || end == p->at[i].value))
            return 0;
    }
    return 1;
}

/* Its place among the different values, as they came. */
static int order_of(const points *p, const char *value)
{
    int order = 0;
    for (int i = 0; i < p->n; i++) {
        int before = 0;
        if (!p->at[i].value)
            continue;
        if (strcmp(p->at[i].value, value) == 0)
            break;
        for (int j = 0; j < i; j++)
            before |= p->at[j].value && strcmp(p->at[j].value, p->at[i].value) == 0;
        order += !before;
    }
    return order + 1;
}

static void put_point(figure_data *out, const figure_input *in, const point *q, const char *key, const char *label,
                      int numbers)
{
    data_text(out, key);
    data_text(out, !q->value ? "without" : numbers ? "number" : "word");
    data_text(out, q->value ? q->value : "");
    data_text(out, label);
    data_text(out, figure_value(in, "metric"));
    data_text(out, figure_value(in, "group"));
    if (!q->value)
        data_none(out);
    else
        data_number(out, numbers ? strtod(q->value, NULL) : q->order);
    data_number(out, q->result.n ? q->result.value : NAN);
    data_number(out, q->result.n ? q->result.std : NAN);
    data_number(out, q->result.n);
}

/* Is there another point of its series? One alone is no line, and what was not swept is none. */
static int in_series(const points *p, int i)
{
    for (int j = 0; j < p->n; j++)
        if (j != i && p->at[j].value && p->at[i].value && strcmp(p->at[j].name, p->at[i].name) == 0 &&
            strcmp(p->at[j].settings, p->at[i].settings) == 0)
            return 1;
    return 0;
}

static int is_reference(const points *p, int i, const char *wanted)
{
    size_t n = strlen(wanted);
    if (p->at[i].value || strcmp(wanted, "none") == 0)
        return 0;
    if (n)
        return strncmp(p->at[i].name, wanted, n) == 0 && (!p->at[i].name[n] || strchr(" ,", p->at[i].name[n]));
    for (int j = 0; j < i; j++)
        if (!p->at[j].value)
            return 0;
    return 1;
}

/* By series, in it by value; levels last. Words stay in the order in which they came. */
static int by_series(const void *a, const void *b)
{
    const point *x = a, *y = b;
    double u = x->value ? strtod(x->value, NULL) : 0, v = y->value ? strtod(y->value, NULL) : 0;
    return x->series != y->series ? x->series - y->series : u != v ? (u > v) - (u < v) : x->order - y->order;
}

static void number_series(points *p)
{
    for (int i = 0; i < p->n; i++) {
        int first = 0;
        while (strcmp(p->at[first].name, p->at[i].name) != 0 ||
               strcmp(p->at[first].settings, p->at[i].settings) != 0)
            first++;
        p->at[i].series = p->at[i].value ? first : p->n + i;
        p->at[i].order = p->at[i].value ? order_of(p, p->at[i].value) : 0;
    }
}

static void put_points(figure_data *out, const figure_input *in, points *p, const char *key)
{
    int numbers = all_numbers(p);
    number_series(p);
    qsort(p->at, (size_t)p->n, sizeof *p->at, by_series);
    const char **held = text_more(NULL, 2 * (size_t)p->n * sizeof *held);
    for (int i = 0; i < p->n; i++) {
        held[i] = p->at[i].name;
        held[p->n + i] = p->at[i].settings;
    }
    for (int i = 0; i < p->n; i++) {
        char *label = label_apart(held, held + p->n, p->n, i);
        if (in_series(p, i) || is_reference(p, i, figure_value(in, "reference")))
            put_point(out, in, &p->at[i], key, label, numbers);
        free(label);
    }
    free(held);
}

static int data(const figure_input *in, figure_data *out)
{
    const char *wanted = figure_value(in, "score");
    const sheet *first = source_results(&in->sources[0]);
    points p = {0};
    if (!first)
        return -1;
    const char *score = sheet_rows(first) ? sheet_at(first, 0, RESULT_SCORE) : "";
    char *only = wanted[0] ? text_copy(wanted) : text_format("%.*s", (int)strcspn(score, " "), score);
    const char *filter = strcmp(only, "all") == 0 ? NULL : only;
    char *key = choose_key(in, filter);
    int rc = key ? gather(&p, in, key, filter) : -1;
    if (rc == 0) {
        put_points(out, in, &p, key);
        data_note(out, "over %s, scored with %s", key, filter ? filter : "every scorer");
    }
    drop_points(&p);
    free(key);
    free(only);
    return rc;
}

static const figure_option options[] = {
    {"key", "", NULL, "the setting along x; the one that has several values"},
    {"metric", "fpr95", "fpr95 auroc acc shifted", "along y; acc: clean accuracy, shifted: on shifted images"},
    {"group", "average", "near far average", "of OOD sets, for fpr95 and auroc"},
    {"score", "", NULL, "the scorer, or `all`; the first there is"},
    {"reference", "", NULL, "a method without the key, drawn as a level, or `none`; the first there is"},
    {0},
};

static const figure ablation = {
    .name = "ablation",
    .help = "a metric over the values of one setting, a line per other settings",
    .columns = "key kind value series metric group x mean std seeds",
    .numbers = "x mean std seeds",
    .varies = "x mean",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(ablation);
