/* plot.c - `oodbench plot`: which figure of which results, where it goes. The CSV and the
 * picture are written aside and renamed together, so that one never lies beside the other's
 * predecessor. */
#include "plot.h"
#include "commands.h"
#include "config.h"
#include "file.h"
#include "spawn.h"
#include "wrap.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a format is called, and how its files end. */
static const char *const formats[][2] = {{"svg", ".svg"}, {"png", ".png"}, {"pdf", ".pdf"}, {"tikz", ".tex"}};
enum { FORMATS = sizeof formats / sizeof *formats };

typedef struct order { /* what the command line asks for */
    const figure *of;
    char **results;
    int nresults, format; /* -1: not given */
    const char *output;
    double width; /* in cm; 0: the script's own */
    int notes;    /* are printed below the figure's path */
    figure_input in;
} order;

static int options_of(const figure *f)
{
    int n = 0;
    while (f->options && f->options[n].name)
        n++;
    return n;
}

const char **figure_defaults(const figure *of)
{
    int n = options_of(of);
    const char **values = text_more(NULL, ((size_t)n + 1) * sizeof *values);
    for (int i = 0; i < n; i++)
        values[i] = of->options[i].init;
    return values;
}

static int help(FILE *to)
{
    fputs("usage: oodbench plot KIND RESULTS... [-o FILE] [--format svg|png|pdf|tikz]\n"
          "                     [--width CM] [--option value]\n"
          "Draws results as a figure, its data in a CSV beside it. RESULTS: folders\n"
          "(results/out/NAME), a results.csv or accuracy.csv, or the CSV of a figure,\n"
          "which is then drawn again.\n\n",
          to);
    for (int i = 0; i < figures_count(); i++) {
        fprintf(to, "  %-12s ", figures_at(i)->name);
        wrap_words(to, WRAP_HELP, 15, figures_at(i)->help);
    }
    fputs("\noodbench plot KIND --help lists a figure's options. The script is plots/KIND.gp,\n"
          "to be edited and run by hand: gnuplot -c plots/KIND.gp DATA.csv OUT.svg\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int help_on(const figure *f)
{
    printf("usage: oodbench plot %s RESULTS... [--option value ...]\n%s\n\n", f->name, f->help);
    for (int i = 0; i < options_of(f); i++) {
        const figure_option *o = &f->options[i];
        printf("  --%-11s %s", o->name, o->help);
        if (o->choices)
            printf(": %s", o->choices);
        printf(o->init[0] ? " (%s)\n" : "\n", o->init);
    }
    printf("  -o FILE       the figure, ending in .svg, .png, .pdf or .tex (results/out/NAME/figures/%s.svg)\n"
           "  --format F    svg, png, pdf or tikz, which ends in .tex (svg)\n"
           "  --width CM    of the figure (8.4, a column)\n\n"
           "columns of the CSV: %s\n",
           f->name, f->columns);
    return EXIT_OK;
}

/* Options. */

static int unknown_option(const order *r, const char *word)
{
    const char *names[64] = {"output", "format", "width"};
    int n = 3;
    for (int i = 0; i < options_of(r->of) && n < 64; i++)
        names[n++] = r->of->options[i].name;
    const char *near = config_nearest(word, names, n);
    return near ? fault("plot %s: there is no option --%s; did you mean --%s?", r->of->name, word, near)
                : fault("plot %s: there is no option --%s: `oodbench plot %s --help` lists them", r->of->name, word,
                        r->of->name);
}

/* Is `value` one of "a b c"? */
static int check_choice(const figure *f, const figure_option *o, const char *value)
{
    const char *names[64];
    char *copy = text_copy(o->choices ? o->choices : value), *rest = copy;
    int n = 0, found = 0;
    for (char *name; n < 64 && (name = strsep(&rest, " ")) != NULL; n++) {
        names[n] = name;
        found |= strcmp(name, value) == 0;
    }
    const char *near = o->choices ? config_nearest(value, names, n) : NULL;
    if (o->choices && !found)
        fault("plot %s: --%s: expected one of %s, found `%s`%s%s%s", f->name, o->name, o->choices, value,
              near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    free(copy);
    return found || !o->choices ? 0 : -1;
}

static int set_format(order *r, const char *value)
{
    const figure_option o = {"format", "svg", "svg png pdf tikz", ""};
    if (check_choice(r->of, &o, value) != 0)
        return -1;
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i][0], value) == 0)
            r->format = i;
    return 0;
}

static int set_width(order *r, const char *value)
{
    char *end;
    r->width = strtod(value, &end);
    return !*end && r->width >= 4 && r->width <= 60
               ? 0
               : fault("plot %s: --width: expected 4 to 60 cm, found `%s`", r->of->name, value);
}

static int set_option(order *r, const char *name, const char *value)
{
    if (strcmp(name, "output") == 0) {
        r->output = value;
        return 0;
    }
    if (strcmp(name, "format") == 0)
        return set_format(r, value);
    if (strcmp(name, "width") == 0)
        return set_width(r, value);
    for (int i = 0; i < options_of(r->of); i++)
        if (strcmp(r->of->options[i].name, name) == 0) {
            r->in.values[i] = value;
            return check_choice(r->of, &r->of->options[i], value);
        }
    return unknown_option(r, name);
}

static int take_arguments(order *r, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-') {
            r->results[r->nresults++] = argv[i];
            continue;
        }
        const char *name = strcmp(word, "-o") == 0 ? "output" : word + strspn(word, "-");
        if (i + 1 == argc)
            return fault("plot %s: %s: expected a value behind it", r->of->name, word);
        if (set_option(r, name, argv[++i]) != 0)
            return -1;
    }
    return 0;
}

const char *figure_value(const figure_input *in, const char *name)
{
    int i = 0;
    while (strcmp(in->of->options[i].name, name) != 0)
        i++;
    return in->values[i];
}

int figure_number(const figure_input *in, const char *name, double *out, double lo, double hi)
{
    const char *value = figure_value(in, name);
    char *end;
    double v = strtod(value, &end);
    if (end == value || *end || !(v >= lo && v <= hi))
        return fault("plot %s: --%s: expected a number from %g to %g, found `%s`", in->of->name, name, lo, hi,
                     value);
    *out = v;
    return 0;
}

/* Where the figure goes. */

static int ending_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (int i = 0; i < FORMATS; i++)
        if (dot && strcmp(dot, formats[i][1]) == 0)
            return i;
    return -1;
}

/* The path without its ending; NULL with fault() set. */
static char *place(order *r, int own)
{
    int ending = r->output ? ending_of(r->output) : -1;
    if (r->output && ending < 0) {
        fault("plot %s: -o: expected a name that ends in .svg, .png, .pdf or .tex, found `%s`", r->of->name,
              r->output);
        return NULL;
    }
    if (r->output && r->format >= 0 && r->format != ending) {
        fault("plot %s: --format %s writes files that end in %s, found `%s`", r->of->name, formats[r->format][0],
              formats[r->format][1], r->output);
        return NULL;
    }
    r->format = ending >= 0 ? ending : r->format >= 0 ? r->format : 0;
    if (r->output)
        return text_format("%.*s", (int)(strrchr(r->output, '.') - r->output), r->output);
    const char *given = r->results[0], *dot = strrchr(given, '.');
    if (own)
        return text_format("%.*s", dot ? (int)(dot - given) : (int)strlen(given), given);
    const source *s = &r->in.sources[0];
    return text_format("%s/figures/%s%s%s", s->folder, s->stem ? s->stem : "", s->stem ? "-" : "", r->of->name);
}

/* A CSV that is already there must be one of this figure's. */
static int may_replace(const order *r, const char *csv)
{
    source s;
    int own = 0, there = file_exists(csv), rc = 0;
    if (there) {
        rc = source_open(&s, csv, r->of, &own);
        source_close(&s);
    }
    return !there || (rc == 0 && own)
               ? 0
               : fault("plot %s: the data would replace %s, which is no table of this figure: give another name "
                       "with -o, or move it away",
                       r->of->name, csv);
}

/* Both files, or neither. */
static int write_both(const order *r, const figure_data *d, const char *csv, const char *picture)
{
    char aside[PATH_MAX], drawn[PATH_MAX + 8], *said = NULL;
    const text *rows = data_csv(d);
    if (file_aside(aside, sizeof aside, csv) != 0 || file_write(aside, rows->bytes, rows->n) != 0)
        return -1;
    snprintf(drawn, sizeof drawn, "%s%s", aside, formats[r->format][1]);
    spawn_catch_signals();
    int rc = gnuplot_draw(r->of, aside, drawn, r->width, &said);
    if (rc == 0 && !file_exists(drawn))
        rc = fault("plot %s: gnuplot left no picture%s%s", r->of->name, said ? ": " : "", said ? said : "");
    if (rc == 0)
        rc = file_commit(drawn, picture) == 0 ? file_commit(aside, csv) : -1;
    if (rc == 0 && said)
        fprintf(stderr, "gnuplot: %s\n", said);
    free(said);
    unlink(drawn);
    unlink(aside);
    return rc;
}

static int fill(order *r, figure_data *d, int own)
{
    int rc = own ? data_read(d, r->results[0]) : r->of->data(&r->in, d);
    return rc == 0 ? data_end(d) : -1;
}

static int draw(order *r, int own)
{
    char *base = place(r, own);
    if (!base)
        return -1;
    char *csv = text_format("%s.csv", base), *picture = text_format("%s%s", base, formats[r->format][1]);
    figure_data *d = data_begin(r->of);
    int rc = may_replace(r, csv) == 0 && fill(r, d, own) == 0 ? write_both(r, d, csv, picture) : -1;
    if (rc == 0)
        printf("figure: %s\n%s", picture, r->notes ? data_notes(d) : "");
    data_free(d);
    free(csv);
    free(picture);
    free(base);
    return rc;
}

static int open_and_draw(order *r)
{
    int rc = 0, own = 0;
    for (int i = 0; rc == 0 && i < r->nresults; i++) {
        rc = source_open(&r->in.sources[i], r->results[i], r->of, &own);
        r->in.n += rc == 0; /* to be closed */
        if (rc == 0 && own && r->nresults > 1)
            rc = fault("plot %s: %s is drawn again as it is: name nothing beside it", r->of->name, r->results[i]);
    }
    rc = rc == 0 ? draw(r, own) : -1;
    for (int i = 0; i < r->in.n; i++)
        source_close(&r->in.sources[i]);
    return rc;
}

/* The figure that argv[1] names, its options and RESULTS; free_order() in any case. */
static int take_order(order *r, int argc, char **argv)
{
    *r = (order){.format = -1, .of = figures_find(argv[1])};
    if (!r->of)
        return -1;
    r->in.of = r->of;
    r->in.values = figure_defaults(r->of);
    r->results = text_more(NULL, (size_t)argc * sizeof *r->results);
    r->in.sources = text_more(NULL, (size_t)argc * sizeof *r->in.sources);
    return take_arguments(r, argc, argv);
}

static void free_order(order *r)
{
    free(r->in.values);
    free(r->results);
    free(r->in.sources);
}

int plot_check(int argc, char **argv)
{
    order r;
    int rc = take_order(&r, argc, argv);
    if (rc == 0 && r.nresults)
        rc = fault("plot %s: expected options alone, found `%s`", r.of->name, r.results[0]);
    free_order(&r);
    return rc;
}

static int wants_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int plot_draw(int argc, char **argv, int notes)
{
    order r;
    int rc = take_order(&r, argc, argv);
    r.notes = notes;
    if (rc == 0 && r.nresults == 0)
        rc = fault("plot %s: of which results? `oodbench plot %s results/out/NAME`", r.of->name, r.of->name);
    if (rc == 0)
        rc = open_and_draw(&r);
    free_order(&r);
    return rc;
}

int plot_main(int argc, char **argv)
{
    if (argc < 2 || wants_help(argv[1]))
        return help(argc < 2 ? stderr : stdout);
    for (int i = 2; i < argc; i++)
        if (wants_help(argv[i]))
            return figures_find(argv[1]) ? help_on(figures_find(argv[1])) : -1;
    return plot_draw(argc, argv, 1) == 0 ? EXIT_OK : -1;
}
