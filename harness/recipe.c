/* recipe.c - reads a recipe and knows its schedules; no state, no network. */
#include "recipe.h"
#include "fault.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names in the order of the enums, and the keys that only one of them reads. */
static const char *const schedules[] = {"cosine", "steps", "plateau", "constant", NULL};
static const char *const optimisers[] = {"sgd", "adam", NULL};
static const char *const kept[] = {"best", "last", NULL};
static const char *const shuffles[] = {"whole", "blocks", NULL};

#define NONE ""
#define GIVEN "*"

static const struct {
    const char *key, *of,
        *value; /* key is read when `of` has this value, or another listed one; NONE, GIVEN: none, any */
} conditions[] = {
    {"lr_min", "schedule", "cosine"},       {"lr_steps", "schedule", "steps"},
    {"lr_factor", "schedule", "steps"},     {"lr_factor", "schedule", "plateau"},
    {"lr_patience", "schedule", "plateau"}, {"lr_threshold", "schedule", "plateau"},
    {"momentum", "optimiser", "sgd"},       {"nesterov", "optimiser", "sgd"},
    {"beta1", "optimiser", "adam"},         {"beta2", "optimiser", "adam"},
    {"adam_eps", "optimiser", "adam"},      {"crop", "crop_scale", NONE},
    {"crop_ratio", "crop_scale", GIVEN},
};

recipe train_recipe(void)
{
    return (recipe){.epochs = 100,
                    .batch = 128,
                    .outlier_batch = 256,
                    .lr = 0.1,
                    .lr_min = 1e-6,
                    .schedule = RECIPE_COSINE,
                    .lr_steps = {50},
                    .nlr_steps = 1,
                    .lr_factor = 0.1,
                    .lr_patience = 5,
                    .lr_threshold = 1e-4,
                    .optimiser = RECIPE_SGD,
                    .momentum = 0.9,
                    .weight_decay = 5e-4,
                    .nesterov = 1,
                    .beta1 = 0.9,
                    .beta2 = 0.999,
                    .adam_eps = 1e-8,
                    .crop = 4,
                    .resized = {{0, 0}, {3.0 / 4, 4.0 / 3}},
                    .flip = 1,
                    .keep = RECIPE_BEST};
}

/* Reading. */

/* The number of a key's value among names; as it was when the key is not given. */
static int read_choice(const config *c, const char *key, const char *const names[], int *out)
{
    const char *value = config_text(c, key);
    int i = 0;
    if (!value)
        return 0;
    while (names[i] && strcmp(names[i], value) != 0)
        i++;
    if (!names[i])
        return fault("%s: there is no %s `%s`: `oodbench run --help` lists them", config_origin(c, key), key,
                     value);
    *out = i;
    return 0;
}

static int read_choices(recipe *r, const config *c)
{
    int schedule = (int)r->schedule, optimiser = (int)r->optimiser, keep = (int)r->keep, shuffle = r->blocks;
    if (read_choice(c, "schedule", schedules, &schedule) != 0 ||
        read_choice(c, "optimiser", optimisers, &optimiser) != 0 || read_choice(c, "keep", kept, &keep) != 0 ||
        read_choice(c, "shuffle", shuffles, &shuffle) != 0)
        return -1;
    r->schedule = (enum recipe_schedule)schedule;
    r->optimiser = (enum recipe_optimiser)optimiser;
    r->keep = (enum recipe_keep)keep;
    r->blocks = shuffle;
    return 0;
}

static int read_steps(recipe *r, const config *c)
{
    int n = config_items(c, "lr_steps");
    if (n > RECIPE_LR_STEPS)
        return fault("%s: `lr_steps` lists %d epochs, at most %d are kept", config_origin(c, "lr_steps"), n,
                     RECIPE_LR_STEPS);
    for (int i = 0; i < n; i++) {
        char *end;
        const char *text = config_item(c, "lr_steps", i);
        r->lr_steps[i] = strtoll(text, &end, 10);
        if (*end || end == text || r->lr_steps[i] < 1)
            return fault("%s: `lr_steps` is a list of epochs, 1 or more; found `%s`", config_origin(c, "lr_steps"),
                         text);
    }
    r->nlr_steps = n ? n : r->nlr_steps;
    return 0;
}

/* Two numbers, from the smaller to the larger, into `to`, which stays as it is when the key is not given. */
static int read_range(const config *c, const char *key, double to[2], double hi)
{
    int n = config_items(c, key);
    double found[2] = {0, 0};
    for (int i = 0; i < n && i < 2; i++) {
        char *end;
        found[i] = strtod(config_item(c, key, i), &end);
        if (*end || end == config_item(c, key, i))
            found[i] = 0;
    }
    if (n == 0)
        return 0;
    if (n != 2 || !(found[0] > 0) || !(found[1] >= found[0]) || !(found[1] <= hi))
        return fault(
            "%s: `%s` is a list of two numbers above 0, the smaller first, at most %g; found %d, beginning "
            "with `%s`",
            config_origin(c, key), key, hi, n, config_item(c, key, 0));
    memcpy(to, found, sizeof found);
    return 0;
}

static int read_resized(recipe *r, const config *c)
{
    return read_range(c, "crop_scale", r->resized.scale, 1) != 0 ||
                   read_range(c, "crop_ratio", r->resized.ratio, 1000) != 0
               ? -1
               : 0;
}

int recipe_check(const config *c)
{
    recipe r = train_recipe();
    const char *crop = config_text(c, "crop");
    if (read_resized(&r, c) != 0)
        return -1;
    if (crop && config_items(c, "crop_scale") && strtol(crop, NULL, 10) != 0)
        return fault("%s: `crop: %s` pads images and cuts, `crop_scale` cuts and resizes them: give one of the two",
                     config_origin(c, "crop"), crop);
    return 0;
}

int recipe_read(recipe *r, const config *c)
{
    *r = train_recipe();
    const struct {
        const char *key;
        double *to, lo, hi;
    } reals[] = {{"lr", &r->lr, 0, 1e6},
                 {"lr_min", &r->lr_min, 0, 1e6},
                 {"lr_factor", &r->lr_factor, 0, 1},
                 {"lr_threshold", &r->lr_threshold, 0, 1},
                 {"momentum", &r->momentum, 0, 1},
                 {"weight_decay", &r->weight_decay, 0, 1e3},
                 {"beta1", &r->beta1, 0, 0.999999},
                 {"beta2", &r->beta2, 0, 0.999999},
                 {"adam_eps", &r->adam_eps, 0, 1}};
    const struct {
        const char *key;
        int64_t *to, lo, hi;
    } wholes[] = {{"epochs", &r->epochs, 1, 1000000},
                  {"batch", &r->batch, 1, 65536},
                  {"epoch_steps", &r->epoch_steps, 1, 1000000000},
                  {"outlier_batch", &r->outlier_batch, 1, 65536},
                  {"lr_patience", &r->lr_patience, 0, 1000000},
                  {"crop", &r->crop, 0, 64}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (config_real(c, reals[i].key, reals[i].to, reals[i].lo, reals[i].hi) != 0)
            return -1;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        if (config_int(c, wholes[i].key, wholes[i].to, wholes[i].lo, wholes[i].hi) != 0)
            return -1;
    if (config_flag(c, "nesterov", &r->nesterov) != 0 || config_flag(c, "flip", &r->flip) != 0 ||
        config_flag(c, "aux_augment", &r->aux_augment) != 0)
        return -1;
    return read_choices(r, c) != 0 || read_steps(r, c) != 0 || read_resized(r, c) != 0 ? -1 : 0;
}

static int meets(const config *c, const char *key, const char *wanted)
{
    const char *value = config_text(c, key);
    if (strcmp(wanted, NONE) == 0)
        return config_items(c, key) == 0;
    if (strcmp(wanted, GIVEN) == 0)
        return config_items(c, key) > 0;
    return value && strcmp(value, wanted) == 0;
}

int recipe_uses(const config *c, const char *key)
{
    int bound = 0;
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
        if (strcmp(conditions[i].key, key) != 0)
            continue;
        if (meets(c, conditions[i].of, conditions[i].value))
            return 1;
        bound = 1;
    }
    return !bound;
}

/* Schedules. */

recipe_plateau recipe_plateau_begin(void)
{
    return (recipe_plateau){.best = INFINITY};
}

void recipe_plateau_see(recipe_plateau *p, const recipe *r, double loss)
{
    if (isinf(p->best) || loss < p->best * (1 - r->lr_threshold)) {
        p->best = loss;
        p->idle = 0;
    } else if (++p->idle > r->lr_patience) {
        p->cuts++;
        p->idle = 0;
    }
}

/* Multiplied one by one, as the original does; least: cuts that change less are not made. */
static double cut(const recipe *r, int64_t times, double least)
{
    double rate = r->lr;
    for (int64_t i = 0; i < times && rate - rate * r->lr_factor > least; i++)
        rate *= r->lr_factor;
    return rate;
}

static double cosine(const recipe *r, int64_t step, int64_t steps_each)
{
    double done = (double)step / (double)(steps_each * r->epochs);
    return r->lr_min + (r->lr - r->lr_min) * 0.5 * (1 + cos(3.14159265358979323846 * done));
}

double recipe_rate(const recipe *r, int64_t step, int64_t steps_each, int64_t cuts)
{
    int64_t passed = 0;
    switch (r->schedule) {
    case RECIPE_COSINE:
        return cosine(r, step, steps_each);
    case RECIPE_STEPS:
        for (int i = 0; i < r->nlr_steps; i++)
            passed += step / steps_each >= r->lr_steps[i];
        return cut(r, passed, 0);
    case RECIPE_PLATEAU:
        return cut(r, cuts, 1e-8);
    case RECIPE_CONSTANT:
        break;
    }
    return r->lr;
}
