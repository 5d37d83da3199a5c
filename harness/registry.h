/* registry.h - the methods there are: every shared object in methods/ beside the
 * program and in the folders of OODBENCH_METHODS (separated by colons). A
 * method's name is its file's. What one says of itself is asked of a child
 * process, so a broken one hurts nobody. Functions return 0, or -1 with fault(). */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "config.h"

typedef struct parameter {
    char *name, *kind, *init, *choices, *sweep, *help; /* kind: int real flag choice method */
    double min, max;
    int refit;
} parameter;

typedef struct entry_point {
    char *name, *path;
    int asked;     /* by registry_describe */
    char *refusal; /* why it cannot be used, in the words of a row's status; NULL: it can */
    char *cite;
    int fit, score, loss, step, outliers, inputs;
    int reconstruction; /* no source states all of it */
    int family;         /* enum method_family */
    parameter *params;
    int nparams;
} entry_point;

typedef struct registry {
    entry_point *methods; /* by name */
    int n;
} registry;

int registry_open(registry *r);
void registry_close(registry *r);

entry_point *registry_find(const registry *r, const char *name);
const char *registry_nearest(const registry *r, const char *name);

/* Fills in the rest; a method that cannot be used is no fault but has a refusal. */
int registry_describe(entry_point *m);

/* "knn.k" with its value checked, in its shortest form, appended to `out`; without
 * one, the default. A list gives its item number i. */
int registry_value(const entry_point *m, const parameter *p, const config *c, int i, config *out);

#endif
