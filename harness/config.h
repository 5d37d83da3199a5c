/* config.h - a flat set of keys and values: `knn.k: 50`. Read from YAML, where
 * nested mappings flatten to dotted keys and sequences of scalars are lists;
 * `null`, `~` and an empty value mean "not given". Keys keep the order they
 * were first seen in. Functions that can fail return -1 with fault() set,
 * which names file, line and column. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>
#include <stdint.h>

typedef struct config config;

config *config_new(void);
void config_free(config *c);

int config_read(config *c, const char *path);
int config_parse(config *c, const char *text, const char *origin); /* YAML text; origin is for messages */
int config_set(config *c, const char *key, const char *value, const char *origin); /* "50" or "[a, b]" */
int config_append(config *c, const char *key, const char *item, const char *origin);

/* `key` of c becomes what `other` holds under `name`, with its origin. */
void config_copy(config *c, const char *key, const config *other, const char *name);

/* Walking. A scalar is a list of one; a null has no item but its key is there. */
int config_count(const config *c);
const char *config_key(const config *c, int i);
const char *config_origin(const config *c, const char *key); /* "results/a.yml:3", "--knn.k" */
int config_has(const config *c, const char *key);
int config_items(const config *c, const char *key);
const char *config_item(const config *c, const char *key, int i);
const char *config_text(const config *c, const char *key); /* the only item, or NULL */

/* Typed values; a missing key leaves *out as it was. Out of [lo, hi], or not of
 * the type, is a fault that says what was expected, found, and where. */
int config_int(const config *c, const char *key, int64_t *out, int64_t lo, int64_t hi);
int config_real(const config *c, const char *key, double *out, double lo, double hi);
int config_flag(const config *c, const char *key, int *out); /* true false */

/* The sorted text `key: value\n`, which is YAML again, the same for equal sets
 * whatever their order; the caller frees it. What names and describes a run. */
char *config_canonical(const config *c);

/* Of the known names, the one most like `word`, or NULL when none is near. */
const char *config_nearest(const char *word, const char *const known[], int n);

#endif
