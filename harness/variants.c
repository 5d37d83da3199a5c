/* variants.c - multiplies the parameters of methods out. A method that minimises
 * the loss of another one (its parameter `base`) multiplies with that one's. */
#include "variants.h"
#include "fault.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CELLS = 10000 };

static int known_method(const plan *p, const char *origin, const char *key, const char *name, entry_point **out)
{
    const char *near = registry_nearest(&p->methods, name);
    *out = registry_find(&p->methods, name);
    if (!*out)
        return fault("%s: `%s`: there is no method `%s`%s%s%s", origin, key, name,
                     near ? "; did you mean `" : ": `oodbench methods` lists them", near ? near : "",
                     near ? "`?" : "");
    return registry_describe(*out);
}

static int check_outliers(const plan *p, const entry_point *m, const char *origin, const char *key)
{
    if (m->refusal || !m->outliers || config_items(p->c, "outliers") > 0)
        return 0;
    return fault("%s: `%s`: %s needs auxiliary outliers and none are given: add `outliers: SET`", origin, key,
                 m->name);
}

static int find_method(const plan *p, const char *key, const char *name, entry_point **out)
{
    const char *origin = config_origin(p->c, key);
    int trains = strcmp(key, "train") == 0;
    if (known_method(p, origin, key, name, out) != 0)
        return -1;
    const entry_point *m = *out;
    if (!m->refusal && !(trains ? m->loss || m->step : m->score))
        return fault("%s: `%s`: %s does not %s, it %ss: move it to `%s`", origin, key, name,
                     trains ? "train" : "score", trains ? "score" : "train", trains ? "score" : "train");
    return trains ? check_outliers(p, m, origin, key) : 0;
}

/* The parameter that names a base, or NULL. */
static const parameter *base_parameter(const entry_point *m)
{
    for (int i = 0; i < m->nparams; i++)
        if (strcmp(m->params[i].kind, "method") == 0)
            return &m->params[i];
    return NULL;
}

static int find_base(const plan *p, const char *key, const char *name, entry_point **out)
{
    const char *origin = config_items(p->c, key) ? config_origin(p->c, key) : "default";
    if (known_method(p, origin, key, name, out) != 0)
        return -1;
    const entry_point *m = *out;
    if (m->refusal)
        return fault("%s: `%s`: %s cannot be used: %s", origin, key, name, m->refusal);
    if (!m->loss || base_parameter(m))
        return fault("%s: `%s`: expected a training method with a loss of its own, found %s, which %s", origin, key,
                     name, m->loss || m->step ? "takes steps of its own" : "scores");
    return check_outliers(p, m, origin, key);
}

/* How many values a parameter is given. */
static int values(const plan *p, const entry_point *m, int i, char key[256])
{
    snprintf(key, 256, "%s.%s", m->name, m->params[i].name);
    int n = config_items(p->c, key);
    return n > 1 ? n : 1;
}

static int count(const plan *p, const entry_point *m, int64_t *total)
{
    for (int i = 0; m && i < m->nparams; i++) {
        char key[256];
        if (strcmp(m->params[i].kind, "method") != 0)
            *total *= values(p, m, i, key);
        if (*total > MOST_CELLS)
            return fault("%s: the lists of %s's parameters multiply to more than %d cells",
                         config_origin(p->c, key), m->name, MOST_CELLS);
    }
    return 0;
}

/* The keys of a method that could not be asked for its parameters, as they are. */
static void keys_unasked(const plan *p, variant *v)
{
    size_t n = strlen(v->method->name);
    for (int i = 0; i < config_count(p->c); i++) {
        const char *key = config_key(p->c, i);
        if (strncmp(key, v->method->name, n) == 0 && key[n] == '.')
            config_copy(v->keys, key, p->c, key);
    }
}

/* Is the value of m's i-th parameter left to a search? */
static int is_searched(const variants *all, const plan *p, const entry_point *m, int i)
{
    char key[256];
    snprintf(key, sizeof key, "%s.%s", m->name, m->params[i].name);
    return all->search && m->params[i].sweep[0] && config_items(p->c, key) == 0;
}

/* What is searched over, and the last of the settings, which says so. */
static void add_grid(const variants *all, const plan *p, variant *v, text *settings)
{
    text grid = {0};
    for (int i = 0; i < v->method->nparams; i++) {
        const parameter *q = &v->method->params[i];
        if (!is_searched(all, p, v->method, i))
            continue;
        text_add(settings, "%s%s", grid.n ? " " : settings->n ? ";searched=" : "searched=", q->name);
        text_add(&grid, "%s%s=%s", grid.n ? ";" : "", q->name, q->sweep);
    }
    v->grid = grid.bytes;
}

/* Combination number *which of the values of m's parameters; the first changes fastest. */
static int fill(const variants *all, const plan *p, variant *v, const entry_point *m, int *which, int base,
                text *settings)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < m->nparams; i++) {
        char key[256];
        int n = values(p, m, i, key), names_base = strcmp(m->params[i].kind, "method") == 0;
        if (is_searched(all, p, m, i))
            continue;
        rc = registry_value(m, &m->params[i], p->c, names_base ? base : *which % n, v->keys);
        *which = names_base ? *which : *which / n;
        if (rc == 0)
            text_add(settings, "%s%s%s%s=%s", settings->n ? ";" : "", m == v->base ? m->name : "",
                     m == v->base ? "." : "", m->params[i].name, config_text(v->keys, key));
    }
    return rc;
}

/* All variants of a method with one base, which is value number `item` of its parameter. */
static int add_variants(const plan *p, variants *all, entry_point *m, entry_point *base, int item)
{
    int64_t total = 1;
    int rc = count(p, m, &total) != 0 || count(p, base, &total) != 0 ? -1 : 0;
    for (int i = 0; rc == 0 && i < total; i++) {
        text settings = {0};
        int which = i;
        all->at = text_more(all->at, (size_t)(all->n + 1) * sizeof *all->at);
        variant *v = &all->at[all->n++];
        *v = (variant){.method = m, .base = base, .keys = config_new()};
        if (m->refusal)
            keys_unasked(p, v);
        rc = fill(all, p, v, m, &which, item, &settings);
        if (rc == 0 && base)
            rc = fill(all, p, v, base, &which, 0, &settings);
        add_grid(all, p, v, &settings);
        v->settings = text_copy(text_str(&settings));
        text_free(&settings);
    }
    return rc;
}

static int add_method(const plan *p, variants *all, entry_point *m)
{
    char key[256];
    const parameter *base = base_parameter(m);
    if (!base)
        return add_variants(p, all, m, NULL, 0);
    int n = values(p, m, (int)(base - m->params), key), given = config_items(p->c, key) > 0;
    for (int i = 0; i < n; i++) {
        entry_point *b = NULL;
        if (find_base(p, key, given ? config_item(p->c, key, i) : base->init, &b) != 0 ||
            add_variants(p, all, m, b, i) != 0)
            return -1;
    }
    return 0;
}

int variants_choose(const plan *p, variants *all, const char *key)
{
    if (strcmp(key, "score") == 0 && config_flag(p->c, "search", &all->search) != 0)
        return -1;
    for (int i = 0; i < config_items(p->c, key); i++) {
        entry_point *m = NULL;
        if (find_method(p, key, config_item(p->c, key, i), &m) != 0 || add_method(p, all, m) != 0)
            return -1;
    }
    return 0;
}

void variants_free(variants *all)
{
    for (int i = 0; i < all->n; i++) {
        config_free(all->at[i].keys);
        free(all->at[i].settings);
        free(all->at[i].grid);
    }
    free(all->at);
}

int variants_outliers(const variant *v)
{
    return v->method->outliers || (v->base && v->base->outliers);
}

const char *variants_recipe_key(const plan *p, const variant *v, const char *key, char buffer[256])
{
    snprintf(buffer, 256, "%s.%s", v->method->name, key);
    return config_items(p->c, buffer) ? buffer : key;
}
