/* nightly.c - `oodbench nightly`: from the command line to the exit status. */
#include "nightly.h"
#include "commands.h"
#include "fault.h"
#include "spawn.h"

#include <string.h>

typedef struct order {
    const char *file, *only;
    int accept, incomplete, look, again, keep;
} order;

static int help(FILE *to)
{
    fputs("usage: oodbench nightly FILE.yml [--only NAME,...] [--accept [--incomplete]]\n"
          "                        [--look] [--again] [--keep]\n"
          "Runs the experiments that FILE.yml lists, from nothing, holds their rows\n"
          "against the baseline, and prints one screen. A night that was cut short goes on.\n"
          "results/nightly.yml explains the keys.\n"
          "  --only NAME,...  these experiments alone\n"
          "  --accept         runs nothing: the last night's results become the baseline,\n"
          "                   and what changes is printed\n"
          "  --incomplete     with --accept: also of experiments that did not end well\n"
          "  --look           runs nothing: compares and prints the last night again\n"
          "  --again          a new night, even if the last one was cut short\n"
          "  --keep           rows that are there already are not computed again\n"
          "Exit status: 0 nothing regressed, 1 regressed, 2 could not run: an experiment\n"
          "did not come to an end, or none could be held against a baseline. What needs\n"
          "images that are not there is skipped, and the screen says so.\n",
          to);
    return to == stdout ? EXIT_OK : EXIT_CONFIG;
}

static int unknown(const char *word)
{
    static const char *const known[] = {"only", "accept", "incomplete", "look", "again", "keep"};
    const char *near = config_nearest(word + strspn(word, "-"), known, 6);
    return fault("nightly: unknown option %s%s%s%s", word,
                 near ? "; did you mean --" : ": see `oodbench nightly --help`", near ? near : "", near ? "?" : "");
}

static int take(order *o, int argc, char **argv)
{
    const struct {
        const char *name;
        int *flag;
    } flags[] = {{"--accept", &o->accept},
                 {"--incomplete", &o->incomplete},
                 {"--look", &o->look},
                 {"--again", &o->again},
                 {"--keep", &o->keep}};
    for (int i = 1; i < argc; i++) {
        int found = 0;
        for (size_t j = 0; j < sizeof flags / sizeof *flags; j++)
            if (strcmp(argv[i], flags[j].name) == 0)
                found = *flags[j].flag = 1;
        if (found)
            continue;
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
            o->only = argv[++i];
        else if (argv[i][0] == '-')
            return strcmp(argv[i], "--only") == 0 ? fault("nightly: --only: expected a name behind it")
                                                  : unknown(argv[i]);
        else if (o->file)
            return fault("nightly: one file at a time: found %s and %s", o->file, argv[i]);
        else
            o->file = argv[i];
    }
    if (!o->file)
        return fault("nightly: which experiments? `oodbench nightly results/nightly.yml`");
    return o->incomplete && !o->accept ? fault("nightly: --incomplete goes with --accept") : 0;
}

/* What is printed on the screen is whole even if the page could not be written. */
static int conclude(night *n, const order *o)
{
    nightly_compare(n);
    if (o->accept)
        return nightly_accept(n, o->incomplete) == 0 ? EXIT_OK : -1;
    int rc = o->look ? 0 : history_append(n);
    if (rc == 0)
        rc = nightly_page(n);
    nightly_print(n, stdout);
    return rc == 0 ? nightly_status(n) : -1;
}

int nightly_main(int argc, char **argv)
{
    order o = {0};
    night n = {0};
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(stdout);
    int rc = take(&o, argc, argv);
    if (rc == 0)
        rc = nightly_read(&n, o.file, o.only);
    if (rc == 0)
        rc = o.look || o.accept ? nightly_look(&n) : nightly_run(&n, o.again, o.keep);
    if (rc == 1) {
        fprintf(stderr, "oodbench: interrupted; the same command goes on with this night\n");
        rc = 128 + spawn_interrupted();
    } else if (rc == 0) {
        rc = conclude(&n, &o);
    }
    nightly_free(&n);
    return rc;
}
