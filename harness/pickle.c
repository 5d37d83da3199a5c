/* pickle.c - the machine that Python's pickles are programs for: memory, stack,
 * marks and memo. Every length is checked against the bytes that are left; the
 * machine does not recurse. */
#include "fault.h"
#include "opcodes.h"

#include <stdlib.h>
#include <string.h>

typedef struct block { /* memory is given back all at once */
    struct block *next;
    size_t used, size;
    max_align_t data[];
} block;

int pickle_fault(const pickle *p, const char *what)
{
    fault("%s: %s at byte %zu of the pickle; the file is damaged, or not a %s", p->path, what, p->at,
          p->reader->kind ? p->reader->kind : "checkpoint");
    return -1;
}

void *pickle_alloc(pickle *p, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    if (!p->memory || p->memory->size - p->memory->used < size) {
        size_t room = size > 1 << 14 ? size : 1 << 14;
        block *b = calloc(1, sizeof *b + room);
        if (!b) {
            fault("%s: out of memory", p->path);
            return NULL;
        }
        b->size = room;
        b->next = p->memory;
        p->memory = b;
    }
    void *at = (char *)p->memory->data + p->memory->used;
    p->memory->used += size;
    return at;
}

value *pickle_value(pickle *p, enum value_kind kind, void *own)
{
    value *v = pickle_alloc(p, sizeof *v);
    if (v) {
        v->kind = kind;
        v->own = own; /* NULL leaves the other members zero too */
    }
    return v;
}

static int reserve(pickle *p, row *r, size_t n)
{
    if (n <= r->cap)
        return 0;
    size_t cap = r->cap ? r->cap : 64;
    while (cap < n)
        cap *= 2;
    value **larger = realloc(r->at, cap * sizeof *larger);
    if (!larger)
        return fault("%s: out of memory", p->path);
    r->at = larger;
    r->cap = cap;
    return 0;
}

int pickle_push(pickle *p, value *v)
{
    if (!v || reserve(p, &p->stack, p->stack.n + 1) != 0)
        return -1;
    p->stack.at[p->stack.n++] = v;
    return 0;
}

size_t pickle_depth(const pickle *p)
{
    return p->stack.n - (p->nmarks ? p->marks[p->nmarks - 1] : 0);
}

value *pickle_pop(pickle *p)
{
    if (pickle_depth(p) == 0) {
        pickle_fault(p, "an empty stack");
        return NULL;
    }
    return p->stack.at[--p->stack.n];
}

value *pickle_top(pickle *p)
{
    value *v = pickle_pop(p);
    p->stack.n += v != NULL;
    return v;
}

int pickle_pop_mark(pickle *p, value ***items, size_t *n)
{
    if (p->nmarks == 0)
        return pickle_fault(p, "no mark");
    size_t mark = p->marks[--p->nmarks];
    *items = p->stack.at ? p->stack.at + mark : NULL;
    *n = p->stack.n - mark;
    p->stack.n = mark;
    return 0;
}

int pickle_take(pickle *p, uint64_t n, bytes *out)
{
    if (n > p->content.n - p->at)
        return pickle_fault(p, "more bytes promised than the file has");
    *out = (bytes){p->content.at + p->at, (size_t)n};
    p->at += (size_t)n;
    return 0;
}

int pickle_number(pickle *p, int width, uint64_t *n)
{
    bytes raw;
    if (pickle_take(p, (uint64_t)width, &raw) != 0)
        return -1;
    *n = 0;
    for (int i = width - 1; i >= 0; i--)
        *n = *n << 8 | raw.at[i];
    return 0;
}

int pickle_line(pickle *p, bytes *out)
{
    const unsigned char *from = p->content.at + p->at;
    const unsigned char *end = memchr(from, '\n', p->content.n - p->at);
    if (!end)
        return pickle_fault(p, "a line without an end");
    *out = (bytes){from, (size_t)(end - from)};
    p->at += out->n + 1;
    return 0;
}

int pickle_append(pickle *p, value *to, value *const *items, size_t n)
{
    size_t need = to->list.n + n, cap = to->list.cap ? to->list.cap : 4;
    if (need > to->list.cap) {
        while (cap < need)
            cap *= 2;
        value **larger = pickle_alloc(p, cap * sizeof *larger);
        if (!larger)
            return -1;
        if (to->list.n)
            memcpy(larger, to->list.item, to->list.n * sizeof *larger);
        to->list.item = larger;
        to->list.cap = cap;
    }
    if (n)
        memcpy(to->list.item + to->list.n, items, n * sizeof *items);
    to->list.n = need;
    return 0;
}

int pickle_mark(pickle *p)
{
    if (p->nmarks == p->marks_cap) {
        size_t cap = p->marks_cap ? 2 * p->marks_cap : 16;
        size_t *larger = realloc(p->marks, cap * sizeof *larger);
        if (!larger)
            return fault("%s: out of memory", p->path);
        p->marks = larger;
        p->marks_cap = cap;
    }
    p->marks[p->nmarks++] = p->stack.n;
    return 0;
}

/* Picklers number the memo as they go; a number far ahead would only ask for memory. */
int pickle_remember(pickle *p, uint64_t i)
{
    value *v = pickle_top(p);
    if (!v)
        return -1;
    if (i > p->ops || reserve(p, &p->memo, (size_t)i + 1) != 0)
        return pickle_fault(p, "a memo number out of range");
    while (p->memo.n <= i)
        p->memo.at[p->memo.n++] = NULL;
    p->memo.at[i] = v;
    return 0;
}

value *pickle_load(pickle *p)
{
    p->stack.n = p->memo.n = p->nmarks = p->ops = 0;
    for (p->stop = 0; !p->stop; p->ops++) {
        if (p->at >= p->content.n) {
            pickle_fault(p, "the file ends where an opcode was expected,");
            return NULL;
        }
        const opcode *op = &opcodes[p->content.at[p->at++]];
        if (!op->run) {
            pickle_fault(p, "an opcode that is not read");
            return NULL;
        }
        if (op->run(p, op->arg) != 0)
            return NULL;
    }
    return pickle_pop(p);
}

bytes pickle_rest(const pickle *p)
{
    return (bytes){p->content.at + p->at, p->content.n - p->at};
}

void *pickle_own(const pickle *p)
{
    return p->own;
}

const char *pickle_path(const pickle *p)
{
    return p->path;
}

int pickle_open(pickle **out, const char *path, bytes content, const pickle_reader *reader, void *own)
{
    pickle *p = calloc(1, sizeof *p);
    *out = p;
    if (!p)
        return fault("%s: out of memory", path);
    p->path = path;
    p->content = content;
    p->reader = reader;
    p->own = own;
    return 0;
}

void pickle_close(pickle *p)
{
    if (!p)
        return;
    for (block *b = p->memory; b;) {
        block *next = b->next;
        free(b);
        b = next;
    }
    free(p->stack.at);
    free(p->memo.at);
    free(p->marks);
    free(p);
}

int value_is(const value *v, const char *text)
{
    return v->kind == VALUE_TEXT && v->text.n == strlen(text) && memcmp(v->text.at, text, v->text.n) == 0;
}

const value *value_get(const value *dict, const char *key)
{
    for (size_t i = 0; i + 1 < dict->list.n; i += 2)
        if (value_is(dict->list.item[i], key))
            return dict->list.item[i + 1];
    return NULL;
}
