/* tar.c - headers of 512 bytes, each followed by its file in whole blocks. */
#include "tar.h"
#include "../harness/fault.h"
#include "../harness/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, MOST_NAME = 4096, DEPTH = 2 };

/* Where things lie in a header. */
enum { NAME = 0, SIZE = 124, SUM = 148, TYPE = 156, MAGIC = 257, PREFIX = 345 };

typedef struct walk {
    tar *t;
    const char *path, *prefix;
    const uint8_t *from;
    int64_t n, at;
    int depth;
    char name[MOST_NAME]; /* of the next member, from a header of its own; "": none */
    int64_t size;         /* likewise; -1: none */
} walk;

/* Octal digits, or the large numbers of GNU's tar; -1: neither. */
static int64_t number(const uint8_t *p, int n)
{
    int64_t v = 0;
    int i = 0;
    if (p[0] & 0x80) {
        for (i = 1; i < n; i++) {
            if (v >> 54)
                return -1;
            v = v << 8 | p[i];
        }
        return p[0] == 0x80 ? v : -1;
    }
    while (i < n && p[i] == ' ')
        i++;
    for (; i < n && p[i] && p[i] != ' '; i++) {
        if (p[i] < '0' || p[i] > '7')
            return -1;
        v = v << 3 | (p[i] - '0');
    }
    return v;
}

/* All bytes added up, those of the sum itself taken as blanks. */
static int sum_is_right(const uint8_t *h)
{
    int64_t sum = 0;
    for (int i = 0; i < BLOCK; i++)
        sum += i >= SUM && i < SUM + 8 ? ' ' : h[i];
    return sum == number(h + SUM, 8);
}

int tar_recognise(const uint8_t *h, int64_t n)
{
    return n >= BLOCK && h[0] && sum_is_right(h);
}

static int climbs(const char *name)
{
    for (const char *p = name; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return 1;
        p += n + (p[n] == '/');
    }
    return name[0] == '/';
}

static void take_name(walk *w, const uint8_t *h)
{
    if (w->name[0])
        return;
    int parted = memcmp(h + MAGIC, "ustar\0", 6) == 0 && h[PREFIX];
    snprintf(w->name, sizeof w->name, "%.*s%s%.*s", parted ? 155 : 0, (const char *)h + PREFIX, parted ? "/" : "",
             100, (const char *)h + NAME);
}

/* One record of a pax header: "LENGTH key=value\n". Those of other keys change nothing here. */
static void take_record(walk *w, const char *record, int64_t n)
{
    if (n > 5 && memcmp(record, "path=", 5) == 0)
        snprintf(w->name, sizeof w->name, "%.*s", (int)(n - 5 < MOST_NAME ? n - 5 : MOST_NAME - 1), record + 5);
    if (n > 5 && n < 26 && memcmp(record, "size=", 5) == 0) {
        char digits[32], *end;
        snprintf(digits, sizeof digits, "%.*s", (int)n - 5, record + 5);
        w->size = strtoll(digits, &end, 10);
        w->size = *end ? -2 : w->size;
    }
}

static int take_pax(walk *w, const char *p, int64_t n)
{
    while (n > 0 && *p) {
        int64_t length = 0, digits = 0;
        while (digits < n && digits < 9 && p[digits] >= '0' && p[digits] <= '9')
            length = length * 10 + (p[digits++] - '0');
        if (digits == 0 || digits == n || p[digits] != ' ' || length <= digits + 1 || length > n)
            return fault("%s: a damaged pax header at byte %lld", w->path, (long long)w->at);
        take_record(w, p + digits + 1, length - digits - 2);
        p += length;
        n -= length;
    }
    return 0;
}

static void add(walk *w, const char *name, const uint8_t *at, int64_t size)
{
    tar *t = w->t;
    if (t->n == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 256;
        t->members = text_more(t->members, (size_t)t->cap * sizeof *t->members);
    }
    t->members[t->n++] = (tar_member){text_format("%s%s", w->prefix, name), at, size};
}

static int read_all(walk *w);

static int take_file(walk *w, const uint8_t *at, int64_t size)
{
    const char *name = w->name;
    while (name[0] == '.' && name[1] == '/')
        name += 2 + strspn(name + 2, "/");
    if (climbs(name))
        return fault("%s: the member %s leads out of its folder: the tar is not to be trusted", w->path, name);
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".tar") != 0 || !tar_recognise(at, size) || w->depth == DEPTH) {
        add(w, name, at, size);
        return 0;
    }
    char *prefix = text_format("%s%.*s/", w->prefix, (int)n - 4, name);
    char *path = text_format("%s: %s", w->path, name);
    walk inner = {
        .t = w->t, .path = path, .prefix = prefix, .from = at, .n = size, .depth = w->depth + 1, .size = -1};
    int rc = read_all(&inner);
    free(prefix);
    free(path);
    return rc;
}

/* What follows a header: a file, or a name or size for the next one. */
static int take(walk *w, char type, const uint8_t *at, int64_t size)
{
    if (type == 'L') {
        snprintf(w->name, sizeof w->name, "%.*s", (int)(size < MOST_NAME ? size : MOST_NAME - 1), (const char *)at);
        return 0;
    }
    if (type == 'x')
        return take_pax(w, (const char *)at, size);
    int rc = type == '0' || type == '7' || type == '\0' ? take_file(w, at, size) : 0;
    if (type != 'g' && type != 'K') {
        w->name[0] = '\0';
        w->size = -1;
    }
    return rc;
}

static int read_one(walk *w)
{
    const uint8_t *h = w->from + w->at;
    char type = (char)h[TYPE];
    if (!sum_is_right(h))
        return fault("%s: no tar header at byte %lld: the tar is damaged", w->path, (long long)w->at);
    int64_t size = number(h + SIZE, 12);
    if (type != 'L' && type != 'K' && type != 'x' && type != 'g') {
        take_name(w, h);
        size = w->size == -1 ? size : w->size;
    }
    int has = type != '1' && type != '2' && type != '5'; /* links and folders have no bytes, whatever they say */
    size = has ? size : 0;
    if (size < 0 || size > w->n - w->at - BLOCK)
        return fault("%s is truncated: its member %s of %lld bytes begins at byte %lld of %lld", w->path,
                     w->name[0] ? w->name : "(a header)", (long long)size, (long long)w->at + BLOCK,
                     (long long)w->n);
    int64_t begins = w->at + BLOCK, whole = (size + BLOCK - 1) / BLOCK * BLOCK;
    int rc = take(w, type, w->from + begins, size);
    w->at = whole < w->n - begins ? begins + whole : w->n;
    return rc;
}

static int read_all(walk *w)
{
    while (w->n - w->at >= BLOCK && w->from[w->at]) /* a block of zeros ends it */
        if (read_one(w) != 0)
            return -1;
    return w->at < w->n && w->from[w->at]
               ? fault("%s is truncated: %lld bytes end inside a header", w->path, (long long)w->n)
               : 0;
}

int tar_read(tar *t, const char *path, const uint8_t *at, int64_t n, const char *prefix)
{
    walk w = {.t = t, .path = path, .prefix = prefix, .from = at, .n = n, .size = -1};
    if (!tar_recognise(at, n))
        return fault("%s is no tar: its first header is not one", path);
    return read_all(&w);
}

void tar_free(tar *t)
{
    for (int64_t i = 0; i < t->n; i++)
        free(t->members[i].name);
    free(t->members);
    *t = (tar){0};
}
