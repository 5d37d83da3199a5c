/* places.c - where calls stand, and the one line that ends a process when an
 * operation was used wrongly. */
#define TX_PLAIN
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"
#include "fault.h"

void tx_here_(const char *file, int line);
tensor *tx_done_(tensor *t);
double tx_done_value_(double value);

static origin places[64]; /* nested deeper, a call reports the place it is nested in */
static int depth;

void tx_here_(const char *file, int line)
{
    if (depth < (int)(sizeof places / sizeof *places))
        places[depth] = (origin){file, line};
    depth++;
}

tensor *tx_done_(tensor *t)
{
    depth--;
    return t;
}

double tx_done_value_(double value)
{
    depth--;
    return value;
}

origin tx_where(void)
{
    int top = depth < (int)(sizeof places / sizeof *places) ? depth : (int)(sizeof places / sizeof *places);
    return top > 0 ? places[top - 1] : (origin){NULL, 0};
}

void tx_die(const char *operation, const char *fmt, ...)
{
    va_list args;
    origin p = tx_where();

    fflush(stdout);
    fprintf(stderr, "%s: ", operation);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    if (p.file)
        fprintf(stderr, " (%s:%d)", p.file, p.line);
    fputc('\n', stderr);
    exit(EXIT_PRECONDITION);
}

const char *tx_text(const tensor *t)
{
    static char ring[8][96];
    static unsigned turn;
    char *text = ring[turn++ % 8];
    int at = 0;

    if (!t)
        return "NULL";
    text[at++] = '[';
    for (int i = 0; i < t->d.n; i++)
        at += snprintf(text + at, sizeof ring[0] - (size_t)at, "%s%lld", i ? "," : "", (long long)t->d.d[i]);
    snprintf(text + at, sizeof ring[0] - (size_t)at, "]%s", t->integer ? " of integers" : "");
    return text;
}
