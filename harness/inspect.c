/* inspect.c - `oodbench inspect`: what a data set holds. Files of others are
 * imported into a file of a moment, so that one way of looking serves all. */
#include "../datasets/alike.h"
#include "../datasets/contact.h"
#include "../datasets/hdf.h"
#include "../datasets/import.h"
#include "../datasets/store.h"
#include "../datasets/twins.h"
#include "commands.h"
#include "crew.h"
#include "fault.h"
#include "file.h"
#include "progress.h"
#include "reader.h"
#include "text.h"
#include "verify.h"

#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_FILES = 32, MOST_SPLITS = 1000, MOST_LISTED = 20, MOST_PAIRS = 20, MOST_DECODED = 10000, BLOCK = 128 };

static const char usage[] =
    "oodbench inspect FILE|FOLDER ... [-o SHEET.png] [--split S] [--side P]\n"
    "\n"
    "Says what data sets hold: images, classes, mean and deviation of the channels (what a\n"
    "benchmark's `mean` and `std` are), and which images are there twice, within and across\n"
    "them. HDF5 files of `oodbench import`, of which every byte is held against its SHA-256,\n"
    "or anything that it can read.\n"
    "  -o SHEET.png     also draws a contact sheet: a row for each class or split\n"
    "  --split S        this split only\n"
    "  --side P         of what has no size of its own, or several (32)\n";

typedef struct holding { /* all that is looked at */
    dataset *d[MOST_SPLITS];
    char *names[MOST_SPLITS]; /* "cifar10 test" */
    int n;
    store_header header[MOST_FILES];
    int files;
    const char *split, *out;
    int64_t side;
} holding;

/* --- opening --- */

typedef struct groups {
    char **names;
    int n;
} groups;

static herr_t take_group(hid_t file, const char *name, const H5L_info_t *info, void *to)
{
    groups *g = to;
    H5O_info_t o;
    (void)info;
    if (H5Oget_info_by_name(file, name, &o, H5P_DEFAULT) < 0 || o.type != H5O_TYPE_GROUP)
        return 0;
    g->names = text_more(g->names, (size_t)(g->n + 1) * sizeof *g->names);
    g->names[g->n++] = text_copy(name);
    return 0;
}

/* train before val before test, others by name. */
static int by_use(const void *a, const void *b)
{
    static const char *const order[] = {"train", "val", "test"};
    const char *const *p = a, *const *q = b;
    for (int i = 0; i < 3; i++)
        if (strcmp(*p, order[i]) == 0 || strcmp(*q, order[i]) == 0)
            return (strcmp(*q, order[i]) == 0) - (strcmp(*p, order[i]) == 0);
    return strcmp(*p, *q);
}

typedef struct listing {
    groups *g;
    const char *path;
} listing;

static int list_groups(void *arg)
{
    const listing *l = arg;
    groups *g = l->g;
    const char *path = l->path;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0)
        return fault("%s is truncated or not HDF5: import it again", path);
    H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, take_group, g);
    H5Fclose(file);
    if (g->n)
        qsort(g->names, (size_t)g->n, sizeof *g->names, by_use);
    return g->n ? 0 : fault("%s holds no split", path);
}

static int list_splits(groups *g, const char *path)
{
    listing l = {g, path};
    return hdf_rehearse(path, "splits", list_groups, &l) == 0 ? list_groups(&l) : -1;
}

static int open_splits(holding *h, const char *path, const groups *g)
{
    int before = h->n;
    for (int i = 0; i < g->n; i++) {
        if (h->split && strcmp(h->split, g->names[i]) != 0)
            continue;
        if (h->n == MOST_SPLITS)
            return fault("more than %d splits", MOST_SPLITS);
        if (dataset_open(&h->d[h->n], path, g->names[i]) != 0)
            return -1;
        h->names[h->n++] = text_format("%s %s", h->header[h->files].name, g->names[i]);
    }
    return h->n > before ? 0 : fault("%s has no split `%s`", path, h->split);
}

static int open_made(holding *h, const char *path)
{
    groups g = {0};
    int rc = list_splits(&g, path) != 0 ? -1 : open_splits(h, path, &g);
    for (int i = 0; i < g.n; i++)
        free(g.names[i]);
    free(g.names);
    return rc;
}

/* A name that nothing has: whatever stops the program, no folder or file of that name is left. */
static int free_name(char path[PATH_MAX])
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, PATH_MAX, "%.4000s/oodbench-inspect.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0)
        return fault("%s: no file can be made there: name a folder with room in TMPDIR", path);
    close(fd);
    unlink(path);
    return 0;
}

/* Imported with labels, or without where there are none. */
static int import_other(const holding *h, const char *path, const char *out)
{
    char why[1024], *name = bring_name(path);
    bring b = {.path = path, .name = name, .out = out, .classes = INT32_MAX, .side = h->side, .look = 1};
    int rc = bring_in(&b);
    if (rc != 0) {
        snprintf(why, sizeof why, "%s", fault_text());
        b.group = h->split && strcmp(h->split, "train") == 0 ? "outliers" : "far";
        rc = bring_in(&b) == 0 ? 0 : fault("%s", why);
    }
    free(name);
    return rc;
}

/* What is mapped needs its name no longer. */
static int open_other(holding *h, const char *path)
{
    char out[PATH_MAX];
    if (free_name(out) != 0 || import_other(h, path, out) != 0)
        return -1;
    int rc = store_header_read(&h->header[h->files], out);
    if (rc == 0) {
        rc = open_made(h, out);
        h->files++;
    }
    unlink(out);
    return rc;
}

static int open_one(holding *h, const char *path)
{
    if (h->files == MOST_FILES)
        return fault("more than %d files", MOST_FILES);
    if (!file_exists(path))
        return fault("there is no file or folder %s", path);
    if (format_is_folder(path) || store_header_read(&h->header[h->files], path) != 0)
        return open_other(h, path);
    int rc = open_made(h, path);
    h->files++;
    return rc == 0 ? verify_fully(path) : -1;
}

static void close_all(holding *h)
{
    for (int i = 0; i < h->n; i++) {
        dataset_close(h->d[i]);
        free(h->names[i]);
    }
    for (int i = 0; i < h->files; i++)
        store_header_free(&h->header[i]);
}

/* --- numbers --- */

typedef struct sums { /* whole numbers: the same whichever thread adds them */
    const uint8_t *px;
    int64_t area;
    atomic_ullong sum[3], squares[3];
} sums;

static void add_rows(void *what, int64_t first, int64_t last)
{
    sums *s = what;
    uint64_t sum[3] = {0}, squares[3] = {0};
    const uint8_t *px = s->px + first * s->area * 3;
    for (int64_t i = 0; i < (last - first) * s->area; i++, px += 3)
        for (int c = 0; c < 3; c++) {
            sum[c] += px[c];
            squares[c] += (uint64_t)(px[c] * px[c]);
        }
    for (int c = 0; c < 3; c++) {
        atomic_fetch_add(&s->sum[c], sum[c]);
        atomic_fetch_add(&s->squares[c], squares[c]);
    }
}

/* Of how many images the mean is taken: of files no more than are decoded while one waits. */
static int64_t looked_at(const dataset *d)
{
    int64_t n = dataset_count(d);
    return dataset_encoded(d) && n > MOST_DECODED ? MOST_DECODED : n;
}

/* Decodes `n` images, evenly chosen, block by block. */
static int add_decoded(sums *s, const dataset *d, int64_t n)
{
    int64_t which[BLOCK], rows;
    uint8_t *px = text_more(NULL, (size_t)(BLOCK * s->area * 3));
    reader *r = reader_open(d, 0);
    int rc = 0;
    s->px = px;
    progress_begin("decoding", "images", n);
    for (int64_t first = 0; rc == 0 && first < n; first += rows) {
        rows = n - first < BLOCK ? n - first : BLOCK;
        for (int64_t i = 0; i < rows; i++)
            which[i] = (first + i) * dataset_count(d) / n;
        rc = reader_pick(r, px, which, rows);
        if (rc == 0)
            crew_share(0, rows, add_rows, s);
        progress_step(first + rows);
    }
    progress_end();
    reader_close(r);
    free(px);
    return rc;
}

static int find_channels(sums *s, const dataset *d)
{
    *s = (sums){.px = dataset_images(d), .area = dataset_side(d) * dataset_side(d)};
    if (dataset_encoded(d))
        return add_decoded(s, d, looked_at(d));
    crew_share(0, dataset_count(d), add_rows, s);
    return 0;
}

static void say_channels(const dataset *d, const sums *found)
{
    double n = (double)(looked_at(d) * found->area), mean[3], std[3];
    for (int c = 0; c < 3; c++) {
        mean[c] = (double)found->sum[c] / n;
        std[c] = sqrt(fmax((double)found->squares[c] / n - mean[c] * mean[c], 0)) / 255;
        mean[c] /= 255;
    }
    printf("  %.4f %.4f %.4f  %.4f %.4f %.4f", mean[0], mean[1], mean[2], std[0], std[1], std[2]);
}

/* How often each label, -1 first; the caller frees it. */
static int64_t *count_labels(const dataset *d, int64_t *n)
{
    const int32_t *y = dataset_labels(d);
    int32_t most = -1;
    for (int64_t i = 0; i < dataset_count(d); i++)
        most = y[i] > most ? y[i] : most;
    *n = (int64_t)most + 1;
    int64_t *counts = text_more(NULL, (size_t)(*n + 1) * sizeof *counts);
    memset(counts, 0, (size_t)(*n + 1) * sizeof *counts);
    for (int64_t i = 0; i < dataset_count(d); i++)
        counts[y[i] < 0 ? 0 : y[i] + 1]++;
    return counts;
}

/* "10 classes, 90 to 100 each" */
static void say_labels(const dataset *d)
{
    char words[80];
    int64_t n, least = INT64_MAX, most = 0, there = 0;
    int64_t *counts = count_labels(d, &n);
    for (int64_t k = 1; k <= n; k++) {
        if (!counts[k])
            continue;
        there++;
        least = counts[k] < least ? counts[k] : least;
        most = counts[k] > most ? counts[k] : most;
    }
    if (!there)
        snprintf(words, sizeof words, "outside the classes");
    else if (least == most)
        snprintf(words, sizeof words, "%lld classes of %lld", (long long)there, (long long)most);
    else
        snprintf(words, sizeof words, "%lld classes of %lld to %lld", (long long)there, (long long)least,
                 (long long)most);
    printf("  %-28s", words);
    free(counts);
}

/* What lies in the file where images are files. */
static void say_files(const dataset *d, const char *name)
{
    double bytes = 0;
    size_t size;
    for (int64_t i = 0; i < dataset_count(d); i++) {
        dataset_file(d, i, &size);
        bytes += (double)size;
    }
    printf("\n%s: images are kept as files, %.1f MB, and shown ", name, bytes / 1e6);
    if (dataset_resize(d))
        printf("with their shorter side at %lld, ", (long long)dataset_resize(d));
    printf("the middle %lld x %lld", (long long)dataset_side(d), (long long)dataset_side(d));
    if (looked_at(d) < dataset_count(d))
        printf("; mean and deviation of %lld of them", (long long)looked_at(d));
    printf("\n");
}

static int say_splits(const holding *h)
{
    size_t widest = 5;
    for (int i = 0; i < h->n; i++)
        widest = strlen(h->names[i]) > widest ? strlen(h->names[i]) : widest;
    printf("%-*s  %8s  %-11s  %-28s  %-20s  %s\n", (int)widest, "split", "images", "pixels", "labels",
           "mean of R, G, B", "deviation");
    for (int i = 0; i < h->n; i++) {
        const dataset *d = h->d[i];
        long long side = (long long)dataset_side(d);
        sums s;
        if (find_channels(&s, d) != 0)
            return -1;
        printf("%-*s  %8lld  %4lld x %-4lld", (int)widest, h->names[i], (long long)dataset_count(d), side, side);
        say_labels(d);
        say_channels(d, &s);
        printf("\n");
    }
    for (int i = 0; i < h->n; i++)
        if (dataset_encoded(h->d[i]))
            say_files(h->d[i], h->names[i]);
    return 0;
}

/* Images of each class, the splits of all files side by side, when that is not too much to read. */
static void say_classes(const holding *h)
{
    const store_header *first = &h->header[0];
    if (h->files != 1 || first->n_classes < 1 || first->n_classes > MOST_LISTED || h->n > 4)
        return;
    int64_t *counts[4], n[4];
    printf("\n%-16s", "class");
    for (int i = 0; i < h->n; i++) {
        counts[i] = count_labels(h->d[i], &n[i]);
        printf("  %8.20s", strrchr(h->names[i], ' ') + 1);
    }
    printf("\n");
    for (int64_t k = 0; k < first->n_classes; k++) {
        printf("%-16s", first->classes[k]);
        for (int i = 0; i < h->n; i++)
            printf("  %8lld", (long long)(k < n[i] ? counts[i][k + 1] : 0));
        printf("\n");
    }
    for (int i = 0; i < h->n; i++)
        free(counts[i]);
}

static int say_twins(const holding *h)
{
    static const char *const by[] = {"", ", compared file by file", ", those in files compared as they are shown"};
    twins *t;
    int n = twins_find(&t, h->d, h->n);
    if (n < 0)
        return -1;
    printf("\n%s%s\n", n ? "identical images" : "no two images are identical", by[alike_by(h->d, h->n)]);
    for (int i = 0; i < n && i < MOST_PAIRS; i++) {
        const char *of = h->names[t[i].of], *in = h->names[t[i].in];
        if (t[i].of == t[i].in)
            printf("  %s: %lld were there before, first %lld = %lld\n", of, (long long)t[i].count,
                   (long long)t[i].image, (long long)t[i].twin);
        else
            printf("  %s: %lld are in %s, first %lld = %lld\n", of, (long long)t[i].count, in,
                   (long long)t[i].image, (long long)t[i].twin);
    }
    if (n > MOST_PAIRS)
        printf("  ... and in %d more pairs of splits\n", n - MOST_PAIRS);
    free(t);
    return 0;
}

static int draw(const holding *h)
{
    text rows = {0};
    const store_header *first = &h->header[0];
    int64_t n_classes = first->n_classes; /* the sets of a benchmark name the same ones */
    for (int i = 1; i < h->files; i++)
        n_classes = h->header[i].n_classes == n_classes ? n_classes : 0;
    int rc = contact_sheet(h->out, h->d, (const char *const *)h->names, h->n, first->classes, n_classes, &rows);
    if (rc == 0)
        printf("\n%s, its rows from the top:\n%s", h->out, text_str(&rows));
    text_free(&rows);
    return rc;
}

static int look(holding *h, const char *const paths[], int n)
{
    for (int i = 0; i < n; i++)
        if (open_one(h, paths[i]) != 0)
            return -1;
    if (say_splits(h) != 0)
        return -1;
    say_classes(h);
    return say_twins(h) != 0 ? -1 : h->out ? draw(h) : 0;
}

static int read_arguments(holding *h, const char **paths, int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (n == MOST_FILES)
                return fault("more than %d files", MOST_FILES);
            paths[n++] = argv[i];
            continue;
        }
        if (i + 1 == argc)
            return fault("%s needs a value: `oodbench inspect --help`", argv[i]);
        const char *option = argv[i++];
        if (strcmp(option, "-o") == 0 || strcmp(option, "--out") == 0)
            h->out = argv[i];
        else if (strcmp(option, "--split") == 0)
            h->split = argv[i];
        else if (strcmp(option, "--side") != 0)
            return fault("unknown option %s: `oodbench inspect --help` lists them", option);
        else if (import_number(option, argv[i], 1, 1024, &h->side) != 0)
            return -1;
    }
    return n ? n : fault("nothing to inspect: name a file (`oodbench inspect --help`)");
}

int inspect_main(int argc, char **argv)
{
    const char *paths[MOST_FILES];
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return EXIT_OK;
        }
    holding *h = text_more(NULL, sizeof *h);
    *h = (holding){0};
    int n = read_arguments(h, paths, argc, argv), rc = n < 0 ? -1 : look(h, paths, n);
    close_all(h);
    free(h);
    return rc;
}
