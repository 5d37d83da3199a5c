/* import.c - `oodbench import`: the sets of a benchmark, or any list, to HDF5. */
#include "../harness/clock.h"
#include "../harness/commands.h"
#include "../harness/data.h"
#include "../harness/fault.h"
#include "../harness/layout.h"
#include "../harness/text.h"
#include "benchmark.h"
#include "images.h"
#include "make.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WORDS 64
#define MOST_SPLITS 3

static const char usage[] =
    "oodbench import BENCHMARK [SET ...] [--data DIR] [--imported DIR]\n"
    "oodbench import [--split S] LIST IMAGES [[--split S] LIST IMAGES ...] -o FILE.h5 [options]\n"
    "\n"
    "The first form makes the sets of datasets/BENCHMARK.yml that are missing or out of\n"
    "date: all of them, or those named.\n"
    "  --data DIR       the folder with images and lists (else OODBENCH_DATA)\n"
    "  --imported DIR   where the HDF5 files go (datasets/imported)\n"
    "\n"
    "The second makes one file of lists (`PATH LABEL` a line) and the folder, or the\n"
    "folder of zips, that the paths start from.\n"
    "  --split S        what the lists behind it become: train, val or test (test)\n"
    "  --name N         the set's name (that of the file)\n"
    "  --classes K      labels are -1 .. K-1, -1 meaning none of the classes (no limit)\n"
    "  --side P         height and width of the images (32)\n"
    "  --resize P       their shorter side before the centre crop (as --side)\n";

typedef struct request {
    const char *words[MOST_WORDS];    /* what is no option: names, or lists and folders */
    const char *split_of[MOST_WORDS]; /* the --split before each */
    int n;
    const char *data, *imported, *out, *name;
    int64_t classes, side, resize;
} request;

static int read_number(const char *option, const char *value, int64_t lo, int64_t hi, int64_t *out)
{
    char *end;
    long long v = strtoll(value, &end, 10);
    if (*end || end == value || v < lo || v > hi)
        return fault("%s: expected a whole number from %lld to %lld, found `%s`", option, (long long)lo,
                     (long long)hi, value);
    *out = v;
    return 0;
}

static int is_split(const char *s)
{
    return strcmp(s, "train") == 0 || strcmp(s, "val") == 0 || strcmp(s, "test") == 0;
}

static int read_option(request *r, const char *option, const char *value, const char **split)
{
    const struct {
        const char *option, **to;
    } texts[] = {{"--data", &r->data}, {"--imported", &r->imported}, {"-o", &r->out}, {"--name", &r->name}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(option, texts[i].option) == 0) {
            *texts[i].to = value;
            return 0;
        }
    if (strcmp(option, "--classes") == 0)
        return read_number(option, value, 1, INT32_MAX, &r->classes);
    if (strcmp(option, "--side") == 0)
        return read_number(option, value, 1, 1024, &r->side);
    if (strcmp(option, "--resize") == 0)
        return read_number(option, value, 1, 4096, &r->resize);
    if (strcmp(option, "--split") != 0)
        return fault("unknown option %s: `oodbench import --help` lists them", option);
    if (!is_split(value))
        return fault("--split: expected train, val or test, found `%s`", value);
    *split = value;
    return 0;
}

static int read_arguments(request *r, int argc, char **argv)
{
    const char *split = "test";
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            if (i + 1 == argc)
                return fault("%s needs a value: `oodbench import --help`", argv[i]);
            if (read_option(r, argv[i], argv[i + 1], &split) != 0)
                return -1;
            i++;
            continue;
        }
        if (r->n == MOST_WORDS)
            return fault("more than %d names", r->n);
        r->words[r->n] = argv[i];
        r->split_of[r->n] = split;
        r->n++;
    }
    return 0;
}

/* One line about a file that was made: its splits, and how fast if it was made now. */
static int say_made(const char *name, const char *path, double seconds)
{
    static const char *const splits[] = {"train", "val", "test"};
    int64_t total = 0;
    text t = {0};
    for (int i = 0; i < 3; i++) {
        dataset *d;
        if (dataset_open(&d, path, splits[i]) != 0)
            continue;
        text_add(&t, "%s%s %lld", total ? ", " : "", splits[i], (long long)dataset_count(d));
        total += dataset_count(d);
        dataset_close(d);
    }
    printf("%-14s %-36s %6.2f s  %7.0f images/s  %s\n", name, text_str(&t), seconds, (double)total / seconds, path);
    text_free(&t);
    return total ? 0 : -1; /* it was whole a moment ago: somebody else is at work on it */
}

static int import_set(const benchmark *b, const char *name)
{
    char path[PATH_MAX];
    int fresh = benchmark_fresh(b, name);
    if (fresh < 0 || benchmark_path(b, name, path, sizeof path) != 0)
        return -1;
    if (fresh) {
        printf("%-14s %-36s %s\n", name, "is up to date", path);
        return 0;
    }
    double began = clock_now();
    if (benchmark_import(b, name) != 0)
        return -1;
    return say_made(name, path, clock_now() - began);
}

/* All that is there: a set without list or images is named and left out. */
static int import_all(const benchmark *b, const char *name)
{
    int found = 0;
    for (int i = 0; i < benchmark_sets(b); i++) {
        const char *set = benchmark_set(b, i);
        if (benchmark_fresh(b, set) < 0) {
            printf("%-14s left out: %s\n", set, fault_text());
            continue;
        }
        found++;
        if (import_set(b, set) != 0)
            return -1;
    }
    return found ? 0 : fault("nothing to import for %s: %s", name, fault_text());
}

static int import_benchmark(const request *r)
{
    char folder[PATH_MAX], imported[PATH_MAX];
    benchmark *b;
    const char *data = r->data ? r->data : getenv("OODBENCH_DATA");
    layout_root(folder, sizeof folder, "datasets");
    layout_root(imported, sizeof imported, "datasets/imported");
    if (benchmark_open(&b, folder, r->words[0], data && *data ? data : NULL,
                       r->imported ? r->imported : imported) != 0)
        return -1;
    int rc = r->n == 1 ? import_all(b, r->words[0]) : 0;
    for (int i = 1; rc == 0 && i < r->n; i++) {
        const char *near = benchmark_nearest(b, r->words[i]);
        if (!benchmark_group(b, r->words[i]))
            rc = fault("the benchmark %s has no set `%s`%s%s%s", r->words[0], r->words[i],
                       near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        else
            rc = import_set(b, r->words[i]);
    }
    benchmark_close(b);
    return rc;
}

/* `path/cub.h5` -> "cub" */
static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return text_format("%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
}

/* The splits point at lists and images, which the caller keeps. */
static int read_lists(const request *r, list *lists, images *im, make_split *splits)
{
    for (int i = 0; i < r->n / 2; i++) {
        const char *split = r->split_of[2 * i];
        for (int j = 0; j < i; j++)
            if (strcmp(splits[j].name, split) == 0)
                return fault("two lists for the split %s: put --split before each", split);
        if (list_read(&lists[i], r->words[2 * i], LIST_FREE, r->classes) != 0)
            return -1;
        im[i] = (images){.l = &lists[i], .root = r->words[2 * i + 1], .side = r->side, .resize = r->resize};
        splits[i] = (make_split){.name = split, .source = images_source(&im[i]), .f = images_fill(&im[i])};
        if (!splits[i].source)
            return -1;
    }
    return 0;
}

static int import_lists(const request *r)
{
    static const double mean[3] = {0, 0, 0}, std[3] = {1, 1, 1}; /* a benchmark says more */
    list lists[MOST_SPLITS] = {{0}};
    images im[MOST_SPLITS];
    make_split splits[MOST_SPLITS] = {{0}};
    int n = r->n / 2;
    if (r->n % 2 || n < 1 || n > MOST_SPLITS)
        return fault("with -o, expected LIST IMAGES once for each split, found %d names", r->n);
    char *name = r->name ? text_copy(r->name) : name_of(r->out);
    store_header h = {.name = name, .mean = mean, .std = std};
    double began = clock_now();
    int rc = read_lists(r, lists, im, splits);
    if (rc == 0)
        rc = make_file(r->out, &h, splits, n);
    if (rc == 0)
        rc = say_made(name, r->out, clock_now() - began);
    for (int i = 0; i < n; i++) {
        list_free(&lists[i]);
        free((char *)splits[i].source);
    }
    free(name);
    return rc;
}

int import_main(int argc, char **argv)
{
    request r = {.classes = INT32_MAX, .side = 32};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_OK;
        }
    if (read_arguments(&r, argc, argv) != 0)
        return -1;
    if (r.n == 0)
        return fault("nothing to import: name a benchmark, or a list and its images (`oodbench import --help`)");
    if (!r.resize)
        r.resize = r.side;
    return r.out ? import_lists(&r) : import_benchmark(&r);
}
