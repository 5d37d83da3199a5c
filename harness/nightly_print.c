/* nightly_print.c - the screen that someone reads in the morning: the verdict first, a line
 * for each experiment, then what was found, the heaviest first. It fits 40 lines of 100. */
#include "fault.h"
#include "nightly.h"

#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, ENTRIES = 7, EXPERIMENTS = 10 };

const char *nightly_verdict(const experiment *e)
{
    if (e->ends == NIGHT_SKIPPED)
        return "not run";
    if (e->ends == NIGHT_FAILED || e->ends == NIGHT_WAITS)
        return "COULD NOT RUN";
    if (!e->before.results)
        return "no baseline";
    return e->regressed ? "REGRESSED" : e->warned ? "look" : "ok";
}

/* 2 also where no experiment was held against a baseline: nothing is known of such a night. */
int nightly_status(const night *n)
{
    int regressed = 0, compared = 0, failed = 0;
    for (int i = 0; i < n->n; i++) {
        const experiment *e = &n->at[i];
        regressed += e->regressed > 0;
        failed += e->ends == NIGHT_FAILED || e->ends == NIGHT_WAITS;
        compared += e->now.results && e->before.results;
    }
    return regressed ? 1 : failed || !compared ? EXIT_CONFIG : EXIT_OK;
}

const char *nightly_word(const night *n)
{
    int status = nightly_status(n), failed = 0, warned = 0;
    for (int i = 0; i < n->n; i++) {
        failed += n->at[i].ends == NIGHT_FAILED || n->at[i].ends == NIGHT_WAITS;
        warned += n->at[i].warned;
    }
    return status == 1 ? "REGRESSED" : failed ? "COULD NOT RUN" : status ? "NOT COMPARED" : warned ? "LOOK" : "OK";
}

static void cut(FILE *to, int indent, const char *line)
{
    int n = (int)strlen(line), room = WIDTH - indent;
    fprintf(to, "%*s%.*s%s\n", indent, "", n > room ? room - 3 : n, line, n > room ? "..." : "");
}

static void say(FILE *to, int indent, char *line)
{
    cut(to, indent, line);
    free(line);
}

static void print_head(const night *n, FILE *to)
{
    int findings[3] = {0}, status = nightly_status(n), failed = 0;
    for (int i = 0; i < n->nfindings; i++)
        findings[n->findings[i].weight]++;
    for (int i = 0; i < n->n; i++)
        failed += n->at[i].ends == NIGHT_FAILED;
    say(to, 0,
        text_format("night of %s, commit %s, %s", n->began, n->commit[0] ? n->commit : "(none)", n->machine));
    fprintf(to, "%s: ", nightly_word(n));
    if (status == EXIT_CONFIG && !failed)
        fputs("nothing was held against a baseline", to);
    else
        fprintf(to, "%d regression%s, %d warning%s", findings[REGRESSED], findings[REGRESSED] == 1 ? "" : "s",
                findings[WARNED], findings[WARNED] == 1 ? "" : "s");
    if (failed)
        fprintf(to, ", %d experiment%s could not be run", failed, failed == 1 ? "" : "s");
    if (n->compared)
        fprintf(to, "; %d comparisons at %g, two-sided, %s", n->compared, n->level,
                n->bonferroni ? "Bonferroni" : "Holm");
    fputs("\n\n", to);
}

static void print_experiment(const night *n, const experiment *e, FILE *to)
{
    fprintf(to, "%-28.28s %-14s", e->name, nightly_verdict(e));
    if (e->now.results && e->before.results)
        fprintf(to, "%5d rows, %d equal to the last digit", e->rows, e->equal);
    else if (e->now.results)
        fprintf(to, "%5d rows", e->rows);
    fputc('\n', to);
    if (e->why)
        cut(to, 2, e->why);
    if (e->unpromised)
        say(to, 2, text_format("equal digits not promised: %s", e->unpromised));
    if (e->now.results && !e->before.results)
        fprintf(to, "  to make it the baseline: oodbench nightly %s --accept --only %s\n", n->given, e->name);
}

/* Findings of one series of an experiment and weight are one entry, its heaviest in words. */

static int same_entry(const finding *a, const finding *b)
{
    return a->experiment == b->experiment && a->weight == b->weight && strcmp(a->series, b->series) == 0;
}

static int is_first(const night *n, int which)
{
    for (int i = 0; i < which; i++)
        if (same_entry(&n->findings[i], &n->findings[which]))
            return 0;
    return 1;
}

static void print_finding(const night *n, int which, FILE *to)
{
    static const char *const words[] = {"note", "look", "REGRESSED"};
    const finding *f = &n->findings[which];
    int others = -1;
    for (int i = 0; i < n->nfindings; i++)
        others += same_entry(f, &n->findings[i]);
    if (f->weight == NOTED) {
        say(to, 0, text_format("%s: %s", n->at[f->experiment].name, f->what));
        return;
    }
    say(to, 0, text_format("%s %s: %s", words[f->weight], n->at[f->experiment].name, f->series));
    say(to, 2, text_format("%s %s%s%s", f->kind, f->where, f->where[0] ? ": " : "", f->what));
    if (others)
        say(to, 2, text_format("%s; %d more of this kind", f->why, others));
    else
        cut(to, 2, f->why);
    say(to, 2, text_format("%s; now %s", f->was, f->is));
    say(to, 2, text_format("first that differs: %s", f->key));
}

void nightly_print(const night *n, FILE *to)
{
    int shown = 0, entries = 0;
    print_head(n, to);
    for (int i = 0; i < n->n && i < EXPERIMENTS; i++)
        print_experiment(n, &n->at[i], to);
    if (n->n > EXPERIMENTS)
        fprintf(to, "and %d more on the page\n", n->n - EXPERIMENTS);
    for (int i = 0; i < n->nfindings; i++) {
        int first = is_first(n, i);
        entries += first;
        if (!first || shown == ENTRIES - (n->n > 5))
            continue;
        if (shown++ == 0)
            fputc('\n', to);
        print_finding(n, i, to);
    }
    if (entries > shown)
        fprintf(to, "and %d more on the page\n", entries - shown);
    fprintf(to, "\npage: %s/nightly.html\n", n->out);
    if (nightly_status(n) == 1)
        fprintf(to, "if this is meant: oodbench nightly %s --accept\n", n->given);
}
