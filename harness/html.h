/* html.h - text and tables in a page. What is handed over as text may come from any
 * file: nothing in it becomes an element. */
#ifndef HTML_H
#define HTML_H

#include "matrix.h"

/* Formatted like printf; then all of it is escaped. Bytes that are not UTF-8 show as U+FFFD. */
void html_text(FILE *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The bytes of a file in base64, for `data:` addresses. */
void html_base64(FILE *to, const char *bytes, size_t n);

/* A table with its caption, in a box of its own that scrolls: groups of rows as bodies,
 * labels as headings of rows, the best strong and the second underlined. */
void html_matrix(FILE *to, const matrix *m, const caption *c);

#endif
