/* page_svg.c - gnuplot gives the same names to the marks of every SVG, and a page has one
 * space of names; its titles are of no use to a reader. */
#include "page.h"

#include <stdlib.h>
#include <string.h>

static int begins(const char *s, const char *word)
{
    return strncmp(s, word, strlen(word)) == 0;
}

/* Behind `</name>`, where an element of that name begins here; else NULL. */
static const char *behind_element(const char *s, const char *name)
{
    char *open = text_format("<%s>", name), *close = text_format("</%s>", name);
    const char *end = begins(s, open) ? strstr(s, close) : NULL;
    end = end ? end + strlen(close) : NULL;
    free(open);
    free(close);
    return end;
}

/* What precedes a name inside of a tag: its length, else 0. */
static size_t before_name(const char *s)
{
    static const char *const marks[] = {" id='", " id=\"", "href='#", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (begins(s, marks[i]))
            return strlen(marks[i]);
    return 0;
}

/* Up to the end of the picture; runs of blanks become one each. */
static void put_inside(FILE *to, const char *s, const char *prefix)
{
    int in_tag = 0;
    while (*s && !begins(s, "</svg>")) {
        const char *end = behind_element(s, "title");
        end = end ? end : behind_element(s, "desc");
        if (end) {
            s = end;
            continue;
        }
        size_t n = in_tag ? before_name(s) : 0;
        if (n) {
            fprintf(to, "%.*s%s", (int)n, s, prefix);
            s += n;
            continue;
        }
        in_tag = *s == '<' ? 1 : *s == '>' ? 0 : in_tag;
        size_t blank = strspn(s, " \t\r\n");
        if (blank)
            fputc(memchr(s, '\n', blank) ? '\n' : ' ', to);
        else
            fputc(*s, to);
        s += blank ? blank : 1;
    }
}

/* The value of an attribute of the first tag, its length in *n; "" without one. */
static const char *attribute(const char *tag, const char *name, int *n)
{
    const char *found = strstr(tag, name), *end = strchr(tag, '>');
    *n = 0;
    if (!found || !end || found > end)
        return "";
    found += strlen(name);
    *n = (int)strcspn(found, "\"");
    return found;
}

void page_svg(FILE *to, const char *svg, const char *prefix, const char *label)
{
    static const char *const kept[] = {" width=\"", " height=\"", " viewBox=\""};
    const char *tag = strstr(svg, "<svg"), *inside = tag ? strchr(tag, '>') : NULL;
    if (!inside)
        return;
    fputs("<svg role=\"img\" aria-label=\"", to);
    html_text(to, "%s", label);
    fputc('"', to);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        int n;
        const char *value = attribute(tag, kept[i], &n);
        if (n)
            fprintf(to, "%s%.*s\"", kept[i], n, value);
    }
    fputc('>', to);
    put_inside(to, inside + 1, prefix);
    fputs("</svg>\n", to);
}
