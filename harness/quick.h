/* quick.h - what a configuration changes for a quick run: the keys below `quick:`. */
#ifndef QUICK_H
#define QUICK_H

#include "config.h"

/* Copies what `file` says to `c`; `quick.KEY` becomes KEY, over what else the
 * file says of it, when `quick` is set, and is left out when not. -1 with
 * fault() set when the configuration has nothing below `quick:` and it is asked for. */
int quick_take(config *c, const config *file, int quick, const char *path);

#endif
