/* parts.c - words to corruptions and severities. */
#include "parts.h"
#include "../harness/config.h"
#include "../harness/fault.h"
#include "../harness/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDS_IN "_proc" /* ends the name of a stand-in for a corruption that needs photographs */
#define MOST_KNOWN 64

static void name_of(char name[56], const corruption *c, int published)
{
    size_t n = strlen(c->name), tail = strlen(STANDS_IN);
    if (published && n > tail && strcmp(c->name + n - tail, STANDS_IN) == 0)
        n -= tail;
    snprintf(name, 56, "%.*s", (int)n, c->name);
}

void parts_published(char name[56], const corruption *c)
{
    name_of(name, c, 1);
}

/* The corruptions that a set can have: those for training only are left out. */
static int known(char names[MOST_KNOWN][56], int published)
{
    int n = 0;
    for (int i = 0; corruption_at(i) && n < MOST_KNOWN; i++)
        if (corruption_at(i)->kind != CORRUPTION_AUGMENTATION)
            name_of(names[n++], corruption_at(i), published);
    return n;
}

static int unknown(const char *word, int published)
{
    char names[MOST_KNOWN][56];
    const char *list[MOST_KNOWN + 3] = {"main", "extra", "all"}, *near;
    int n = known(names, published);
    for (int i = 0; i < n; i++)
        list[3 + i] = names[i];
    near = config_nearest(word, list, n + 3);
    for (int i = 0; !near && *word && i < n; i++)
        if (strncmp(names[i], word, strlen(word)) == 0)
            near = names[i];
    return fault("unknown corruption `%s`%s%s%s", word,
                 near ? "; did you mean `" : ": expected a name, main, extra or all", near ? near : "",
                 near ? "`?" : "");
}

static void add(parts *p, const corruption *c, int severity, int published)
{
    part one = {.c = c, .severity = severity};
    name_of(one.corruption, c, published);
    snprintf(one.name, sizeof one.name, "%s_%d", one.corruption, severity);
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->at[i].name, one.name) == 0)
            return;
    p->at = text_more(p->at, (size_t)(p->n + 1) * sizeof *p->at);
    p->at[p->n++] = one;
}

/* Does the word stand for this corruption? */
static int means(const char *word, const corruption *c, int published)
{
    char name[56];
    name_of(name, c, published);
    return strcmp(word, "all") == 0 || strcmp(word, name) == 0 ||
           strcmp(word, c->kind == CORRUPTION_MAIN ? "main" : "extra") == 0;
}

static int add_word(parts *p, const char *word, const int wanted[], int published)
{
    int found = 0;
    for (int i = 0; corruption_at(i); i++) {
        const corruption *c = corruption_at(i);
        if (c->kind == CORRUPTION_AUGMENTATION || !means(word, c, published))
            continue;
        found = 1;
        for (int s = 1; s <= PARTS_SEVERITIES; s++)
            if (wanted[s])
                add(p, c, s, published);
    }
    if (!found && corruption_find(word) && corruption_find(word)->kind == CORRUPTION_AUGMENTATION)
        return fault("%s is an augmentation for training: expected a corruption", word);
    return found ? 0 : unknown(word, published);
}

static int read_severities(const parts_wish *w, int wanted[PARTS_SEVERITIES + 1])
{
    for (int s = 1; s <= PARTS_SEVERITIES; s++)
        wanted[s] = w->n_severities == 0;
    for (int i = 0; i < w->n_severities; i++) {
        const char *word = w->severities[i];
        if (word[0] < '1' || word[0] > '0' + PARTS_SEVERITIES || word[1])
            return fault("the severity `%s`: expected a whole number from 1 to %d", word, PARTS_SEVERITIES);
        wanted[word[0] - '0'] = 1;
    }
    return 0;
}

int parts_choose(parts *p, const parts_wish *w)
{
    int wanted[PARTS_SEVERITIES + 1];
    *p = (parts){0};
    int rc = read_severities(w, wanted);
    if (rc == 0 && w->n_corruptions == 0)
        rc = add_word(p, "main", wanted, w->published);
    for (int i = 0; rc == 0 && i < w->n_corruptions; i++)
        rc = add_word(p, w->corruptions[i], wanted, w->published);
    if (rc != 0)
        parts_free(p);
    return rc;
}

void parts_free(parts *p)
{
    free(p->at);
    *p = (parts){0};
}
