/* fault.c - the last error sentence, one per thread. */
#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char text[4096];

int fault(const char *fmt, ...)
{
    char fresh[sizeof text]; /* an argument may be the old text */
    va_list args;
    va_start(args, fmt);
    vsnprintf(fresh, sizeof fresh, fmt, args);
    va_end(args);
    /* Names and values come from files: none of them breaks the line or speaks to the terminal. */
    for (char *c = fresh; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = *c == '\n' || *c == '\t' ? ' ' : '?';
    snprintf(text, sizeof text, "%s", fresh);
    return -1;
}

const char *fault_text(void)
{
    return text;
}
