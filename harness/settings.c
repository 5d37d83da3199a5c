/* settings.c - one table of keys; reading, overriding and checking go by it. */
#include "settings.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "quick.h"
#include "recipe.h"
#include "spawn.h"
#include "text.h"
#include "wrap.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ANY INT64_MAX

static const setting table[] = {
    {"benchmark", SETTING_NAME, 0, NULL, 0, 0, NULL,
     "datasets/NAME.yml, or the path of such a file; default: the name of id", 0},
    {"id", SETTING_NAME, 0, NULL, 0, 0, NULL, "in-distribution set; default: the benchmark's", 0},
    {"near", SETTING_NAME, 1, NULL, 0, 0, NULL, "near-OOD sets; default: those of the benchmark that are there", 0},
    {"far", SETTING_NAME, 1, NULL, 0, 0, NULL, "far-OOD sets; default: as for near", 0},
    {"csid", SETTING_NAME, 1, NULL, 0, 0, NULL, "covariate-shifted sets", 0},
    {"tune", SETTING_NAME, 1, NULL, 0, 0, NULL,
     "the only outliers that a search sees, their validation images; default: the first that the benchmark has", 0},
    {"outliers", SETTING_NAME, 0, NULL, 0, 0, NULL, "set of auxiliary outliers, for training methods that need one",
     0},
    {"net", SETTING_NAME, 1, NULL, 0, 0, NULL, "network, such as resnet20", 0},
    {"weights", SETTING_PATH, 1, NULL, 0, 0, NULL,
     "checkpoint to score or to start from; {net}, {seed} are filled in", 0},
    {"train", SETTING_NAME, 1, NULL, 0, 0, NULL, "training methods; none: score the weights as they are", 0},
    {"start", SETTING_NAME, 0, NULL, 0, 0, NULL,
     "one of them, whose checkpoint the others start from, but those with METHOD.start: none", 0},
    {"score", SETTING_NAME, 1, NULL, 0, 0, NULL, "scoring methods", 0},
    {"search", SETTING_FLAG, 0, "false", 0, 0, NULL,
     "of scorers, try every value that `oodbench methods` lists for parameters that are not given here", 0},
    {"figures", SETTING_PATH, 1, NULL, 0, 0, NULL,
     "to draw at the end, each as behind `oodbench plot`: \"roc --score ebo\"", 0},
    {"analyses", SETTING_NAME, 1, NULL, 0, 0, "landscape sharpness", "what to compute of models beside scores", 0},
    {"analyses_of", SETTING_NAME, 1, NULL, 0, 0, NULL,
     "training methods whose networks that is computed of; default: all", 0},
    {"seed", SETTING_INT, 1, "0", 0, 4294967295.0, NULL, "of all randomness", 0},
    {"epochs", SETTING_INT, 0, "100", 1, 1e6, NULL, "over the training images", 1},
    {"batch", SETTING_INT, 0, "128", 1, 65536, NULL, "images in a training step", 1},
    {"epoch_steps", SETTING_INT, 0, NULL, 1, 1e9, NULL,
     "steps after which an epoch ends; default: when all images were seen", 1},
    {"outlier_batch", SETTING_INT, 0, "256", 1, 65536, NULL, "auxiliary outliers beside them, for methods that ask",
     1},
    {"lr", SETTING_REAL, 0, "0.1", 0, 1e3, NULL, "learning rate at the start", 1},
    {"schedule", SETTING_NAME, 0, "cosine", 0, 0, "cosine steps plateau constant", "what becomes of lr", 1},
    {"lr_min", SETTING_REAL, 0, "1e-06", 0, 1e3, NULL, "cosine: learning rate at the end; it falls every step", 1},
    {"lr_steps", SETTING_INT, 1, "50", 1, 1e6, NULL, "steps: epochs after which it falls", 1},
    {"lr_factor", SETTING_REAL, 0, "0.1", 0, 1, NULL, "steps and plateau: by what it is multiplied then", 1},
    {"lr_patience", SETTING_INT, 0, "5", 0, 1e6, NULL, "plateau: epochs that the validation loss may stand still",
     1},
    {"lr_threshold", SETTING_REAL, 0, "0.0001", 0, 1, NULL, "plateau: share of the loss that is progress", 1},
    {"optimiser", SETTING_NAME, 0, "sgd", 0, 0, "sgd adam", "what makes steps of gradients", 1},
    {"momentum", SETTING_REAL, 0, "0.9", 0, 1, NULL, "of sgd", 1},
    {"weight_decay", SETTING_REAL, 0, "0.0005", 0, 10, NULL, "on all parameters", 1},
    {"nesterov", SETTING_FLAG, 0, "true", 0, 0, NULL, "sgd: momentum looks ahead", 1},
    {"beta1", SETTING_REAL, 0, "0.9", 0, 0.999999, NULL, "adam: decay of the first moment", 1},
    {"beta2", SETTING_REAL, 0, "0.999", 0, 0.999999, NULL, "adam: decay of the second moment", 1},
    {"adam_eps", SETTING_REAL, 0, "1e-08", 0, 1, NULL, "adam: added to the root of the second moment", 1},
    {"crop", SETTING_INT, 0, "4", 0, 64, NULL, "pixels of zeros padded before a random crop; 0: no crop", 1},
    {"crop_scale", SETTING_REAL, 1, NULL, 0, 1, NULL,
     "instead of crop, such as [0.08, 1]: least and most share of the area that is cut out and resized", 1},
    {"crop_ratio", SETTING_REAL, 1, NULL, 0, 1000, NULL,
     "crop_scale: least and most width over height of that part; default: 3/4 to 4/3", 1},
    {"flip", SETTING_FLAG, 0, "true", 0, 0, NULL, "mirror half of the images", 1},
    {"aux_augment", SETTING_FLAG, 0, "false", 0, 0, NULL, "crop and mirror auxiliary outliers, too", 1},
    {"shuffle", SETTING_NAME, 0, NULL, 0, 0, "whole blocks",
     "blocks keeps neighbours of the file together, for sets larger than memory; default: whole", 1},
    {"keep", SETTING_NAME, 0, "best", 0, 0, "best last",
     "the checkpoint that is scored; best: by validation accuracy", 1},
    {"save_s", SETTING_REAL, 0, "300", 0, 1e8, NULL,
     "seconds between saves within an epoch, to go on from when cut short; 0: only at its end", 0},
    {"landscape.sets", SETTING_NAME, 1, NULL, 0, 0, NULL,
     "train, val, test of the ID set, shifted sets; default: train, test and csid", 0},
    {"landscape.images", SETTING_INT, 0, "1000", 1, 1e7, NULL, "of each, drawn at random", 0},
    {"landscape.grid", SETTING_INT, 0, "21", 3, 1001, NULL, "points along each of two random directions; odd", 0},
    {"landscape.range", SETTING_REAL, 0, "1", 1e-6, 1e3, NULL,
     "how far they lead; 1: as far as the weights are long", 0},
    {"landscape.bn", SETTING_FLAG, 0, "false", 0, 0, NULL, "batch normalisation's scale and shift move, too", 0},
    {"landscape.bias", SETTING_FLAG, 0, "false", 0, 0, NULL, "the head's bias moves, too", 0},
    {"landscape.draw", SETTING_INT, 0, "0", 0, 4294967295.0, NULL,
     "seed of the directions and images, the same for all networks", 0},
    {"sharpness.sets", SETTING_NAME, 1, NULL, 0, 0, NULL, "as landscape.sets", 0},
    {"sharpness.images", SETTING_INT, 0, "1000", 1, 1e7, NULL, "of each, drawn at random", 0},
    {"sharpness.radii", SETTING_REAL, 1, "[0, 0.05, 0.1, 0.2, 0.5, 1, 1.5, 2]", 0, 1e6, NULL,
     "norms of the change of weights, growing", 0},
    {"sharpness.steps", SETTING_INT, 0, "20", 1, 1e6, NULL, "of gradient ascent at each radius", 0},
    {"sharpness.restarts", SETTING_INT, 0, "3", 1, 1000, NULL,
     "searches: the first starts from the network, the others at random beside it", 0},
    {"sharpness.draw", SETTING_INT, 0, "0", 0, 4294967295.0, NULL, "seed of the images and of random starts", 0},
    {"mean", SETTING_REAL, 1, NULL, 0, 1, NULL, "of red, green, blue in 0..1; default: the benchmark's", 0},
    {"std", SETTING_REAL, 1, NULL, 1e-6, 10, NULL, "likewise", 0},
    {"device", SETTING_NAME, 0, "auto", 0, 0, NULL, "auto, or one that `oodbench devices` lists", 0},
    {"precision", SETTING_NAME, 0, "f32", 0, 0, "f32 tf32 bf16",
     "of factors in products; bf16: in evaluation, and where the device can (cuda) in training", 0},
    {"fast", SETTING_FLAG, 0, "false", 0, 0, NULL,
     "allow results that differ in the last bits from run to run, and TF32 where f32 is asked for", 0},
    {"jobs", SETTING_INT, 0, "1", 1, SPAWN_MOST, NULL, "cells at once; rows are the same for any number of them",
     0},
    {"launcher", SETTING_NAME, 0, "local", 0, 0, "local slurm",
     "slurm: each network is a task of a job array, and rows are gathered", 0},
    {"slurm.partition", SETTING_NAME, 0, NULL, 0, 0, NULL, "as sbatch has it", 0},
    {"slurm.time", SETTING_NAME, 0, NULL, 0, 0, NULL, "of one task, 2:00:00", 0},
    {"slurm.mem", SETTING_NAME, 0, NULL, 0, 0, NULL, "of one task, 16G", 0},
    {"slurm.gres", SETTING_NAME, 0, NULL, 0, 0, NULL, "of one task, gpu:1", 0},
    {"slurm.cpus", SETTING_INT, 0, NULL, 1, 4096, NULL, "of one task", 0},
    {"slurm.account", SETTING_NAME, 0, NULL, 0, 0, NULL, "as sbatch has it", 0},
    {"slurm.qos", SETTING_NAME, 0, NULL, 0, 0, NULL, "as sbatch has it", 0},
    {"slurm.constraint", SETTING_NAME, 0, NULL, 0, 0, NULL, "as sbatch has it", 0},
    {"slurm.at_once", SETTING_INT, 0, NULL, 1, 1e6, NULL, "tasks that may run at the same time", 0},
    {"ranks", SETTING_INT, 0, "1", 1, 4096, NULL,
     "processes that train one network together, each with its share of every batch and a card of its own", 0},
    {"mpirun", SETTING_PATH, 0, "mpirun --bind-to none", 0, 0, NULL,
     "the command that starts them, its words apart; `-n RANKS oodbench cell FILE` is added", 0},
    {"threads", SETTING_INT, 0, NULL, 1, 4096, NULL,
     "of each job; default: as many as this machine runs at once, divided by jobs", 0},
    {"timeout_s", SETTING_INT, 0, "3600", 1, 1e8, NULL, "limit of one scoring process", 0},
    {"train_timeout_s", SETTING_INT, 0, "604800", 1, 1e8, NULL, "limit of one training process, and of an analysis",
     0},
    {"limit_mb", SETTING_INT, 0, NULL, 1, 1e9, NULL,
     "memory of one process; default: nine tenths of the machine's, divided by jobs", 0},
    {"data", SETTING_PATH, 0, NULL, 0, 0, NULL, "folder of images and lists; default: $OODBENCH_DATA", 0},
    {"imported", SETTING_PATH, 0, NULL, 0, 0, NULL,
     "folder for HDF5; default: datasets/imported, of an installed program one in your home", 0},
    {"quick", SETTING_FLAG, 0, "false", 0, 0, NULL, "change what the configuration says under `quick:`", 0},
    {"out", SETTING_PATH, 0, NULL, 0, 0, NULL, "folder for results; default: results/out/NAME", 0},
};
enum { SETTINGS = sizeof table / sizeof *table };

const setting *settings_at(int i)
{
    return i < SETTINGS ? &table[i] : NULL;
}

const setting *settings_find(const char *key)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    return NULL;
}

int settings_own(const char *key)
{
    size_t n = strcspn(key, ".") + 1;
    for (int i = 0; i < SETTINGS; i++)
        if (key[n - 1] && strncmp(table[i].key, key, n) == 0)
            return 1;
    return 0;
}

const char *settings_nearest(const char *key)
{
    const char *names[SETTINGS];
    for (int i = 0; i < SETTINGS; i++)
        names[i] = table[i].key;
    return config_nearest(key, names, SETTINGS);
}

/* "; one of sgd, adam" */
static void add_choices(text *t, const setting *s)
{
    text_add(t, "%s", s->list ? "; a list" : s->choices ? "; one" : "");
    for (const char *c = s->choices; c && *c; c += strcspn(c, " "), c += strspn(c, " "))
        text_add(t, "%s%.*s", c == s->choices ? " of " : ", ", (int)strcspn(c, " "), c);
}

void settings_print(FILE *to)
{
    for (int i = 0; i < SETTINGS; i++) {
        const setting *s = &table[i];
        text t = {0};
        text_add(&t, "%s", s->help);
        add_choices(&t, s);
        if (s->init && strlen(s->init) > 8) /* the words begin below */
            fprintf(to, "  %-18s %s\n%30s", s->key, s->init, "");
        else
            fprintf(to, "  %-18s %-8s ", s->key, s->init ? s->init : "");
        wrap_words(to, WRAP_HELP, 30, text_str(&t));
        text_free(&t);
    }
}

/* One value of a key, checked; its shortest form in `out`. */

static int is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *s = choices; *s; s += strcspn(s, " "), s += strspn(s, " "))
        if (strcspn(s, " ") == n && strncmp(s, value, n) == 0)
            return 1;
    return 0;
}

static int check_value(const setting *s, const char *key, const char *value, const char *origin, char out[32])
{
    int64_t whole;
    double real;
    int flag, rc = 0;
    config *one = config_new();
    config_append(one, key, value, origin);
    out[0] = '\0';
    if (s->kind == SETTING_INT) {
        rc = config_int(one, key, &whole, (int64_t)s->lo, (int64_t)s->hi);
        if (rc == 0)
            snprintf(out, 32, "%lld", (long long)whole);
    } else if (s->kind == SETTING_REAL) {
        rc = config_real(one, key, &real, s->lo, s->hi);
        if (rc == 0)
            text_number(out, real);
    } else if (s->kind == SETTING_FLAG) {
        rc = config_flag(one, key, &flag);
    } else if (s->choices && !is_choice(s->choices, value)) {
        rc = fault("%s: `%s` must be one of: %s; found `%s`", origin, key, s->choices, value);
    }
    config_free(one);
    return rc;
}

int settings_check(config *c, const char *key, const setting *s)
{
    int n = config_items(c, key);
    if (n > 1 && !s->list)
        return fault("%s: `%s` takes one value, found a list of %d", config_origin(c, key), key, n);
    config *shortest = config_new();
    int rc = 0;
    for (int i = 0; rc == 0 && i < n; i++) {
        char number[32];
        const char *value = config_item(c, key, i), *origin = config_origin(c, key);
        rc = check_value(s, key, value, origin, number);
        if (rc == 0)
            config_append(shortest, key, number[0] ? number : value, origin);
        for (int j = 0; rc == 0 && j < i && s->kind != SETTING_REAL; j++)
            if (strcmp(config_item(shortest, key, j), config_item(shortest, key, i)) == 0)
                rc = fault("%s: `%s` lists %s twice: keep one", origin, key, value);
    }
    if (rc == 0 && n)
        config_copy(c, key, shortest, key);
    config_free(shortest);
    return rc;
}

/* The command line. */

/* `a,b` is a list where several values make sense and none holds a comma. */
static int override(config *c, const char *key, const char *value, const char *origin)
{
    const setting *s = settings_find(key);
    int list = s ? s->list && s->kind != SETTING_PATH : strchr(key, '.') != NULL;
    if (!list || value[0] == '[' || !strchr(value, ','))
        return config_set(c, key, value, origin);
    config_set(c, key, "null", origin);
    for (const char *p = value; *p; p += *p == ',') {
        char item[256];
        int n = (int)strcspn(p, ",");
        snprintf(item, sizeof item, "%.*s", n, p);
        p += n;
        if (n)
            config_append(c, key, item, origin);
    }
    return 0;
}

static int take_option(config *c, int argc, char **argv, int *i)
{
    char key[256], origin[260];
    const char *word = argv[*i] + 2, *equals = strchr(word, '='), *value = equals ? equals + 1 : NULL;
    snprintf(key, sizeof key, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
    for (char *p = key; *p; p++)
        if (*p == '-')
            *p = '_';
    snprintf(origin, sizeof origin, "--%s", key);
    const setting *s = settings_find(key);
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!value && s && s->kind == SETTING_FLAG && (!next || (strcmp(next, "true") && strcmp(next, "false"))))
        value = "true";
    else if (!value && next && strncmp(next, "--", 2) != 0)
        value = argv[++*i];
    if (!value)
        return fault("%s needs a value: `%s VALUE`", origin, origin);
    return override(c, key, value, origin);
}

/* The one word that is no option, into *file; the options into `options`. */
int settings_words(config *options, const char **file, const char *what, int argc, char **argv)
{
    *file = NULL;
    for (int i = 1; i < argc; i++) {
        int option = strncmp(argv[i], "--", 2) == 0;
        if (option && take_option(options, argc, argv, &i) != 0)
            return -1;
        if (!option && *file)
            return fault("one %s at a time: found %s and %s", what, *file, argv[i]);
        if (!option)
            *file = argv[i];
    }
    return 0;
}

/* The file, below its `quick:` too when an option asks for that, and the options over it. */
static int take_file(config *c, const char *path, const config *options)
{
    config *said = config_new();
    int quick = 0;
    int rc = config_flag(options, "quick", &quick) != 0 || config_read(said, path) != 0
                 ? -1
                 : quick_take(c, said, quick, path);
    config_free(said);
    for (int i = 0; rc == 0 && i < config_count(options); i++)
        config_copy(c, config_key(options, i), options, config_key(options, i));
    return rc;
}

int settings_load(config *c, const char **file, int argc, char **argv)
{
    static char found[PATH_MAX];
    char shipped[PATH_MAX];
    config *options = config_new();
    int rc = settings_words(options, file, "configuration", argc, argv);
    if (rc == 0 && !*file)
        rc = fault("which experiment? `oodbench run results/NAME.yml`");
    if (rc == 0) {
        *file = layout_find(found, sizeof found, *file);
        rc = file_exists(*file) ? take_file(c, *file, options)
                                : fault("%s: No such file or directory, nor is it among the experiments in %s",
                                        *file, layout_root(shipped, sizeof shipped, "results"));
    }
    config_free(options);
    return rc == 0 ? settings_complete(c) : -1;
}

int settings_complete(config *c)
{
    if (recipe_check(c) != 0)
        return -1;
    for (int i = 0; i < SETTINGS; i++) {
        if (table[i].init && config_items(c, table[i].key) == 0)
            config_set(c, table[i].key, table[i].init, "default");
        if (settings_check(c, table[i].key, &table[i]) != 0)
            return -1;
    }
    return 0;
}
