/* plugin.c - loads a method and believes nothing it says about itself: version
 * and size come first, then every parameter is checked against the struct it
 * claims to live in. Code of the plugin runs only after that, and only in a
 * process that may die. */
#include "plugin.h"
#include "commands.h"
#include "engine.h"
#include "fault.h"
#include "pool.h"
#include "settings.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PARAMS 64
#define MOST_BYTES (1 << 20)
#define MOST_INT 9007199254740992.0 /* 2^53: whole numbers a double holds exactly */

struct plugin {
    void *object;
    const method *m;
    void *self;
    char base[32]; /* what its PARAM_METHOD field points to */
};

static const char *const kind_names[] = {"int", "real", "flag", "choice", "method"};
static const size_t kind_bytes[] = {sizeof(int64_t), sizeof(double), sizeof(bool), sizeof(int),
                                    sizeof(const char *)};

/* A name as it may stand in a configuration: no dot, no tab, no surprise. */
static int is_name(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    return n > 0 && n < 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

/* One line of text, since it is printed in tables. */
static int is_line(const char *s)
{
    if (!s || !*s)
        return 0;
    for (; *s; s++)
        if ((unsigned char)*s < ' ')
            return 0;
    return 1;
}

/* The i-th word of "mixup cutmix" into `word`; 0 past the last. */
static int choice_word(const char *choices, int64_t i, char word[32])
{
    const char *s = choices + strspn(choices, " ");
    for (; i > 0 && *s; i--) {
        s += strcspn(s, " ");
        s += strspn(s, " ");
    }
    snprintf(word, 32, "%.*s", (int)strcspn(s, " "), s);
    return *s != '\0';
}

static int64_t choice_count(const char *choices)
{
    char word[32];
    int64_t n = 0;
    while (choice_word(choices, n, word))
        n++;
    return n;
}

/* The value of `text` for this parameter, or NaN when it is none. */
static double param_parse(const param *p, const char *text)
{
    char word[32], *end;
    if (p->kind == PARAM_CHOICE) {
        for (int64_t i = 0; choice_word(p->choices, i, word); i++)
            if (strcmp(word, text) == 0)
                return (double)i;
        return NAN;
    }
    if (p->kind == PARAM_FLAG)
        return strcmp(text, "true") == 0 ? 1 : strcmp(text, "false") == 0 ? 0 : NAN;
    double v = strtod(text, &end);
    int whole = p->kind != PARAM_INT || v == floor(v);
    return *text && !*end && whole && v >= p->min && v <= p->max ? v : NAN;
}

static int check_sweep(const method *m, const param *p)
{
    char word[32];
    if (p->sweep && choice_count(p->sweep) < 2)
        return fault("%s.%s: a sweep of `%s` leaves nothing to choose: give more values, or no `sweep`", m->name,
                     p->name, p->sweep);
    for (int64_t i = 0; p->sweep && choice_word(p->sweep, i, word); i++)
        if (isnan(param_parse(p, word)))
            return fault("%s.%s: `%s` in its sweep is outside what it accepts: correct `sweep` in methods/%s.c",
                         m->name, p->name, word, m->name);
    return 0;
}

static int check_range(const method *m, const param *p)
{
    if (p->kind == PARAM_FLAG && p->init != 0 && p->init != 1)
        return fault("%s.%s: a flag begins as 0 or 1, not %g", m->name, p->name, p->init);
    if (p->kind == PARAM_CHOICE) {
        int64_t n = is_line(p->choices) ? choice_count(p->choices) : 0;
        if (n < 2 || p->init != floor(p->init) || !(p->init >= 0 && p->init < (double)n))
            return fault(
                "%s.%s: expected two or more words in `choices` and `init` the number of one; found %g of %lld",
                m->name, p->name, p->init, (long long)n);
    }
    if (p->kind == PARAM_METHOD && (!is_name(p->choices) || p->sweep))
        return fault("%s.%s: expected the name of a training method in `choices`, and no sweep", m->name, p->name);
    if (p->kind == PARAM_FLAG || p->kind == PARAM_CHOICE || p->kind == PARAM_METHOD)
        return 0;
    if (!isfinite(p->min) || !isfinite(p->max) || !(p->min < p->max))
        return fault("%s.%s: expected finite min < max, found [%g, %g]", m->name, p->name, p->min, p->max);
    if (!(p->init >= p->min && p->init <= p->max))
        return fault("%s.%s: its default %g is outside [%g, %g]", m->name, p->name, p->init, p->min, p->max);
    if (p->kind == PARAM_INT && (p->init != floor(p->init) || fabs(p->min) > MOST_INT || fabs(p->max) > MOST_INT))
        return fault("%s.%s: a whole number expected, found the default %g in [%g, %g]", m->name, p->name, p->init,
                     p->min, p->max);
    return 0;
}

static int check_param(const method *m, const param *p)
{
    if (!is_name(p->name))
        return fault("%s: parameter %d has no proper name (lower case, digits, _; at most 31)", m->name,
                     (int)(p - m->params));
    if ((unsigned)p->kind > PARAM_METHOD)
        return fault("%s.%s: unknown kind %d", m->name, p->name, (int)p->kind);
    size_t size = kind_bytes[p->kind];
    if (p->offset % size != 0 || p->offset + size > m->self_bytes)
        return fault("%s.%s: %zu bytes at offset %u do not lie in its struct of %u", m->name, p->name, size,
                     p->offset, m->self_bytes);
    const setting *s = settings_find(p->name);
    if (s && s->recipe)
        return fault("%s.%s: `%s` is part of every training's recipe: choose another name", m->name, p->name,
                     p->name);
    if (!is_line(p->help) || (p->sweep && !is_line(p->sweep)))
        return fault("%s.%s: expected one line of help", m->name, p->name);
    for (const param *q = m->params; q < p; q++)
        if (strcmp(q->name, p->name) == 0 || q->offset == p->offset)
            return fault("%s.%s: the name or the field is used twice", m->name, p->name);
        else if (q->kind == PARAM_METHOD && p->kind == PARAM_METHOD)
            return fault("%s.%s: there is one base method, and %s names it already", m->name, p->name, q->name);
    return check_range(m, p) != 0 || check_sweep(m, p) != 0 ? -1 : 0;
}

int plugin_check(const method *m, const char *path)
{
    const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
    size_t stem = strcspn(file, ".");
    if (!is_name(m->name) || strlen(m->name) != stem || strncmp(m->name, file, stem) != 0)
        return fault(
            "%s: expected the method `%.*s`, found one that calls itself `%.31s`: rename the one or the other",
            path, (int)stem, file, m->name ? m->name : "");
    if (!is_line(m->cite))
        return fault("%s: expected a citation in .cite", m->name);
    if ((!m->score && !m->loss && !m->step) || (m->fit && !m->score))
        return fault("%s: expected a score, a loss or a step (and fit only beside a score)", m->name);
    if ((unsigned)m->family > FAMILY_SHARPNESS || (m->family && m->score))
        return fault("%s: expected one of enum method_family in .family, of a training method, found %d", m->name,
                     (int)m->family);
    if (m->nparams > MOST_PARAMS || m->self_bytes > MOST_BYTES || (m->nparams && !m->params))
        return fault("%s: %u parameters in %u bytes are more than the %d in %d allowed", m->name, m->nparams,
                     m->self_bytes, MOST_PARAMS, MOST_BYTES);
    for (uint32_t i = 0; i < m->nparams; i++)
        if (check_param(m, &m->params[i]) != 0)
            return -1;
    return 0;
}

static void param_set(void *self, const param *p, double v)
{
    char *field = (char *)self + p->offset;
    if (p->kind == PARAM_INT)
        *(int64_t *)field = (int64_t)v;
    else if (p->kind == PARAM_REAL)
        *(double *)field = v;
    else if (p->kind == PARAM_FLAG)
        *(bool *)field = v != 0;
    else
        *(int *)field = (int)v;
}

static double param_get(const void *self, const param *p)
{
    const char *field = (const char *)self + p->offset;
    if (p->kind == PARAM_INT)
        return (double)*(const int64_t *)field;
    if (p->kind == PARAM_REAL)
        return *(const double *)field;
    return p->kind == PARAM_FLAG ? *(const bool *)field : *(const int *)field;
}

static void param_text(const param *p, double v, char *text, size_t cap)
{
    char word[32];
    if (p->kind == PARAM_CHOICE && choice_word(p->choices, (int64_t)v, word))
        snprintf(text, cap, "%s", word);
    else if (p->kind == PARAM_FLAG)
        snprintf(text, cap, "%s", v != 0 ? "true" : "false");
    else
        snprintf(text, cap, "%.*g", p->kind == PARAM_INT ? 17 : 9, v);
}

/* dlopen's own words, with the one case explained that has a cure. */
static int explain_dlopen(const char *path)
{
    const char *why = dlerror();
    const char *lacks = why ? strstr(why, "undefined symbol: ") : NULL;
    if (!lacks)
        return fault("%s is no method: %s", path, why ? why : "it cannot be loaded");
    lacks += strlen("undefined symbol: ");
    return fault("abi: %s needs %.*s, which this program does not have: rebuild it", path,
                 (int)strcspn(lacks, " ,\n"), lacks);
}

static int load(plugin *p, const char *path)
{
    p->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!p->object)
        return explain_dlopen(path);
    const uint32_t *head = dlsym(p->object, "method_entry");
    if (!head)
        return fault("abi: %s exports no `method_entry`: it is no method of this program", path);
    if (head[0] != METHOD_ABI)
        return fault("abi: %s was built for ABI %u, this program has %u: rebuild it", path, head[0], METHOD_ABI);
    if (head[1] != sizeof(method))
        return fault("abi: the method in %s takes %u bytes, this program expects %zu: rebuild it", path, head[1],
                     sizeof(method));
    p->m = (const method *)(const void *)head;
    return plugin_check(p->m, path);
}

static void set_base(plugin *p, const param *q, const char *name)
{
    snprintf(p->base, sizeof p->base, "%s", name);
    *(const char **)(void *)((char *)p->self + q->offset) = p->base;
}

static void set_default(plugin *p, const param *q)
{
    if (q->kind == PARAM_METHOD)
        set_base(p, q, q->choices);
    else
        param_set(p->self, q, q->init);
}

int plugin_open(plugin **out, const char *path)
{
    char full[4096]; /* without a slash dlopen would search the system's folders */
    if ((size_t)snprintf(full, sizeof full, "%s%s", strchr(path, '/') ? "" : "./", path) >= sizeof full)
        return fault("the path %s is too long", path);
    plugin *p = pool_host(sizeof *p);
    if (load(p, full) != 0) {
        plugin_close(p);
        return -1;
    }
    p->self = pool_host((size_t)p->m->self_bytes + 1);
    for (uint32_t i = 0; i < p->m->nparams; i++)
        set_default(p, &p->m->params[i]);
    *out = p;
    return 0;
}

/* The object stays loaded: a process runs one method, and tensors that outlive
 * this call may have been made by its code. */
void plugin_close(plugin *p)
{
    if (p)
        free(p->self);
    free(p);
}

const method *plugin_method(const plugin *p)
{
    return p->m;
}

void *plugin_self(plugin *p)
{
    return p->self;
}

const char *plugin_base(const plugin *p)
{
    return p->base[0] ? p->base : NULL;
}

static int configure_choice(const param *p, const config *c, const char *key, double *value)
{
    const char *words[MOST_PARAMS], *text = config_text(c, key);
    char held[MOST_PARAMS][32];
    int n = 0;
    double v = text ? param_parse(p, text) : NAN;
    if (!isnan(v)) {
        *value = v;
        return 0;
    }
    for (; n < MOST_PARAMS && choice_word(p->choices, n, held[n]); n++)
        words[n] = held[n];
    const char *near = config_nearest(text ? text : "", words, n);
    return fault("%s: %s is one of: %s; found `%s`%s%s%s", config_origin(c, key), key, p->choices, text ? text : "",
                 near ? " (did you mean `" : "", near ? near : "", near ? "`?)" : "");
}

static int configure_param(plugin *plug, const param *p, const config *c, const char *key)
{
    if (p->kind == PARAM_METHOD) {
        const char *name = config_text(c, key);
        if (!is_name(name))
            return fault("%s: %s takes the name of a training method; found `%s`", config_origin(c, key), key,
                         name ? name : "");
        set_base(plug, p, name);
        return 0;
    }
    double v = param_get(plug->self, p);
    int64_t whole = (int64_t)v;
    int flag = v != 0, rc = 0;
    if (p->kind == PARAM_INT && (rc = config_int(c, key, &whole, (int64_t)p->min, (int64_t)p->max)) == 0)
        v = (double)whole;
    else if (p->kind == PARAM_REAL)
        rc = config_real(c, key, &v, p->min, p->max);
    else if (p->kind == PARAM_FLAG && (rc = config_flag(c, key, &flag)) == 0)
        v = flag;
    else if (p->kind == PARAM_CHOICE)
        rc = configure_choice(p, c, key, &v);
    if (rc == 0)
        param_set(plug->self, p, v);
    return rc;
}

static int refuse_key(const method *m, const config *c, const char *key)
{
    const char *names[MOST_PARAMS];
    for (uint32_t i = 0; i < m->nparams; i++)
        names[i] = m->params[i].name;
    const char *near = config_nearest(strchr(key, '.') + 1, names, (int)m->nparams);
    return fault("%s: %s has no parameter `%s`%s%s%s", config_origin(c, key), m->name, strchr(key, '.') + 1,
                 near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
}

int plugin_configure(plugin *p, const config *c)
{
    size_t prefix = strlen(p->m->name);
    for (int i = 0; i < config_count(c); i++) {
        const char *key = config_key(c, i);
        if (strncmp(key, p->m->name, prefix) != 0 || key[prefix] != '.')
            continue;
        uint32_t j = 0;
        while (j < p->m->nparams && strcmp(p->m->params[j].name, key + prefix + 1) != 0)
            j++;
        if (j == p->m->nparams)
            return refuse_key(p->m, c, key);
        if (config_items(c, key) > 0 && configure_param(p, &p->m->params[j], c, key) != 0)
            return -1;
    }
    return 0;
}

int plugin_sweep(const plugin *p, uint32_t i)
{
    const char *sweep = p->m->params[i].sweep;
    return sweep ? (int)choice_count(sweep) : 0;
}

void plugin_try(plugin *p, uint32_t i, int value)
{
    char word[32];
    const param *q = &p->m->params[i];
    if (choice_word(q->sweep, value, word))
        param_set(p->self, q, param_parse(q, word));
}

void plugin_forget(plugin *p)
{
    char *fresh = pool_host(p->m->self_bytes);
    for (uint32_t i = 0; i < p->m->nparams; i++) {
        const param *q = &p->m->params[i];
        memcpy(fresh + q->offset, (const char *)p->self + q->offset, kind_bytes[q->kind]);
    }
    memcpy(p->self, fresh, p->m->self_bytes);
    free(fresh);
}

void plugin_settings(const plugin *p, char *text, size_t cap)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < p->m->nparams && used < cap; i++) {
        char value[64];
        const param *q = &p->m->params[i];
        if (q->kind == PARAM_METHOD)
            snprintf(value, sizeof value, "%s", p->base);
        else
            param_text(q, param_get(p->self, q), value, sizeof value);
        used += (size_t)snprintf(text + used, cap - used, "%s%s=%s", i ? ";" : "", q->name, value);
    }
}

static void describe_param(const param *p)
{
    char init[64];
    int number = p->kind == PARAM_INT || p->kind == PARAM_REAL;
    if (p->kind == PARAM_METHOD)
        snprintf(init, sizeof init, "%s", p->choices);
    else
        param_text(p, p->init, init, sizeof init);
    printf("param\tname=%s\tkind=%s\tinit=%s", p->name, kind_names[p->kind], init);
    if (number)
        printf("\tmin=%.17g\tmax=%.17g", p->min, p->max);
    else
        printf("\tmin=\tmax=");
    printf("\tchoices=%s\tsweep=%s\trefit=%d\thelp=%s\n", p->kind == PARAM_CHOICE ? p->choices : "",
           p->sweep ? p->sweep : "", p->refit, p->help);
}

int describe_main(int argc, char **argv)
{
    plugin *p;
    if (argc != 2 || strcmp(argv[1], "--help") == 0) {
        fprintf(argc == 2 ? stdout : stderr, "usage: oodbench describe PATH.so\n"
                                             "prints what a method says of itself, in tab-separated lines\n");
        return argc == 2 ? EXIT_OK : EXIT_CONFIG;
    }
    if (plugin_open(&p, argv[1]) != 0) {
        fprintf(stderr, "%s\n", fault_text());
        return EXIT_PRECONDITION;
    }
    const method *m = p->m;
    printf("method\tname=%s\tcite=%s\tfit=%d\tscore=%d\tloss=%d\tstep=%d\toutliers=%d\treconstruction=%d\tfamily=%"
           "d\tinputs=%d\n",
           m->name, m->cite, m->fit != NULL, m->score != NULL, m->loss != NULL, m->step != NULL, m->outliers,
           m->reconstruction, (int)m->family, m->inputs);
    for (uint32_t i = 0; i < m->nparams; i++)
        describe_param(&m->params[i]);
    plugin_close(p);
    return EXIT_OK;
}
