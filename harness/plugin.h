/* plugin.h - a method loaded from its shared object, every claim it makes about
 * itself checked, with its own struct and the parameters in it. Functions
 * return 0, or -1 with fault() set. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "../methods/method.h"
#include "config.h"

typedef struct plugin plugin;

/* Loads and checks. A fault that begins "abi: " means: rebuild it. */
int plugin_open(plugin **p, const char *path);
void plugin_close(plugin *p);

/* What plugin_open checks once version and size agree: the name is the file's,
 * the callbacks make sense, every parameter lies in the struct and its range. */
int plugin_check(const method *m, const char *path);

const method *plugin_method(const plugin *p);
void *plugin_self(plugin *p);
const char *plugin_base(const plugin *p); /* the method its PARAM_METHOD names; NULL: it has none */

/* Sets parameters from the keys `NAME.param`; those not given keep their
 * default. An unknown one is a fault that names the nearest. */
int plugin_configure(plugin *p, const config *c);

/* For searches. How many values the sweep of parameter number i has (0: it has
 * none), setting it to one of them, and making all else in the method's struct
 * zero again, as it is before a fit. */
int plugin_sweep(const plugin *p, uint32_t i);
void plugin_try(plugin *p, uint32_t i, int value);
void plugin_forget(plugin *p);

/* The parameters as one field of a table: "k=50;dim=256", "" without any. */
void plugin_settings(const plugin *p, char *text, size_t cap);

#endif
