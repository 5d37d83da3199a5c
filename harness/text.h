/* text.h - strings that grow. Running out of memory ends the process with exit
 * code 4, so no caller checks for it. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

typedef struct text {
    char *bytes; /* NUL-terminated; NULL while empty: text_str() reads it as "" */
    size_t n, cap;
} text;

void text_add(text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_char(text *t, char c);
void text_clear(text *t); /* empties it, keeps the room */
void text_free(text *t);
const char *text_str(const text *t);

/* Says so and ends the process with code 4, where it stands. */
void text_out_of_memory(size_t bytes) __attribute__((noreturn));

/* realloc and strdup that succeed. */
void *text_more(void *p, size_t bytes);
char *text_copy(const char *s);
char *text_format(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* the caller frees it */

/* A number in the shortest decimal form that reads back as itself. */
char *text_number(char out[32], double v);

/* How many columns UTF-8 text takes on a terminal (combining and wide characters aside). */
int text_columns(const char *s);

#endif
