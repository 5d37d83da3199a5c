/* corrupt.c - `oodbench corrupt`: images of a set, corrupted, to HDF5: a split
 * for each corruption and severity. */
#include "../harness/commands.h"
#include "../harness/fault.h"
#include "../harness/text.h"
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_WORDS 64

static const char usage[] = "usage: oodbench corrupt BENCHMARK SET ... [--data DIR] [--imported DIR]\n"
                            "       oodbench corrupt FILE.h5 --out FILE.h5 [--corruptions C,...]\n"
                            "                        [--severities S,...] [options]\n"
                            "Corrupts images; what is behind an option in parentheses is its default.\n"
                            "\n"
                            "The first form makes the sets named, of datasets/BENCHMARK.yml or of a .yml file\n"
                            "of your own, that say what they `corrupt`, if they are missing or out of date.\n"
                            "  --data DIR         the folder with images and lists (OODBENCH_DATA)\n"
                            "  --imported DIR     where the HDF5 files go (datasets/imported)\n"
                            "\n"
                            "The second corrupts a split of a file that was imported; brightness_3 is a split\n"
                            "of what comes out.\n"
                            "  --corruptions C    names with commas between, main (the fifteen), extra (the\n"
                            "                     four), all (main)\n"
                            "  --severities S     1 to 5 with commas between (1,2,3,4,5)\n"
                            "  --seed N           another seed, other noise (0)\n"
                            "  --split S          what is corrupted (test)\n"
                            "  --name N           the set's name (that of the file)\n"
                            "\n"
                            "The corruptions:\n";

typedef struct words {
    char *text; /* cut up */
    const char *at[MOST_WORDS];
    int n;
} words;

typedef struct request {
    words names;
    const char *data, *imported, *out, *name, *split, *corruptions, *severities, *seed;
} request;

static int help(void)
{
    fputs(usage, stdout);
    for (int i = 0; corruption_at(i); i++)
        if (corruption_at(i)->kind != CORRUPTION_AUGMENTATION)
            printf("  %-18s %s\n", corruption_at(i)->name,
                   corruption_at(i)->kind == CORRUPTION_MAIN ? "main" : "extra");
    return EXIT_OK;
}

static int add_word(words *w, const char *word)
{
    if (w->n == MOST_WORDS)
        return fault("more than %d names", w->n);
    w->at[w->n++] = word;
    return 0;
}

/* "a,b" or "a b" */
static int cut(words *w, const char *given)
{
    int rc = 0;
    w->text = text_copy(given ? given : "");
    for (char *rest = w->text, *word; rc == 0 && (word = strsep(&rest, ", ")) != NULL;)
        if (*word)
            rc = add_word(w, word);
    return rc != 0 || (given && w->n == 0) ? fault("an empty list `%s`", given) : 0;
}

static int read_arguments(request *r, int argc, char **argv)
{
    const struct {
        const char *option, **to;
    } options[] = {{"--data", &r->data},
                   {"--imported", &r->imported},
                   {"-o", &r->out},
                   {"--out", &r->out},
                   {"--name", &r->name},
                   {"--split", &r->split},
                   {"--seed", &r->seed},
                   {"--corruptions", &r->corruptions},
                   {"--severities", &r->severities}};
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        if (argv[i][0] != '-') {
            if (add_word(&r->names, argv[i]) != 0)
                return -1;
            continue;
        }
        while (k < sizeof options / sizeof *options && strcmp(argv[i], options[k].option) != 0)
            k++;
        if (k == sizeof options / sizeof *options)
            return fault("unknown option %s: `oodbench corrupt --help` lists them", argv[i]);
        if (i + 1 == argc)
            return fault("%s needs a value: `oodbench corrupt --help`", argv[i]);
        *options[k].to = argv[++i];
    }
    return 0;
}

/* "cifar10c, cifar10c_extra" */
static char *corrupted_sets(const benchmark *b)
{
    text t = {0};
    for (int i = 0; i < benchmark_sets(b); i++)
        if (benchmark_find(b, benchmark_set(b, i))->corrupt)
            text_add(&t, "%s%s", t.n ? ", " : "", benchmark_set(b, i));
    char *s = text_copy(text_str(&t));
    text_free(&t);
    return s;
}

static int check_sets(const benchmark *b, const words *names)
{
    char *there = corrupted_sets(b);
    int rc = names->n > 1
                 ? 0
                 : fault("which sets? %s has %s", names->at[0], *there ? there : "none that `corrupt`s another");
    for (int i = 1; rc == 0 && i < names->n; i++) {
        rc = import_check(b, names->at[i]);
        if (rc == 0 && !benchmark_find(b, names->at[i])->corrupt)
            rc = fault("the set %s says of no other that it `corrupt`s it: expected %s", names->at[i],
                       *there ? there : "a set that does");
    }
    free(there);
    return rc;
}

static int corrupt_sets(const request *r)
{
    benchmark *b;
    if (r->corruptions || r->severities || r->seed || r->split || r->name)
        return fault("corruptions, severities and seed of a benchmark's set are in its .yml: expected --data or "
                     "--imported, or FILE.h5 --out FILE.h5");
    if (benchmark_named(&b, r->names.at[0], r->data, r->imported) != 0)
        return -1;
    int rc = check_sets(b, &r->names);
    for (int i = 1; rc == 0 && i < r->names.n; i++)
        rc = import_set(b, r->names.at[i]);
    benchmark_close(b);
    return rc;
}

static int choose(const request *r, parts *p)
{
    words c = {0}, s = {0};
    int rc = cut(&c, r->corruptions) != 0 || cut(&s, r->severities) != 0 ? -1 : 0;
    const parts_wish w = {.corruptions = c.at, .severities = s.at, .n_corruptions = c.n, .n_severities = s.n};
    if (rc == 0)
        rc = parts_choose(p, &w);
    free(c.text);
    free(s.text);
    return rc;
}

static int make(const request *r, const parts *p, uint64_t seed)
{
    sources c;
    store_header h;
    const char *from = r->names.at[0];
    if (sources_corrupted(&c, from, r->split ? r->split : "test", p, seed) != 0)
        return -1;
    if (store_header_read(&h, from) != 0) {
        sources_free(&c);
        return -1;
    }
    char *name = r->name ? text_copy(r->name) : import_name(r->out);
    store_header ours = h;
    ours.name = name;
    int rc = import_make(r->out, &ours, &c);
    free(name);
    store_header_free(&h);
    return rc;
}

static int same_file(const char *a, const char *b)
{
    struct stat s, t;
    return stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

static int corrupt_file(const request *r)
{
    parts p = {0};
    int64_t seed = 0;
    if (r->names.n != 1 || !r->out)
        return fault("expected one FILE.h5 and --out FILE.h5: `oodbench corrupt --help`");
    if (r->data || r->imported)
        return fault("--data and --imported go with a benchmark and its sets, not with %s", r->names.at[0]);
    if (same_file(r->out, r->names.at[0]))
        return fault("%s would be replaced by its own corruptions: expected another name for --out", r->out);
    if ((r->seed && import_number("--seed", r->seed, 0, INT64_MAX, &seed) != 0) || choose(r, &p) != 0)
        return -1;
    int rc = make(r, &p, (uint64_t)seed);
    parts_free(&p);
    return rc;
}

static int is_file(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".h5") == 0;
}

int corrupt_main(int argc, char **argv)
{
    request r = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return help();
    if (read_arguments(&r, argc, argv) != 0)
        return -1;
    if (r.names.n == 0)
        return fault("nothing to corrupt: name a benchmark and its sets, or a file (`oodbench corrupt --help`)");
    return r.out || is_file(r.names.at[0]) ? corrupt_file(&r) : corrupt_sets(&r);
}
