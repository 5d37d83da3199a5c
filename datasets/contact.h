/* contact.h - a contact sheet: images of data sets side by side, as a PNG. */
#ifndef CONTACT_H
#define CONTACT_H

#include "../harness/data.h"
#include "../harness/text.h"

/* Up to four splits: a row for each class, at most ten of them, evenly chosen, with the first
 * images that have it; where there are no labels, rows of images evenly chosen. More
 * splits: a row for each. Adds to `rows` what they are, from the top, a line for each split;
 * names[i] is that of split i. Returns 0, or -1 with fault(); the file is whole or absent. */
int contact_sheet(const char *file, dataset *const d[], const char *const names[], int n,
                  const char *const classes[], int64_t n_classes, text *rows);

#endif
