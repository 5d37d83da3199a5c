/* settings.h - the keys of an experiment's configuration: what each means, may
 * hold and is when not given; reading a file and what the command line says
 * over it. Keys `METHOD.parameter` belong to methods and are left to expand.c. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "config.h"

#include <stdio.h>

enum setting_kind { SETTING_NAME, SETTING_PATH, SETTING_INT, SETTING_REAL, SETTING_FLAG };

typedef struct setting {
    const char *key;
    enum setting_kind kind;
    int list;         /* may hold several values */
    const char *init; /* NULL: none, or taken from the benchmark (the help says so) */
    double lo, hi;
    const char *choices; /* "sgd adam", or NULL */
    const char *help;
    int recipe; /* part of training */
} setting;

const setting *settings_find(const char *key);
const setting *settings_at(int i); /* NULL past the last */
const char *settings_nearest(const char *key);
int settings_own(const char *key); /* `landscape.x`: some key of the table begins with `landscape.` */
void settings_print(FILE *to);     /* all of them, as help */

/* Checks what `key` holds as if it were this setting, and puts it into its
 * shortest form. -1 with fault() set. */
int settings_check(config *c, const char *key, const setting *s);

/* Of `argv[1..]`: the file, then `--key value`, `--key=value` or, for a flag,
 * `--key`. *file points into argv, or names one that comes with the program. Every value is checked, written in its
 * shortest form, and defaults are filled in. -1 with fault() set. */
int settings_load(config *c, const char **file, int argc, char **argv);

/* Its two halves: the words of a command line, where *file is one `what` or NULL, and
 * then checks and defaults. */
int settings_words(config *options, const char **file, const char *what, int argc, char **argv);
int settings_complete(config *c);

#endif
