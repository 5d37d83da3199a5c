/* paper_print.h - a comparison with a published table as text, Markdown or CSV. */
#ifndef PAPER_PRINT_H
#define PAPER_PRINT_H

#include "paper_setting.h"

/* paper_csv.c */
void paper_print_csv(FILE *to, const paper_match *m, const setting *s);

/* file: the results, for the first line. */
void paper_print(FILE *to, const paper_match *m, const setting *s, const char *file, const table_options *o);

#endif
