/* cellfile.h - what a cell file says of a set: for the cell that it tells what to do, and
 * for whoever looks at results afterwards. */
#ifndef CELLFILE_H
#define CELLFILE_H

#include "config.h"

/* The key `data.<set>`, a file of images; NULL without it. *key: its name, [300], for a fault. */
const char *cellfile_path(const config *c, const char *set, char key[300]);

/* The i-th split that makes the set up, NULL behind the last: of a shifted set one for each
 * corruption and severity, of any other its test images. */
const char *cellfile_part(const config *c, const char *set, int i);

#endif
