/* html.c - escaping, and files in base64. */
#include "html.h"
#include "text.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of the UTF-8 character that begins here; 0: there is none. */
static size_t character(const unsigned char *s)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
               : (s[0] & 0xF0) == 0xE0       ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Control characters, which colour what is said on terminals, become blanks. */
static void put(FILE *to, const char *s)
{
    while (*s) {
        size_t n = character((const unsigned char *)s);
        const char *instead = entity(*s);
        if (n == 0)
            instead = "\xEF\xBF\xBD";
        else if ((unsigned char)*s < ' ' && *s != '\n' && *s != '\t')
            instead = " ";
        if (instead)
            fputs(instead, to);
        else
            fwrite(s, 1, n, to);
        s += n ? n : 1;
    }
}

void html_text(FILE *to, const char *fmt, ...)
{
    char *s = NULL;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&s, fmt, args) < 0)
        text_out_of_memory(0);
    va_end(args);
    put(to, s);
    free(s);
}

void html_base64(FILE *to, const char *bytes, size_t n)
{
    enum { PIECE = 3 * 1024 }; /* whole groups of three, so that only the last one is padded */
    unsigned char out[4 * PIECE / 3 + 1];
    for (size_t at = 0; at < n; at += PIECE) {
        int now = (int)(n - at < PIECE ? n - at : PIECE);
        int got = EVP_EncodeBlock(out, (const unsigned char *)bytes + at, now);
        fwrite(out, 1, (size_t)got, to);
    }
}
