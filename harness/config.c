/* config.c - keys and values from YAML by libyaml's events. Reads the part of
 * YAML that configuration needs: one document of nested mappings whose leaves
 * are scalars or lists of scalars. Anchors, aliases, tags and merge keys are
 * refused, not guessed at. */
#include "config.h"
#include "fault.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH 16 /* of nested mappings */

typedef struct entry {
    char *key, *origin;
    char **items;
    int n;
} entry;

struct config {
    entry *entries;
    int n, cap;
};

config *config_new(void)
{
    config *c = text_more(NULL, sizeof *c);
    *c = (config){0};
    return c;
}

static void drop_items(entry *e)
{
    for (int i = 0; i < e->n; i++)
        free(e->items[i]);
    free(e->items);
    e->items = NULL;
    e->n = 0;
}

void config_free(config *c)
{
    for (int i = 0; c && i < c->n; i++) {
        drop_items(&c->entries[i]);
        free(c->entries[i].key);
        free(c->entries[i].origin);
    }
    if (c)
        free(c->entries);
    free(c);
}

static entry *find(const config *c, const char *key)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(c->entries[i].key, key) == 0)
            return &c->entries[i];
    return NULL;
}

static entry *add(config *c, const char *key, const char *origin)
{
    if (c->n == c->cap)
        c->entries = text_more(c->entries, (size_t)(c->cap = 2 * c->cap + 16) * sizeof *c->entries);
    entry *e = &c->entries[c->n++];
    *e = (entry){.key = text_copy(key), .origin = text_copy(origin)};
    return e;
}

static void add_item(entry *e, const char *item)
{
    e->items = text_more(e->items, (size_t)(e->n + 1) * sizeof *e->items);
    e->items[e->n++] = text_copy(item);
}

/* Reading YAML. */

typedef struct reader {
    config *c;
    yaml_parser_t parser;
    yaml_event_t event;
    const char *origin;
    char prefix[256]; /* the keys of the mappings around, joined by dots; quoted, YAML takes 1,024 bytes */
} reader;

static int next(reader *r)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return 0;
    memset(&r->event, 0, sizeof r->event);
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        text_out_of_memory(0);
    return fault("%s:%zu:%zu: this is not YAML: %s%s%s", r->origin, p->problem_mark.line + 1,
                 p->problem_mark.column + 1, p->problem ? p->problem : "it cannot be read", p->context ? " " : "",
                 p->context ? p->context : "");
}

static int refuse(const reader *r, const char *what, const char *todo)
{
    return fault("%s:%zu:%zu: %s: %s", r->origin, r->event.start_mark.line + 1, r->event.start_mark.column + 1,
                 what, todo);
}

/* Of a scalar: no anchor, no tag, no NUL inside. */
static int plain(const reader *r)
{
    if (r->event.type == YAML_ALIAS_EVENT)
        return refuse(r, "an alias (*name) is not understood here", "write the value out");
    if (r->event.type != YAML_SCALAR_EVENT)
        return 0;
    if (r->event.data.scalar.anchor)
        return refuse(r, "an anchor (&name) is not understood here", "write the value out where it is needed");
    if (r->event.data.scalar.tag)
        return refuse(r, "a tag (!name) is not understood here", "leave it out");
    if (strlen((const char *)r->event.data.scalar.value) != r->event.data.scalar.length)
        return refuse(r, "the value holds a NUL character", "leave it out");
    return 0;
}

static int null_word(const char *s)
{
    return !*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0 || strcmp(s, "Null") == 0 || strcmp(s, "NULL") == 0;
}

static int is_null(const yaml_event_t *e)
{
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && null_word((const char *)e->data.scalar.value);
}

static int anchored(const reader *r)
{
    int sequence = r->event.type == YAML_SEQUENCE_START_EVENT;
    if (sequence ? r->event.data.sequence_start.anchor != NULL : r->event.data.mapping_start.anchor != NULL)
        return refuse(r, "an anchor (&name) is not understood here", "write the value out where it is needed");
    if (sequence ? r->event.data.sequence_start.tag != NULL : r->event.data.mapping_start.tag != NULL)
        return refuse(r, "a tag (!name) is not understood here", "leave it out");
    return 0;
}

static int read_list(reader *r, entry *e)
{
    if (anchored(r) != 0)
        return -1;
    for (;;) {
        if (next(r) != 0 || plain(r) != 0)
            return -1;
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return 0;
        if (r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, "a list holds plain values only", "take the inner list or mapping out");
        if (is_null(&r->event))
            return refuse(r, "an item of this list is empty", "fill it in or leave it out");
        add_item(e, (const char *)r->event.data.scalar.value);
    }
}

static int read_mapping(reader *r, int depth);

/* The value behind a key; r->prefix is the whole key, `where` where it stood. */
static int read_value(reader *r, const char *where, int depth)
{
    if (next(r) != 0 || plain(r) != 0)
        return -1;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return anchored(r) == 0 ? read_mapping(r, depth + 1) : -1;
    const entry *before = find(r->c, r->prefix);
    if (before)
        return fault("%s: the key `%s` is given twice, first at %s: keep one", where, r->prefix, before->origin);
    entry *e = add(r->c, r->prefix, where);
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(r, e);
    if (!is_null(&r->event))
        add_item(e, (const char *)r->event.data.scalar.value);
    return 0;
}

static int read_mapping(reader *r, int depth)
{
    size_t outer = strlen(r->prefix);
    if (depth > DEPTH)
        return refuse(r, "the mappings are nested too deeply", "write the key with dots: `a.b: 1`");
    for (;;) {
        if (next(r) != 0 || plain(r) != 0)
            return -1;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return 0;
        if (r->event.type != YAML_SCALAR_EVENT)
            return refuse(r, "a key must be a word", "write `key: value`");
        const char *key = (const char *)r->event.data.scalar.value;
        if (!*key)
            return refuse(r, "a key is empty", "write `key: value`");
        if (strcmp(key, "<<") == 0)
            return refuse(r, "merge keys (<<) are not understood here", "write the keys out");
        if (outer + strlen(key) + 2 > sizeof r->prefix)
            return refuse(r, "the key is too long", "shorten it");
        char where[4096];
        snprintf(where, sizeof where, "%s:%zu:%zu", r->origin, r->event.start_mark.line + 1,
                 r->event.start_mark.column + 1);
        sprintf(r->prefix + outer, "%s%s", outer ? "." : "", key);
        if (read_value(r, where, depth) != 0)
            return -1;
        r->prefix[outer] = '\0';
    }
}

static int read_document(reader *r)
{
    do
        if (next(r) != 0)
            return -1;
    while (r->event.type == YAML_STREAM_START_EVENT || r->event.type == YAML_DOCUMENT_START_EVENT);
    if (r->event.type == YAML_STREAM_END_EVENT)
        return 0; /* nothing but comments */
    if (r->event.type == YAML_SCALAR_EVENT && is_null(&r->event) && !r->event.data.scalar.anchor)
        return 0;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return refuse(r, "keys and values were expected here", "write `key: value`");
    if (anchored(r) != 0 || read_mapping(r, 0) != 0 || next(r) != 0 || next(r) != 0)
        return -1;
    if (r->event.type != YAML_STREAM_END_EVENT)
        return refuse(r, "a second document (---) begins here", "keep one to a file");
    return 0;
}

static int parse(config *c, const char *bytes, size_t size, const char *origin)
{
    reader r = {.c = c, .origin = origin};
    if (!yaml_parser_initialize(&r.parser))
        return fault("%s: libyaml could not start", origin);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    int rc = read_document(&r);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return rc;
}

int config_parse(config *c, const char *yaml, const char *origin)
{
    return parse(c, yaml, strlen(yaml), origin);
}

int config_read(config *c, const char *path)
{
    char *bytes;
    size_t size;
    if (file_read(path, &bytes, &size) != 0)
        return -1;
    int rc = parse(c, bytes, size, path);
    free(bytes);
    return rc;
}

/* Setting by hand. */

/* "[a, b]": YAML decides what the items are. */
static int set_list(entry *e, const char *value, const char *origin)
{
    config *list = config_new();
    char *yaml = text_format("list: %s\n", value);
    int rc = config_parse(list, yaml, origin);
    if (rc != 0 || config_count(list) != 1)
        rc = fault("%s: a list like [a, b] was expected, found `%s`", origin, value);
    for (int i = 0; rc == 0 && i < config_items(list, "list"); i++)
        add_item(e, config_item(list, "list", i));
    free(yaml);
    config_free(list);
    return rc;
}

int config_set(config *c, const char *key, const char *value, const char *origin)
{
    char *held = text_copy(value), *from = text_copy(origin); /* they may point into the entry they replace */
    entry *e = find(c, key);
    if (!e)
        e = add(c, key, origin);
    drop_items(e);
    free(e->origin);
    e->origin = from;
    int rc = 0;
    if (held[0] == '[')
        rc = set_list(e, held, from);
    else if (!null_word(held))
        add_item(e, held);
    free(held);
    return rc;
}

int config_append(config *c, const char *key, const char *item, const char *origin)
{
    entry *e = find(c, key);
    add_item(e ? e : add(c, key, origin), item);
    return 0;
}

void config_copy(config *c, const char *key, const config *other, const char *name)
{
    const char *known = config_origin(other, name), *origin = known ? known : "";
    config_set(c, key, "null", origin);
    for (int i = 0; i < config_items(other, name); i++)
        config_append(c, key, config_item(other, name, i), origin);
}

/* Walking. */

int config_count(const config *c)
{
    return c->n;
}

const char *config_key(const config *c, int i)
{
    return c->entries[i].key;
}

const char *config_origin(const config *c, const char *key)
{
    const entry *e = find(c, key);
    return e ? e->origin : NULL;
}

int config_has(const config *c, const char *key)
{
    return find(c, key) != NULL;
}

int config_items(const config *c, const char *key)
{
    const entry *e = find(c, key);
    return e ? e->n : 0;
}

const char *config_item(const config *c, const char *key, int i)
{
    const entry *e = find(c, key);
    return e && i >= 0 && i < e->n ? e->items[i] : NULL;
}

const char *config_text(const config *c, const char *key)
{
    const entry *e = find(c, key);
    return e && e->n == 1 ? e->items[0] : NULL;
}

/* Typed values. `found` describes what stands there instead. */

static int expected(const entry *e, const char *what)
{
    if (e->n != 1)
        return fault("%s: `%s` must be %s, found a list of %d values", e->origin, e->key, what, e->n);
    return fault("%s: `%s` must be %s, found `%s`", e->origin, e->key, what, e->items[0]);
}

int config_int(const config *c, const char *key, int64_t *out, int64_t lo, int64_t hi)
{
    const entry *e = find(c, key);
    if (!e || !e->n)
        return 0;
    char what[96], *end = NULL;
    snprintf(what, sizeof what, "a whole number from %lld to %lld", (long long)lo, (long long)hi);
    if (hi == INT64_MAX)
        snprintf(what, sizeof what, "a whole number, at least %lld", (long long)lo);
    errno = 0;
    const char *s = e->items[0];
    long long v = strtoll(s, &end, 10);
    if (e->n != 1 || *s == '\0' || strchr(" \t\n+", *s) || *end != '\0' || errno == ERANGE || v < lo || v > hi)
        return expected(e, what);
    *out = v;
    return 0;
}

int config_real(const config *c, const char *key, double *out, double lo, double hi)
{
    const entry *e = find(c, key);
    if (!e || !e->n)
        return 0;
    char what[96], *end = NULL;
    snprintf(what, sizeof what, "a number from %g to %g", lo, hi);
    if (hi >= HUGE_VAL || lo <= -HUGE_VAL)
        snprintf(what, sizeof what, lo <= -HUGE_VAL ? "a number" : "a number, at least %g", lo);
    const char *s = e->items[0];
    int decimal = *s != '\0' && strspn(s, "0123456789+-.eE") == strlen(s);
    double v = strtod(s, &end);
    if (e->n != 1 || !decimal || *end != '\0' || !isfinite(v) || v < lo || v > hi)
        return expected(e, what);
    *out = v;
    return 0;
}

int config_flag(const config *c, const char *key, int *out)
{
    const entry *e = find(c, key);
    if (!e || !e->n)
        return 0;
    int yes = strcmp(e->items[0], "true") == 0;
    if (e->n != 1 || (!yes && strcmp(e->items[0], "false") != 0))
        return expected(e, "true or false");
    *out = yes;
    return 0;
}

/* Writing. */

/* Characters beyond ASCII that YAML takes for line breaks, or does not take at all: how many
 * bytes of them there are at `s`, written as an escape; 0: it is none. */
static size_t quote_odd(text *t, const char *s)
{
    static const char *const odd[][2] = {{"\xe2\x80\xa8", "\\u2028"},
                                         {"\xe2\x80\xa9", "\\u2029"},
                                         {"\xef\xbb\xbf", "\\ufeff"},
                                         {"\xef\xbf\xbe", "\\ufffe"},
                                         {"\xef\xbf\xbf", "\\uffff"}};
    const unsigned char *u = (const unsigned char *)s;
    if (u[0] == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0) { /* U+0080 to U+009F */
        text_add(t, "\\x%02x", u[1]);
        return 2;
    }
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        if (strncmp(s, odd[i][0], 3) == 0) {
            text_add(t, "%s", odd[i][1]);
            return 3;
        }
    return 0;
}

/* Plain where any YAML reader takes it for the same text, else in quotes. */
static void quote(text *t, const char *s)
{
    int plain_first = strchr("-?:.", *s) == NULL || (*s == '-' && s[1] >= '0' && s[1] <= '9');
    size_t safe = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-");
    if (!null_word(s) && plain_first && s[safe] == '\0') {
        text_add(t, "%s", s);
        return;
    }
    text_char(t, '"');
    for (size_t n; *s; s += n ? n : 1) {
        if ((n = quote_odd(t, s)) > 0)
            continue;
        if (*s == '"' || *s == '\\')
            text_char(t, '\\');
        if ((unsigned char)*s < ' ' || *s == 127)
            text_add(t, "\\x%02x", (unsigned char)*s);
        else
            text_char(t, *s);
    }
    text_char(t, '"');
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const entry *const *)a)->key, (*(const entry *const *)b)->key);
}

char *config_canonical(const config *c)
{
    const entry **sorted = text_more(NULL, (size_t)c->n * sizeof *sorted);
    for (int i = 0; i < c->n; i++)
        sorted[i] = &c->entries[i];
    if (c->n)
        qsort(sorted, (size_t)c->n, sizeof *sorted, by_key);
    text t = {0};
    for (int i = 0; i < c->n; i++) {
        const entry *e = sorted[i];
        quote(&t, e->key);
        text_add(&t, ": %s", e->n == 0 ? "null" : e->n > 1 ? "[" : "");
        for (int j = 0; j < e->n; j++) {
            text_add(&t, "%s", j ? ", " : "");
            quote(&t, e->items[j]);
        }
        text_add(&t, "%s\n", e->n > 1 ? "]" : "");
    }
    free(sorted);
    return t.bytes ? t.bytes : text_copy("");
}
