/* history.c - how results and speeds moved from night to night: a panel for each series of
 * scores of an experiment, each a difference from its own median, so that a step shows. */
#include "../harness/file.h"
#include "../harness/nights.h"
#include "../harness/text.h"

#include "figure.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct line { /* of a panel: what of a row it shows */
    const char *show, *name;
    int column;
} line;

static const line lines[] = {
    {"auroc", "near", NIGHT_NEAR_AUROC}, {"auroc", "far", NIGHT_FAR_AUROC}, {"fpr95", "near", NIGHT_NEAR_FPR95},
    {"fpr95", "far", NIGHT_FAR_FPR95},   {"acc", "accuracy", NIGHT_ACC},    {"speed", "fit", NIGHT_FIT_S},
    {"speed", "score", NIGHT_SCORE_S},
};
enum { LINES = sizeof lines / sizeof *lines, MOST_PANELS = 60 };

typedef struct history {
    sheet *rows;
    const char *experiment, *show;
    const char **nights, **series; /* in the order in which they came */
    int nnights, nseries;
} history;

/* Files. */

static int is_csv(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".csv") == 0;
}

/* The CSV of the machine; where there is only one, it need not be named. */
static int open_rows(history *h, const char *folder, const char *machine)
{
    struct dirent **files;
    text names = {0};
    char *path = NULL;
    int n = scandir(folder, &files, is_csv, alphasort), rc;
    if (n < 0)
        return fault("plot history: cannot read %s: %s: expected the folder in which nightlies leave their history",
                     folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        size_t stem = strlen(files[i]->d_name) - 4;
        text_add(&names, "%s%.*s", i ? ", " : "", (int)stem, files[i]->d_name);
        if (!path && (!machine[0] || (strlen(machine) == stem && strncmp(machine, files[i]->d_name, stem) == 0)))
            path = text_format("%s/%s", folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
    if (n > 1 && !machine[0])
        rc = fault("plot history: %s is of several machines: choose one with --machine: %s", folder,
                   text_str(&names));
    else if (!path)
        rc = fault("plot history: there is no history of %s in %s%s%s: `oodbench nightly` writes it",
                   machine[0] ? machine : "any machine", folder, names.n ? "; there is " : "", text_str(&names));
    else
        rc = sheet_open(&h->rows, path, night_names, NIGHT_COLUMNS, SHEET_READ);
    text_free(&names);
    free(path);
    return rc;
}

static int add_name(const char ***list, int *n, const char *name)
{
    for (int i = 0; i < *n; i++)
        if (strcmp((*list)[i], name) == 0)
            return i;
    *list = text_more(*list, (size_t)(*n + 1) * sizeof **list);
    (*list)[*n] = name;
    return (*n)++;
}

static int is_of(const history *h, int row)
{
    return strcmp(sheet_at(h->rows, row, NIGHT_EXPERIMENT), h->experiment) == 0;
}

static int choose(history *h, const char *experiment)
{
    const char **names = NULL;
    int n = 0, found = 0;
    text all = {0};
    for (int row = 0; row < sheet_rows(h->rows); row++)
        add_name(&names, &n, sheet_at(h->rows, row, NIGHT_EXPERIMENT));
    for (int i = 0; i < n; i++) {
        text_add(&all, "%s%s", i ? ", " : "", names[i]);
        found |= strcmp(names[i], experiment) == 0;
    }
    h->experiment = experiment[0] ? experiment : n == 1 ? names[0] : "";
    int rc = n == 0 ? fault("plot history: no night is noted yet")
             : (experiment[0] ? !found : n > 1)
                 ? fault("plot history: choose an experiment with --experiment: %s", text_str(&all))
                 : 0;
    for (int row = 0; rc == 0 && row < sheet_rows(h->rows); row++)
        if (is_of(h, row)) {
            add_name(&h->nights, &h->nnights, sheet_at(h->rows, row, NIGHT_BEGAN));
            add_name(&h->series, &h->nseries, sheet_at(h->rows, row, NIGHT_SERIES));
        }
    text_free(&all);
    free(names);
    if (rc == 0 && h->nnights < 2)
        rc = fault("plot history: one night of %s is no history yet", h->experiment);
    if (rc == 0 && h->nseries > MOST_PANELS)
        rc = fault("plot history: %d series of %s: at most %d panels can be told apart", h->nseries, h->experiment,
                   MOST_PANELS);
    return rc;
}

/* Values. */

/* In percent; of speeds, how many calibration loops of that night. NaN: it is not known. */
static double value_of(const history *h, int row, const line *l)
{
    const char *said = sheet_at(h->rows, row, l->column);
    double value = said[0] ? strtod(said, NULL) : (double)NAN;
    if (strcmp(l->show, "speed") != 0)
        return value;
    return value * 2 /
           (strtod(sheet_at(h->rows, row, NIGHT_CALIBRATION_BEFORE_S), NULL) +
            strtod(sheet_at(h->rows, row, NIGHT_CALIBRATION_AFTER_S), NULL));
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, upwards);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static int night_of(const history *h, int row)
{
    int i = 0;
    while (strcmp(h->nights[i], sheet_at(h->rows, row, NIGHT_BEGAN)) != 0)
        i++;
    return i;
}

static int is_in(const history *h, int row, int series, const line *l)
{
    return is_of(h, row) && strcmp(sheet_at(h->rows, row, NIGHT_SERIES), h->series[series]) == 0 &&
           isfinite(value_of(h, row, l));
}

/* The first word is that of the network, which all panels of one experiment mostly share. */
static const char *title(const history *h, int series)
{
    size_t n = strcspn(h->series[0], " ");
    for (int i = 0; i < h->nseries; i++)
        if (strncmp(h->series[i], h->series[0], n + 1) != 0)
            return h->series[series];
    return h->series[series][n] ? h->series[series] + n + 1 : h->series[series];
}

static void put_line(figure_data *out, const history *h, int series, const line *l)
{
    int n = 0, rows = sheet_rows(h->rows), ratio = strcmp(l->show, "speed") == 0;
    double *all = text_more(NULL, (size_t)rows * sizeof *all), middle;
    for (int row = 0; row < rows; row++)
        if (is_in(h, row, series, l))
            all[n++] = value_of(h, row, l);
    middle = n ? median(all, n) : 0;
    for (int row = 0; row < rows; row++) {
        if (!is_in(h, row, series, l) || (ratio && !(middle > 0)))
            continue;
        double value = value_of(h, row, l);
        data_text(out, title(h, series));
        data_text(out, l->name);
        data_number(out, night_of(h, row) + 1);
        data_text(out, sheet_at(h->rows, row, NIGHT_BEGAN));
        data_text(out, sheet_at(h->rows, row, NIGHT_COMMIT));
        data_number(out, value);
        data_number(out, ratio ? value / middle : value - middle);
        data_text(out, ratio ? "times the median" : "points from the median");
    }
    free(all);
}

static int data(const figure_input *in, figure_data *out)
{
    history h = {.show = figure_value(in, "show")};
    int rc = in->n == 1 ? open_rows(&h, in->sources[0].folder, figure_value(in, "machine"))
                        : fault("plot history: expected one folder, found %d", in->n);
    if (rc == 0)
        rc = choose(&h, figure_value(in, "experiment"));
    for (int i = 0; rc == 0 && i < h.nseries; i++)
        for (int l = 0; l < LINES; l++)
            if (strcmp(lines[l].show, h.show) == 0)
                put_line(out, &h, i, &lines[l]);
    if (rc == 0)
        data_note(out, "%d nights, %s to %s", h.nnights, h.nights[0], h.nights[h.nnights - 1]);
    sheet_close(h.rows);
    free(h.nights);
    free(h.series);
    return rc;
}

static const figure_option options[] = {
    {"experiment", "", NULL, "of the nightly's list; the only one there is"},
    {"machine", "", NULL, "the kind of machine; the only one there is"},
    {"show", "auroc", "auroc fpr95 acc speed", "speed: in loops of the same night's calibration"},
    {0},
};

static const figure history_figure = {
    .name = "history",
    .help = "how results and speeds moved from night to night",
    .columns = "panel line night began commit value change unit",
    .numbers = "night value change",
    .varies = "night",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(history_figure);
