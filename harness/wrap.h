/* wrap.h - words in lines that fit a terminal. */
#ifndef WRAP_H
#define WRAP_H

#include <stdio.h>

enum { WRAP_HELP = 76, WRAP_SCREEN = 100 }; /* columns: of help, which the manual page repeats; of a report */

/* Goes on at column `indent`, where the cursor stands, below which the next lines begin;
 * ends with a newline. A word that is too long has a line of its own. */
void wrap_words(FILE *to, int width, int indent, const char *words);

#endif
