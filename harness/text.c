/* text.c - strings that grow by doubling. */
#include "text.h"
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void text_out_of_memory(size_t bytes)
{
    if (bytes)
        fprintf(stderr, "oodbench: out of memory: %zu bytes were refused\n", bytes);
    else
        fputs("oodbench: out of memory\n", stderr);
    _exit(EXIT_MEMORY); /* exit() would run what libraries do at the end, in the midst of what they are doing */
}

void *text_more(void *p, size_t bytes)
{
    void *more = realloc(p, bytes ? bytes : 1);
    if (!more)
        text_out_of_memory(bytes);
    return more;
}

char *text_copy(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(text_more(NULL, n), s, n);
}

static void reserve(text *t, size_t extra)
{
    if (t->n + extra + 1 <= t->cap)
        return;
    t->cap = 2 * (t->n + extra + 1);
    t->bytes = text_more(t->bytes, t->cap);
}

__attribute__((format(printf, 2, 0), nonnull)) static void append(text *t, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    reserve(t, (size_t)n);
    vsnprintf(t->bytes + t->n, (size_t)n + 1, fmt, again);
    t->n += (size_t)n;
    va_end(again);
}

void text_add(text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append(t, fmt, args);
    va_end(args);
}

char *text_format(const char *fmt, ...)
{
    text t = {0};
    va_list args;
    va_start(args, fmt);
    append(&t, fmt, args);
    va_end(args);
    return t.bytes;
}

void text_char(text *t, char c)
{
    reserve(t, 1);
    t->bytes[t->n++] = c;
    t->bytes[t->n] = '\0';
}

void text_clear(text *t)
{
    t->n = 0;
    if (t->bytes)
        t->bytes[0] = '\0';
}

void text_free(text *t)
{
    free(t->bytes);
    *t = (text){0};
}

const char *text_str(const text *t)
{
    return t->bytes ? t->bytes : "";
}

char *text_number(char out[32], double v)
{
    for (int digits = 9; digits <= 17; digits += 8) { /* nearly all that people write has nine or fewer */
        snprintf(out, 32, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return out;
}

int text_columns(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}
