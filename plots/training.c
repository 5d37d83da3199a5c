/* training.c - what every training noted epoch by epoch (cache/RUN-train.csv), means over
 * seeds. Which run belongs to which model is read from the run's own cache/RUN.yml. */
#include "../harness/config.h"
#include "../harness/file.h"
#include "../harness/grid.h"
#include "../harness/text.h"
#include "models.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct training { /* one run */
    int model;
    sheet *rows;
    char *names;
    const char *header[64];
    int columns;
} training;

typedef struct trainings {
    models m;
    training *at;
    int n;
} trainings;

/* A column may appear late, so its names are those the file begins with. */
static int open_rows(training *t, const char *path)
{
    char *bytes;
    size_t n;
    if (file_read(path, &bytes, &n) != 0)
        return -1;
    t->names = text_format("%.*s", (int)strcspn(bytes, "\r\n"), bytes);
    free(bytes);
    char *rest = t->names;
    for (char *name; t->columns < 64 && (name = strsep(&rest, ",")) != NULL;)
        t->header[t->columns++] = name;
    return sheet_open(&t->rows, path, t->header, t->columns, SHEET_READ);
}

/* "lr=0.1" of a model's settings against the run's `lr` or `sam.lr`; one it does not know is no other. */
static int same_setting(const config *c, const char *train, const char *setting, int n)
{
    int key = (int)strcspn(setting, "=");
    char *plain = text_format("%.*s", key, setting), *own = text_format("%s.%.*s", train, key, setting);
    const char *value = config_text(c, own) ? config_text(c, own) : config_text(c, plain);
    int same = !value ||
               ((int)strlen(value) == n - key - 1 && strncmp(value, setting + key + 1, strlen(value)) == 0);
    free(plain);
    free(own);
    return same;
}

static int same_training(const config *c, const sheet *s, int row)
{
    const char *train = config_text(c, "train"), *net = config_text(c, "net"), *seed = config_text(c, "seed");
    const char *listed = sheet_at(s, row, RESULT_TRAIN), *p = sheet_at(s, row, RESULT_TRAIN_PARAMS);
    size_t n = train ? strlen(train) : 0;
    if (!train || !net || !seed || strncmp(listed, train, n) != 0 || (listed[n] && listed[n] != ' ') ||
        strcmp(net, sheet_at(s, row, RESULT_NET)) != 0 || strcmp(seed, sheet_at(s, row, RESULT_SEED)) != 0)
        return 0;
    for (; *p; p += strcspn(p, ";"), p += *p == ';')
        if (!same_setting(c, train, p, (int)strcspn(p, ";")))
            return 0;
    return 1;
}

/* The model that a run trained; -1 when results know nothing of it. */
static int model_of(const trainings *t, int from, const config *c)
{
    for (int row = 0; row < sheet_rows(t->m.sheets[from]); row++)
        if (same_training(c, t->m.sheets[from], row))
            return models_find(&t->m, from, row);
    return -1;
}

static int take_run(trainings *t, int from, const char *folder, const char *file)
{
    int stem = (int)(strlen(file) - strlen("-train.csv"));
    char *yml = text_format("%s/%.*s.yml", folder, stem, file), *csv = text_format("%s/%s", folder, file);
    config *c = config_new();
    int rc = file_exists(yml) ? config_read(c, yml) : 0, model = rc == 0 ? model_of(t, from, c) : -1;
    if (model >= 0) {
        t->at = text_more(t->at, (size_t)(t->n + 1) * sizeof *t->at);
        t->at[t->n] = (training){.model = model};
        rc = open_rows(&t->at[t->n++], csv);
    }
    config_free(c);
    free(yml);
    free(csv);
    return rc;
}

static int is_training(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 10 && strcmp(e->d_name + n - 10, "-train.csv") == 0;
}

static int take_source(trainings *t, int from, const source *s)
{
    char *folder = text_format("%s/cache", s->folder);
    struct dirent **files;
    int n = scandir(folder, &files, is_training, alphasort), rc = 0;
    if (n < 0)
        rc = fault("plot training: cannot read %s: %s: trainings leave their curves there", folder,
                   strerror(errno));
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = take_run(t, from, folder, files[i]->d_name);
        free(files[i]);
    }
    if (n >= 0)
        free(files);
    free(folder);
    return rc;
}

static int column_of(const training *t, const char *name)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->header[i], name) == 0)
            return i;
    return -1;
}

/* Does some training know it, and for how many epochs? */
static int epochs_of(const trainings *t, int model, const char *name)
{
    int most = 0;
    for (int i = 0; i < t->n; i++)
        if ((model < 0 || t->at[i].model == model) && column_of(&t->at[i], name) >= 0 &&
            sheet_rows(t->at[i].rows) > most)
            most = sheet_rows(t->at[i].rows);
    return most;
}

/* One epoch is no curve. */
static void put_curve(figure_data *out, const trainings *t, int model, const char *name)
{
    int epochs = epochs_of(t, model, name) > 1 ? epochs_of(t, model, name) : 0;
    for (int epoch = 0; epoch < epochs; epoch++) {
        mean all = {0};
        for (int i = 0; i < t->n; i++) {
            int column = column_of(&t->at[i], name);
            if (t->at[i].model != model || column < 0 || epoch >= sheet_rows(t->at[i].rows))
                continue;
            const char *value = sheet_at(t->at[i].rows, epoch, column);
            if (value[0])
                mean_take(&all, strtod(value, NULL));
        }
        mean_end(&all);
        if (all.n == 0)
            continue; /* the column came later */
        data_text(out, name);
        data_text(out, t->m.label[model]);
        data_number(out, epoch + 1);
        data_number(out, all.value);
        data_number(out, all.std);
        data_number(out, all.n);
    }
}

static void note_short(figure_data *out, const trainings *t)
{
    text names = {0};
    int n = 0;
    for (int model = 0; model < t->m.n; model++)
        if (epochs_of(t, model, "epoch") == 1 && n++ < 4)
            text_add(&names, "%s%s", names.n ? ", " : "", t->m.label[model]);
    if (n > 4)
        text_add(&names, " and %d others", n - 4);
    if (n)
        data_note(out, "left out: %s, trained for one epoch", text_str(&names));
    text_free(&names);
}

/* The quantities that are asked for, a panel each. */
static int put_quantities(figure_data *out, const trainings *t, const char *names)
{
    char *copy = text_copy(names), *rest = copy;
    int panels = 0;
    for (char *name; (name = strsep(&rest, ",")) != NULL;) {
        int epochs = epochs_of(t, -1, name);
        if (epochs == 1)
            data_note(out, "left out: %s, which is known of one epoch only", name);
        panels += epochs > 1;
        for (int model = 0; epochs > 1 && model < t->m.n; model++)
            put_curve(out, t, model, name);
    }
    free(copy);
    return panels;
}

/* Every column there is, for the one who asked for others. */
static int none_found(const trainings *t, const char *names)
{
    text all = {0};
    for (int i = 0; i < t->n; i++)
        for (int c = 1; c < t->at[i].columns; c++) {
            char *listed = text_format(", %s,", text_str(&all)), *name = text_format(" %s,", t->at[i].header[c]);
            if (!strstr(listed, name))
                text_add(&all, "%s%s", all.n ? ", " : "", t->at[i].header[c]);
            free(listed);
            free(name);
        }
    int rc = t->n == 0
                 ? fault("plot training: no training of these results left its curves in cache/")
                 : fault("plot training: --show %s: nothing of it is known of two epochs or more; noted were %s",
                         names, text_str(&all));
    text_free(&all);
    return rc;
}

static int data(const figure_input *in, figure_data *out)
{
    const char *names = figure_value(in, "show");
    trainings t = {0};
    if (models_make(&t.m, in, MODELS_OF_RESULTS) != 0)
        return -1;
    int rc = 0;
    for (int i = 0; rc == 0 && i < in->n; i++)
        rc = take_source(&t, i, &in->sources[i]);
    if (rc == 0 && put_quantities(out, &t, names) == 0)
        rc = none_found(&t, names);
    if (rc == 0)
        note_short(out, &t);
    for (int i = 0; i < t.n; i++) {
        sheet_close(t.at[i].rows);
        free(t.at[i].names);
    }
    free(t.at);
    models_free(&t.m);
    return rc;
}

static const figure_option options[] = {
    {"show", "loss,energy_loss,gradient_norm", NULL, "what was noted, a panel each where it was"},
    {0},
};

static const figure training_figure = {
    .name = "training",
    .help = "what trainings noted, epoch by epoch",
    .columns = "quantity model epoch value std seeds",
    .numbers = "epoch value std seeds",
    .varies = "epoch value",
    .least = 2,
    .options = options,
    .data = data,
};
FIGURE(training_figure);
