/* analysis.c - the kinds of analyses, and what a configuration asks of them. */
#include "analysis.h"
#include "fault.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON                                                                                                     \
    "run", "commit", "device", "fast", "precision", "net", "weights", "id", "train", "train_params", "seed",       \
        "settings", "set", "split", "n"

static const char *const landscape_columns[] = {COMMON, "alpha", "beta", "loss", "acc", "cosine"};
static const char *const landscape_depends[] = {"images", "draw", "bn", "bias", NULL};
static const char *const sharpness_columns[] = {COMMON, "restart", "rho", "sharpness", "one_step", "loss"};
static const char *const sharpness_depends[] = {"images", "draw", "steps", "radii", NULL};

const analysis_kind analysis_kinds[ANALYSES] = {
    {"landscape", landscape_columns, LANDSCAPE_COLUMNS, landscape_depends},
    {"sharpness", sharpness_columns, SHARPNESS_COLUMNS, sharpness_depends},
};

static const char *key_of(char out[64], enum analysis a, const char *key)
{
    snprintf(out, 64, "%s.%s", analysis_kinds[a].name, key);
    return out;
}

static int lists(const config *c, const char *key, const char *item)
{
    for (int i = 0; i < config_items(c, key); i++)
        if (strcmp(config_item(c, key, i), item) == 0)
            return 1;
    return 0;
}

int analysis_asked(const config *c, enum analysis a)
{
    return lists(c, "analyses", analysis_kinds[a].name);
}

/* Checking. */

static int is_split(const char *item)
{
    return strcmp(item, "train") == 0 || strcmp(item, "val") == 0 || strcmp(item, "test") == 0;
}

static int check_sets(config *c, enum analysis a)
{
    char key[64];
    key_of(key, a, "sets");
    if (config_items(c, key) == 0) {
        config_append(c, key, "train", "default");
        config_append(c, key, "test", "default");
        for (int i = 0; i < config_items(c, "csid"); i++)
            config_append(c, key, config_item(c, "csid", i), "default");
    }
    for (int i = 0; i < config_items(c, key); i++) {
        const char *item = config_item(c, key, i);
        if (!is_split(item) && !lists(c, "csid", item))
            return fault("%s: `%s` lists `%s`: expected train, val or test, of the ID set, or one of `csid`",
                         config_origin(c, key), key, item);
    }
    return 0;
}

static int check_of(const config *c)
{
    for (int i = 0; i < config_items(c, "analyses_of"); i++)
        if (!lists(c, "train", config_item(c, "analyses_of", i)))
            return fault("%s: `analyses_of` lists %s, which is not in `train`: add it there",
                         config_origin(c, "analyses_of"), config_item(c, "analyses_of", i));
    return 0;
}

static int check_radii(const config *c)
{
    double last = -1;
    for (int i = 0; i < config_items(c, "sharpness.radii"); i++) {
        const char *item = config_item(c, "sharpness.radii", i);
        double rho = strtod(item, NULL);
        if (rho <= last)
            return fault("%s: `sharpness.radii` must grow, the search goes on from each to the next; found %s "
                         "behind %s",
                         config_origin(c, "sharpness.radii"), item, config_item(c, "sharpness.radii", i - 1));
        last = rho;
    }
    return 0;
}

int analysis_check(config *c)
{
    int64_t grid = 3;
    if (config_int(c, "landscape.grid", &grid, 3, 1001) != 0)
        return -1;
    if (grid % 2 == 0)
        return fault("%s: `landscape.grid` is odd, so that the network itself is the point in the middle; found "
                     "%lld, take %lld",
                     config_origin(c, "landscape.grid"), (long long)grid, (long long)grid + 1);
    for (int a = 0; a < ANALYSES; a++)
        if (analysis_asked(c, a) && check_sets(c, a) != 0) /* else the sets need not be the experiment's */
            return -1;
    return check_radii(c) != 0 || (config_items(c, "analyses") && check_of(c) != 0) ? -1 : 0;
}

/* Asking. */

const char *analysis_value(const config *c, enum analysis a, const char *key)
{
    char name[64];
    const char *value = config_text(c, key_of(name, a, key));
    return value ? value : "";
}

char *analysis_settings(const config *c, enum analysis a)
{
    text t = {0};
    const char *const *key = analysis_kinds[a].depends;
    for (int i = 0; key[i]; i++) {
        char name[64];
        key_of(name, a, key[i]);
        for (int j = 0; j < config_items(c, name); j++)
            text_add(&t, "%s%s%s%s", t.n && !j ? ";" : "", j ? " " : key[i], j ? "" : "=", config_item(c, name, j));
    }
    return t.bytes;
}

/* From -range to range; exactly zero in the middle, and equal where grids meet. */
static void landscape_axis(config *to, const config *c)
{
    static const char *const keys[] = {"axis.first", "axis.second"};
    int64_t grid = 3;
    double range = 1;
    config_int(c, "landscape.grid", &grid, 3, 1001);
    config_real(c, "landscape.range", &range, 0, 1e3);
    for (int64_t i = 0; i < grid; i++) {
        char number[32];
        snprintf(number, sizeof number, "%.9g", (double)(2 * i - grid + 1) * range / (double)(grid - 1));
        for (int k = 0; k < 2; k++)
            config_append(to, keys[k], number, "");
    }
}

void analysis_axes(config *to, const config *c, enum analysis a)
{
    int64_t restarts = 1;
    if (a == ANALYSIS_LANDSCAPE) {
        landscape_axis(to, c);
        return;
    }
    config_int(c, "sharpness.restarts", &restarts, 1, 1000);
    for (int64_t i = 0; i < restarts; i++) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i);
        config_append(to, "axis.first", number, "");
    }
    config_copy(to, "axis.second", c, "sharpness.radii");
}

const char *analysis_set(const config *c, enum analysis a, int i, const char **split)
{
    char key[64];
    key_of(key, a, "sets");
    if (i >= config_items(c, key))
        return NULL;
    const char *item = config_item(c, key, i);
    *split = is_split(item) ? item : "all";
    return is_split(item) ? config_text(c, "id") : item;
}
