/* doctor_print.c - what a benchmark lacks, and where to put what is got from where. */
#include "doctor.h"
#include "wrap.h"

#include <stdio.h>
#include <string.h>

static void print_lacking(const checkup *c)
{
    for (int i = 0; i < c->n; i++) {
        const checked_set *s = &c->sets[i];
        if (!s->lacks)
            continue;
        int indent = printf("  %-20s %-9s ", s->name, s->group);
        wrap_words(stdout, WRAP_SCREEN, indent, s->lacks);
    }
}

/* Is it the first that comes from there? `tin` and `tin_val` are one archive. */
static int is_first(const checkup *c, int i)
{
    for (int k = 0; k < i; k++)
        if (c->sets[k].lacks && c->sets[k].from && strcmp(c->sets[k].from, c->sets[i].from) == 0)
            return 0;
    return 1;
}

static int belongs(const checked_set *s, const char *place)
{
    return s->lacks && s->from && s->place && strcmp(s->place, place) == 0;
}

/* Has a set before i the same place? */
static int is_told(const checkup *c, int i)
{
    for (int k = 0; k < i; k++)
        if (belongs(&c->sets[k], c->sets[i].place))
            return 1;
    return 0;
}

static void print_place(const checkup *c, const char *place)
{
    if (*place)
        printf("put into %s/, zips as they are or unpacked\n", place);
    else
        printf("unpack to the paths above\n");
    for (int i = 0; i < c->n; i++)
        if (belongs(&c->sets[i], place) && is_first(c, i))
            printf("  %-20s %s\n", c->sets[i].name, c->sets[i].from);
}

void checkup_print(const checkup *c)
{
    int lists = 0, lacking = 0;
    for (int i = 0; i < c->n; i++) {
        lists |= c->sets[i].list;
        lacking += c->sets[i].lacks != NULL;
    }
    if (!lacking)
        return;
    printf("\n%s lacks, below the data folder\n", c->name);
    print_lacking(c);
    if (lists && c->lists_from)
        printf("unpack to %s/\n  %-20s %s\n", c->lists, "lists", c->lists_from);
    for (int i = 0; i < c->n; i++)
        if (c->sets[i].place && belongs(&c->sets[i], c->sets[i].place) && !is_told(c, i))
            print_place(c, c->sets[i].place);
}
