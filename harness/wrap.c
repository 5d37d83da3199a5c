/* wrap.c - breaks at spaces. */
#include "wrap.h"

#include <string.h>

void wrap_words(FILE *to, int width, int indent, const char *words)
{
    int at = indent;
    for (const char *p = words; *p;) {
        int n = (int)strcspn(p, " ");
        if (at > indent && at + 1 + n > width)
            at = fprintf(to, "\n%*s", indent, "") - 1; /* the newline takes no column */
        at += fprintf(to, "%s%.*s", at > indent ? " " : "", n, p);
        p += n + (p[n] != '\0');
    }
    fputc('\n', to);
}
