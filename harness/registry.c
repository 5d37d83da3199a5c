/* registry.c - lists the folders of methods and asks each method what it is. */
#include "registry.h"
#include "commands.h"
#include "fault.h"
#include "file.h"
#include "layout.h"
#include "spawn.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_CAP 4096
#define SECONDS_TO_DESCRIBE 20

static int by_name(const void *a, const void *b)
{
    return strcmp(((const entry_point *)a)->name, ((const entry_point *)b)->name);
}

static int add_file(registry *r, const char *folder, const char *file)
{
    char path[PATH_CAP], full[PATH_CAP];
    size_t stem = strlen(file);
    if (stem < 4 || file[0] == '.' || strcmp(file + stem - 3, ".so") != 0)
        return 0;
    layout_absolute(full, sizeof full, file_join(path, sizeof path, folder, file));
    entry_point m = {.name = text_format("%.*s", (int)stem - 3, file), .path = text_copy(full)};
    const entry_point *before = registry_find(r, m.name);
    r->methods = text_more(r->methods, (size_t)(r->n + 1) * sizeof *r->methods);
    r->methods[r->n++] = m;
    return before ? fault("two methods are called `%s`: %s and %s; rename one of them", m.name, before->path, full)
                  : 0;
}

static int add_folder(registry *r, const char *folder)
{
    DIR *d = opendir(folder);
    if (!d)
        return fault("cannot read the folder of methods %s: %s; build them with `make`", folder, strerror(errno));
    int rc = 0;
    for (struct dirent *e; rc == 0 && (e = readdir(d));)
        rc = add_file(r, folder, e->d_name);
    closedir(d);
    return rc;
}

int registry_open(registry *r)
{
    char folder[PATH_CAP];
    *r = (registry){0};
    int rc = add_folder(r, layout_beside(folder, sizeof folder, "methods"));
    const char *more = getenv("OODBENCH_METHODS");
    while (rc == 0 && more && *more) {
        int n = (int)strcspn(more, ":");
        snprintf(folder, sizeof folder, "%.*s", n, more);
        if (n)
            rc = add_folder(r, folder);
        more += n + (more[n] == ':');
    }
    if (r->n)
        qsort(r->methods, (size_t)r->n, sizeof *r->methods, by_name);
    if (rc != 0)
        registry_close(r);
    return rc;
}

static void free_parameter(parameter *p)
{
    free(p->name);
    free(p->kind);
    free(p->init);
    free(p->choices);
    free(p->sweep);
    free(p->help);
}

void registry_close(registry *r)
{
    for (int i = 0; i < r->n; i++) {
        entry_point *m = &r->methods[i];
        for (int j = 0; j < m->nparams; j++)
            free_parameter(&m->params[j]);
        free(m->params);
        free(m->name);
        free(m->path);
        free(m->refusal);
        free(m->cite);
    }
    free(r->methods);
    *r = (registry){0};
}

entry_point *registry_find(const registry *r, const char *name)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->methods[i].name, name) == 0)
            return &r->methods[i];
    return NULL;
}

const char *registry_nearest(const registry *r, const char *name)
{
    const char **names = text_more(NULL, (size_t)r->n * sizeof *names);
    for (int i = 0; i < r->n; i++)
        names[i] = r->methods[i].name;
    const char *near = config_nearest(name, names, r->n);
    free(names);
    return near;
}

/* The lines of `oodbench describe`. */

/* The value of `key=` in a line of tab-separated fields, copied; "" without one. */
static char *field(const char *line, const char *key)
{
    size_t n = strlen(key);
    for (const char *s = line; s; s = strchr(s, '\t')) {
        s += *s == '\t';
        if (strncmp(s, key, n) == 0 && s[n] == '=')
            return text_format("%.*s", (int)strcspn(s + n + 1, "\t"), s + n + 1);
    }
    return text_copy("");
}

static double number(const char *line, const char *key)
{
    char *s = field(line, key);
    double v = strtod(s, NULL);
    free(s);
    return v;
}

static void take_line(void *arg, char *line)
{
    entry_point *m = arg;
    if (strncmp(line, "method\t", 7) == 0 && !m->cite) {
        m->cite = field(line, "cite");
        m->fit = number(line, "fit") != 0;
        m->score = number(line, "score") != 0;
        m->loss = number(line, "loss") != 0;
        m->step = number(line, "step") != 0;
        m->outliers = number(line, "outliers") != 0;
        m->inputs = number(line, "inputs") != 0;
        m->reconstruction = number(line, "reconstruction") != 0;
        m->family = (int)number(line, "family");
    } else if (strncmp(line, "param\t", 6) == 0) {
        m->params = text_more(m->params, (size_t)(m->nparams + 1) * sizeof *m->params);
        m->params[m->nparams++] = (parameter){.name = field(line, "name"),
                                              .kind = field(line, "kind"),
                                              .init = field(line, "init"),
                                              .choices = field(line, "choices"),
                                              .sweep = field(line, "sweep"),
                                              .help = field(line, "help"),
                                              .min = number(line, "min"),
                                              .max = number(line, "max"),
                                              .refit = number(line, "refit") != 0};
    }
}

int registry_describe(entry_point *m)
{
    if (m->asked)
        return 0;
    char word[] = "describe";
    char *argv[] = {(char *)(uintptr_t)layout_program(), word, m->path, NULL};
    job j = {.argv = argv, .report_fd = 1, .timeout_s = SECONDS_TO_DESCRIBE, .report = take_line, .arg = m};
    outcome o;
    if (spawn_run(&o, &j) != 0)
        return -1;
    m->asked = 1;
    if (o.end == SPAWN_SIGNAL)
        m->refusal = text_format("crash: SIG%s while loading", sigabbrev_np(o.code));
    else if (o.end == SPAWN_TIMEOUT)
        m->refusal = text_format("timeout: %d s while loading", SECONDS_TO_DESCRIBE);
    else if (o.end == SPAWN_INTERRUPT)
        m->refusal = text_copy("interrupted");
    else if (o.code != 0 || !m->cite)
        m->refusal = text_format("%s%s", strncmp(o.last, "abi: ", 5) == 0 ? "" : "failed: ",
                                 o.last[0] ? o.last : "it says nothing of itself");
    return 0;
}

/* Values. */

static int choice_value(const parameter *p, const config *c, const char *key, const char *found)
{
    size_t n = strlen(found);
    for (const char *s = p->choices; *s; s += strcspn(s, " "), s += strspn(s, " "))
        if (strcspn(s, " ") == n && strncmp(s, found, n) == 0)
            return 0;
    return fault("%s: `%s` must be one of: %s; found `%s`", config_origin(c, key), key, p->choices, found);
}

int registry_value(const entry_point *m, const parameter *p, const config *c, int i, config *out)
{
    char key[256], shortest[32] = "";
    snprintf(key, sizeof key, "%s.%s", m->name, p->name);
    const char *value = config_item(c, key, i), *origin = config_origin(c, key);
    if (!value)
        return config_append(out, key, p->init, "default");
    config *one = config_new();
    config_append(one, key, value, origin);
    int64_t whole = 0;
    double real = 0;
    int flag = 0, rc;
    if (strcmp(p->kind, "int") == 0) {
        rc = config_int(one, key, &whole, (int64_t)p->min, (int64_t)p->max);
        snprintf(shortest, sizeof shortest, "%lld", (long long)whole);
    } else if (strcmp(p->kind, "real") == 0) {
        rc = config_real(one, key, &real, p->min, p->max);
        text_number(shortest, real);
    } else if (strcmp(p->kind, "flag") == 0) {
        rc = config_flag(one, key, &flag);
        snprintf(shortest, sizeof shortest, "%s", flag ? "true" : "false");
    } else {
        rc = strcmp(p->kind, "choice") == 0 ? choice_value(p, one, key, value) : 0;
    }
    if (rc == 0)
        config_append(out, key, shortest[0] ? shortest : value, origin);
    config_free(one);
    return rc;
}

/* oodbench methods, oodbench show */

static void range(const parameter *p, char *out, size_t cap)
{
    if (strcmp(p->kind, "choice") == 0)
        snprintf(out, cap, "one of: %s", p->choices);
    else if (strcmp(p->kind, "flag") == 0)
        snprintf(out, cap, "true or false");
    else if (strcmp(p->kind, "method") == 0)
        snprintf(out, cap, "a training method");
    else
        snprintf(out, cap, "%s %g to %g", strcmp(p->kind, "int") == 0 ? "whole," : "real,", p->min, p->max);
}

static const char *role(const entry_point *m)
{
    int trains = m->loss || m->step;
    return m->score ? trains ? "score, train" : "score" : m->outliers ? "train, with outliers" : "train";
}

static const char *mark(const entry_point *m)
{
    return m->reconstruction ? " (reconstruction)" : "";
}

static void print_method(const entry_point *m, int name_width)
{
    if (m->refusal) {
        printf("%-*s  %s\n", name_width, m->name, m->refusal);
        return;
    }
    printf("%-*s  %-20s  %s%s\n", name_width, m->name, role(m), m->cite, mark(m));
    int width = 0;
    for (int i = 0; i < m->nparams; i++) {
        int n = (int)strlen(m->params[i].name) + (int)strlen(m->params[i].init);
        width = n > width ? n : width;
    }
    for (int i = 0; i < m->nparams; i++) {
        const parameter *p = &m->params[i];
        char limits[256];
        range(p, limits, sizeof limits);
        printf("%*s    %s.%s: %s%*s  %-24s  %s%s%s%s\n", name_width, "", m->name, p->name, p->init,
               width - (int)strlen(p->name) - (int)strlen(p->init), "", limits, p->help,
               p->sweep[0] ? " (search: " : "", p->sweep, p->sweep[0] ? ")" : "");
    }
}

int methods_main(int argc, char **argv)
{
    if (argc > 1) {
        int help = strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr, "usage: oodbench methods\n"
                                        "Lists the methods: name, part played, source; below, each parameter\n"
                                        "with its default, range and meaning.\n");
        return help ? EXIT_OK : EXIT_CONFIG;
    }
    registry r;
    if (registry_open(&r) != 0)
        return -1;
    int width = 0, bad = 0, rc = 0;
    for (int i = 0; i < r.n; i++) {
        int n = (int)strlen(r.methods[i].name);
        width = n > width ? n : width;
    }
    for (int i = 0; rc == 0 && i < r.n; i++) {
        rc = registry_describe(&r.methods[i]);
        if (rc == 0)
            print_method(&r.methods[i], width);
        bad |= r.methods[i].refusal != NULL;
    }
    registry_close(&r);
    return rc != 0 ? rc : bad ? 1 : EXIT_OK;
}

static int show(const registry *r, const char *name)
{
    entry_point *m = registry_find(r, name);
    const char *near = registry_nearest(r, name);
    if (!m)
        return fault("there is no method `%s`%s%s%s", name,
                     near ? "; did you mean `" : ": `oodbench methods` lists them", near ? near : "",
                     near ? "`?" : "");
    if (registry_describe(m) != 0)
        return -1;
    if (m->refusal)
        return fault("%s cannot be used: %s", m->path, m->refusal);
    printf("# %s%s: %s, %s\n", m->name, mark(m), role(m), m->cite);
    for (int i = 0; i < m->nparams; i++) {
        const parameter *p = &m->params[i];
        char limits[256], *value = text_format("%s.%s: %s", m->name, p->name, p->init);
        range(p, limits, sizeof limits);
        printf("%-28s # %s; %s%s%s\n", value, p->help, limits, p->sweep[0] ? "; search: " : "", p->sweep);
        free(value);
    }
    return EXIT_OK;
}

int show_main(int argc, char **argv)
{
    int help = argc > 1 && strcmp(argv[1], "--help") == 0;
    if (argc != 2 || help) {
        fprintf(help ? stdout : stderr, "usage: oodbench show METHOD\n"
                                        "Prints a method's parameters with their defaults, ready to be put\n"
                                        "into a configuration.\n");
        return help ? EXIT_OK : EXIT_CONFIG;
    }
    registry r;
    if (registry_open(&r) != 0)
        return -1;
    int rc = show(&r, argv[1]);
    registry_close(&r);
    return rc;
}
